"""From the log to InfluxDB: one thread, one cursor, nothing kept twice.

The log is the buffer: while the database is away the cursor waits, and memory holds one passage. Only what is written,
or refused for good and kept as a dead letter, moves the cursor. What is sent again after a crash is the same points.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from gateway.backoff import delay_s
from gateway.errors import JournalError
from gateway.influx.answers import Answer, Meaning
from gateway.influx.lines import Lines
from gateway.passages import DeadLetter, Foreseen, Passage
from gateway.records import SECOND, Span

logger = logging.getLogger(__name__)

SHORTEST_S, LONGEST_S = 1.0, 60.0
"""Pauses after failures."""

SAVE_S = 10.0
"""How often the cursor is written down: to send ten seconds again is cheap, to write all the time wears an SD card."""

HOPELESS = 100
"""When so many lines in a row were each refused by themselves and none was taken, it is not the lines."""

STOP_S = 2.0
"""For a request under way to end; then its thread is left to end with the process."""

DEAD_LETTERS = 1000
"""Held while the disk is full; the newest."""

QUIET_S = 60.0
"""Refused lines are logged once in this time."""


class Source(Protocol):
    """What the sender asks of the log."""

    def open(self) -> int:
        """Start; the number of the last entry passed."""
        ...

    def close(self) -> None:
        """End."""
        ...

    def take(self, after: int, most: int) -> Passage | None:
        """What follows an entry, about so many readings; None where nothing does."""
        ...

    def foreseen(self, until: int, within: int) -> list[Foreseen]:
        """Forecasts already passed that were made in the last `within` ns."""
        ...

    def unsent(self, after: int) -> int:
        """How many readings follow an entry."""
        ...

    def move(self, seq: int, dead: Collection[DeadLetter] = ()) -> None:
        """Remember how far we are, and what was refused for good."""
        ...


class Target(Protocol):
    """What the sender asks of the database."""

    def write(self, bucket: str, lines: Sequence[str]) -> Answer:
        """Send lines."""
        ...

    def abort(self) -> None:
        """End what is under way."""
        ...

    def close(self) -> None:
        """Release what is held."""
        ...


@dataclass(frozen=True, slots=True)
class Options:
    """Where to, and in which portions. `linger_s` is waited after a commit, so that a quiet fleet costs few requests.

    Without a `rollup_bucket` minutes are not sent.
    """

    bucket: str
    rollup_bucket: str | None
    lines: int
    linger_s: float
    horizon: int


@dataclass(slots=True)
class Counts:
    """What happened since the start; each number is written by one thread."""

    appended: int = 0
    sent: int = 0
    lines: int = 0
    expired: int = 0
    dead_letters: int = 0


class Sender:
    """Sends from `start` to `stop`; `failure` is a bug that ended it."""

    def __init__(self, source: Source, target: Target, lines: Lines, options: Options) -> None:
        self.counts = Counts()
        self.failure: Exception | None = None
        self.trouble = ""
        self._source, self._target, self._lines, self._options = source, target, lines, options
        self._stop, self._woken, self._outdated = threading.Event(), threading.Event(), threading.Event()
        self._delivering = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="influx", daemon=True)
        self._seq = 0
        self._taken_at: int | None = None
        self._saved_at = self._told_at = -QUIET_S
        self._failures = 0
        self._dead: deque[DeadLetter] = deque(maxlen=DEAD_LETTERS)

    def start(self) -> None:
        """Begin where the cursor was left."""
        self._seq = self._source.open()
        self.counts.appended = self._source.unsent(self._seq)
        self._thread.start()

    def stop(self) -> None:
        """End, at the latest after `STOP_S`."""
        self._stop.set()
        self._woken.set()
        self._target.abort()
        self._thread.join(STOP_S)

    def wake(self, readings: int) -> None:
        """So many readings more are in the log; called by the one who writes it, returns at once."""
        self.counts.appended += readings
        self._woken.set()

    def forget(self, gone: Span) -> str:
        """Let go of what was taken from the log before something was taken out of it, and is held for the database.

        It is taken again. Returns when no request with it is under way any more, and what is said of that.
        """
        self._outdated.set()
        with self._delivering:
            bare = str(gone.device).replace("\\", "")  # as escaped as it may be
            kept = [each for each in self._dead if bare not in each.line.replace("\\", "")]
            self._dead.clear()
            self._dead.extend(kept)
        self._woken.set()
        return "what waited was let go"

    @property
    def unsent(self) -> int:
        """Readings in the log that the database lacks."""
        return self.counts.appended - self.counts.sent

    def status(self, now: int) -> dict[str, object]:
        """How far behind we are, for the status message."""
        since = self._taken_at
        return {
            "state": self.trouble or "online",
            "unsent": self.unsent,
            "oldest_s": 0.0 if since is None else round(max(0, now - since) / SECOND, 1),
            "dead_letters": self.counts.dead_letters,
            "expired": self.counts.expired,
        }

    def _run(self) -> None:
        try:
            self._expect()
            while not self._stop.is_set():
                if not self._step():
                    self._wait()
            self._save(time.monotonic())
        except Exception as error:  # noqa: BLE001 - carried to the loop, which raises it
            self.failure = error
        finally:
            self._source.close()
            self._target.close()

    def _expect(self) -> None:
        for foreseen in self._source.foreseen(self._seq, self._options.horizon):
            self._lines.outcomes.expect(foreseen)

    def _step(self) -> bool:
        """Send the next passage; False where there is none, or where we were stopped, or it is to be taken again."""
        self._outdated.clear()
        passage = self._source.take(self._seq, self._options.lines)
        if passage is None:
            return False
        self._taken_at = passage.at
        dead: list[DeadLetter] = []
        is_sent = self._deliver(self._options.bucket, self._lines.encode(passage), dead)
        if is_sent and self._options.rollup_bucket:
            is_sent = self._deliver(self._options.rollup_bucket, self._lines.encode_minutes(passage), dead)
        return is_sent and self._pass(passage, dead)

    def _pass(self, passage: Passage, dead: Sequence[DeadLetter]) -> bool:
        """Go on behind a passage that was sent; False where it is to be taken again."""
        with self._delivering:
            if self._outdated.is_set():
                return False
            self._seq, self._taken_at = passage.seq, None
            self.counts.sent += passage.size
            self._bury(dead)
            if dead or time.monotonic() - self._saved_at >= SAVE_S:
                self._save(time.monotonic())
        return True

    def _wait(self) -> None:
        """Until something is committed, and a little longer: what follows goes with it."""
        self._woken.wait()
        self._woken.clear()
        self._stop.wait(self._options.linger_s)

    def _deliver(self, bucket: str, lines: Sequence[str], dead: list[DeadLetter]) -> bool:
        """Send all lines but those that the database refuses one by one; False where we are to leave off."""
        size = self._options.lines
        for first in range(0, len(lines), size):
            refused = self._isolate(bucket, lines[first : first + size])
            if refused is None:
                return False
            dead.extend(refused)
        return True

    def _isolate(self, bucket: str, lines: Sequence[str]) -> list[DeadLetter] | None:
        """Send lines, halving what is refused until single lines are to blame; None where we are to leave off."""
        waiting, refused, taken = [lines], list[DeadLetter](), 0
        while waiting:
            piece = waiting.pop()
            answer = self._insist(bucket, piece)
            if answer is None:
                return None
            if answer.meaning in (Meaning.BAD, Meaning.TOO_LARGE):
                if len(piece) > 1:
                    middle = len(piece) // 2
                    waiting += [piece[middle:], piece[:middle]]
                    continue
                refused.append(DeadLetter(piece[0], time.time_ns(), answer.words))
                if len(refused) >= HOPELESS and not taken:
                    if not self._pause(answer._replace(meaning=Meaning.REFUSED)):
                        return None
                    waiting, refused = [lines], []
                continue
            taken += len(piece)
            self.counts.lines += len(piece)
            self.counts.expired += len(piece) * (answer.meaning is Meaning.EXPIRED)
        return refused

    def _insist(self, bucket: str, lines: Sequence[str]) -> Answer | None:
        """Send until there is an answer that says something of the lines; None where we are to leave off."""
        while not self._stop.is_set():
            with self._delivering:
                if self._outdated.is_set():
                    return None
                answer = self._target.write(bucket, lines)
            if answer.meaning not in (Meaning.REFUSED, Meaning.BUSY, Meaning.AWAY):
                if self.trouble and answer.meaning in (Meaning.WRITTEN, Meaning.EXPIRED):
                    logger.info("InfluxDB takes lines again")
                    self.trouble, self._failures = "", 0
                return answer
            self._pause(answer)
        return None

    def _pause(self, answer: Answer) -> bool:
        """Say what is wrong, once, and wait; False where we were stopped."""
        if self._stop.is_set():
            return False
        if not self.trouble:
            logger.warning("InfluxDB takes nothing, all is kept: %s", answer.words)
        self.trouble = answer.words or answer.meaning.name.lower()
        pause_s = delay_s(self._failures, SHORTEST_S, LONGEST_S) if answer.wait_s is None else answer.wait_s
        self._failures += 1
        return not self._stop.wait(pause_s)

    def _bury(self, dead: Sequence[DeadLetter]) -> None:
        """Keep what was refused for good, and say so now and then."""
        self._dead.extend(dead)
        self.counts.dead_letters += len(dead)
        if dead and time.monotonic() - self._told_at >= QUIET_S:
            self._told_at = time.monotonic()
            logger.warning("InfluxDB refused %d lines, which are kept apart: %s", len(dead), dead[0].words)

    def _save(self, now: float) -> None:
        """Write down how far we are; a full disk must end neither sending nor learning."""
        self._saved_at = now
        try:
            self._source.move(self._seq, self._dead)
        except JournalError as error:
            logger.warning("the cursor is not saved: %s", error)
        else:
            self._dead.clear()
