"""What leaves: incidents, predictions and states as JSON."""

import json
import math
from collections.abc import Iterable
from datetime import UTC, datetime

from gateway.records import SECOND, Crossing, DeviceState, Forecast, Incident, Kind, SensorState, State

NAMED = 100
"""Devices of an outage that are named; more would not help a person, and the message has its limits."""


def encode_incident(incident: Incident) -> bytes:
    """One change of an incident; numbers that say nothing are null. An outage names its devices."""
    outage = {"devices": incident.devices[:NAMED]} if not incident.device else {}
    return _dump(
        {
            "id": incident.id,
            "state": incident.state,
            "device": incident.device or None,
            **outage,
            "sensor": incident.sensor,
            "sensors": incident.sensors,
            "kind": incident.kind.name.lower(),
            "severity": incident.severity,
            "score": round(incident.score, 4),
            "started_at": iso(incident.started_at),
            "at": iso(incident.at),
            "value": incident.value,
            "expected": _short(incident.expected),
            "lower": _short(incident.lower),
            "upper": _short(incident.upper),
            "reason": incident.reason,
        }
    )


def decode_incident(body: bytes, at: int) -> Incident:
    """What `encode_incident` was given, times to the millisecond but for `at`, which is known exactly."""
    tree = json.loads(body)
    started = datetime.fromisoformat(tree["started_at"])
    return Incident(
        **{
            **tree,
            "device": tree["device"] or "",
            "devices": tuple(tree.get("devices", ())),
            "sensors": tuple(tree["sensors"]),
            "state": State(tree["state"]),
            "kind": Kind[tree["kind"].upper()],
            "started_at": int(started.timestamp()) * SECOND + started.microsecond * 1000,
            "at": at,
        }
    )


def encode_prediction(forecasts: Iterable[Forecast], crossings: Iterable[Crossing] = ()) -> bytes:
    """All forecasts of one device, by sensor, at least one; and which of its sensors are on their way to a limit."""
    sensors: dict[str, list[dict[str, object]]] = {}
    made_at = 0
    for forecast in forecasts:
        made_at = max(made_at, forecast.made_at)
        sensors.setdefault(forecast.sensor, []).append(
            {
                "for": iso(forecast.due_at),
                "expected": _short(forecast.expected),
                "lower": _short(forecast.lower),
                "upper": _short(forecast.upper),
                "coverage": forecast.coverage,
            }
        )
    limits = {
        crossing.sensor: {
            "limit": crossing.limit,
            "reached_at": iso(crossing.reached_at),
            "earliest": iso(crossing.earliest),
            "latest": iso(crossing.latest),
            "reason": crossing.reason,
        }
        for crossing in crossings
    }
    optional = {"limits": limits} if limits else {}
    return _dump({"made_at": iso(made_at), "sensors": sensors, **optional})


def encode_state(state: DeviceState) -> bytes:
    """How a device is, on one flat level but for its sensors; what says nothing is null."""
    incident = state.incident
    return _dump(
        {
            "device": state.device,
            "at": None if state.at is None else iso(state.at),
            "is_abnormal": incident is not None,
            "open": state.open_count,
            "incident": incident and incident.id,
            "kind": incident and incident.kind.name.lower(),
            "severity": incident and incident.severity,
            "sensor": incident and incident.sensor,
            "reason": incident and incident.reason,
            "since": incident and iso(incident.started_at),
            "score": None if state.score is None else round(state.score, 4),
            "maintenance": state.is_maintained,
            "sensors": {name: _sensor(sensor) for name, sensor in state.sensors.items()},
        }
    )


def _sensor(sensor: SensorState) -> dict[str, object]:
    lower, upper = sensor.lower, sensor.upper
    width = 0.0 if lower is None or upper is None else upper - lower
    numbers = {"expected": sensor.expected, "lower": lower, "upper": upper}
    rounded = {name: _to_width(number, width) for name, number in numbers.items()}
    value = sensor.value if isinstance(sensor.value, str) else _short(sensor.value)
    return {"value": value, **rounded, "unit": sensor.unit or None, "kind": sensor.nature.name.lower()}


def _to_width(number: float | None, width: float) -> float | None:
    """As many digits as tell apart a hundredth of the interval: more is not known, and would be a change each time."""
    if number is None or not width > 0.0:
        return _short(number)
    return _short(round(number, 2 - math.floor(math.log10(width))))


def iso(at: int) -> str:
    """ISO 8601 in UTC, to the millisecond."""
    moment = datetime.fromtimestamp(at // SECOND, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{at % SECOND // 1_000_000:03d}Z"


def _short(number: float | None) -> float | None:
    """Seven significant digits: more than any sensor has, fewer bytes than a double prints."""
    return None if number is None else float(f"{number:.7g}")


def _dump(tree: dict[str, object]) -> bytes:
    return json.dumps(tree, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
