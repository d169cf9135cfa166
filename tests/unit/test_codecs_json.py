"""The JSON dialect: which payloads mean what."""

import json

import pytest
from readings import message

from gateway.codecs import Decoded, Rejection, interpret
from gateway.config import Source
from gateway.errors import PayloadError
from gateway.records import SECOND, Reading, Reason

T = 1_700_000_000 * SECOND
CODEC = interpret(Source(topic=("x/{device}", "x/{device}/{sensor}")), "sources.0").codec


def decode(payload: str | bytes, sensor: str | None = None) -> Decoded:
    """Return what the codec says of a payload on a device's topic, or on a sensor's."""
    return CODEC.decode(message("x/d" if sensor is None else f"x/d/{sensor}", payload))


def accept(payload: str | bytes, sensor: str | None = None) -> list[tuple[str, float, int | None]]:
    """Return sensor, value and time of every reading of a payload that is accepted whole."""
    decoded = decode(payload, sensor)
    assert not decoded.rejections
    assert {reading.device for reading in decoded.readings} == {"d"}
    return [reading[1:4] for reading in decoded.readings]


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
        ('{"air": {"t": 21, "h": {"in": 40}}, "u": [3, 4]}',
         [("air.t", 21.0, None), ("air.h.in", 40.0, None), ("u.0", 3.0, None), ("u.1", 4.0, None)]),
    ],
)  # fmt: skip
def test_shapes_of_a_device_topic(payload: str, expected: list[object]) -> None:
    """Sensors stand in an object, in one under `values`, or in a list of these; the time is optional."""
    assert accept(payload) == expected


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
    assert accept(payload, "s") == [("s", value, at)]


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
        (b"\xff\xfe{", None, Reason.BINARY),
        (b"\xff\xfe", "s", Reason.BINARY),
        ("on", None, Reason.MALFORMED),
        pytest.param("[" * 100_000, None, Reason.MALFORMED, id="deep lists"),
        pytest.param('{"a":' * 500 + "1" + "}" * 500, None, Reason.MALFORMED, id="deep objects"),
        pytest.param('{"a": ' + "1" * 10_000 + "}", None, Reason.MALFORMED, id="ten thousand digits"),
        ('{"\\ud800": 1}', None, Reason.MALFORMED),
        ("null", None, Reason.TYPE),
        ("21.4", None, Reason.TYPE),
        ('{"a": 1, "time": "yesterday"}', None, Reason.TIME),
        ('{"value": 1, "time": []}', "s", Reason.TIME),
    ],
)  # fmt: skip
def test_payloads_that_are_refused_whole(payload: str | bytes, sensor: str | None, reason: Reason) -> None:
    """What cannot be understood at all is one rejection with its reason."""
    with pytest.raises(PayloadError) as caught:
        decode(payload, sensor)
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
    ],
)
def test_one_bad_value_leaves_its_neighbours(value: str, reason: Reason) -> None:
    """A value that is no finite number is rejected by itself, not with its payload."""
    decoded = decode(f'{{"good": 1, "bad": {value}, "fine": 2}}')
    assert decoded.readings == [Reading("d", "good", 1.0, None), Reading("d", "fine", 2.0, None)]
    assert decoded.rejections == [Rejection("d", "bad", reason)]


@pytest.mark.parametrize(
    ("item", "reason"), [('{"a": 2, "time": "yesterday"}', Reason.TIME), ("7", Reason.TYPE), ("[]", Reason.TYPE)]
)
def test_one_bad_item_of_a_list_leaves_the_others(item: str, reason: Reason) -> None:
    """A record that cannot be used is rejected by itself, not with all that was sent along."""
    decoded = decode(f'[{{"a": 1}}, {item}, {{"a": 3}}]')
    assert [reading.value for reading in decoded.readings] == [1.0, 3.0]
    assert decoded.rejections == [Rejection("d", None, reason)]


@pytest.mark.parametrize("sensor", [None, "s"])
def test_a_payload_without_any_value_is_a_rejection_by_type_or_emptiness(sensor: str | None) -> None:
    """An object without `value` on a sensor's topic counts as empty: nothing passes uncounted."""
    assert decode('{"other": null}', sensor).rejections == [Rejection("d", sensor or "other", Reason.EMPTY)]


def test_very_many_keys() -> None:
    """A hundred thousand sensors in one payload are read like any other; the limits come later."""
    payload = json.dumps({f"k{number}": number for number in range(100_000)}).encode()
    assert len(decode(payload).readings) == 100_000
