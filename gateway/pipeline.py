"""The loop: take, decode, learn, decide, publish, append, acknowledge. It owns every model and the log's head.

Waiting for the disk is left to a writer of one thread: while it commits, the loop goes on learning and telling, and
what gathers meanwhile is the next commit.
"""

import json
import logging
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import groupby, islice
from typing import Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from gateway.codecs import TopicTemplate
from gateway.codecs.outgoing import encode_incident, encode_prediction, iso
from gateway.config import Settings
from gateway.control import Desk, Work
from gateway.errors import DiskError, RequestError, StateError
from gateway.foresight import Foresight
from gateway.intake import Intake
from gateway.journal import Entered, Journal
from gateway.mqtt.inbox import Inbox
from gateway.portions import Portions
from gateway.records import (
    SECOND,
    Batch,
    Entry,
    Event,
    Feedback,
    Foreseen,
    Health,
    Incident,
    Message,
    Reason,
    Resume,
    Span,
    State,
    Tick,
)
from gateway.repeats import WINDOW, Mark, Repeats, mark, pack, unpack
from gateway.shard import Outcome, Shard
from gateway.vitals import Vitals

logger = logging.getLogger(__name__)

TICK = SECOND
"""How often silence is looked for; no habit is known more finely than that."""

STATUS = 10 * SECOND
"""How often the status message is renewed."""

CLOCK_SET = 2 * SECOND
"""Between two turns of the loop the clock and the monotonic clock part by less, unless somebody sets the clock."""

LATE = SECOND
"""A message that waited longer in the inbox says that we are behind: then silence proves nothing."""

QUARANTINED_SHOWN = 20
"""Failed models named in the status: a wrong setting may fail on every stream, and a status is not a log."""

ROOM = 5
"""How many times the oldest is taken out for one commit on a full disk."""

STEADY = 3600 * SECOND
"""How long a clock must have run without being set before the age of entries is judged by it."""

HELD = 100
"""Batches learned and not yet being written at which the loop waits for the disk: then the broker is held back."""


class Link(Protocol):
    """What the loop asks of the connection to the broker."""

    failure: Exception | None
    is_online: bool
    generation: int
    anew: int
    dropped: int
    last_error: str
    received: int
    published: int

    @property
    def reconnects(self) -> int:
        """How many times the connection was made again."""
        ...

    def publish(self, topic: str, payload: bytes, qos: int = 1, *, retain: bool = False) -> bool:
        """Send, or keep to be sent; False where it was dropped."""
        ...

    def acknowledge(self, receipts: Iterable[tuple[int, int] | None]) -> None:
        """Tell the broker that these are safe with us."""
        ...


class Sender(Protocol):
    """What the loop asks of the one who passes the log on to a database."""

    failure: Exception | None

    @property
    def unsent(self) -> int:
        """Readings in the log that the database lacks."""
        ...

    def wake(self, readings: int) -> None:
        """So many readings more are in the log; returns at once."""
        ...

    def status(self, now: int) -> dict[str, object]:
        """How far behind it is."""
        ...


Answer = TypeVar("Answer")


@dataclass(slots=True)
class Pending:
    """What was learned and is not in the log yet."""

    since: int = 0
    entries: list[Entered] = field(default_factory=list)
    notes: list[Foreseen | Health] = field(default_factory=list)
    incidents: list[Incident] = field(default_factory=list)
    receipts: list[tuple[int, int]] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)


