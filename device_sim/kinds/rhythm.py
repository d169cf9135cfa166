"""The rhythms that many kinds share: the day, the week, and things that happen now and then."""

import math
from collections.abc import Callable, Iterator

from device_sim.chance import Chance
from device_sim.kinds.kind import DAY, HOUR

_THURSDAY = 3  # 1 January 1970


def hour_of_day(chance: Chance, t: float) -> float:
    """Return the hour in [0, 24) of this household's day: no two families rise at the same minute."""
    return (t / HOUR + 1.5 * (chance.unit("riser") - 0.5)) % 24.0


def is_weekend(t: float) -> bool:
    """Tell whether `t` is on a Saturday or Sunday (UTC)."""
    return (int(t // DAY) + _THURSDAY) % 7 >= 5  # noqa: PLR2004 (Monday is 0, Saturday 5)


def plateau(hour: float, rise: float, fall: float, width_h: float = 0.3) -> float:
    """Return a smooth 0..1 that is high from hour `rise` to hour `fall`."""
    return 1.0 / (1.0 + math.exp((rise - hour) / width_h)) / (1.0 + math.exp((hour - fall) / width_h))


def happenings(
    chance: Chance, name: str, t: float, slot_s: float, likely: Callable[[float], float]
) -> Iterator[tuple[float, float]]:
    """Yield (time, strength in [0, 1)) of what happened in the slot of `t` up to `t` and in the slot before.

    At most one thing happens in a slot, with probability `likely(start of the slot)`.
    """
    for n in (int(t // slot_s) - 1, int(t // slot_s)):
        at = (n + chance.unit(name + " when", n)) * slot_s
        if at <= t and chance.unit(name + " whether", n) < likely(n * slot_s):
            yield at, chance.unit(name + " strength", n)
