"""Every codec under every law, and the examples of each project's documentation."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from dialects import ARRIVAL, GOLDENS, Golden, check_fitness, decode_all
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.codecs import CODECS, Codec, Decoded
from gateway.codecs.codec import LONGEST_NAME
from gateway.config import Limits, Topics
from gateway.errors import PayloadError
from gateway.intake import Intake
from gateway.learning.directory import Directory
from gateway.records import Availability, Batch, Described, Message, Reading, Reason, code_of

EVERY_GOLDEN = pytest.mark.parametrize("golden", GOLDENS, ids=[golden.name for golden in GOLDENS])

STATEFUL = {"zigbee2mqtt", "shelly", "esphome", "homie", "sparkplug"}
"""Dialects in which a message may mean something by those before it."""

FEW = settings(max_examples=40)
"""Enough beside `make soak`, which tries a million; there are many dialects."""

PIECES = st.sampled_from([b"{", b"}", b"[", b"]", b'"', b":", b",", b"value", b"values", b"time", b"1e9", b"-", b"NaN"])
LEVELS = st.lists(st.text(max_size=5) | st.sampled_from(["tele", "STATE", "status", "bridge", "$state", "5", "online"]))


def topics(golden: Golden) -> st.SearchStrategy[str]:
    """Return topics of a dialect, with a level exchanged now and then, and any others."""
    known = st.sampled_from([topic for topic, _ in golden.messages])
    exchanged = st.tuples(known, st.integers(0, 9), st.text(max_size=5)).map(
        lambda drawn: "/".join(
            drawn[2] if place == drawn[1] else level for place, level in enumerate(drawn[0].split("/"))
        )
    )
    return known | exchanged | LEVELS.map("/".join)


def payloads(golden: Golden) -> st.SearchStrategy[bytes]:
    """Return payloads of a dialect, with some bytes exchanged now and then, and any others."""
    known = st.sampled_from([message.payload for message in golden.received()])
    cut = st.tuples(known, st.integers(0, 400), st.binary(max_size=3), st.integers(0, 3)).map(
        lambda drawn: drawn[0][: drawn[1]] + drawn[2] + drawn[0][drawn[1] + drawn[3] :]
    )
    return known | cut | st.binary(max_size=300) | st.lists(PIECES, max_size=20).map(b"".join)


def messages(golden: Golden) -> st.SearchStrategy[Message]:
    """Return what may come on the wire."""
    return st.builds(Message, topics(golden), payloads(golden), st.just(ARRIVAL), st.none(), st.booleans())


def decoded(codec: Codec, message: Message) -> Decoded | Reason:
    """Return what a codec makes of a message, or why it makes nothing of it."""
    try:
        return codec.decode(message)
    except PayloadError as error:
        return error.reason


def intake(golden: Golden, directory: Directory, limits: Limits | None = None) -> Intake:
    """Return an intake of the example's source."""
    return Intake([golden.source], limits or Limits(), Topics(), directory)


def said(reading: Reading) -> float | str:
    """Return a value as it was sent."""
    assert reading.text is None or reading.value == code_of(reading.text, is_event=reading.is_event)
    return reading.value if reading.text is None else reading.text


def test_every_codec_has_an_example() -> None:
    """None escapes the laws."""
    assert {golden.source.codec for golden in GOLDENS} == set(CODECS)


@EVERY_GOLDEN
def test_examples_mean_what_their_documentation_says(golden: Golden) -> None:
    """Device, sensor, value, time, unit, presence and rejections, in order."""
    whole = decode_all(golden.codec(), golden.received())
    assert [(each.device, each.sensor, said(each), each.observed_at, each.unit) for each in whole.readings] == [
        (device, sensor, value, at, unit) for device, sensor, value, at, unit in golden.values
    ]
    assert [tuple(presence) for presence in whole.presences] == golden.presences
    assert [tuple(rejection) for rejection in whole.rejections] == golden.rejected


@EVERY_GOLDEN
def test_examples_enter_the_log(golden: Golden) -> None:
    """Every value becomes a row, every unit is known afterwards, what was last said of a known device is an entry."""
    directory = Directory()
    entries = intake(golden, directory).take(golden.received())
    rows = [entry.names.get(value, value) for entry in entries if isinstance(entry, Batch) for value in entry.value]
    assert rows == [value for _, _, value, _, _ in golden.values]
    for entry in entries:
        if isinstance(entry, Described):
            directory.describe(entry.device, entry.sensor, entry.unit)
    told = {(device, sensor): unit for device, sensor, _, _, unit in golden.values if unit}
    assert {directory.streams[row]: unit for row, unit in directory.units.items()} == told
    known = {device for device, *_ in golden.values}
    said = [(entry.device, entry.is_online) for entry in entries if isinstance(entry, Availability)]
    assert set(said) <= set(golden.presences)
    assert dict(said) == {device: is_online for device, is_online in golden.presences if device in known}


