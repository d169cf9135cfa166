"""What was learned, on its way into the log, which a thread of its own writes: the loop never waits for the disk.

While it commits, the loop goes on learning and telling, and what gathers meanwhile is the next commit.
"""

import logging
from collections import Counter, deque
from collections.abc import Callable, Container, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Self, TypeVar

from gateway.config import Journal as Kept
from gateway.errors import DiskError, RequestError, StateError
from gateway.journal import Entered, Journal
from gateway.neighbours import Link, Sender
from gateway.passages import Foreseen, Health
from gateway.records import SECOND, Event, Feedback, Incident, Maintenance, Message, Renewed, Undone
from gateway.repeats import Mark, mark, pack
from gateway.rulebook import Regime
from gateway.shard import Shard
from gateway.window import LEAST, Window

logger = logging.getLogger(__name__)

ROOM = 5
"""How many times the oldest is taken out for one commit on a full disk."""

FULL = 4000
"""Readings that are committed at once: a commit costs a page of 4 KB beside what is in it, of these a tenth."""

AHEAD = 5 * FULL
"""Readings learned and not yet being written at which the loop waits for the disk: then the broker is held back."""

HELD = 100
"""Commits kept in memory while the disk cannot be written."""

WORDS = 10_000
"""Events, and changes of incidents, kept of the commits that were not: a few MB, and a fleet's in a month."""

SAID_ONCE = (Feedback, Maintenance, Undone, Renewed)
"""The last events to go: nothing says them again. Who is there, and what the clock reads, is said again soon."""

TWICE = 2
"""What is written stands in the write-ahead log and then in the file."""

LATEST = 86400 * SECOND
"""When a state is saved even if little was learned since: what it holds may then be dropped from the log by its age."""

Answer = TypeVar("Answer")


@dataclass(slots=True)
class Pending:
    """What was learned and is not in the log yet; `is_urgent` where people were told of it, or said it."""

    since: int = 0
    is_urgent: bool = False
    readings: int = 0
    entries: list[Entered] = field(default_factory=list)
    notes: list[Foreseen | Health] = field(default_factory=list)
    incidents: list[Incident] = field(default_factory=list)
    receipts: list[tuple[int, int]] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)

    def take_over(self, before: "Pending") -> int:
        """Keep what is little of something older that is let go: events, and what people were told.

        Returns how many of them found no room.
        """
        events = [each for each in before.entries if not isinstance(each, tuple)]
        self.entries[:0], self.incidents[:0] = _kept(events), before.incidents[-WORDS:]
        return sum(max(len(each) - WORDS, 0) for each in (events, before.incidents))


def _kept(events: Sequence[Event]) -> list[Event]:
    """The newest `WORDS` of these, in their order; what is not `SAID_ONCE` only where that leaves room."""
    ranked = sorted(range(len(events)), key=lambda place: (isinstance(events[place], SAID_ONCE), place))
    return [events[place] for place in sorted(ranked[-WORDS:])]


