"""The JSON dialect: which payloads mean what."""

import json
import math

import pytest

from gateway.codecs import Rejection
from gateway.codecs.json import JsonCodec, parse_time, parse_value
from gateway.errors import PayloadError
from gateway.records import SECOND, Reading, Reason

T = 1_700_000_000 * SECOND


def decode(payload: str | bytes, sensor: str | None = None) -> list[tuple[str, float, int | None]]:
    """Return sensor, value and time of every reading of a payload that is accepted whole."""
    raw = payload.encode() if isinstance(payload, str) else payload
    readings, rejections = JsonCodec().decode("d", sensor, raw)
    assert not rejections
    assert {reading.device for reading in readings} == {"d"}
    return [reading[1:] for reading in readings]


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ('{"a": 21.4, "b": 40}', [("a", 21.4, None), ("b", 40.0, None)]),
        (' \n{"a": 1}\t', [("a", 1.0, None)]),
        ('{"values": {"a": 21.4}, "time": 1700000000}', [("a", 21.4, T)]),
        ('{"a": 21.4, "time": "2023-11-14T22:13:20Z"}', [("a", 21.4, T)]),
        ('{"a": 1, "time": null}', [("a", 1.0, None)]),
        ('[{"a": 1, "time": 1700000000}, {"a": 2, "time": 1700000001}]', [("a", 1.0, T), ("a", 2.0, T + SECOND)]),
        ('{"values": 3}', [("values", 3.0, None)]),
        ('{"values": {"time": 3}}', [("time", 3.0, None)]),
        ('{"door": true, "lamp": "OFF"}', [("door", 1.0, None), ("lamp", 0.0, None)]),
        ('{"level": " 4.5 "}', [("level", 4.5, None)]),
    ],
)  # fmt: skip
def test_shapes_of_a_device_topic(payload: str, expected: list[object]) -> None:
    """Sensors stand in an object, in one under `values`, or in a list of these; the time is optional."""
    assert decode(payload) == expected


@pytest.mark.parametrize(
    ("payload", "value", "at"),
    [
        ("21.4", 21.4, None),
        ("-3", -3.0, None),
        ("true", 1.0, None),
        ("on", 1.0, None),
        (" Closed\n", 0.0, None),
        ('"21.4"', 21.4, None),
        ('{"value": 21.4}', 21.4, None),
        ('{"value": "off", "time": 1700000000000}', 0.0, T),
    ],
)
def test_shapes_of_a_sensor_topic(payload: str, value: float, at: int | None) -> None:
    """On a sensor's own topic stands a bare number, bool or word, or an object with `value`."""
    assert decode(payload, "s") == [("s", value, at)]


