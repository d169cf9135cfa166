"""What `Tails` is asked about and what it finds: the values of a round that lie above what is everyday for them."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gateway.records import Floats, Ints, Mask

CLUSTER = 12.0  # readings; 6 and 24 are both worse on NAB, and clean streams are as calibrated

LEAST_DECADES = 2.0
"""Of the return period in readings: nothing more usual is told, whatever the budget."""

_BESIDE = 0.5  # steps; what is no farther from a value of the grid of a sensor may be that

Singles = npt.NDArray[np.float32]


class Grid(NamedTuple):
    """The least change each of some streams has shown, 0 where there was none, and how far apart its values lie.

    `units` are those in which statistics are measured, one a row, each in that of the sensor.
    """

    step: Floats
    span: Floats
    units: Floats

    def measured(self, unit: Ints, place: Ints) -> tuple[Floats, Floats]:
        """Step and span at these positions of the round, each in one of the units."""
        size = self.units[unit, place]
        return self.step[place] / size, self.span[place] / size

    def has_two(self) -> Mask:
        """Whether each of the streams has shown no more than two values."""
        return is_within(self.span, 1.0, self.step)


def is_within(length: Floats, steps: Floats | float, step: Floats) -> Mask:
    """Whether each length is no more than so many `step`; neither is known to the last digit."""
    return np.asarray(length <= (steps + _BESIDE) * step)


class Traits(NamedTuple):
    """What is known of each statistic before anything was seen of it.

    `least_excess` is a prior mean excess in its own unit, for those that may have no range (0 of others). `few` is, for
    those that go in the steps in which a sensor reads (0 of others), the most of these in its range with which it
    knows few values; `moves` by how many of them it moves with a sensor that moves by one. `cluster` is after how many
    readings a peak is another: no less than what one reading stays in it. `unit` is in which of the units of a `Grid`
    each is measured.
    """

    least_excess: Floats
    few: Floats
    moves: Floats
    cluster: Floats
    unit: Ints


class Peaks(NamedTuple):
    """The statistics of a round that lie above their own thresholds, and what is known of those tails.

    `told` is the value as it is judged: where a sensor reads in steps the next beyond all it has shown is no news, and
    where it knows few values none that it has shown. `most` is as far as the tail is carried by it.
    """

    side: Ints
    place: Ints  # position in the round
    row: Ints
    at: Ints  # position of side and row in the flattened arrays
    value: Floats
    told: Floats
    edge: Floats
    mean_excess: Floats
    most: Floats

    def as_they_are(self, is_it: Mask) -> "Peaks":
        """Where this is so at a position of the round, the value is judged as it is: nothing is read in steps there."""
        return self._replace(told=np.where(is_it[self.place], self.value, self.told))

    def everyday(self, side: int, is_it: Mask) -> "Peaks":
        """Where this is so at a position of the round, nothing is said of this side; what it shows is learned."""
        return self._replace(told=np.where((self.side == side) & is_it[self.place], 0.0, self.told))

    def but(self, is_left_out: Mask) -> "Peaks":
        """Those at the other positions of the round."""
        left = ~is_left_out[self.place]
        numbers = self.value[left], self.told[left], self.edge[left], self.mean_excess[left], self.most[left]
        return Peaks(self.side[left], self.place[left], self.row[left], self.at[left], *numbers)
