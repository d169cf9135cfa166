"""Time to a limit: when a stream that moves steadily reaches a bound that the user set; pure.

What a stream usually does is forecast elsewhere. This is for what it does not usually do: a freezer that warms, a tank
that empties. A straight line through the last values says when the limit is reached if it goes on like this, and how
well they keep to that line says how sure that is.
"""

from fnmatch import fnmatchcase
from typing import NamedTuple

import numpy as np

from gateway.records import Floats

_FARTHEST = 4.0  # times as long as the line is known; farther ahead it is not believed
_STEADY = 8.0  # root mean square departures from the line that the climb must have; noise has it once in 10^9 readings
_DOUBT = 6.0  # standard errors of the slope: departures that follow each other are worth a ninth of independent ones
_OWN = 0.5  # of the climb that is not just the hour of the day


class Bound(NamedTuple):
    """The values between which sensors (shell patterns) should stay; None where a side has no bound."""

    devices: str = "*"
    sensors: str = "*"
    below: float | None = None
    above: float | None = None

    def fits(self, device: str, sensor: str) -> bool:
        """Whether the bound is for this stream."""
        return fnmatchcase(device, self.devices) and fnmatchcase(sensor, self.sensors)


class Approach(NamedTuple):
    """A limit, and in how many seconds from the last value it is reached: most likely, earliest, latest."""

    limit: float
    in_s: float
    earliest_s: float
    latest_s: float


def approach(values: Floats, ages_s: Floats, drift: float, bound: Bound) -> Approach | None:
    """When the line through the last values reaches the bound; None where nothing steady leads there.

    `ages_s` is how long ago each came when the last did. `drift` is by how much the hour of the day alone lets expect
    them to have climbed.
    """
    time = ages_s.mean() - ages_s
    middle, spread = float(values.mean()), float(time @ time)
    if spread <= 0.0:
        return None
    slope = float((values - middle) @ time) / spread
    off = values - middle - slope * time
    scatter = float(np.sqrt(np.square(off).mean()))
    climb, level = slope * ages_s[0], middle + slope * time[-1]
    if abs(climb) <= _STEADY * scatter or abs(climb - drift) < _OWN * abs(climb):
        return None
    limit = bound.above if slope > 0.0 else bound.below
    if limit is None or (limit - level) * slope <= 0.0 or (limit - values[-1]) * slope <= 0.0:
        return None
    doubt = _DOUBT * scatter / float(np.sqrt(spread))
    left, speed = abs(limit - level), abs(slope)
    if left > _FARTHEST * ages_s[0] * speed or doubt >= speed:
        return None
    return Approach(limit, left / speed, left / (speed + doubt), left / (speed - doubt))