class Ledger:
    """Gathers what was learned, and has it committed, acknowledged and saved; use it as a context."""

    def __init__(  # noqa: PLR0913 - where the loop, the log and those who wait for it meet
        self,
        kept: Kept,
        *,
        shard: Shard,
        journal: Journal,
        regime: Regime,
        link: Link,
        sender: Sender | None,
        counts: Counter[str],
    ) -> None:
        self.pending = Pending()
        self.disk_error = ""
        self.saved_at = 0
        self.written: Future[None] = Future()
        self.written.set_result(None)
        self._kept, self._shard, self._journal, self._regime = kept, shard, journal, regime
        self._link, self._sender, self._counts = link, sender, counts
        self._unwritten: deque[Pending] = deque()
        self._window = Window()
        self._learned = self._state_bytes = 0
        """Readings since a state was saved, and what that took."""
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="journal")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._writer.shutdown()  # whatever ends us, what is being written gets written

    def note(self, now: int, *notes: Foreseen | Health) -> None:
        """Keep what changes no state."""
        self.pending.since = self.pending.since or now
        self.pending.notes.extend(notes)

    def hold(self, now: int, entered: Entered, incidents: Iterable[Incident]) -> None:
        """Keep an entry, and what it led to.

        What people have heard, or said, is written at once: after a power cut nobody tells the end of an incident, or
        stands by a word, that is in no log.
        """
        self.pending.since = self.pending.since or now
        self.pending.entries.append(entered)
        told = [*incidents]
        self.pending.is_urgent |= bool(told) or isinstance(entered, SAID_ONCE)
        if isinstance(entered, tuple):
            self.pending.readings += len(entered[0])
            self._learned += len(entered[0])
        self.pending.incidents.extend(told)

    def receive(self, now: int, messages: Iterable[Message], again: Container[object]) -> None:
        """Keep what is to be acknowledged; of what came `again` no mark is needed a second time."""
        self._window.arrive(self._link.generation, now)
        self.pending.since = self.pending.since or now  # also where nothing in them is accepted
        for message in messages:
            if message.receipt:
                self.pending.receipts.append(message.receipt)
                if message.receipt not in again:
                    self.pending.marks.append(mark(message))

    def turn(self, now: int, *, is_clock_sure: bool, is_torn: bool) -> None:
        """Commit and save what is due; the age of what is kept is judged only by a clock that is sure.

        Nothing is while a message is torn, so that it is in the log as a whole, with the mark it will be known by.
        """
        if is_torn and self.pending.readings < AHEAD:
            return
        if self._is_due(now) and (self.written.done() or self.pending.readings >= AHEAD):
            self.commit()
        if self._is_worth_saving(now):
            self.commit()
            self.save(now, is_clock_sure=is_clock_sure)

    def _is_due(self, now: int) -> bool:
        """Whether what waits is to be written: it is urgent, or old, or much, or the broker waits, or soon would."""
        pending = self.pending
        if pending.is_urgent or (pending.since and is_over(self._kept.commit_delay_s * SECOND, pending.since, now)):
            return True
        is_much = pending.readings >= FULL or len(pending.receipts) >= self._kept.commit_messages
        return is_much or self._is_waited_for(now)

    def _is_waited_for(self, now: int) -> bool:
        """Whether the broker waits for what is to be written, or soon would, be it for room for what we have shed."""
        count = self._link.unacknowledged
        if count < LEAST or self._link.oldest not in self.pending.receipts:  # then writing frees nothing
            return False
        return count >= self._window.limit(self._link.window) or self._window.is_waiting(count, now)

    def _is_worth_saving(self, now: int) -> bool:
        is_much = self._learned * self._kept.checkpoint_bytes >= self._state_bytes
        since = self.saved_at
        return is_over(self._kept.checkpoint_every_s * SECOND, since, now) and (is_much or is_over(LATEST, since, now))

    def commit(self) -> None:
        """Have everything written that was held; raises what ended the last time."""
        self.written.result()
        pending, self.pending = self.pending, Pending()
        self.written = self._writer.submit(self._write, pending)

    def flush(self) -> None:
        """Have everything written now; raises `RequestError` where the disk cannot be written."""
        self.commit()
        self.written.result()
        if self._unwritten:
            message = f"the log cannot be written now: {self.disk_error}"
            raise RequestError(message)

    def write(self, work: Callable[[], Answer]) -> "Future[Answer]":
        """Do this in the writer's thread, after what waits to be written."""
        return self._writer.submit(work)

    def _write(self, pending: Pending) -> None:
        """Append what waits. Where the disk cannot be written it waits in memory, and the gateway goes on."""
        self._unwritten.append(pending)
        try:
            while self._unwritten:
                self._append(self._unwritten[0])
                self._unwritten.popleft()
        except DiskError as error:
            self._make_do(str(error))
        else:
            if self.disk_error:
                lost = self._counts["unlogged"]
                logger.warning(
                    "the log is written again; %d readings, events and changes of incidents are not in it", lost
                )
                self.disk_error, self.saved_at = "", 0  # what was learned is to be saved now
            self._journal.keep_reserve()
        self._link.acknowledge(pending.receipts)  # also those whose every value was rejected: they are dealt with
        if self._sender:
            self._sender.wake(pending.readings)

    def _make_do(self, error: str) -> None:
        """Say once that the log is not written, and let go of the oldest where too much waits for it."""
        if not self.disk_error:
            logger.error("%s: learning and alarms go on in memory; a power cut now loses what waits", error)
        self.disk_error = error
        while len(self._unwritten) > HELD:
            gone = self._unwritten.popleft()
            self._counts["unlogged"] += gone.readings + self._unwritten[0].take_over(gone)

    def _append(self, pending: Pending) -> None:
        """Write, and where the disk is full make room: summaries go first, then the oldest of the log."""
        for _ in range(ROOM):
            try:
                self._enter_in_log(pending)
            except DiskError:
                if not self._journal.make_room():
                    raise
            else:
                return
        self._enter_in_log(pending)

    def _enter_in_log(self, pending: Pending) -> None:
        if pending.entries or pending.notes or pending.incidents:
            marks = pack(pending.marks) if pending.marks else b""
            directory = self._shard.directory
            self._journal.append(directory, pending.entries, pending.incidents, pending.notes, marks)

    def save(self, now: int, *, is_clock_sure: bool) -> None:
        """Have the state written as it is now, and what is too old or too much taken out."""
        self.saved_at, self._learned = now, 0
        self.written.result()
        if (rules := self._regime.mark) is None:
            return
        try:
            parts = self._shard.dumps()
        except StateError as error:  # a chosen model that cannot be saved; the log holds all it learned
            logger.warning("no checkpoint: %s", error)
            return
        days = (self._kept.retain_days, self._kept.minutes_retain_days)
        readings, minutes = (now - round(each * 86400 * SECOND) for each in days)
        since = readings if is_clock_sure else None
        self.written = self._writer.submit(self._write_state, rules, parts, since, minutes)

    def _write_state(self, rules: str, parts: dict[str, bytes], readings_since: int | None, minutes_since: int) -> None:
        if self._unwritten:
            return  # a state must not be ahead of its log, but for what will never be in it
        try:
            self._state_bytes = TWICE * self._journal.checkpoint(rules, parts)
            most_bytes = self._kept.retain_mb * 2**20
            self._journal.retain(readings_since, most_bytes, minutes_since, at_leisure=True)
        except DiskError as error:
            logger.warning("no checkpoint: %s", error)


def is_over(period: float, since: int, now: int) -> bool:
    """Whether `period` has passed, or the clock was set back: then nothing may wait until it has caught up."""
    return not 0 <= now - since < period
