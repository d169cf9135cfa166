"""What the learners say of readings."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from gateway.records.readings import Floats, Ints

ALARM = 0.5
"""The score from which on a reading is worth an alarm."""

MOST_CALM = 0.499
"""The highest score of what is none: however it is rounded where it is written, it must not look as if it were."""


class Kind(IntEnum):
    """What the evidence against a reading says; stored as a number, published as the lower-case name."""

    NONE = 0
    SPIKE = 1
    SHIFT = 2
    SPREAD = 3
    RANGE = 4
    STUCK = 5
    SILENT = 6
    JOINT = 7


class Nature(IntEnum):
    """What a sensor is, and so what is learned of it; stored as a number, shown as the lower-case name."""

    VALUE = 0
    """Its value."""
    COUNTER = 1
    """How fast it rises: energy, litres, packets."""
    STATE = 2
    """How long it stays as it is, and when it changes: a door, a motion detector, a mode."""
    EVENT = 3
    """When something happens that is over at once: a button, a doorbell, a code by radio."""


class Change(IntEnum):
    """What a reading did to the incident of its stream."""

    NONE = 0
    NOTICE = 1
    """Suspicious, within the budget: for the log, not for people."""
    OPEN = 2
    ESCALATE = 3
    CLOSED = 4
    ADOPTED = 5
    """It has lasted so long that it is the new normal."""
    TURNED = 6
    """It is over since its sensor turned out to be something else, such as a state that sends numbers."""


@dataclass(frozen=True, slots=True, eq=False)
class Verdicts:
    """What the learners say of each reading of a batch, before they learned it; columns as long as the batch.

    `score` is in [0, 1], `ALARM` and above what opens an incident or is part of one. `expected`, `lower` and `upper`
    are in the unit of the reading, NaN while nothing can be said. `kind` holds the strongest `Kind` of evidence,
    `change` the `Change` of the stream's incident, `period` the log10 of the seconds that usually pass between two as
    odd as this one. `joint` is the score of all sensors of the device together, or of a detector the user chose, NaN
    where neither says anything, and `joint_change` the `Change` of the incident of either. `nature` is the `Nature` of
    the stream. Of a counter `base` is the last value and `span_s` the seconds since. Of a state `span_s` are the
    seconds it has lasted, and `base` those that it lasted at most, or in a rest how often that usually ends meanwhile.
    Of others both are NaN, but `base` is the last value where that is what is odd; of one that does not come any more
    `span_s` is for how long it has not, and `base` its longest pause.
    """

    score: Floats
    expected: Floats
    lower: Floats
    upper: Floats
    kind: npt.NDArray[np.uint8]
    is_stale: npt.NDArray[np.bool_]
    change: npt.NDArray[np.uint8]
    period: Floats
    joint: Floats
    joint_change: npt.NDArray[np.uint8]
    nature: npt.NDArray[np.uint8]
    base: Floats
    span_s: Floats

    def at(self, places: Ints) -> "Verdicts":
        """What is said at these positions."""
        return Verdicts(*(column[places] for _, column in self.columns()))

    def columns(self) -> Iterator[tuple[str, npt.NDArray[Any]]]:
        """Name and column of everything said."""
        return ((name, getattr(self, name)) for name in self.__slots__)


def blank_verdicts(count: int) -> Verdicts:
    """Nothing said of `count` readings."""
    expected, lower, upper, joint, base, span_s = np.full((6, count), np.nan)
    return Verdicts(
        score=np.zeros(count),
        expected=expected,
        lower=lower,
        upper=upper,
        kind=np.zeros(count, np.uint8),
        is_stale=np.zeros(count, np.bool_),
        change=np.zeros(count, np.uint8),
        period=np.zeros(count),
        joint=joint,
        joint_change=np.zeros(count, np.uint8),
        nature=np.zeros(count, np.uint8),
        base=base,
        span_s=span_s,
    )


def together(score: Floats, joint: Floats) -> Floats:
    """The score of a device by the worst of its sensors and by how they stand together, each in [0, 1].

    They look at different things, so that their rarities multiply and decades, which are shares of those of an alarm,
    add up; but an alarm is only what one of them is by itself.
    """
    worst = np.maximum(score, joint)
    shares = sum(each / (1.0 - each) for each in (np.minimum(score, MOST_CALM), np.minimum(joint, MOST_CALM)))
    return np.asarray(np.where(worst >= ALARM, worst, np.minimum(shares / (1.0 + shares), MOST_CALM)))
