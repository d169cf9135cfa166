"""What those who follow the log are told: stretches of it, with what was noted beside its entries."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from gateway.records import Batch, Floats, Incident, Ints, Verdicts


@dataclass(frozen=True, slots=True, eq=False)
class Foreseen:
    """Forecasts kept to be held against what came, one per row of equally long columns."""

    stream: Ints
    made_at: Ints
    due_at: Ints
    expected: Floats
    lower: Floats
    upper: Floats

    def __len__(self) -> int:
        return len(self.stream)

    def at(self, places: Ints) -> "Foreseen":
        """Those at these positions."""
        return Foreseen(*(getattr(self, name)[places] for name in self.__slots__))


@dataclass(frozen=True, slots=True)
class Health:
    """How the gateway itself was `at`, as numbers by name."""

    at: int
    numbers: Mapping[str, float]


@dataclass(frozen=True, slots=True, eq=False)
class Minutes:
    """Readings summed up by stream and minute of `observed_at`, one per row of equally long columns.

    `minute` is when it began (ns). `worst` is the highest score.
    """

    stream: Ints
    minute: Ints
    count: Ints
    mean: Floats
    least: Floats
    most: Floats
    last: Floats
    worst: Floats

    def __len__(self) -> int:
        return len(self.stream)

    def at(self, places: Ints) -> "Minutes":
        """Those at these positions."""
        return Minutes(*(getattr(self, name)[places] for name in self.__slots__))


Note: TypeAlias = Foreseen | Health | Minutes
"""What stands in the log beside its entries and changes no state."""


@dataclass(frozen=True, slots=True, eq=False)
class Passage:
    """A stretch of the log as one of its cursors passes it, up to and including number `seq`.

    `streams` holds device and sensor of every stream by row, `at` when the first of it was received.
    """

    seq: int
    at: int
    streams: Sequence[tuple[str, str]]
    readings: Sequence[tuple[Batch, Verdicts]]
    incidents: Sequence[Incident]
    notes: Sequence[Note]

    @property
    def size(self) -> int:
        """How many readings it holds."""
        return sum(len(batch) for batch, _ in self.readings)


class DeadLetter(NamedTuple):
    """A line that a database refused `at`, and its words."""

    line: str
    at: int
    words: str