@EVERY_GOLDEN
def test_retained_states_are_not_learned(golden: Golden) -> None:
    """What the broker kept may be of last year: descriptions and presence count, measurements do not."""
    taken = intake(golden, Directory()).take(golden.received(is_retained=True))
    assert not [entry for entry in taken if isinstance(entry, Batch)]


@EVERY_GOLDEN
@FEW
@given(data=st.data())
def test_any_message_is_decoded_or_refused(golden: Golden, data: st.DataObject) -> None:
    """Nothing but `PayloadError` is raised, what is said may be learned, and the same messages mean the same."""
    stream = data.draw(st.lists(messages(golden), max_size=6))
    first, second = golden.codec(), golden.codec()
    for message in stream:
        found = decoded(first, message)
        assert found == decoded(second, message)
        if isinstance(found, Decoded):
            check_fitness(found)


@EVERY_GOLDEN
@FEW
@given(data=st.data())
def test_names_in_the_log_are_bounded_printable_and_one_level(golden: Golden, data: st.DataObject) -> None:
    """Whatever a peer calls itself, its name can be shown, and be a level of a topic."""
    directory = Directory()
    intake(golden, directory, Limits(name_length=32)).take(data.draw(st.lists(messages(golden), max_size=4)))
    for device, sensor in directory.streams:
        assert 0 < len(device) <= 32
        assert 0 < len(sensor) <= 32
        assert (device + sensor).isprintable()
        assert not set(device) & set("/+#")


@pytest.mark.parametrize(
    "golden",
    [golden for golden in GOLDENS if golden.source.codec not in STATEFUL],
    ids=[golden.name for golden in GOLDENS if golden.source.codec not in STATEFUL],
)
@given(data=st.data())
def test_a_payload_means_the_same_every_time(golden: Golden, data: st.DataObject) -> None:
    """Where a dialect remembers nothing, what came before changes nothing."""
    codec = golden.codec()
    message, other = data.draw(messages(golden)), data.draw(messages(golden))
    before = decoded(codec, message)
    decoded(codec, other)
    assert decoded(codec, message) == before


ODD: list[object] = [None, True, -1, 1e308, 10**400, "", "x", "\0", [], {}, [[]], [{}], {"a": []}, [1, "x", None]]


def bent(tree: object) -> Iterator[object]:
    """Yield the tree with each of its parts in turn exchanged for something of another type."""
    yield from ODD
    parts: dict[Any, object] = (
        tree if isinstance(tree, dict) else dict(enumerate(tree)) if isinstance(tree, list) else {}
    )
    for key, inner in parts.items():
        for odd in bent(inner):
            exchanged = {**parts, key: odd}
            yield exchanged if isinstance(tree, dict) else list(exchanged.values())


@EVERY_GOLDEN
def test_any_type_may_stand_anywhere(golden: Golden) -> None:
    """JSON that has the right keys and the wrong things under them is refused, not believed."""
    for message in golden.received():
        try:
            tree = json.loads(message.payload)
        except ValueError:
            continue
        codec = golden.codec()
        for other in bent(tree):
            found = decoded(codec, message._replace(payload=json.dumps(other).encode()))
            if isinstance(found, Decoded):
                check_fitness(found)


HOSTILE: dict[str, bytes] = {
    "empty": b"",
    "blank": b" ",
    "zero": b"\0",
    "not utf-8": b"\xff\xfe\xfd",
    "deep lists": b"[" * 200_000,
    "deep objects": b'{"a":' * 100_000,
    "a long number": b"9" * 200_000,
    "ten megabytes": b'"' + b"x" * 10**7,
    "long names in each other": json.dumps({"k" * 1000: {"k" * 1000: {str(n): n for n in range(20_000)}}}).encode(),
    "deep CBOR": b"\x81" * 200_000,
    "a list in CBOR that says it is long": b"\x9b" + b"\xff" * 8,
    "tags of CBOR": bytes.fromhex("83d8236161c11b7fffffffffffffffc4821b7fffffffffffffff01"),
    "many levels": b'{"a":' * 190 + b"1" + b"}" * 190,
    "many values": json.dumps(list(range(40_000))).encode(),
}


@EVERY_GOLDEN
@pytest.mark.parametrize("payload", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_payloads_end(golden: Golden, payload: bytes) -> None:
    """Size and depth alone end in rejections, not in the process; names do not grow with them."""
    codec = golden.codec()
    for topic, _ in golden.messages:
        found = decoded(codec, Message(topic, payload, ARRIVAL))
        if isinstance(found, Decoded):
            assert all(len(reading.sensor) <= LONGEST_NAME for reading in found.readings)
