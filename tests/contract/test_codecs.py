"""Every codec under every law."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.codecs import CODECS, Codec, Decoded
from gateway.errors import PayloadError
from gateway.records import Reason

EVERY_CODEC = pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS.keys())

SENSORS = st.sampled_from([None, "s"])

PIECES = st.sampled_from([b"{", b"}", b"[", b"]", b'"', b":", b",", b"value", b"values", b"time", b"1e9", b"-", b"NaN"])
PAYLOADS = st.binary(max_size=300) | st.lists(PIECES, max_size=20).map(b"".join)


def decoded(codec: Codec, sensor: str | None, payload: bytes) -> Decoded | Reason:
    """Return what a codec makes of a payload, or why it makes nothing of it."""
    try:
        return codec.decode("d", sensor, payload)
    except PayloadError as error:
        return error.reason


@EVERY_CODEC
@given(sensor=SENSORS, payload=PAYLOADS)
def test_any_bytes_are_readings_or_counted(codec: Codec, sensor: str | None, payload: bytes) -> None:
    """Nothing but `PayloadError` is ever raised, and nothing passes without a reading or a reason."""
    found = decoded(codec, sensor, payload)
    assert isinstance(found, Reason) or found.readings or found.rejections


@EVERY_CODEC
@given(sensor=SENSORS, payload=PAYLOADS)
def test_readings_are_finite_and_rejections_have_reasons(codec: Codec, sensor: str | None, payload: bytes) -> None:
    """A learner never sees what would poison it, and times fit in 64 bits."""
    found = decoded(codec, sensor, payload)
    if isinstance(found, Decoded):
        assert all(type(reading.value) is float and math.isfinite(reading.value**2) for reading in found.readings)
        assert all(reading.observed_at is None or abs(reading.observed_at) < 2**63 for reading in found.readings)
        assert all(isinstance(rejection.reason, Reason) for rejection in found.rejections)


@EVERY_CODEC
@given(sensor=SENSORS, payload=PAYLOADS)
def test_the_topic_says_whose_reading_it_is(codec: Codec, sensor: str | None, payload: bytes) -> None:
    """No payload can speak for another device, or on a sensor's own topic for another sensor."""
    found = decoded(codec, sensor, payload)
    if isinstance(found, Decoded):
        everything = [*found.readings, *found.rejections]
        assert all(each.device == "d" and sensor in {None, each.sensor} for each in everything)


@EVERY_CODEC
@given(sensor=SENSORS, first=PAYLOADS, second=PAYLOADS)
def test_a_payload_means_the_same_every_time(codec: Codec, sensor: str | None, first: bytes, second: bytes) -> None:
    """What came before changes nothing."""
    before = decoded(codec, sensor, first)
    decoded(codec, sensor, second)
    assert decoded(codec, sensor, first) == before


@EVERY_CODEC
@pytest.mark.parametrize(
    "payload",
    [b"", b" ", b"\0", b"\xff\xfe\xfd", b"[" * 200_000, b'{"a":' * 100_000, b"9" * 200_000, b'"' + b"x" * 10**7],
    ids=["empty", "blank", "zero", "not utf-8", "deep lists", "deep objects", "a long number", "ten megabytes"],
)
def test_hostile_payloads_end(codec: Codec, payload: bytes) -> None:
    """Size and depth alone end in a rejection, not in the process."""
    assert isinstance(decoded(codec, None, payload), Reason)
