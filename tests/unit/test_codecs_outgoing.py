"""What leaves the gateway, as a device reads it."""

import json
import math
from dataclasses import replace

import pytest

from gateway.codecs.outgoing import encode_incident, encode_prediction, encode_state, iso
from gateway.codecs.values import parse_time
from gateway.records import SECOND, DeviceState, Forecast, Incident, Kind, Nature, SensorState, State

AT = 1_700_000_000 * SECOND + 123_456_789

INCIDENT = Incident(
    "0123", State.OPEN, "pump", "°C", Kind.SPIKE, "high", 0.123456, AT, AT, 98.0, 21.000000049, 20.5, None, "Too hot."
)  # fmt: skip


def test_an_incident_has_all_its_fields() -> None:
    """A consumer finds every field of the message table, null where it says nothing, text as text."""
    told = json.loads(encode_incident(INCIDENT))
    assert told == {
        "id": "0123",
        "state": "open",
        "device": "pump",
        "sensor": "°C",
        "sensors": [],
        "kind": "spike",
        "severity": "high",
        "score": 0.1235,
        "started_at": "2023-11-14T22:13:20.123Z",
        "at": "2023-11-14T22:13:20.123Z",
        "value": 98.0,
        "expected": 21.0,
        "lower": 20.5,
        "upper": None,
        "reason": "Too hot.",
    }
    assert "°C".encode() in encode_incident(INCIDENT)


def test_nothing_that_is_not_json_leaves() -> None:
    """NaN is not JSON: it would break the device's parser, so it is refused here."""
    with pytest.raises(ValueError, match="not JSON compliant"):
        encode_incident(replace(INCIDENT, value=math.nan))


def test_a_prediction_groups_by_sensor() -> None:
    """One message holds all sensors of a device, each with its horizons in order, and the newest time."""
    forecasts = [
        Forecast("pump", "a", AT, AT + SECOND, 1.0, 0.5, 1.5, 0.9),
        Forecast("pump", "a", AT, AT + 60 * SECOND, 2.0, 1.0, 3.0, 0.9),
        Forecast("pump", "b", AT + SECOND, AT + 2 * SECOND, 1 / 3, 0.0, 1.0, 0.9),
    ]
    told = json.loads(encode_prediction(forecasts))
    assert told["made_at"] == iso(AT + SECOND)
    assert [each["for"] for each in told["sensors"]["a"]] == [iso(AT + SECOND), iso(AT + 60 * SECOND)]
    assert told["sensors"]["b"] == [
        {"for": iso(AT + 2 * SECOND), "expected": 0.3333333, "lower": 0.0, "upper": 1.0, "coverage": 0.9}
    ]


@pytest.mark.parametrize("at", [0, AT, -SECOND // 2, 2**62, -(2**62)])
def test_times_are_read_back_to_the_millisecond(at: int) -> None:
    """What we write as a time is one that we read, down to the millisecond."""
    assert parse_time(iso(at)) == at // 1_000_000 * 1_000_000


def test_a_state_says_how_a_device_is() -> None:
    """The worst incident stands on the first level, and what was expected has as many digits as its width is worth."""
    sensors = {
        "°C": SensorState(98.0, 21.00312345, 20.512345, 21.512345, "°C", Nature.VALUE),
        "rpm": SensorState(1.0, 1234567.89, 1234567.89, 1234567.89, "", Nature.COUNTER),
        "new": SensorState(None, None, None, None, "", Nature.STATE),
    }
    told = json.loads(encode_state(DeviceState("pump", AT, INCIDENT, 2, 0.123456, True, sensors)))  # noqa: FBT003
    assert told == {
        "device": "pump",
        "at": "2023-11-14T22:13:20.123Z",
        "is_abnormal": True,
        "open": 2,
        "incident": "0123",
        "kind": "spike",
        "severity": "high",
        "sensor": "°C",
        "reason": "Too hot.",
        "since": "2023-11-14T22:13:20.123Z",
        "score": 0.1235,
        "maintenance": True,
        "sensors": {
            "°C": {"value": 98.0, "expected": 21.0, "lower": 20.51, "upper": 21.51, "unit": "°C", "kind": "value"},
            "rpm": {
                "value": 1.0,
                "expected": 1234568,
                "lower": 1234568,
                "upper": 1234568,
                "unit": None,
                "kind": "counter",
            },
            "new": {"value": None, "expected": None, "lower": None, "upper": None, "unit": None, "kind": "state"},
        },
    }


def test_a_state_of_a_device_that_is_fine() -> None:
    """Every key is there, null where there is nothing to say: a template need not ask."""
    told = json.loads(encode_state(DeviceState("pump", None, None, 0, None, False, {})))  # noqa: FBT003
    assert (told.pop("device"), told.pop("is_abnormal"), told.pop("maintenance")) == ("pump", False, False)
    assert (told.pop("open"), told.pop("sensors")) == (0, {})
    assert set(told.values()) == {None}
