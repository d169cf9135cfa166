"""A household's electricity meter: the power it shows is the slope of the energy it counts."""

import math
from array import array
from functools import lru_cache
from itertools import accumulate

from device_sim.chance import Chance
from device_sim.kinds.kind import DAY, HOUR, MINUTE, Command, Kind, Sensor, Values
from device_sim.kinds.rhythm import hour_of_day, is_weekend, plateau

_BLOCK_S = 5 * MINUTE
_BLOCKS = int(DAY / _BLOCK_S)
_DAILY_KWH = 9.0
_METERS_KEPT = 4096  # (meter, day) pairs; 2.3 kB each
_FIRST_DAY = 18_000  # of the epoch (April 2019), when the meters were installed


@lru_cache(maxsize=_METERS_KEPT)
def _counted(chance: Chance, day: int) -> "array[float]":
    """Return the share of the day's energy used before each block of it, from 0 to 1."""
    uses = [_use(chance, day * DAY + n * _BLOCK_S) for n in range(_BLOCKS)]
    whole = sum(uses)
    return array("d", [0.0, *(used / whole for used in accumulate(uses))])


def _use(chance: Chance, t: float) -> float:
    hour, n = hour_of_day(chance, t), int(t // _BLOCK_S)
    people = (
        plateau(hour, 6.5, 9.0) + plateau(hour, 17.0, 22.5) + (0.7 if is_weekend(t) else 0.2) * plateau(hour, 9, 17)
    )
    fridge = 90.0 if (t / (50 * MINUTE) + chance.unit("phase")) % 1.0 < 0.4 else 0.0  # noqa: PLR2004 (its duty cycle)
    kettle = 1900.0 if chance.unit("kettle", n) < 0.05 * people else 0.0
    lights = people * (260.0 + 60.0 * chance.wander("lights", t, HOUR))
    return 110.0 + fridge + kettle + max(lights, 0.0)


def _reading_at_midnight(chance: Chance, day: int) -> float:
    """Return the counter in kWh; it wobbles by less than half a day's use, so it never falls."""
    return _DAILY_KWH * (day - _FIRST_DAY + 0.12 * math.tanh(chance.gauss("thrift", day)))


def _meter(chance: Chance, t: float, _: Command) -> Values:
    day, second = divmod(t, DAY)
    block, fraction = divmod(second / _BLOCK_S, 1.0)
    counted, n = _counted(chance, int(day)), int(block)
    start = _reading_at_midnight(chance, int(day))
    whole = _reading_at_midnight(chance, int(day) + 1) - start
    share = counted[n + 1] - counted[n]
    return {
        "power": whole * share / (_BLOCK_S / HOUR) * 1000.0,
        "energy": start + whole * (counted[n] + share * fraction),
    }


METER = Kind(
    "meter",
    MINUTE,
    (Sensor("power", 2.0, 1.0, 0.0, 25_000.0), Sensor("energy", 0.0, 0.001, 0.0, 1e7, is_counter=True)),
    _meter,
)
