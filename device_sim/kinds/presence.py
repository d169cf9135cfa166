"""Door contact and motion detector: they speak when something happens, and people have habits."""

from functools import lru_cache, partial

from device_sim.chance import Chance
from device_sim.kinds.kind import MINUTE, Command, Kind, Sensor, Values
from device_sim.kinds.rhythm import hour_of_day, is_weekend, plateau

_SLOT_S = 15 * MINUTE
_SLOTS_KEPT = 8192
_NOMINAL_S = 30 * MINUTE  # a typical pause by day; only the length of faults is measured with it


@lru_cache(maxsize=_SLOTS_KEPT)
def _changes(chance: Chance, slot: int, busy: float, longest_s: float) -> tuple[tuple[float, bool], ...]:
    """Return the (time, is active) changes of one slot: at most one opening, closed again within the slot."""
    start = slot * _SLOT_S
    hour = hour_of_day(chance, start)
    rush = plateau(hour, 7.0, 8.5) + plateau(hour, 16.5, 19.0)
    likely = busy * (0.02 + 0.25 * plateau(hour, 7.0, 22.5) + (0.0 if is_weekend(start) else 0.4 * rush))
    if chance.unit("whether", slot) >= likely:
        return ()
    length = 4.0 + longest_s * chance.unit("length", slot) ** 2
    begin = start + (_SLOT_S - length - 1.0) * chance.unit("when", slot)
    return ((round(begin, 3), True), (round(begin + length, 3), False))


def _following(chance: Chance, t: float, *, busy: float, longest_s: float) -> float:
    slot = int(t // _SLOT_S)
    while True:
        for at, _ in _changes(chance, slot, busy, longest_s):
            if at > t:
                return at
        slot += 1


def _state(chance: Chance, t: float, _: Command, *, sensor: str, busy: float, longest_s: float) -> Values:
    changes = _changes(chance, int(t // _SLOT_S), busy, longest_s)
    return {sensor: float(sum(at <= t for at, _ in changes) == 1)}


def _presence(name: str, sensor: str, busy: float, longest_s: float) -> Kind:
    return Kind(
        name,
        _NOMINAL_S,
        (Sensor(sensor, 0.0, 1.0, 0.0, 1.0, is_event=True),),
        partial(_state, sensor=sensor, busy=busy, longest_s=longest_s),
        partial(_following, busy=busy, longest_s=longest_s),
    )


DOOR = _presence("door", "open", busy=1.0, longest_s=90.0)
MOTION = _presence("motion", "motion", busy=1.8, longest_s=240.0)
