"""Which dialects are recognised by what they say."""

import pytest
from dialects import GOLDENS, Golden
from readings import message

from gateway.codecs import CODECS, interpret
from gateway.codecs.recognise import is_claimed, recognise, sniff
from gateway.config import Source

USERS_OWN = {"mapped"}
"""Dialects that nobody can know but the user."""

KNOWABLE = [
    golden
    for golden in GOLDENS
    if golden.source.codec not in USERS_OWN and "decimal_comma" not in golden.source.options
]


def sources(*pairs: tuple[str, str]) -> dict[str, tuple[str, ...]]:
    """Return the topics of each dialect that is recognised in these messages."""
    return {source.codec: source.topics for source in recognise([message(*pair) for pair in pairs])}


@pytest.mark.parametrize("golden", KNOWABLE, ids=[golden.name for golden in KNOWABLE])
def test_every_example_is_recognised_and_understood(golden: Golden) -> None:
    """The dialect is found, and the settings that it is given understand at least one of its messages."""
    found = recognise(golden.received())
    mine = [source for source in found if source.codec == golden.source.codec]
    assert len(mine) == 1
    codec = interpret(mine[0], "sources.0").codec
    claimed = [each for each in golden.received() if is_claimed(mine, each.topic)]
    assert any(codec.decode(each).readings for each in claimed)


def test_all_of_them_on_one_broker_are_told_apart() -> None:
    """A house with everything in it: each dialect is one source, and no topic is claimed twice."""
    everything = [each for golden in KNOWABLE for each in golden.received()]
    found = recognise(everything)
    assert {source.codec for source in found} == set(CODECS) - USERS_OWN
    assert len({source.codec for source in found}) == len(found)


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ([("house/z2m/bridge/state", "online"), ("house/z2m/a/b", "{}")], {"zigbee2mqtt": ("house/z2m/#",)}),
        ([("a/tele/SENSOR", "{}"), ("b/tele/LWT", "Online")], {"tasmota": ("+/tele/+", "+/stat/RESULT")}),
        ([("a/b/status/switch:0", "{}")], {"shelly": ("+/+/events/rpc", "+/+/status/+", "+/+/online")}),
        ([("x/5/dev/$state", "ready"), ("x/5/dev/n/p", "1")], {"homie": ("x/#",)}),
        ([("a/devices/d/readings", '{"t": 1}')], {"json": ("a/devices/d/{device}",)}),
        ([("devices/d/readings", '{"t": 1}')], {"json": ("devices/{device}/readings",)}),
        ([("s/a/x", '{"t": 1}'), ("s/b/x", '{"t": 1}')], {"json": ("s/{device}/x",)}),
        ([("s/r1/a/x", "{}"), ("s/r1/b/x", "{}"), ("s/r2/c/x", "{}")], {"json": ("s/+/{device}/x",)}),
        ([("a", '{"t": 1}'), ("b", '{"t": 1}')], {"json": ("{device}",)}),
        ([("home/attic/t", "21.5"), ("home/attic/h", "40 %"), ("home/x", "3")], {"plain": ("home/x", "home/attic/+")}),
        ([("s/{x}/t", "1"), ("s//t", "1")], {"plain": ("s/+/t",)}),
        ([("temperature", "21.5")], {}),
        ([("log", "it is warm"), ("homeassistant/status", "online"), ("x/y", "")], {}),
    ],
)
def test_topics_of_sources(pairs: list[tuple[str, str]], expected: dict[str, tuple[str, ...]]) -> None:
    """What varies becomes a wildcard or the device, what does not stays as it is."""
    assert sources(*pairs) == expected


@pytest.mark.parametrize(
    ("payload", "codec"),
    [
        (b'{"t": 1}', "json"),
        (b'[{"t": 1}]', "json"),
        (b'[{"n": "a", "v": 1}]', "senml"),
        (b"cpu,host=a usage=1 5", "line_protocol"),
        (b'my\\ cpu f="x"', "line_protocol"),
        (b"21.5", "plain"),
        (b" ON\n", "plain"),
        (b"21.5 \xc2\xb0C", "plain"),
        (b"hello world", None),
        (b"\xff\xfe", None),
        (b"[]", None),
        (b"null", None),
        (b"9" * 65, None),
    ],
)
def test_sniffing(payload: bytes, codec: str | None) -> None:
    """A payload alone tells the general formats apart; pictures and prose are none of them."""
    assert sniff(payload) == codec


def test_recognised_sources_are_valid_whatever_topics_there_are() -> None:
    """A topic that could not be written as a filter is covered by one that can."""
    odd = ["a+b/#c/{d}/bridge/state", "{x}/$state/y/$state", "//status/t:0", "///", "a/\0/tele/SENSOR"]
    for source in recognise([message(topic, "1") for topic in odd]):
        interpret(Source(codec=source.codec, topic=source.topic), "sources.0")
