"""Readings to minutes: count, mean, least, most, last and worst score of each stream."""

from typing import Any

import numpy as np
import numpy.typing as npt

from gateway.passages import Minutes
from gateway.records import SECOND, Batch, Floats, Ints, Verdicts, is_text

MINUTE = 60 * SECOND

EVERY = 10 * MINUTE
"""How much of the log's time goes into one block of minutes: written more often, blocks compress worse."""

LARGEST = 100_000
"""Readings after which a block is due sooner: they wait in memory, 3 MB."""

NO_INTS, NO_FLOATS = np.zeros(0, np.int64), np.zeros(0)


class Rollup:
    """Sums up what it is given, block by block.

    The newest minute of each stream is remembered: where the stream goes on in it, the next block has that minute
    again, whole. Of two rows for one minute the later counts.
    """

    def __init__(self) -> None:
        self._waiting: list[tuple[Ints, Ints, Floats, Floats]] = []
        self._count = self._since = self._until = 0
        self._newest = _summed_up(NO_INTS, NO_INTS, NO_FLOATS, NO_FLOATS)

    def copy(self) -> "Rollup":
        """One that goes on from here, whatever becomes of this one."""
        other = Rollup()
        vars(other).update(vars(self), _waiting=[*self._waiting])
        return other

    def add(self, batch: Batch, verdicts: Verdicts) -> None:
        """Take readings in, in order."""
        fresh = ~verdicts.is_stale & ~is_text(batch.value)  # a text has no mean
        if not fresh.any():
            return
        self._since = self._since if self._waiting else int(batch.received_at[0])
        self._until = int(batch.received_at[-1])
        self._waiting.append((batch.stream[fresh], batch.observed_at[fresh], batch.value[fresh], verdicts.score[fresh]))
        self._count += int(fresh.sum())

    @property
    def is_due(self) -> bool:
        """Whether a block is worth writing; also when the clock was set back."""
        return self._count >= LARGEST or (self._count > 0 and not 0 <= self._until - self._since < EVERY)

    def flush(self) -> Minutes:
        """All that waits, summed up; empty where nothing waits."""
        columns = (np.concatenate(column) for column in zip(*self._waiting, strict=True))
        found = _summed_up(*columns) if self._waiting else self._newest.at(NO_INTS)
        self._waiting, self._count = [], 0
        self._complete(found)
        self.resume(found)
        return found

    def resume(self, found: Minutes) -> None:
        """Remember the newest minute of each stream in a block that was written."""
        pairs = zip(_columns(self._newest), _columns(found), strict=True)
        joined = Minutes(*(np.concatenate(pair) for pair in pairs))
        order = np.argsort(joined.stream, kind="stable")
        is_last = np.append(np.diff(joined.stream[order]) != 0, True)[: len(order)]
        self._newest = joined.at(order[is_last])

    def _complete(self, found: Minutes) -> None:
        """Add what was told of a minute before to its row."""
        known = self._newest
        if not len(known):
            return
        place = np.minimum(np.searchsorted(known.stream, found.stream), len(known) - 1)
        goes_on = (known.stream[place] == found.stream) & (known.minute[place] == found.minute)
        here, there = np.flatnonzero(goes_on), place[goes_on]
        found.count[here] += known.count[there]
        found.mean[here] += (known.mean[there] - found.mean[here]) * (known.count[there] / found.count[here])
        found.least[here] = np.minimum(found.least[here], known.least[there])
        found.most[here] = np.maximum(found.most[here], known.most[there])
        found.worst[here] = np.maximum(found.worst[here], known.worst[there])


def _summed_up(stream: Ints, observed_at: Ints, value: Floats, score: Floats) -> Minutes:
    minute = observed_at - observed_at % MINUTE
    order = np.lexsort((minute, stream))
    stream, minute, value, score = stream[order], minute[order], value[order], score[order]
    is_first = np.append(True, (np.diff(stream) != 0) | (np.diff(minute) != 0))[: len(order)]
    starts = np.flatnonzero(is_first)
    count = np.diff(np.append(starts, len(order)))
    if not len(order):
        return Minutes(stream, minute, count, value, value, value, value, score)
    least, most = np.minimum.reduceat(value, starts), np.maximum.reduceat(value, starts)
    mean = np.add.reduceat(value / np.repeat(count, count), starts)  # divided first: the sum of large ones is infinite
    return Minutes(
        stream[starts],
        minute[starts],
        count,
        np.clip(mean, least, most),
        least,
        most,
        value[starts + count - 1],
        np.maximum.reduceat(score, starts),
    )


def _columns(minutes: Minutes) -> list[npt.NDArray[Any]]:
    return [getattr(minutes, name) for name in Minutes.__slots__]
