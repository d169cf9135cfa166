"""What a stream knew before its incident, kept aside until it is clear which of the two is to be believed."""

from collections.abc import Mapping

import numpy as np

from gateway.learning.peaks import Singles
from gateway.learning.rows import Array, Rows, Shape, positions
from gateway.records import Floats, Ints, Mask

STANDING: dict[str, frozenset[str]] = {
    "profile": frozenset(),
    "pool": frozenset({"seen", "lags", "level", "offset", "holt", "trend"}),
    "rhythm": frozenset({"next", "values"}),
    "distant": frozenset({"due_at", "ahead_s", "sent_from", "said"}),
    "evidence": frozenset({"fast", "weekly", "usual", "spread", "run", "block"}),
    "tails": frozenset({"seen"}),
    "allowed": frozenset(),
}
"""What is put aside when an incident opens, and what of it is no habit but where a stream stands now: that never falls
back."""

FORECAST = {
    "profile": STANDING["profile"],
    "pool": STANDING["pool"] | {"regret", "square", "loss", "width"},
    "rhythm": STANDING["rhythm"],
}
"""What falls back when an incident ends by itself, and what of it does not: who forecasts well has been seen, and how
wide intervals must be. Putting the former back made the forecasts of NAB's real streams 0.4 % worse; putting the latter
back, the interval of the next value held 87 % on one of them; `distant`, too, that of an hour ahead was within 88 to
92 % on 57 % of them instead of 66. Tails and evidence keep what they saw, bounded as they are: putting the tails back
cost 1.3 points on NAB with one peak per incident and 12 with none, the evidence 2."""

APPEAL_S = 8 * 86_400.0
"""How long after an incident opened a person may say what it was: a day until it is adopted, and a week. No longer,
because it takes another 4 KB."""

_ROOM = 4
"""Times as much room as there are copies, from which on it is given back: many incidents at once are over some day."""


class Shelf:
    """Copies of the columns of the few streams that have an incident, ordered by row: one each, however long it lasts.

    Beside a copy stands the most extreme that each side of each statistic has shown since (-inf: nothing unusual).
    """

    def __init__(self, parts: Mapping[str, Rows], sides: int) -> None:
        self._parts = parts
        extreme: dict[str, Shape] = {"extreme": ((sides,), np.float64, -np.inf)}
        columns = {f"{room}/{name}": shape for room, part in parts.items() for name, shape in part.shapes.items()}
        self._copies = Rows(extreme | columns)
        self.rows: Ints = np.zeros(0, np.int64)
        self._slots: Ints = np.zeros(0, np.int64)

    def __len__(self) -> int:
        return len(self.rows)

    def holds(self, rows: Ints) -> Mask:
        """Whether there is a copy of each of `rows`."""
        if not len(self.rows):
            return np.zeros(len(rows), bool)
        return np.asarray(self.rows[np.minimum(np.searchsorted(self.rows, rows), len(self.rows) - 1)] == rows)

    def _slot(self, rows: Ints) -> Ints:
        """Where the copies of these streams lie."""
        return np.asarray(self._slots[np.searchsorted(self.rows, rows)])

    def keep(self, rows: Ints) -> None:
        """Put copies of these streams aside, in the place of older ones."""
        self.drop(rows)
        self._copies.grow(len(self.rows) + len(rows))
        is_free = np.ones(self._copies.room, bool)
        is_free[self._slots] = False
        slots = positions(is_free)[: len(rows)]
        for room, part in self._parts.items():
            for name in part.shapes:
                self._copies.arrays[f"{room}/{name}"][..., slots] = part.taken(name, rows)
        self._copies.arrays["extreme"][:, slots] = -np.inf
        all_rows, all_slots = np.concatenate([self.rows, rows]), np.concatenate([self._slots, slots])
        order = np.argsort(all_rows, kind="stable")
        self.rows, self._slots = all_rows[order], all_slots[order]

    def drop(self, rows: Ints) -> None:
        """Forget the copies of these streams."""
        held = rows[self.holds(rows)]
        if not len(held):
            return
        left = np.ones(len(self.rows), bool)
        left[np.searchsorted(self.rows, held)] = False
        self.rows, self._slots = self.rows[left], self._slots[left]
        if self._copies.room > _ROOM * (len(self.rows) + _ROOM):
            self.loads(self.dumps())

    def note(self, rows: Ints, sides: Singles) -> None:
        """Remember how extreme the statistics of these streams, which have copies, are: (side, row)."""
        slots, extreme = self._slot(rows), self._copies.arrays["extreme"]
        extreme[:, slots] = np.maximum(extreme[:, slots], sides)

    def put_back(self, rows: Ints, room: str, but: frozenset[str] = frozenset()) -> None:
        """Make one part of these streams what it was, except for the arrays named in `but`."""
        slots = self._slot(rows)
        for name in self._parts[room].shapes.keys() - but:
            self._parts[room].put(name, rows, self._copies.arrays[f"{room}/{name}"][..., slots])

    def extremes(self, rows: Ints) -> Floats:
        """The most extreme each side has shown since the copies were made, (side, row)."""
        return np.asarray(self._copies.arrays["extreme"][:, self._slot(rows)])

    def adopt(self, other: "Shelf", theirs: Ints, ours: Ints) -> None:
        """Take over the copies of streams of another: `theirs` there are `ours` here."""
        held = other.holds(theirs)
        self.drop(ours)
        self.keep(ours[held])
        self._copies.adopt(other._copies, other._slot(theirs[held]), self._slot(ours[held]))  # noqa: SLF001 - of the same class

    def dumps(self) -> dict[str, Array]:
        """The copies, as arrays by name."""
        copies = {name: np.ascontiguousarray(array[..., self._slots]) for name, array in self._copies.arrays.items()}
        return {"rows": self.rows, **copies}

    def loads(self, saved: Mapping[str, Array]) -> None:
        """Become what was saved by `dumps`; raises `ValueError` where the shapes do not fit."""
        self._copies.loads(saved)
        self.rows, self._slots = saved["rows"], np.arange(len(saved["rows"]))
