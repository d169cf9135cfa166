"""How each sensor stands against its own past, and how far a moment of all of them is from how they usually stand.

Chosen by measurement over Half-Space Trees on the same features: see `joint`.
"""

import numpy as np

from gateway.learning.clock import LARGEST
from gateway.learning.rows import Places, Rows, ewma_rate, stretch, within
from gateway.records import Floats, Ints, Mask

FEATURES = 8
"""Dimensions of a device: enough for nearly all, and 64 numbers of memory."""

_MEAN_RATE = 0.002  # of the newest reading in a sensor's own mean and variance; 0.01 finds the same, twice as late
_FARTHEST = 8.0  # standard deviations; what is farther counts as this

_FINE = 6.0  # steps of a sensor in its standard deviation; a sine of so much goes through 17 values
_RATE = 0.002  # of the newest round: a memory of 500 rounds; 0.0005 finds as much, three times as late
_PRIOR = 10.0  # rounds the identity counts for at birth
_FREEDOM = 6.0  # of the t distribution whose weights bound the influence of what is far off; 30 finds a tenth less
_RIDGE = 0.005  # of each variance; 0.02 finds an eighth less, 0.001 the same as this
_LEAST_VARIANCE = 0.25  # of a feature, whose usual variance is 1: a sensor that rarely moves is no proof when it does
_IDENTITY = np.eye(FEATURES)[:, :, None]


UNHEARD = -1


class Sensors(Rows):
    """Per stream: where it stands against its own past, and the last round of its device it took part in."""

    def __init__(self) -> None:
        super().__init__(
            {
                "seen": ((), np.float64, 0.0),
                "mean": ((), np.float64, 0.0),
                "variance": ((), np.float64, 0.0),
                "stand": ((), np.float64, 0.0),
                "last": ((), np.float64, 0.0),
                "grain": ((), np.float64, np.inf),
                "is_rate": ((), np.bool_, False),
                "round": ((), np.int64, UNHEARD),
            }
        )

    def learn(self, rows: Ints, value: Floats, is_rate: Mask, is_trusted: Mask) -> Floats:
        """Standard deviations by which each value is off its mean, bounded; then learn those that are trusted.

        A sensor whose rate counts from now on, or whose value does again, is another one.
        """
        a, at = self.arrays, stretch(rows)
        value = within(value, -LARGEST, LARGEST)
        is_same = a["is_rate"][at] == is_rate
        seen, variance = a["seen"][at] * is_same, a["variance"][at] * is_same
        mean = np.where(seen > 0.0, a["mean"][at], value)
        deviation = np.sqrt(variance)
        has_moved = variance > 0.0
        step = value - mean
        step = np.where(has_moved, within(step, -_FARTHEST * deviation, _FARTHEST * deviation), step)
        move, grain = np.abs(value - a["last"][at]), np.where(is_same, a["grain"][at], np.inf)
        a["grain"][at] = np.where((seen > 0.0) & (move > 0.0), np.minimum(grain, move), grain)
        a["last"][at] = value
        rate = np.where(is_trusted, ewma_rate(_MEAN_RATE, seen + 1.0), 0.0)
        a["is_rate"][at] = is_rate
        a["seen"][at] = seen + 1.0
        a["mean"][at] = mean + rate * step
        a["variance"][at] = variance + rate * (step * step - variance)
        return np.where(has_moved, step / np.where(has_moved, deviation, 1.0), 0.0)

    def is_fine(self, rows: Ints) -> Mask:
        """Whether each of these shows many values: its usual deviation is many times the least it ever moved.

        `Evidence` knows the latter, too, but when a round is judged it has seen the whole batch.
        """
        return np.asarray(self.arrays["variance"][rows] > np.square(_FINE * self.arrays["grain"][rows]))


class Correlation(Rows):
    """The covariance of every device's features, which are 0 on average and in a dimension without a sensor."""

    def __init__(self) -> None:
        super().__init__({"seen": ((), np.float64, 0.0), "departure": ((FEATURES, FEATURES), np.float64, 0.0)})

    def distance(self, at: Places, features: Floats) -> Floats:
        """The squared Mahalanobis distance of each column of `features` from zero.

        By elimination without pivots, the same operations for every device: what stands beside it cannot matter,
        nor can dimensions that are left out because none of these devices has a sensor there.
        """
        size = len(features)
        left = self.arrays["departure"][:size, :size, at] + _IDENTITY[:size, :size]
        place = np.arange(size)
        left[place, place] = np.maximum(left[place, place], _LEAST_VARIANCE) * (1.0 + _RIDGE)
        rest, distance = features.copy(), np.zeros(features.shape[1])
        for pivot in range(size):
            variance, after = left[pivot, pivot], slice(pivot + 1, size)
            distance += rest[pivot] * rest[pivot] / variance
            factor = left[after, pivot] / variance
            rest[after] -= factor * rest[pivot]
            left[after, after] -= factor[:, None] * left[pivot, None, after]
        return distance

    def learn(self, at: Places, features: Floats, distance: Floats, sensors: Ints) -> None:
        """Take in the features (all dimensions) of each of these, the less the farther off they are."""
        a, size = self.arrays, int(sensors.max(initial=0))  # the dimensions beyond that stay zero
        features = features[:size]
        seen = a["seen"][at] + 1.0
        a["seen"][at] = seen
        weight = (_FREEDOM + sensors) / (_FREEDOM + distance)
        has_sensor = np.arange(size)[:, None] < sensors
        old = a["departure"][:size, :size, at]
        target = weight * features[:, None] * features[None] - _IDENTITY[:size, :size] * has_sensor
        a["departure"][:size, :size, at] = old + ewma_rate(_RATE, seen + _PRIOR) * (target - old)