@pytest.mark.parametrize(
    ("payload", "sensor", "reason"),
    [
        ("", None, Reason.EMPTY),
        (" \n", "s", Reason.EMPTY),
        ("{}", None, Reason.EMPTY),
        ("[]", None, Reason.EMPTY),
        ("[]", "s", Reason.EMPTY),
        ('{"time": 1700000000}', None, Reason.EMPTY),
        ('{"values": {}}', None, Reason.EMPTY),
        ('{"a": 1', None, Reason.MALFORMED),
        (b"\xff\xfe{", None, Reason.MALFORMED),
        (b"\xff\xfe", "s", Reason.MALFORMED),
        ("on", None, Reason.MALFORMED),
        pytest.param("[" * 100_000, None, Reason.MALFORMED, id="deep lists"),
        pytest.param('{"a":' * 500 + "1" + "}" * 500, None, Reason.MALFORMED, id="deep objects"),
        pytest.param('{"a": ' + "1" * 10_000 + "}", None, Reason.MALFORMED, id="ten thousand digits"),
        ('{"\\ud800": 1}', None, Reason.MALFORMED),
        ("null", None, Reason.TYPE),
        ("21.4", None, Reason.TYPE),
        ('["a"]', None, Reason.TYPE),
        ("[[]]", None, Reason.TYPE),
        ('{"a": 1, "time": "yesterday"}', None, Reason.TIME),
        ('{"value": 1, "time": []}', "s", Reason.TIME),
    ],
)  # fmt: skip
def test_payloads_that_are_refused_whole(payload: str | bytes, sensor: str | None, reason: Reason) -> None:
    """What cannot be understood at all is one rejection with its reason."""
    raw = payload.encode() if isinstance(payload, str) else payload
    with pytest.raises(PayloadError) as caught:
        JsonCodec().decode("d", sensor, raw)
    assert caught.value.reason is reason
    assert str(caught.value).startswith(str(reason))


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("null", Reason.EMPTY),
        ("NaN", Reason.NOT_FINITE),
        ("Infinity", Reason.NOT_FINITE),
        ("-Infinity", Reason.NOT_FINITE),
        ('"nan"', Reason.NOT_FINITE),
        ('"inf"', Reason.NOT_FINITE),
        ("1e101", Reason.NOT_FINITE),
        ("1e999", Reason.NOT_FINITE),
        pytest.param("1" + "0" * 400, Reason.NOT_FINITE, id="10**400"),
        pytest.param("-1" + "0" * 400, Reason.NOT_FINITE, id="-10**400"),
        ('"unavailable"', Reason.TYPE),
        ('""', Reason.TYPE),
        ("[1]", Reason.TYPE),
        ('{"x": 1}', Reason.TYPE),
    ],
)
def test_one_bad_value_leaves_its_neighbours(value: str, reason: Reason) -> None:
    """A value that is no finite number is rejected by itself, not with its payload."""
    readings, rejections = JsonCodec().decode("d", None, f'{{"good": 1, "bad": {value}, "fine": 2}}'.encode())
    assert readings == [Reading("d", "good", 1.0, None), Reading("d", "fine", 2.0, None)]
    assert rejections == [Rejection("d", "bad", reason)]


@pytest.mark.parametrize("sensor", [None, "s"])
def test_a_payload_without_any_value_is_a_rejection_by_type_or_emptiness(sensor: str | None) -> None:
    """An object without `value` on a sensor's topic counts as empty: nothing passes uncounted."""
    payload = b'{"other": null}'
    assert JsonCodec().decode("d", sensor, payload).rejections == [Rejection("d", sensor or "other", Reason.EMPTY)]


def test_very_many_keys() -> None:
    """A hundred thousand sensors in one payload are read like any other; the limits come later."""
    payload = json.dumps({f"k{number}": number for number in range(100_000)}).encode()
    assert len(JsonCodec().decode("d", None, payload).readings) == 100_000


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        (None, None),
        ("2023-11-14T22:13:20+00:00", T),
        ("2023-11-14T22:13:20", T),
        ("2023-11-14 22:13:20", T),
        ("2023-11-15T00:13:20+02:00", T),
        ("2023-11-14T22:13:20.123456Z", T + 123_456_000),
        ("1969-12-31T23:59:59Z", -SECOND),
        (1_700_000_000, T),
        (1_700_000_000.5, T + SECOND // 2),
        (1_700_000_000_123, T + 123_000_000),
        (1_700_000_000_123_456, T + 123_456_000),
        (1_700_000_000_123_456_789, T + 123_456_789),
        (0, 0),
        (-1, -SECOND),
    ],
)
def test_times(time: object, expected: int | None) -> None:
    """ISO 8601, in UTC where it names no offset, and epoch numbers whose size tells their unit."""
    assert parse_time(time) == expected


@pytest.mark.parametrize(
    "time",
    [
        *("", "now", "14/11/2023", "2023-02-30", "2023-11-14T25:00", "9999-12-31", "0001-01-01T00:00+23:59"),
        *(True, [], {}, math.nan, math.inf, -math.inf, 1e300, 2**63, 99_999_999_999, -1e10),
        pytest.param(10**400, id="10**400"),
    ],
)
def test_absurd_times(time: object) -> None:
    """What is no time, or none that 64 bits of nanoseconds can hold, is rejected as such."""
    with pytest.raises(PayloadError) as caught:
        parse_time(time)
    assert caught.value.reason is Reason.TIME


@pytest.mark.parametrize(("value", "number"), [(1e100, 1e100), (-1e100, -1e100), (0, 0.0), (-0.0, 0.0), ("0x", None)])
def test_values_at_the_edges(value: object, number: float | None) -> None:
    """The largest accepted number is the one whose squares are still finite."""
    assert parse_value(value) == (number if number is not None else Reason.TYPE)
