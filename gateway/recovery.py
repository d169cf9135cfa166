"""State from the log: a shard is brought to where the log ends, whole or one device alone, at once or in slices."""

import logging
import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from glob import escape
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gateway import rulebook
from gateway.errors import StateError
from gateway.journal import Entered, Journal, Reader
from gateway.learning.directory import Directory
from gateway.records import (
    Availability,
    Batch,
    Described,
    Event,
    Feedback,
    Incident,
    Maintenance,
    Span,
    Verdicts,
    joined,
)
from gateway.shard import Rules, Shard

logger = logging.getLogger(__name__)

MOST = 20_000
"""Readings learned as one batch: more are not faster."""

LEAST = 20
"""Readings learned as one batch where time is short."""

TELL_S = 1.0
"""How often a start says how far it is, and looks whether it should end."""


class Piece(NamedTuple):
    """Of an entry of readings, what is to be learned: these positions."""

    seq: int
    batch: Batch
    places: npt.NDArray[np.int64]


class Numbering:
    """Which row of a directory each stream of the log has; one that is new gets its row with its first reading."""

    def __init__(self, log: Reader, directory: Directory) -> None:
        self.names: list[tuple[str, str]] = []
        self._log, self._directory = log, directory
        self._rows = np.zeros(0, dtype=np.int64)
        self._fitting: dict[Span, npt.NDArray[np.bool_]] = {}

    def know(self, batch: Batch) -> None:
        """Learn the names of streams that are new."""
        if batch.stream.max(initial=-1) >= len(self.names):
            self.names = self._log.streams()
            self._fitting.clear()
            rows = [self._directory.row(*name) for name in self.names]
            self._rows = np.array([-1 if row is None else row for row in rows], dtype=np.int64)

    def fitting(self, span: Span) -> npt.NDArray[np.bool_]:
        """Which streams a span is about, whatever the time."""
        if span not in self._fitting:
            self._fitting[span] = np.array([span.fits(*name) for name in self.names], dtype=np.bool_)
        return self._fitting[span]

    def renumbered(self, batch: Batch) -> Batch:
        """The readings of an entry as those of the directory's rows."""
        self.know(batch)
        for number in dict.fromkeys(batch.stream[self._rows[batch.stream] < 0].tolist()):
            self._rows[number] = self._directory.add(*self.names[number])
        return replace(batch, stream=self._rows[batch.stream])


class Fold:
    """A shard on its way along the log: of all devices, or of `device` alone and then as if it had never said `gone`.

    Of one device, `said` keeps the verdicts by entry and position, `told` the incidents.
    """

    def __init__(
        self, shard: Shard, log: Reader, after: int = 0, *, device: str | None = None, gone: Span | None = None
    ) -> None:
        self.shard, self.seq = shard, after
        self.said: dict[int, tuple[npt.NDArray[np.int64], Verdicts]] = {}
        self.told: list[Incident] = []
        self.readings = 0
        self.begins: int | None = None
        """When the first reading that was learned had been received."""
        self._log, self._device, self._gone = log, device, gone
        self._undone = [(until, Span(entry.device, None, entry.since, entry.until)) for until, entry in log.undone()]
        self._numbering = Numbering(log, shard.directory)
        self._is_whole_gone = gone is not None and gone.is_whole
        self._entries: Iterator[tuple[int, Entered]] | None = None
        self._per_reading_s = 0.0

    def advance(self, slice_s: float = math.inf) -> bool:
        """Fold on for about this long; False once the end of the log is reached, for now."""
        started, most = time.monotonic(), self._most(slice_s)
        waiting: list[Piece] = []
        count = 0
        if self._entries is None:
            log, device = self._log, self._device
            self._entries = log.entries(self.seq) if device is None else log.entries_of(device, self.seq)
        for seq, entry in self._entries:
            if isinstance(entry, tuple):
                waiting.append(self._picked(seq, entry[0]))
                count += len(waiting[-1].places)
            else:
                self._learn(waiting)
                waiting = []
                self._enter(entry)
            self.seq = seq
            if count >= most or time.monotonic() - started > slice_s:
                self._learn(waiting)
                self._per_reading_s = (time.monotonic() - started) / max(count, 1)
                return True
        self._learn(waiting)
        self._entries = None
        return False

    def _most(self, slice_s: float) -> int:
        """How many readings fit into a slice."""
        if slice_s == math.inf:
            return MOST
        return int(min(max(slice_s / self._per_reading_s if self._per_reading_s else LEAST, LEAST), MOST))

    def _picked(self, seq: int, batch: Batch) -> Piece:
        self._numbering.know(batch)
        keep = np.ones(len(batch), dtype=np.bool_)
        if self._device is not None:
            keep &= self._covers(Span(self._device), batch)
        for span in [*(span for until, span in self._undone if seq < until), *([self._gone] if self._gone else [])]:
            keep &= ~self._covers(span, batch)
        return Piece(seq, batch, np.flatnonzero(keep))

    def _covers(self, span: Span, batch: Batch) -> npt.NDArray[np.bool_]:
        fits = self._numbering.fitting(span)
        is_within = (batch.observed_at >= span.since) & (batch.observed_at < span.until)
        return np.asarray(fits[batch.stream] & is_within)

    def _learn(self, waiting: Sequence[Piece]) -> None:
        """Fold consecutive entries as one batch: by law that changes nothing."""
        pieces = [piece for piece in waiting if len(piece.places)]
        if not pieces:
            return
        self.begins = int(pieces[0].batch.received_at[0]) if self.begins is None else self.begins
        batch = joined([piece.batch.at(piece.places) for piece in pieces])
        self.readings += len(batch)
        outcome = self.shard.apply(self._numbering.renumbered(batch))
        if self._device is not None:
            assert outcome.verdicts is not None  # noqa: S101 - readings have verdicts
            ends = np.cumsum([len(piece.places) for piece in pieces])
            for piece, end in zip(pieces, ends.tolist(), strict=True):
                part = np.arange(end - len(piece.places), end)
                self.said[piece.seq] = (piece.places, outcome.verdicts.at(part))
            self.told += [change.incident for change in outcome.changes]

    def _enter(self, event: Event) -> None:
        if self._device is None or concerns(event, self._device, is_forgotten=self._is_whole_gone):
            outcome = self.shard.apply(event)
            self.told += [change.incident for change in outcome.changes] if self._device is not None else []


