"""What devices do about what they hear."""

import json

import pytest

from device_sim.chance import Chance
from device_sim.device import Device
from device_sim.fleet import KINDS
from device_sim.kinds.kind import DAY, HOUR
from device_sim.reactions import Preheat, Slowdown, expectations

MIDNIGHT = 1_790_000_000.0 // DAY * DAY


def test_pump_is_slow_while_anything_is_open() -> None:
    """It slows at the first incident and recovers at the last."""
    pump = Slowdown("pump-03", Chance.of(1))
    said = [
        pump.anomaly({"id": name, "state": state}, MIDNIGHT)
        for name, state in [
            ("a", "open"),
            ("b", "open"),
            ("a", "update"),
            ("a", "closed"),
            ("b", "closed"),
            ("c", "closed"),
        ]
    ]
    assert said == ["pump-03 slowed to 60 %", None, None, None, "pump-03 back to full speed", None]
    assert not pump.is_active


@pytest.mark.parametrize(
    "form", [lambda each: {"temperature": [each]}, lambda each: {"sensors": {"temperature": [each]}}]
)
def test_thermostat_heats_ahead_of_a_cold_morning(form: object) -> None:
    """It heats while the morning is expected cold, and stops when it no longer is."""
    room = Preheat("climate-01", Chance.of(1))
    said = []
    for expected in (18.0, 18.0, 20.8):
        forecast = {"for": "2026-09-22T07:30:00Z", "expected": expected, "lower": 17.0, "upper": 22.0}
        message = {"made_at": "2026-09-22T03:00:00Z", **form(forecast)}  # type: ignore[operator]
        said.append(room.prediction(message, 1_790_046_000.0))
    assert said == ["climate-01 pre-heats: 18.0 °C expected", None, "climate-01 stops pre-heating"]


def test_preheating_warms_the_night() -> None:
    """The room follows its thermostat."""
    rooms = [Device("climate-01", KINDS["climate"], 1, MIDNIGHT + 2 * HOUR) for _ in range(2)]
    message = {"temperature": [{"for": MIDNIGHT + 7.5 * HOUR, "expected": 17.0}]}
    rooms[1].hear("prediction", json.dumps(message).encode(), MIDNIGHT + 2 * HOUR)
    last = [json.loads([room.report() for _ in range(120)][-1][0].payload)["temperature"] for room in rooms]
    assert last[1] > last[0] + 2.0


@pytest.mark.parametrize("payload", [b"", b"\xff", b"[1]", b"null", b"[" * 100_000, b'{"state": {}, "id": []}', b"{}"])
@pytest.mark.parametrize("channel", ["anomaly", "prediction"])
@pytest.mark.parametrize("kind", ["pump", "climate", "door"])
def test_nothing_heard_can_break_a_device(kind: str, channel: str, payload: bytes) -> None:
    """A device takes any bytes and goes on reporting."""
    device = Device("it", KINDS[kind], 1, MIDNIGHT)
    device.hear(channel, payload, MIDNIGHT)
    assert device.report()


@pytest.mark.parametrize("message", [None, 3, {"x": "for"}, {"temperature": {"for": "never", "expected": 1}}])
def test_other_forecasts_say_nothing(message: object) -> None:
    """What is not understood is passed over."""
    assert list(expectations(message, "temperature")) == []
