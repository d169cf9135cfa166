"""What a kind of device is: its sensors, how often it reports, and the world it measures."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from typing import TypeAlias

from device_sim.chance import Chance

MINUTE = 60.0
HOUR = 3600.0
DAY = 86400.0

_SCALE_READINGS = 3000  # a day at least at one in 30 s: every daily habit is in it


@dataclass(frozen=True, slots=True)
class Command:
    """What a device was told to do: from `before` to `after` at `since`, followed with the device's own inertia."""

    before: float
    after: float
    since: float = 0.0

    def at(self, t: float, inertia_s: float) -> float:
        """Return how far the command has been followed at `t`."""
        return self.after + (self.before - self.after) * math.exp(-max(t - self.since, 0.0) / inertia_s)


IDLE = Command(0.0, 0.0)

Values: TypeAlias = dict[str, float]
Signal: TypeAlias = Callable[[Chance, float, Command], Values]
"""(dice, simulated time in epoch seconds, command) -> true value of each sensor, before noise and rounding."""
Following: TypeAlias = Callable[[Chance, float], float]
"""(dice, t) -> the time of the first report after t."""


@dataclass(frozen=True, slots=True)
class Sensor:
    """One sensor: white noise of `noise` is added to the truth, then it is rounded to `step` within [low, high]."""

    name: str
    noise: float
    step: float
    low: float
    high: float
    is_counter: bool = False
    is_event: bool = False

    def rounded(self, value: float) -> float:
        """Return what the sensor's converter makes of `value`."""
        if self.step:
            value = round(round(value / self.step) * self.step, 6)
        return min(max(value, self.low), self.high)


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of device. `following` is given by kinds that report when something happens, not by the clock."""

    name: str
    interval_s: float
    sensors: tuple[Sensor, ...]
    signal: Signal
    following: Following | None = None
    is_epoch_ms: bool = False
    is_recording: bool = False

    def measured(self, chance: Chance, t: float, command: Command = IDLE) -> Values:
        """Return what the sensors sense at `t`: the truth with noise, not yet rounded."""
        truth = self.signal(chance, t, command)
        n = int(t * 1000)
        return {s.name: truth[s.name] + s.noise * chance.gauss(s.name, n) for s in self.sensors if s.name in truth}

    def every(self, interval_s: float | None) -> "Kind":
        """Return this kind reporting every `interval_s`; what reports by events or is given None stays as it is."""
        return self if interval_s is None or self.following else replace(self, interval_s=interval_s)

    def next_after(self, chance: Chance, t: float) -> float:
        """Return when a device of this kind that reported at `t` reports again."""
        return self.following(chance, t) if self.following else t + self.interval_s


@lru_cache(maxsize=256)
def noise_scales(kind: Kind) -> Mapping[str, float]:
    """Return the unit in which the sizes of faults are given, per sensor.

    It is the root mean square of the change from one healthy reading to the next, divided by sqrt(2): for white noise
    exactly its sigma, for a compressor or a heart the part of its life that nobody foresees one reading ahead too.
    """
    chance, t = Chance.of("scale"), 0.0
    rows = [kind.measured(chance, t)]
    for _ in range(_SCALE_READINGS):
        t = kind.next_after(chance, t)
        rows.append(kind.measured(chance, t))
    return {s.name: _scale(s, rows) for s in kind.sensors}


def _scale(sensor: Sensor, rows: list[Values]) -> float:
    values = [sensor.rounded(row[sensor.name]) for row in rows if sensor.name in row]
    changes = [(b - a) ** 2 for a, b in pairwise(values)]
    scale = max(math.sqrt(sum(changes) / max(len(changes), 1) / 2.0), sensor.step / math.sqrt(12.0))
    return scale or 1.0  # a recording that never moves has no noise to measure by
