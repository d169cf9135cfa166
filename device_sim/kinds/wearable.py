"""A wristband: a heart with a day, a night and bouts of exertion."""

import math

from device_sim.chance import Chance
from device_sim.kinds.kind import HOUR, MINUTE, Command, Kind, Sensor, Values
from device_sim.kinds.rhythm import happenings, hour_of_day, plateau

_BOUT_S = 25 * MINUTE


def _body(chance: Chance, t: float, _: Command) -> Values:
    hour = hour_of_day(chance, t)
    awake = plateau(hour, 6.7, 22.8, 0.4)
    bouts = happenings(chance, "bout", t, 40 * MINUTE, lambda at: 0.3 * plateau(hour_of_day(chance, at), 7.5, 21.0))
    exertion = sum(
        (0.3 + 0.7 * strength) * math.sin(math.pi * (t - at) / _BOUT_S) for at, strength in bouts if t - at < _BOUT_S
    )
    rest = 52.0 + 14.0 * chance.unit("fitness")
    return {
        "heart_rate": rest
        + 12.0 * awake
        + 50.0 * exertion
        + (1.5 + 2.0 * awake) * chance.wander("mood", t, 4 * MINUTE),
        "spo2": 97.3 + 0.5 * chance.wander("oxygen", t, 20 * MINUTE) - 0.4 * (1.0 - awake),
        "skin_temperature": 33.4 - 0.7 * awake + 0.6 * exertion + 0.25 * chance.wander("skin", t, HOUR),
    }


WEARABLE = Kind(
    "wearable",
    30.0,
    (
        Sensor("heart_rate", 1.0, 1.0, 25.0, 240.0),
        Sensor("spo2", 0.2, 1.0, 50.0, 100.0),
        Sensor("skin_temperature", 0.05, 0.1, 15.0, 45.0),
    ),
    _body,
    is_epoch_ms=True,
)
