"""The faults: what each does to a device, how large it is by default and how long it lasts.

Sizes are multiples of the sensor's own noise (`kinds.kind.noise_scales`) unless the table says otherwise.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from device_sim.chance import Chance
from device_sim.kinds.kind import Kind, Sensor

_LONGEST_S = 2 * 86400.0  # a replay of hourly rows would otherwise be broken for a month


class Target(StrEnum):
    """What a fault befalls."""

    SENSOR = "sensor"
    DEVICE = "device"
    MESSAGES = "messages"


@dataclass(frozen=True, slots=True)
class Onset:
    """A fault that befalls a device: from `started_at` up to `ended_at` (infinity for a death), simulated epoch s.

    `amount` is the size in the unit of the sensor, with its sign; known once the device is at fault.
    """

    id: str
    device: str
    sensor: str | None
    fault: str
    started_at: float
    ended_at: float
    size: float | None
    amount: float = 0.0

    def holds(self, t: float) -> bool:
        """Tell whether the device is at fault at `t`."""
        return self.started_at <= t < self.ended_at


Bend: TypeAlias = Callable[[Onset, Chance, float, float, float], float]
"""(onset, dice, t, healthy value, last value sent) -> faulty value."""


def _offset(onset: Onset, _chance: Chance, _t: float, value: float, _last: float) -> float:
    return value + onset.amount


def _ramp(onset: Onset, _chance: Chance, t: float, value: float, _last: float) -> float:
    return value + onset.amount * (t - onset.started_at) / (onset.ended_at - onset.started_at)


def _freeze(_onset: Onset, _chance: Chance, _t: float, _value: float, last: float) -> float:
    return last


def _shake(onset: Onset, chance: Chance, t: float, value: float, _last: float) -> float:
    return value + onset.amount * chance.gauss("burst", int(t * 1000))


@dataclass(frozen=True, slots=True)
class Fault:
    """One kind of fault; it lasts `readings` of the device's usual intervals."""

    name: str
    target: Target
    readings: float
    size: float | None = None
    bend: Bend | None = None
    needs_pace: bool = False
    """Whether it can only be told from a quiet time on a device that reports by the clock."""

    @property
    def is_alarming(self) -> bool:
        """Tell whether a good gateway raises an alarm; faults of the messages it is to reject quietly."""
        return self.target is not Target.MESSAGES

    def lasts(self, kind: Kind) -> float:
        """Return how long it lasts on a device of `kind`, in simulated seconds."""
        return self.readings if math.isinf(self.readings) else min(self.readings * kind.interval_s, _LONGEST_S)

    def sensors(self, kind: Kind) -> list[str | None]:
        """Return what it can befall on a device of `kind`: sensors, or None for the whole device."""
        if self.target is not Target.SENSOR:
            return [] if self.needs_pace and kind.following else [None]
        return [s.name for s in kind.sensors if self._befalls(s)]

    def _befalls(self, sensor: Sensor) -> bool:
        return not sensor.is_event and (self.bend is _freeze or not sensor.is_counter)


FAULTS = {
    fault.name: fault
    for fault in (
        Fault("spike", Target.SENSOR, 1, 8.0, _offset),
        Fault("shift", Target.SENSOR, 120, 6.0, _offset),
        Fault("drift", Target.SENSOR, 240, 12.0, _ramp),  # its mean is that of a shift
        Fault("stuck", Target.SENSOR, 240, None, _freeze),
        Fault("noise", Target.SENSOR, 60, 5.0, _shake),
        Fault("dropout", Target.DEVICE, 90, needs_pace=True),
        Fault("rhythm", Target.DEVICE, 720, 3.0),  # size: so many times as fast does it live
        Fault("silent", Target.DEVICE, math.inf, needs_pace=True),
        Fault("duplicate", Target.MESSAGES, 20),
        Fault("out_of_order", Target.MESSAGES, 20),
        Fault("clock", Target.MESSAGES, 20, -86400.0),  # size: seconds the clock is wrong
        Fault("malformed", Target.MESSAGES, 10),
    )
}
