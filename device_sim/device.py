"""One device: what it reads, what it sends and what it makes of what it hears."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import NamedTuple

from device_sim.chance import Chance
from device_sim.faults import FAULTS, Onset
from device_sim.kinds.kind import Kind, Sensor, Values, noise_scales
from device_sim.reactions import REACTIONS, Indifferent

_LATENESS = 0.02  # of its interval by which a device reports late at most; real firmware is never on the dot


class Message(NamedTuple):
    """What goes to the broker; the topic lacks the fleet's prefix."""

    topic: str
    payload: bytes


class Device:
    """A device of some kind; the same seed and name always live the same life.

    `next_at` is when it reports next, in simulated epoch seconds.
    """

    def __init__(self, name: str, kind: Kind, seed: int, start: float, *, is_reacting: bool = True) -> None:
        self.name = name
        self.kind = kind
        self._chance = Chance.of(seed, name)
        self.next_at = self._first(start)
        self.reaction = (REACTIONS.get(kind.name, Indifferent) if is_reacting else Indifferent)(name, self._chance)
        self._onset: Onset | None = None
        self._last: Values = {}
        self._held: list[Message] = []

    def _first(self, start: float) -> float:
        if self.kind.following:
            return self.kind.following(self._chance, start)
        return start + round(self.kind.interval_s * self._chance.unit("first"), 3)

    def begin(self, onset: Onset) -> Onset:
        """Fall ill; return the onset with its amount, of a sign that the sensor's bounds leave room for."""
        if onset.sensor and onset.size is not None:
            sensor = next(s for s in self.kind.sensors if s.name == onset.sensor)
            onset = replace(onset, amount=self._signed(sensor, onset.size * noise_scales(self.kind)[sensor.name]))
        self._onset = onset
        return onset

    def _signed(self, sensor: Sensor, size: float) -> float:
        sign = 1.0 if self._chance.unit("sign", int(self.next_at)) < 0.5 else -1.0  # noqa: PLR2004 (a coin)
        is_within = sensor.low <= self._last.get(sensor.name, 0.0) + sign * size <= sensor.high
        return round(sign * size if is_within else -sign * size, 6)

    def report(self) -> list[Message]:
        """Return what the device sends at `next_at`, which moves on."""
        at, onset = self.next_at, self._onset
        if onset and not onset.holds(at):
            onset = self._onset = None
        late = 0.0 if self.kind.following else _LATENESS * self.kind.interval_s * self._chance.unit("late", int(at))
        t = round(at + late, 3)
        self.next_at = self._next(at, onset)
        return self._delivered(t, self._read(t, onset), onset)

    def _next(self, at: float, onset: Onset | None) -> float:
        if not (onset and onset.fault == "rhythm" and self.kind.following):
            return self.kind.next_after(self._chance, at)
        pace = onset.size or 1.0
        ahead = at + (self.kind.following(self._chance, _lived(at, onset)) - _lived(at, onset)) / pace
        return ahead if ahead < onset.ended_at else self.kind.following(self._chance, onset.ended_at)

    def _read(self, t: float, onset: Onset | None) -> Values:
        values = self.kind.measured(self._chance, _lived(t, onset), self.reaction.command)
        truth = self.kind.measured(self._chance, t) if onset and onset.fault == "rhythm" else values
        for sensor in self.kind.sensors:
            if sensor.name in values:
                value = truth[sensor.name] if sensor.is_counter else values[sensor.name]
                self._last[sensor.name] = sensor.rounded(self._bent(t, sensor.name, value, onset))
        return {name: self._last[name] for name in values}

    def _bent(self, t: float, sensor: str, value: float, onset: Onset | None) -> float:
        bend = FAULTS[onset.fault].bend if onset and onset.sensor == sensor else None
        return bend(onset, self._chance, t, value, self._last.get(sensor, value)) if bend and onset else value

    def _delivered(self, t: float, values: Values, onset: Onset | None) -> list[Message]:
        held, self._held = self._held, []
        fault = onset.fault if onset else None
        if fault in ("silent", "dropout"):
            return []
        messages = self._encoded(t + ((onset and onset.size) or 0.0) if fault == "clock" else t, values)
        if fault == "malformed":
            return [Message(m.topic, self._garbled(m.payload, int(t))) for m in messages]
        if fault == "out_of_order" and not held:
            self._held = messages
            return []
        return messages * (2 if fault == "duplicate" else 1) + held

    def _encoded(self, t: float, values: Values) -> list[Message]:
        topic = f"{self.name}/readings"
        time: object = round(t * 1000) if self.kind.is_epoch_ms else _iso(t)
        told: dict[str, object] = {"time": time}
        messages = []
        for sensor in self.kind.sensors:
            if sensor.is_event:
                event = {"value": bool(values[sensor.name]), "time": time}
                messages.append(Message(f"{topic}/{sensor.name}", json.dumps(event).encode()))
            elif sensor.name in values:
                value = values[sensor.name]
                told[sensor.name] = int(value) if sensor.step >= 1.0 else value
        return [*messages, Message(topic, json.dumps(told).encode())] if len(told) > 1 else messages

    def _garbled(self, payload: bytes, n: int) -> bytes:
        ways = (
            payload[: len(payload) // 2],
            b"\xff\xfe" + payload[5:],
            payload.replace(b": ", b": NaN, ", 1),
            b'{"error": "sensor bus timeout"}',
            b"",
        )
        return ways[int(self._chance.unit("garbled", n) * len(ways))]

    def hear(self, channel: str, payload: bytes, now: float) -> tuple[dict[str, object] | None, str | None]:
        """Take an `anomaly` or `prediction`; return it decoded (None: unreadable) and what was done about it."""
        try:
            message = json.loads(payload)
        except (ValueError, RecursionError):
            return None, None
        if not isinstance(message, dict):
            return None, None
        react = self.reaction.prediction if channel == "prediction" else self.reaction.anomaly
        return message, react(message, now)


def _lived(t: float, onset: Onset | None) -> float:
    """Return the time by which the device lives: its own, unless its rhythm has changed."""
    if onset is None or onset.fault != "rhythm":
        return t
    return round(onset.started_at + (t - onset.started_at) * (onset.size or 1.0), 3)


def _iso(t: float) -> str:
    return datetime.fromtimestamp(t, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
