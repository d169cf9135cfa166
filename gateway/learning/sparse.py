"""State of those streams alone that need it: a column each from when they first do."""

from collections.abc import Mapping

import numpy as np

from gateway.learning.rows import Array, Rows, Shape, positions
from gateway.records import Ints

_SEATED = "is_seated"


class Sparse(Rows):
    """Arrays as of `Rows` in which a stream has a column, its seat, once it `sit`s down.

    Until then it is as at birth: it reads the first column, which is nobody's and to which nothing is written. Methods
    take streams, and what subclasses keep in `arrays` is by seat.
    """

    def __init__(self, shapes: Mapping[str, Shape]) -> None:
        super().__init__(shapes)
        super().grow(1)
        self._streams, self._seat_of = 0, np.zeros(0, np.int32)

    def grow(self, streams: int) -> None:
        """Know of `streams` streams in all."""
        self._streams, room = max(self._streams, streams), len(self._seat_of)
        if streams > room:
            self._seat_of = np.append(self._seat_of, np.zeros(max(streams, room * 3 // 2) - room, np.int32))

    def sit(self, rows: Ints) -> None:
        """From now on each of `rows` has a column."""
        new = rows[self._seat_of[rows] == 0]
        if len(new):
            new, first = np.unique(new), self.count  # a person's word may be on a stream twice
            super().grow(first + len(new))
            self._seat_of[new] = np.arange(first, first + len(new))

    def seats(self, rows: Ints) -> Ints:
        """The column of each of `rows`."""
        return self._seat_of[rows].astype(np.int64)

    def seated(self) -> Ints:
        """All streams that have a column of their own."""
        return positions(self._seat_of > 0)

    def _taken(self, rows: Ints) -> Ints:
        seats = self.seats(rows)
        return seats[seats > 0]

    def taken(self, name: str, rows: Ints) -> Array:
        """As of `Rows`."""
        return super().taken(name, self.seats(rows))

    def put(self, name: str, rows: Ints, columns: Array) -> None:
        """As of `Rows`; who is to be as at birth gets no column for that."""
        is_born = (columns == self.shapes[name][2]).reshape(-1, len(rows)).all(axis=0)
        self.sit(rows[~is_born])
        seats = self.seats(rows)
        super().put(name, seats[seats > 0], columns[..., seats > 0])

    def renew(self, rows: Ints) -> None:
        """Let these streams know nothing, as at birth."""
        super().renew(self._taken(rows))

    def rewind(self, at: int, rows: Ints, *names: str) -> None:
        """As of `Rows`."""
        super().rewind(at, self._taken(rows), *names)

    def hold_before(self, at: int, rows: Ints, *names: str) -> None:
        """As of `Rows`."""
        super().hold_before(at, self._taken(rows), *names)

    def shift(self, leap: int, rows: Ints, *names: str) -> None:
        """As of `Rows`."""
        super().shift(leap, self._taken(rows), *names)

    def dumps(self) -> dict[str, Array]:
        """Copies of all columns in the order of their streams: in which they sat down is nobody's concern."""
        seats = self._seat_of[: self._streams]
        at = seats[seats > 0]
        columns = {name: np.ascontiguousarray(array[..., at]) for name, array in self.arrays.items()}
        return {_SEATED: seats > 0, **columns}

    def loads(self, saved: Mapping[str, Array]) -> None:
        """Take over what `dumps` gave."""
        is_seated = np.asarray(saved[_SEATED], np.bool_)
        super().loads({name: np.insert(saved[name], 0, self.shapes[name][2], axis=-1) for name in self.shapes})
        if self.count != is_seated.sum() + 1:
            message = f"{is_seated.sum()} streams, but {self.count - 1} columns"
            raise ValueError(message)
        self._streams, self._seat_of = len(is_seated), np.where(is_seated, np.cumsum(is_seated), 0).astype(np.int32)

    def adopt(self, other: Rows, theirs: Ints, ours: Ints) -> None:
        """Take over columns of another of the same kind: `ours` become what `theirs` are."""
        assert isinstance(other, Sparse)  # noqa: S101 - of the same kind
        held = positions(other.seats(theirs) > 0)
        self.sit(ours[held])
        super().adopt(other, other.seats(theirs[held]), self.seats(ours[held]))

    @property
    def bytes_per_stream(self) -> float:
        """Size of the state, per stream."""
        size = sum(array.nbytes for array in self.arrays.values()) + self._seat_of.nbytes
        return float(size / max(1, self._streams))
