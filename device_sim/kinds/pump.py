"""A pump that runs day and night at one of three loads; it shakes and warms as it works."""

import math

from device_sim.chance import Chance
from device_sim.kinds.kind import HOUR, MINUTE, Command, Kind, Sensor, Values

LOADS = (0.6, 0.8, 1.0)
_BATCH_S = 30 * MINUTE
_BEARING_S = 20 * MINUTE
_BATCHES_FELT = 6  # after 3 h the bearing has forgotten all but exp(-9) of a load


def _load(chance: Chance, batch: int) -> float:
    return LOADS[int(len(LOADS) * chance.unit("load", batch))]


def _bearing_load(chance: Chance, t: float) -> float:
    """Return the load as the bearing feels it: the exact first-order response to the steps of the last batches."""
    now = int(t // _BATCH_S)
    felt = _load(chance, now - _BATCHES_FELT)
    for batch in range(now - _BATCHES_FELT + 1, now + 1):
        age_s = min(t - batch * _BATCH_S, _BATCH_S)
        load = _load(chance, batch)
        felt = load + (felt - load) * math.exp(-age_s / _BEARING_S)
    return felt


def _pump(chance: Chance, t: float, slowdown: Command) -> Values:
    load = min(_load(chance, int(t // _BATCH_S)), 1.0 - slowdown.at(t, MINUTE))
    warm = min(_bearing_load(chance, t), 1.0 - slowdown.at(t, _BEARING_S))
    return {
        "rpm": 1450.0 * load * (1.0 + 0.02 * chance.unit("build")),
        "vibration": 0.8
        + 0.3 * chance.unit("mount")
        + 2.0 * load * load
        + 0.05 * chance.wander("flow", t, 10 * MINUTE),
        "bearing_temperature": 30.0 + 22.0 * warm + 1.5 * chance.wander("hall", t, 8 * HOUR),
    }


PUMP = Kind(
    "pump",
    30.0,
    (
        Sensor("rpm", 3.0, 1.0, 0.0, 6000.0),
        Sensor("vibration", 0.06, 0.01, 0.0, 50.0),
        Sensor("bearing_temperature", 0.08, 0.1, -20.0, 200.0),
    ),
    _pump,
    is_epoch_ms=True,
)