class Pipeline:
    """One step after the other over everything that has arrived since the last."""

    def __init__(  # noqa: PLR0913 - the loop is where the parts meet
        self,
        settings: Settings,
        *,
        shard: Shard,
        intake: Intake,
        inbox: Inbox,
        link: Link,
        journal: Journal,
        desk: Desk,
        sender: Sender | None = None,
        version: str,
        fingerprint: str,
        clock: Callable[[], int],
        monotonic: Callable[[], int],
    ) -> None:
        self.settings = settings
        self.shard = shard
        self.intake = intake
        self.counts: Counter[str] = Counter()
        self.observers: list[Callable[[Entry, Outcome], None]] = []
        self.chores: list[Callable[[int], None]] = []
        self.asides: dict[str, Callable[[Message], None]] = {}
        self._inbox, self._link, self._desk, self._sender = inbox, link, desk, sender
        self.journal, self.mark = journal, fingerprint
        self.renewals: list[Callable[[], None]] = []
        self.doors: dict[str, Callable[[Span], str]] = {}
        self._foresight = Foresight(shard, settings.predictions.horizons_s)
        self._vitals = Vitals()
        self._version = version
        self._clock, self._monotonic = clock, monotonic
        self._offset: int | None = None
        self._anomaly = _topic("anomaly", settings.topics.anomaly, "device")
        self._prediction = _topic("prediction", settings.topics.prediction, "device")
        self._status = status_topic(settings)
        self._outage = own_topic(settings, "outage", settings.topics.outage)
        self.repeats = Repeats()
        self.disk_error = ""
        self._unwritten: deque[Pending] = deque()
        self._steady_since = monotonic()
        self._pending = Pending()
        self._portions = Portions(shard.directory)
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="journal")
        self._written: Future[None] = Future()
        self._written.set_result(None)
        self._generation = -1
        self._due: dict[int, int] = {}
        self._ticked_at = self._told_at = self._saved_at = 0
        self._started_at = 0

    def run(self, stop: threading.Event) -> None:
        """Until `stop` is set; then what was learned is committed and saved."""
        self._started_at = self._saved_at = self._clock()
        for body in self.journal.receipts(WINDOW):
            self.repeats.resume(unpack(body))
        with self._writer:  # whatever ends us, what is being written gets written
            while not stop.is_set():
                self.step(timeout_s=0.1)
            self.finish()

    def step(self, timeout_s: float) -> None:
        """Wait for messages at most `timeout_s`, then do everything that is due; raises what ended the link."""
        self._desk.step()
        wait_s = min(timeout_s, self.settings.journal.commit_delay_s) if self._pending.since else timeout_s
        busy = {self.intake.sender_of(message.topic) for message in self._portions.held}
        messages = self._inbox.take(0.0 if self._desk or self._portions else wait_s, busy)
        for part in (self._link, self._sender):
            if part is not None and part.failure is not None:
                raise part.failure
        now = self._clock()
        self._notice_deafness(now)
        for sender, count in self._inbox.shed().items():
            self.intake.reject(sender or "strangers", Reason.RATE, now, count)
        if messages or self._portions:
            self._take(messages, now)
        if all(now - message.received_at < LATE for message in (*messages, *self._portions.held)):
            self._tick(now)
        self._settle(now)

    def _not_aside(self, messages: list[Message]) -> list[Message]:
        """Hand over what is no reading and no word on a device; return the rest."""
        if not self.asides:
            return messages
        for message in messages:
            if message.topic in self.asides:
                self.asides[message.topic](message)
        return [message for message in messages if message.topic not in self.asides]

    def _take(self, messages: list[Message], now: int) -> None:
        """Learn a portion of what is new and of what was left."""
        self.counts["messages"] += len(messages)
        self._pending.since = self._pending.since or now  # also where nothing in them is accepted
        new = [message for message in messages if self._is_new(message)]
        again = {message.receipt for message in messages} - {message.receipt for message in new}
        for entry in self._portions.next(self.intake.take(self._not_aside(new))):
            if isinstance(entry, Batch):
                self._learn(entry, now)
            else:
                self.enter(entry)
        done = self._portions.release(messages)
        self._pending.receipts.extend(message.receipt for message in done if message.receipt)
        self._pending.marks.extend(
            mark(message) for message in done if message.receipt and message.receipt not in again
        )

    def finish(self) -> None:
        """Leave nothing behind that a restart would have to learn again."""
        self._commit()
        self._save(self._clock())
        self._written.result()

    def _is_new(self, message: Message) -> bool:
        """Whether it was not received before; what comes again is acknowledged again and not learned."""
        return message.receipt is None or not self.repeats.is_repeat(message, self._link.anew)

    def _notice_deafness(self, now: int) -> None:
        """After a reconnect, and after the clock was set or the machine slept, silence before it proves nothing."""
        offset = now - self._monotonic()
        is_set = self._offset is not None and abs(offset - self._offset) > CLOCK_SET
        self._offset = offset
        if is_set:
            logger.warning("the clock was set, or the machine slept")
            self._steady_since = self._monotonic()
            self.enter(Resume(now))
        if self._link.is_online and self._link.generation != self._generation:
            self._generation = self._link.generation
            self.enter(Resume(now))
            self._told_at = 0

    def _learn(self, batch: Batch, now: int) -> None:
        outcome = self.shard.apply(batch)
        assert outcome.verdicts is not None  # noqa: S101 - readings have verdicts
        self._publish(outcome)
        self._vitals.learned(int(batch.received_at[0]), self._clock())
        self._count(batch, outcome.verdicts.is_stale)
        self._hold(now, (batch, outcome.verdicts), outcome)
        self._predict(batch, ~outcome.verdicts.is_stale)
        for observe in self.observers:
            observe(batch, outcome)

    def _tick(self, now: int) -> None:
        if not self._link.is_online or not _is_over(TICK, self._ticked_at, now):
            return
        self._ticked_at = now
        outcome = self.shard.apply(Tick(now))
        if outcome.changes:  # a tick that changed nothing is not worth a row of the log
            self._hold(now, Tick(now), outcome)
            self._tell(Tick(now), outcome)

    def now(self) -> int:
        """The time by the gateway's clock."""
        return self._clock()

    def enter(self, event: Event) -> Outcome:
        """Let an event take effect, stand in the log and be told; what is not understood is counted and left out."""
        outcome = self.shard.apply(event)
        if isinstance(event, Feedback) and not outcome.is_understood:
            self.intake.reject(event.device, Reason.FEEDBACK, event.at)
        else:
            self._hold(event.at, event, outcome)
            self._tell(event, outcome)
        return outcome

    def _hold(self, now: int, entered: Entered, outcome: Outcome) -> None:
        self._pending.since = self._pending.since or now
        self._pending.entries.append(entered)
        self._pending.incidents.extend(change.incident for change in outcome.changes)

    def _tell(self, event: Event, outcome: Outcome) -> None:
        """Tell what changed without a reading."""
        self._publish(outcome)
        for observe in self.observers:
            observe(event, outcome)

    def _publish(self, outcome: Outcome) -> None:
        for change in outcome.changes:
            incident = change.incident
            self.counts[f"incidents_{incident.state}"] += 1
            topic = self._anomaly.render(device=incident.device) if incident.device else self._outage
            self._link.publish(topic, encode_incident(incident))

    def _count(self, batch: Batch, is_stale: npt.NDArray[np.bool_]) -> None:
        stale = np.flatnonzero(is_stale)
        self.counts["readings"] += len(batch) - len(stale)
        for row in stale:
            device, _ = self.shard.directory.streams[batch.stream[row]]
            self.intake.reject(device, Reason.STALE, int(batch.received_at[row]))

    def _predict(self, batch: Batch, is_fresh: npt.NDArray[np.bool_]) -> None:
        every = round(self.settings.predictions.every_s * SECOND)
        latest: dict[int, int] = {}
        for row, at in zip(batch.stream[is_fresh].tolist(), batch.observed_at[is_fresh].tolist(), strict=True):
            latest[self.shard.directory.device_of[row]] = at
        due = [device for device, at in latest.items() if not 0 < self._due.get(device, 0) - at <= every]
        for device in due:  # the second condition: the device's clock was set back
            self._due[device] = latest[device] + every
        told, crossings = self.shard.forecast(due), self.shard.crossings(due)
        if (kept := self._foresight.keep(told)) is not None:
            self._pending.notes.append(kept)
        for name, forecasts in groupby(told, key=lambda forecast: forecast.device):
            self.counts["predictions"] += 1
            payload = encode_prediction(forecasts, (one for one in crossings if one.device == name))
            self._link.publish(self._prediction.render(device=name), payload, qos=0, retain=True)

    def _settle(self, now: int) -> None:
        journal, pending = self.settings.journal, self._pending
        if self._vitals.is_due(now):
            pending.notes.append(self._vitals.note(now, self._numbers()))
            pending.since = pending.since or now
        is_old = pending.since and _is_over(journal.commit_delay_s * SECOND, pending.since, now)
        is_due = is_old or len(pending.receipts) >= journal.commit_messages
        if is_due and (self._written.done() or len(pending.entries) >= HELD):
            self._commit()
        if _is_over(journal.checkpoint_every_s * SECOND, self._saved_at, now):
            self._commit()
            self._save(now)
        if self._link.is_online and _is_over(STATUS, self._told_at, now):
            self._told_at = now
            self._link.publish(self._status, self.status(now), retain=True)
        for do in self.chores:
            do(now)

    def _commit(self) -> None:
        self._written.result()  # raises what ended the last one
        pending, self._pending = self._pending, Pending()
        self._written = self._writer.submit(self._write, pending)

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
                logger.warning("the log is written again; %d readings are not in it", self.counts["unlogged"])
                self.disk_error, self._saved_at = "", 0  # what was learned is to be saved now
            self.journal.keep_reserve()
        self._link.acknowledge(pending.receipts)  # also those whose every value was rejected: they are dealt with
        if self._sender:
            self._sender.wake(sum(len(entry[0]) for entry in pending.entries if isinstance(entry, tuple)))

    def _make_do(self, error: str) -> None:
        """Say once that the log is not written, and let go of the oldest where too much waits for it."""
        if not self.disk_error:
            logger.error("%s: learning and alarms go on in memory; a power cut now loses what waits", error)
        self.disk_error = error
        while len(self._unwritten) > HELD:
            lost = self._unwritten.popleft()
            self.counts["unlogged"] += sum(len(entry[0]) for entry in lost.entries if isinstance(entry, tuple))

    def _append(self, pending: Pending) -> None:
        """Write, and where the disk is full make room: summaries go first, then the oldest of the log."""
        for _ in range(ROOM):
            try:
                self._enter_in_log(pending)
            except DiskError:
                if not self.journal.make_room():
                    raise
            else:
                return
        self._enter_in_log(pending)

    def _enter_in_log(self, pending: Pending) -> None:
        if pending.entries or pending.notes or pending.incidents:
            marks = pack(pending.marks) if pending.marks else b""
            self.journal.append(self.shard.directory, pending.entries, pending.incidents, pending.notes, marks)

    def _save(self, now: int) -> None:
        self._saved_at = now
        self._written.result()
        try:
            parts = self.shard.dumps()
        except StateError as error:  # a chosen model that cannot be saved; the log holds all it learned
            logger.warning("no checkpoint: %s", error)
            return
        self._written = self._writer.submit(self._write_state, parts, now)

    def _write_state(self, parts: dict[str, bytes], now: int) -> None:
        if self._unwritten:
            return  # a state must not be ahead of its log, but for what will never be in it
        kept = self.settings.journal
        is_sure = self._monotonic() - self._steady_since >= STEADY
        readings, minutes = (
            now - round(days * 86400 * SECOND) for days in (kept.retain_days, kept.minutes_retain_days)
        )
        try:
            self.journal.checkpoint(self.mark, parts)
            self.journal.retain(readings if is_sure else None, kept.retain_mb * 2**20, minutes)
        except DiskError as error:
            logger.warning("no checkpoint: %s", error)

    def settle(self) -> None:
        """Bring everything that was learned into the log; until the slice of work ends nothing new is learned."""
        self._commit()
        self._written.result()
        if self._unwritten:
            message = f"the log cannot be written now: {self.disk_error}"
            raise RequestError(message)

    def serve(self, shard: Shard) -> None:
        """Let this shard take the place of the one there is; what is open in one and not in the other is told."""
        outcome = Outcome(None, self.shard.incidents.overtaken(shard.incidents, self._clock()))
        self.shard.become(shard)
        self._due.clear()
        self._foresight = Foresight(self.shard, self.settings.predictions.horizons_s)
        self._told_at = 0
        for renew in self.renewals:
            renew()
        self._publish(outcome)
        self._pending.incidents.extend(change.incident for change in outcome.changes)

    def write(self, work: Callable[[], Answer]) -> "Future[Answer]":
        """Do this in the writer's thread, after what waits to be written."""
        return self._writer.submit(work)

    def report(self, _: Mapping[str, object]) -> Work:
        """Answer a request for the status."""
        yield from ()
        answer: dict[str, object] = json.loads(self.status(self._clock()))
        return answer

    def status(self, now: int) -> bytes:
        """The retained message that says how the gateway is."""
        opened, closed = self.counts[f"incidents_{State.OPEN}"], self.counts[f"incidents_{State.CLOSED}"]
        failures = self.shard.fleet.failures()
        tree = {
            "state": "online",
            "version": self._version,
            "at": iso(now),
            "started_at": iso(self._started_at),
            "messages": self.counts["messages"],
            "readings": self.counts["readings"],
            "rejected": dict(self.intake.rejected),
            "devices": len(self.shard.directory.devices),
            "streams": len(self.shard.directory),
            "incidents": {"opened": opened, "closed": closed, "open": len(self.shard.incidents)},
            "false_alarms": self.shard.fleet.false_alarms(),
            "maintenance": self.shard.calendar.active(now),
            "predictions": self.counts["predictions"],
            "disk": {"error": self.disk_error or None, "unlogged": self.counts["unlogged"]},
            "repeats": {"recognised": self.repeats.recognised, "ambiguous": self.repeats.ambiguous},
            "inbox": {
                "waiting": len(self._inbox),
                "high_water": self._inbox.high_water,
                "times_blocked": self._inbox.times_blocked,
                "blocked_s": round(self._inbox.blocked_s, 3),
            },
            "connection": {
                "received": self._link.received,
                "published": self._link.published,
                "dropped": self._link.dropped,
                "reconnects": self._link.reconnects,
            },
            "quarantined_models": {"count": len(failures), "first": dict(islice(failures.items(), QUARANTINED_SHOWN))},
        }
        if self._sender:
            tree["influx"] = self._sender.status(now)
        return json.dumps(tree, separators=(",", ":")).encode()

    def _numbers(self) -> dict[str, float]:
        """The counters, for the log."""
        return {
            **{name: float(self.counts[name]) for name in ("messages", "readings", "predictions")},
            "rejected": float(sum(self.intake.rejected.values())),
            "dropped": float(self._link.dropped),
            "devices": float(len(self.shard.directory.devices)),
            "streams": float(len(self.shard.directory)),
            "incidents_opened": float(self.counts[f"incidents_{State.OPEN}"]),
            "incidents_open": float(len(self.shard.incidents)),
            "unsent": float(self._sender.unsent if self._sender else 0),
        }


def _is_over(period: float, since: int, now: int) -> bool:
    """Whether `period` has passed, or the clock was set back: then nothing may wait until it has caught up."""
    return not 0 <= now - since < period


def _topic(key: str, template: str, *names: str) -> TopicTemplate:
    return TopicTemplate(template, frozenset(names), frozenset(names), f"topics.{key}")


def status_topic(settings: Settings) -> str:
    """The topic of the gateway's own status."""
    return own_topic(settings, "status", settings.topics.status)


def own_topic(settings: Settings, key: str, template: str) -> str:
    """A topic that is about no single device."""
    return TopicTemplate(template, frozenset({"gateway"}), key=f"topics.{key}").render(gateway=settings.gateway.name)