def concerns(event: Event, device: str, *, is_forgotten: bool = False) -> bool:
    """Whether an event is part of what a device lived through; what names one that is forgotten is not."""
    if isinstance(event, (Feedback, Described, Availability)):
        return event.device == device and not is_forgotten
    return not (is_forgotten and isinstance(event, Maintenance) and event.devices == escape(device))


def restore(
    shard: Shard, journal: Journal, mark: str, stop: threading.Event, tell: Callable[[str], None] = logger.info
) -> bool:
    """Bring a fresh shard to where the log ends: the newest fitting checkpoint, then the tail; False when stopped."""
    seq = load_checkpoint(shard, journal, mark)
    if seq is None and journal.last():
        tell("no state was saved that this version can read under these settings: the whole log is learned first")
    return catch_up(shard, journal, seq or 0, stop, tell)


def catch_up(
    shard: Shard, journal: Journal, seq: int, stop: threading.Event, tell: Callable[[str], None] = logger.info
) -> bool:
    """Bring a shard from this entry to where the log ends; False when stopped."""
    last, told_at = journal.last(), time.monotonic()
    with Reader(journal.path) as log:
        fold = Fold(shard, log, seq)
        if last > seq:
            tell(f"learning {last - seq} entries of the log again")
        while fold.advance(TELL_S):
            if stop.is_set():
                return False
            if time.monotonic() - told_at >= TELL_S:
                told_at = time.monotonic()
                tell(f"learned {100 * (fold.seq - seq) // (last - seq)} % of the log again")
        if last:
            tell(f"{len(shard.directory)} streams restored, {last - seq} entries learned again")
        journal.quarantine(log.damaged)
    return True


def fitting(rules: Rules, journal: Journal) -> str:
    """The mark of the newest state to which these rules would have come, too; their own where there is no other."""
    own, marks = rulebook.dumps(rules), journal.marks()
    for mark in marks if own not in marks else ():
        saved = rulebook.loads(mark, rules)
        if saved is None or not rulebook.agree(saved, rules, 0, 0):  # whatever was lived through
            continue
        if load_checkpoint(known := Shard(saved), journal, mark) is not None:
            since, until = known.fleet.streams.span()
            if rulebook.agree(saved, rules, since, max(until, journal.last_at())):
                return mark
    return own


def load_checkpoint(shard: Shard, journal: Journal, mark: str) -> int | None:
    """Make the shard what the newest checkpoint that fits says; its number, None where there is none."""
    for seq, parts in journal.checkpoints(mark):
        saved = Shard(shard.rules)
        try:
            saved.loads(parts)
        except StateError as error:
            logger.warning("a checkpoint does not fit: %s", error)
            continue
        shard.become(saved)
        return seq
    return None
