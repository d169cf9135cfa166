"""What people say: understood in its few forms, refused in all others."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.codecs.incoming import LONGEST, decode_feedback, decode_maintenance
from gateway.errors import PayloadError
from gateway.records import SECOND, Feedback, Maintenance, Verdict

NOW = 1_700_000_000 * SECOND


def test_feedback_is_an_object_or_the_bare_verdict() -> None:
    """A program sends the id it was told; a button sends one word."""
    told = decode_feedback("d", b'{"id": "5d0f", "verdict": "false_alarm"}', NOW)
    assert told == Feedback(NOW, "d", "5d0f", Verdict.FALSE_ALARM)
    assert decode_feedback("d", b" new_normal ", NOW) == Feedback(NOW, "d", None, Verdict.NEW_NORMAL)


@pytest.mark.parametrize(
    ("payload", "until"),
    [
        (b"ON", NOW + LONGEST),
        (b"off", NOW),
        (b'{"for_s": 60}', NOW + 60 * SECOND),
        (b'{"until": 1700000100}', NOW + 100 * SECOND),
    ],
)
def test_maintenance_has_an_end(payload: bytes, until: int) -> None:
    """Also a switch: one that was forgotten must not silence a device for ever."""
    assert decode_maintenance("d", payload, NOW) == Maintenance(NOW, "d", until)


@pytest.mark.parametrize(
    "payload", [b'{"for_s": -1}', b'{"for_s": true}', b"{}", b'{"until": 9e9}', b"[]", b"", b"\xff"]
)
def test_other_maintenance_is_refused(payload: bytes) -> None:
    """What has no end, or one that is too far."""
    with pytest.raises(PayloadError):
        decode_maintenance("d", payload, NOW)


@given(st.binary(max_size=60))
def test_any_bytes_are_understood_or_refused(payload: bytes) -> None:
    """Nothing but our own error comes out."""
    for decode in (decode_feedback, decode_maintenance):
        with suppress(PayloadError):
            assert decode("d", payload, NOW).at == NOW
