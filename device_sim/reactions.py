"""What a device does about what it hears: most only count, a pump slows down, a thermostat heats ahead."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import ClassVar

from device_sim.chance import Chance
from device_sim.kinds.kind import IDLE, Command
from device_sim.kinds.rhythm import hour_of_day

_INCIDENTS_KEPT = 100  # open at once on one device; beyond, a firmware of this size forgets


class Indifferent:
    """A device that hears and goes on; `command` is what its machine follows."""

    def __init__(self, name: str, chance: Chance) -> None:
        self.command = IDLE
        self._name = name
        self._chance = chance

    @property
    def is_active(self) -> bool:
        """Tell whether the device behaves otherwise than it would by itself."""
        return self.command.after > 0.0

    def anomaly(self, _message: Mapping[str, object], _now: float) -> str | None:
        """React to a change of an incident; return what was done, for people."""
        return None

    def prediction(self, _message: Mapping[str, object], _now: float) -> str | None:
        """React to a forecast; return what was done, for people."""
        return None

    def _switch(self, to: float, now: float, inertia_s: float) -> None:
        self.command = Command(self.command.at(now, inertia_s), to, now)


class Slowdown(Indifferent):
    """A pump runs at its lowest load while it has an open anomaly, and at any load again when all are closed.

    The lowest load is one of its usual ones, so its caution looks like no fault of its own.
    """

    _BY: ClassVar[float] = 0.4

    def __init__(self, name: str, chance: Chance) -> None:
        super().__init__(name, chance)
        self._open: set[str] = set()

    def anomaly(self, message: Mapping[str, object], now: float) -> str | None:
        """Slow down at the first open incident, recover at the last closed."""
        name = str(message.get("id"))
        if message.get("state") == "closed":
            self._open.discard(name)
        elif len(self._open) < _INCIDENTS_KEPT:
            self._open.add(name)
        if bool(self._open) == self.is_active:
            return None
        self._switch(self._BY if self._open else 0.0, now, 60.0)
        return (
            f"{self._name} slowed to {1.0 - self._BY:.0%}".replace("%", " %")
            if self._open
            else f"{self._name} back to full speed"
        )


class Preheat(Indifferent):
    """A thermostat heats ahead while its prediction says that people will wake up in the cold."""

    _COMFORT_C: ClassVar[float] = 20.0
    _WAKING_H: ClassVar[tuple[float, float]] = (6.0, 9.0)

    def prediction(self, message: Mapping[str, object], now: float) -> str | None:
        """Start to heat when a coming morning is expected below comfort, stop when it no longer is."""
        first, last = self._WAKING_H
        mornings = [
            expected
            for at, expected in expectations(message, "temperature")
            if at > now and first <= hour_of_day(self._chance, at) <= last
        ]
        is_cold = any(expected < self._COMFORT_C for expected in mornings)
        if is_cold == self.is_active:
            return None
        self._switch(1.0 if is_cold else 0.0, now, 1200.0)
        return (
            f"{self._name} pre-heats: {min(mornings):.1f} °C expected" if is_cold else f"{self._name} stops pre-heating"
        )


def expectations(message: object, sensor: str) -> Iterator[tuple[float, float]]:
    """Yield (time in epoch seconds, expected value) of `sensor`, however deep the forecast has them."""
    found = _below(message, sensor)
    for entry in found if isinstance(found, list) else [found]:
        if isinstance(entry, dict):
            at, expected = _epoch(entry.get("for")), entry.get("expected")
            if at is not None and isinstance(expected, int | float):
                yield at, float(expected)


def _below(message: object, name: str) -> object:
    if not isinstance(message, dict):
        return None
    if name in message:
        return message[name]
    return next((found for found in (_below(value, name) for value in message.values()) if found is not None), None)


def _epoch(moment: object) -> float | None:
    if isinstance(moment, int | float):
        return float(moment)
    try:
        return datetime.fromisoformat(moment).timestamp() if isinstance(moment, str) else None
    except ValueError:
        return None


REACTIONS: Mapping[str, type[Indifferent]] = {"pump": Slowdown, "climate": Preheat}
