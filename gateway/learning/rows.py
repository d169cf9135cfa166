"""State of many streams as arrays: one column per stream, one row per number that is kept of it."""

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from gateway.records import SECOND, Floats, Ints

Array: TypeAlias = npt.NDArray[Any]
Shape: TypeAlias = tuple[tuple[int, ...], npt.DTypeLike, float]
Places: TypeAlias = Ints | slice
"""Which columns: by number, or a stretch of them, as `stretch` finds it."""


NEVER = np.iinfo(np.int64).min
"""No time at all."""

SET_BACK = 3600 * SECOND
"""How far ahead of the clock a time must lie to say that the clock was set back: no reading is accepted that far ahead
(`limits.ahead_s`), and in an hour a clock that was wrong by less has caught up."""


class Rows:
    """A growing set of named arrays whose last axis is the stream; the whole state of one learner.

    Beyond `count` the arrays hold spare columns, as at birth.

    `shapes` gives for each name the leading axes, the type and the value a new stream is born with.
    """

    def __init__(self, shapes: Mapping[str, Shape]) -> None:
        self.shapes = dict(shapes)
        self.count = 0
        self.arrays: dict[str, Array] = {
            name: _together(np.full((*shape, 0), fill, dtype)) for name, (shape, dtype, fill) in shapes.items()
        }

    def grow(self, streams: int) -> None:
        """Make room for `streams` streams in all; the new ones know nothing."""
        self.count = max(self.count, streams)
        for name, (shape, dtype, fill) in self.shapes.items():
            old = self.arrays[name]
            room = old.shape[-1]
            if streams > room:  # by half as much again: streams that come one by one must not copy everything each time
                born = np.full((*shape, max(streams, room * 3 // 2) - room), fill, dtype)
                self.arrays[name] = _together(np.concatenate([old, born], axis=-1))

    def taken(self, name: str, rows: Ints) -> Array:
        """Copies of the columns of these streams in one of the arrays."""
        return np.asarray(self.arrays[name][..., rows])

    def put(self, name: str, rows: Ints, columns: Array) -> None:
        """Make the columns of these streams in one of the arrays what `taken` gave."""
        self.arrays[name][..., rows] = columns

    def renew(self, rows: Ints) -> None:
        """Let these streams know nothing, as at birth."""
        for name, (_, _, fill) in self.shapes.items():
            self.arrays[name][..., rows] = fill

    def rewind(self, at: int, rows: Ints, *names: str) -> None:
        """The clock reads `at` (ns): times of `rows` that lie beyond `SET_BACK` were given by a wrong one."""
        for name in names:
            times = self.arrays[name][..., rows]
            self.arrays[name][..., rows] = np.where(times > at + SET_BACK, at, times)

    def hold_before(self, at: int, rows: Ints, *names: str) -> None:
        """No time of `rows` is later than this."""
        for name in names:
            self.arrays[name][..., rows] = np.minimum(self.arrays[name][..., rows], at)

    def shift(self, leap: int, rows: Ints, *names: str) -> None:
        """The clock that gave the times of `rows` was set by `leap` ns, and they with it; what is no time stays."""
        for name in names:
            times = self.arrays[name][..., rows]
            is_time = (times != 0) & (times != NEVER)
            self.arrays[name][..., rows] = np.where(is_time, times + leap * is_time, times)

    def dumps(self) -> dict[str, Array]:
        """Copies of all arrays, to be saved; `loads` restores them bit for bit."""
        return {name: array[..., : self.count].copy() for name, array in self.arrays.items()}

    def loads(self, saved: Mapping[str, Array]) -> None:
        """Take over what `dumps` gave, of any number of streams."""
        for name, (shape, dtype, _) in self.shapes.items():
            array = np.asarray(saved[name], dtype)
            if array.shape[:-1] != shape:
                message = f"{name}: saved with shape {array.shape}, expected {shape}"
                raise ValueError(message)
            self.arrays[name] = _together(array.copy())
            self.count = array.shape[-1]

    def adopt(self, other: "Rows", theirs: Ints, ours: Ints) -> None:
        """Take over columns of another of the same kind: `ours` become what `theirs` are."""
        for name, array in self.arrays.items():
            array[..., ours] = other.arrays[name][..., theirs]

    @property
    def room(self) -> int:
        """How many columns the arrays have."""
        return int(next(iter(self.arrays.values())).shape[-1])

    @property
    def bytes_per_stream(self) -> float:
        """Size of the state, per stream."""
        return float(sum(array.nbytes for array in self.arrays.values()) / max(1, self.room))


def _together(array: Array) -> Array:
    """The same array, laid out in memory so that of three axes what the middle one tells apart lies side by side.

    It is fetched and put back together, stream by stream; scattered over all streams, each number costs a cache line.
    """
    return array if array.ndim <= 2 else np.moveaxis(np.moveaxis(array, -1, 1).copy(), 1, -1)  # noqa: PLR2004 - one numbered axis


def stretch(rows: Ints) -> Places:
    """The same rows, as a slice where each follows on the one before: what that fetches is a view, and no copy.

    A view changes with what it was fetched from: whoever writes there reads first, or copies.
    """
    count = len(rows)
    if not count:
        return rows
    first = int(rows[0])
    if count == 1:
        return slice(first, first + 1)
    last = int(rows[-1])
    if last - first + 1 != count or not (rows[1:] > rows[:-1]).all():
        return rows
    return slice(first, last + 1)


def rounds(stream: Ints) -> list[Ints]:
    """Split the readings of a batch so that within a round each stream occurs at most once.

    Returns positions in the batch; a stream's readings keep their order over the rounds. However readings are
    batched, each stream therefore lives through the same sequence.
    """
    count = len(stream)
    if count == 1 or (stream[1:] > stream[:-1]).all():
        return [np.arange(count)] if count else []
    order = np.argsort(stream, kind="stable")
    ordered = stream[order]
    starts = positions(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    if len(starts) == count:
        return [order]
    lengths = np.diff(np.append(starts, count))
    turn = np.arange(count) - np.repeat(starts, lengths)
    by_turn = np.argsort(turn, kind="stable")
    return np.split(order[by_turn], np.cumsum(np.bincount(turn))[:-1])


def ewma_rate(floor: float, seen: Floats) -> Floats:
    """Learning rate of a mean that is plain over the first readings and exponential from then on."""
    return np.maximum(floor, plain_rate(seen))


def positions(is_it: npt.NDArray[np.bool_]) -> Ints:
    """Where a mask holds, counted along all axes: as `np.flatnonzero`, which takes three times as long for a few."""
    return is_it.reshape(-1).nonzero()[0]


def within(number: Floats, low: Floats | float, high: Floats | float) -> Floats:
    """The numbers, none below `low` or above `high`: as `np.clip`, which takes three times as long for a few."""
    return np.asarray(np.minimum(np.maximum(number, low), high))


def summed(numbers: Floats) -> Floats:
    """The sum of each column, in the same order however many stand side by side: that of `np.sum` hangs on it.

    By halves (pairwise summation): of eight numbers with three calls, one after the other takes seven.
    """
    while (count := len(numbers)) > 1:
        half = count // 2
        sums = numbers[:half] + numbers[half : 2 * half]
        if count % 2:
            sums[0] += numbers[-1]
        numbers = sums
    return np.asarray(numbers[0])


def plain_rate(seen: Floats) -> Floats:
    """Learning rate of a plain mean; with a floor it becomes exponential."""
    return np.asarray(1.0 / np.maximum(seen, 1.0))
