"""The JSON dialect on any JSON there is."""

import json
from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st
from readings import message

from gateway.codecs import interpret
from gateway.codecs.outgoing import iso
from gateway.codecs.values import parse_time, parse_value
from gateway.config import Source
from gateway.errors import PayloadError
from gateway.records import Reason

CODEC = interpret(Source(topic=("x/{device}", "x/{device}/{sensor}")), "sources.0").codec

NUMBERS = st.integers() | st.floats() | st.integers(min_value=10**300, max_value=10**400)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(),
    lambda inside: st.lists(inside, max_size=4) | st.dictionaries(st.text(), inside, max_size=4),
    max_leaves=20,
)
NAMES = st.text(min_size=1).filter(lambda name: name not in {"time", "values"})
VALUES = st.dictionaries(NAMES, st.floats(-1e99, 1e99))


@given(JSON)
def test_any_json_is_understood_or_counted(tree: object) -> None:
    """Whatever a device says in JSON, no error but ours comes of it."""
    for topic in ("x/d", "x/d/s"):
        with suppress(PayloadError):
            decoded = CODEC.decode(message(topic, json.dumps(tree)))
            assert decoded.readings or decoded.rejections


@given(VALUES.filter(bool))
def test_numbers_come_through_exactly(values: dict[str, float]) -> None:
    """What a device measured is what is learned, bare or under `values`."""
    bare = CODEC.decode(message("x/d", json.dumps(values)))
    wrapped = CODEC.decode(message("x/d", json.dumps({"values": values})))
    assert {reading.sensor: reading.value for reading in bare.readings} == values
    assert bare == wrapped


@given(JSON)
def test_values_and_times_of_any_kind(value: object) -> None:
    """A value is a finite float or a reason, a time fits in 64 bits or is refused."""
    number = parse_value(value)
    assert isinstance(number, Reason) or abs(number) <= 1e100
    with suppress(PayloadError):
        at = parse_time(value)
        assert at is None or abs(at) < 2**63


@given(st.integers(-(2**62), 2**62))
def test_times_we_write_are_times_we_read(at: int) -> None:
    """Down to the millisecond that is written."""
    assert parse_time(iso(at)) == at // 1_000_000 * 1_000_000
