"""Times, numbers and units as devices write them."""

import math
from zoneinfo import ZoneInfo

import pytest

from gateway.codecs.values import UNSET, device_time, parse_time, parse_unit, parse_value
from gateway.errors import PayloadError
from gateway.records import SECOND, Reason

T = 1_700_000_000 * SECOND


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


def test_a_time_without_an_offset_is_in_the_zone_that_is_given() -> None:
    """A device that tells local time and not where is understood by those who know."""
    assert parse_time("2023-11-14T23:13:20", ZoneInfo("Europe/Berlin")) == T


@pytest.mark.parametrize("time", [None, "soon", "1970-01-01T00:00:07", 3.5, UNSET - 1, [], True])
def test_a_clock_that_was_never_set_tells_no_time(time: object) -> None:
    """Then the time of arrival counts, instead of a reading in 1970."""
    assert device_time(time) is None
    assert device_time(UNSET) == UNSET


@pytest.mark.parametrize(
    ("text", "unit"),
    [("°C", "°C"), (" degC ", "°C"), ("Cel", "°C"), ("%RH", "%"), ("kWh", "kWh"), ("", None), ("x" * 17, None),
     ("a\nb", None), (None, None), (3, None), ({}, None)],
)  # fmt: skip
def test_units(text: object, unit: str | None) -> None:
    """Different ways of writing the same unit are one; what could not be shown to people is none."""
    assert parse_unit(text) == unit
