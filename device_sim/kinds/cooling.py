"""Fridge and freezer: a compressor that cycles, and people who open the door."""

import math
from functools import partial

from device_sim.chance import Chance
from device_sim.kinds.kind import HOUR, MINUTE, Command, Kind, Sensor, Values
from device_sim.kinds.rhythm import happenings, hour_of_day, plateau

_ON_SHARE = 0.4  # of its cycle a household compressor runs


def _cold(chance: Chance, t: float, _: Command, *, mean_c: float, swing_c: float, warming_c: float) -> Values:
    phase = (t / (45 * MINUTE) + chance.unit("phase") + 0.4 * chance.wander("duty", t, 4 * HOUR)) % 1.0
    is_on = phase < _ON_SHARE
    sweep = 1.0 - 2.0 * phase / _ON_SHARE if is_on else -1.0 + 2.0 * (phase - _ON_SHARE) / (1.0 - _ON_SHARE)
    opened = happenings(chance, "door", t, HOUR, lambda at: 0.7 * plateau(hour_of_day(chance, at), 7.0, 21.5))
    warmth = sum((0.4 + strength) * math.exp((at - t) / (12 * MINUTE)) for at, strength in opened)
    return {
        "temperature": mean_c + chance.unit("dial") + swing_c * sweep + warming_c * warmth,
        "power": 82.0 + 6.0 * chance.unit("size") + 3.0 * sweep if is_on else 1.6,
    }


_SENSORS = (Sensor("temperature", 0.08, 0.1, -40.0, 60.0), Sensor("power", 0.5, 0.1, 0.0, 3000.0))

FREEZER = Kind("freezer", MINUTE, _SENSORS, partial(_cold, mean_c=-19.0, swing_c=1.4, warming_c=1.2))
FRIDGE = Kind("fridge", MINUTE, _SENSORS, partial(_cold, mean_c=4.0, swing_c=1.1, warming_c=1.8))
