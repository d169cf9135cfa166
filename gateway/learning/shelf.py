"""What a stream knew before its incident, kept aside until it is clear which of the two is to be believed."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from gateway.learning.rows import Array, Rows
from gateway.learning.tails import Singles
from gateway.records import Floats, Ints

STANDING: dict[str, frozenset[str]] = {
    "profile": frozenset(),
    "pool": frozenset({"seen", "lags", "level", "offset", "holt", "trend"}),
    "evidence": frozenset({"seen", "fast", "weekly", "usual", "run", "ring"}),
    "tails": frozenset({"seen"}),
}
"""What is put aside when an incident opens, and what of it is no habit but where a stream stands now: that never falls
back. When an incident ends by itself, profile and pool fall back; tails and evidence keep what they saw, bounded as
they are: putting the tails back cost 1.3 points on NAB with one peak per incident and 12 with none, the evidence 2."""

APPEAL_S = 8 * 86_400.0
"""How long after an incident opened a person may say what it was: a day until it is adopted, and a week. No longer,
because it takes another 4 KB."""

Mask = npt.NDArray[np.bool_]


class Shelf:
    """Copies of the columns of the few streams that have an incident, ordered by row: one each, however long it lasts.

    Beside a copy stands the most extreme that each side of each statistic has shown since (-inf: nothing unusual).
    """

    def __init__(self, parts: Mapping[str, Rows], sides: int) -> None:
        self._parts = parts
        self._sides = sides
        self.rows: Ints = np.zeros(0, np.int64)
        self.extreme: Floats = np.zeros((sides, 0))
        self._columns = self._taken(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def _taken(self, rows: Ints) -> dict[str, Array]:
        return {
            f"{room}/{name}": array[..., rows]
            for room, part in self._parts.items()
            for name, array in part.arrays.items()
        }

    def holds(self, rows: Ints) -> Mask:
        """Whether there is a copy of each of `rows`."""
        if not len(self.rows):
            return np.zeros(len(rows), bool)
        return np.asarray(self.rows[np.minimum(np.searchsorted(self.rows, rows), len(self.rows) - 1)] == rows)

    def keep(self, rows: Ints) -> None:
        """Put copies of these streams aside, in the place of older ones."""
        self.drop(rows)
        order = np.argsort(np.concatenate([self.rows, rows]), kind="stable")
        fresh = self._taken(rows)
        for name, column in self._columns.items():
            self._columns[name] = np.concatenate([column, fresh[name]], axis=-1)[..., order]
        self.rows = np.concatenate([self.rows, rows])[order]
        nothing = np.full((self._sides, len(rows)), -np.inf)
        self.extreme = np.concatenate([self.extreme, nothing], axis=-1)[..., order]

    def drop(self, rows: Ints) -> None:
        """Forget the copies of these streams."""
        left = np.isin(self.rows, rows, invert=True)
        if left.all():
            return
        self.rows, self.extreme = self.rows[left], self.extreme[:, left]
        self._columns = {name: column[..., left] for name, column in self._columns.items()}

    def note(self, rows: Ints, sides: Singles) -> None:
        """Remember how extreme the statistics of these streams, which have copies, are: (side, row)."""
        places = np.searchsorted(self.rows, rows)
        self.extreme[:, places] = np.maximum(self.extreme[:, places], sides)

    def put_back(self, rows: Ints, room: str, but: frozenset[str] = frozenset()) -> None:
        """Make one part of these streams what it was, except for the arrays named in `but`."""
        places = np.searchsorted(self.rows, rows)
        for name, array in self._parts[room].arrays.items():
            if name not in but:
                array[..., rows] = self._columns[f"{room}/{name}"][..., places]

    def extremes(self, rows: Ints) -> Floats:
        """The most extreme each side has shown since the copies were made, (side, row)."""
        return self.extreme[:, np.searchsorted(self.rows, rows)]

    def adopt(self, other: "Shelf", theirs: Ints, ours: Ints) -> None:
        """Take over the copies of streams of another: `theirs` there are `ours` here."""
        held = other.holds(theirs)
        self.drop(ours)
        self.keep(ours[held])
        there, here = np.searchsorted(other.rows, theirs[held]), np.searchsorted(self.rows, ours[held])
        self.extreme[:, here] = other.extreme[:, there]
        for name, column in self._columns.items():
            column[..., here] = other._columns[name][..., there]  # noqa: SLF001 - of the same class

    def dumps(self) -> dict[str, Array]:
        """The copies, as arrays by name."""
        return {"rows": self.rows, "extreme": self.extreme, **self._columns}

    def loads(self, saved: Mapping[str, Array]) -> None:
        """Become what was saved by `dumps`; raises `ValueError` where the shapes do not fit."""
        for name, now in self._taken(np.zeros(0, np.int64)).items():
            if saved[name].shape[:-1] != now.shape[:-1] or saved[name].dtype != now.dtype:
                message = f"{name}: a copy of shape {saved[name].shape}, expected {now.shape}"
                raise ValueError(message)
            self._columns[name] = saved[name]
        self.rows, self.extreme = saved["rows"], saved["extreme"]
