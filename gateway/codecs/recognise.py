"""Which dialects are spoken on a broker, judged by topics first and by payloads where topics say nothing; pure.

The order is from the unmistakable to the merely likely: what one dialect claimed is not offered to the next.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

from gateway.codecs.shelly import COMPONENT
from gateway.codecs.topics import TopicFilter
from gateway.codecs.values import parse_json, parse_value, part, split_unit
from gateway.config import Settings, Source
from gateway.errors import PayloadError
from gateway.records import Message, Reason

Levels: TypeAlias = Sequence[str]
Samples: TypeAlias = Mapping[str, bytes]
"""A payload of each topic."""

COMPONENTS = {"sensor", "binary_sensor", "switch", "number", "event"}
"""Component types of ESPHome whose state is one value, or an event."""

LINE = re.compile(rb"[^\s,=#{\[](?:\\ |\S)* [^\s=]+=\S")
"""`measurement,tag=value field=…`; no exact test, the parser is one."""

CBOR = re.compile(rb"[\x81-\x97\x98\x9f].?[\xa1-\xb7\xbf]", re.DOTALL)
"""A list of maps, as SenML in CBOR begins (RFC 8428, section 6; RFC 8949, section 3)."""

LONGEST_PLAIN = 64
"""Bytes of a payload that may be one plain value."""

UNSHOWN = set("+#{}\0")
"""What cannot stand in a filter as it is."""


def recognise(messages: Iterable[Message]) -> list[Source]:
    """The sources that would take these messages, the more particular first."""
    samples: dict[str, bytes] = {}
    for message in messages:
        if message.payload and not is_announcement(message.topic):
            samples.setdefault(message.topic, message.payload)
    sources: dict[str, Source] = {}
    for find in (_by_topic, _by_default, _by_payload):
        left = {topic: payload for topic, payload in samples.items() if not is_claimed(sources.values(), topic)}
        for source in find(left):
            before = sources[source.codec].topics if source.codec in sources else ()
            sources[source.codec] = Source(codec=source.codec, topic=before + source.topics)
    return list(sources.values())


def is_claimed(sources: Iterable[Source], topic: str) -> bool:
    """Whether one of the sources has this topic."""
    return any(TopicFilter(text).match(topic) is not None for source in sources for text in source.topics)


def is_announcement(topic: str) -> bool:
    """Whether devices describe themselves there to Home Assistant, or it tells that it is there."""
    return topic.startswith("homeassistant/")


def _by_topic(samples: Samples) -> Iterator[Source]:
    """Dialects that give themselves away by a topic of some of their messages."""
    claimed: list[Source] = []
    for codec, sign in SIGNS.items():
        found: dict[str, None] = {}
        for topic, payload in samples.items():
            texts = sign(topic.split("/"), payload)
            if texts and not is_claimed(claimed, topic):
                found |= dict.fromkeys(texts)
        if found:
            claimed.append(Source(codec=codec, topic=tuple(found)))
    yield from claimed


def _sparkplug(levels: Levels, _payload: bytes) -> Levels:
    return ["spBv1.0/#"] if levels[0] == "spBv1.0" else []


def _homie(levels: Levels, _payload: bytes) -> Levels:
    if levels[-1] not in {"$state", "$homie"}:
        return []
    base = levels[:-3] if levels[-3:-2] == ["5"] else levels[:-2]
    return _below(base)


def _zigbee2mqtt(levels: Levels, _payload: bytes) -> Levels:
    return _below(levels[:-2]) if list(levels[-2:]) in (["bridge", "state"], ["bridge", "devices"]) else []


def _below(base: Levels) -> Levels:
    return [f"{'/'.join(base)}/#"] if base and all(level and not UNSHOWN & set(level) for level in base) else []


def _tasmota(levels: Levels, _payload: bytes) -> Levels:
    if "tele" not in levels[:-1] or levels[-1] not in {"SENSOR", "STATE", "LWT"}:
        return []
    topic = "/".join(level if level == "tele" else "+" for level in levels)
    return [topic, "/".join("stat" if level == "tele" else "+" for level in levels[:-1]) + "/RESULT"]


def _shelly(levels: Levels, payload: bytes) -> Levels:
    *prefix, what, last = ["", *levels]
    if prefix[1:2] == ["shellies"]:
        return ["shellies/#"]
    is_status = what == "status" and COMPONENT.fullmatch(last)
    is_event = (what, last) == ("events", "rpc") and str(part(_json(payload), "method")).startswith("Notify")
    above = "+/" * (len(prefix) - 1)
    return [f"{above}{below}" for below in ("events/rpc", "status/+", "online")] if is_status or is_event else []


def _chirpstack(levels: Levels, _payload: bytes) -> Levels:
    is_its = list(levels[-6::2]) == ["application", "device", "event"]
    return ["/".join([*levels[:-6], "application/+/device/+/event/+"])] if is_its else []


def _things_stack(levels: Levels, _payload: bytes) -> Levels:
    return ["v3/+/devices/+/up"] if [*levels[::2]] == ["v3", "devices", "up"] else []


def _esphome(levels: Levels, _payload: bytes) -> Levels:
    *prefix, component, _, last = ["", "", *levels]
    above = "+/" * (len(prefix) - 2)
    return [f"{above}{component}/+/state", f"{above}status"] if last == "state" and component in COMPONENTS else []


SIGNS: Mapping[str, Callable[[Levels, bytes], Levels]] = {
    "sparkplug": _sparkplug,
    "homie": _homie,
    "zigbee2mqtt": _zigbee2mqtt,
    "tasmota": _tasmota,
    "shelly": _shelly,
    "chirpstack": _chirpstack,
    "things_stack": _things_stack,
    "esphome": _esphome,
}


def _by_default(samples: Samples) -> Iterator[Source]:
    """Our own topics."""
    for source in Settings().sources:
        if any(is_claimed([source], topic) for topic in samples):
            yield source


def _by_payload(samples: Samples) -> Iterator[Source]:
    """What stands on other topics, by how it looks; topics of one beginning and depth are taken for one family."""
    families: dict[str, dict[tuple[str, int], list[Levels]]] = {codec: defaultdict(list) for codec in SNIFFED}
    for topic, payload in samples.items():
        levels = topic.split("/")
        codec = sniff(payload)
        if codec is not None and (codec != "plain" or len(levels) > 1):
            families[codec][levels[0] if len(levels) > 1 else "", len(levels)].append(levels)
    for codec, family in families.items():
        if family:
            patterns = [_pattern(topics, is_device_named=codec == "json") for topics in family.values()]
            yield Source(codec=codec, topic=tuple(sorted(patterns, key=lambda text: text.count("+"))))


SNIFFED = ("senml", "line_protocol", "json", "plain")


def sniff(payload: bytes) -> str | None:
    """The dialect that a payload looks like, None where it looks like none that is known."""
    tree = _json(payload)
    first = tree[0] if isinstance(tree, list) and tree else tree
    if isinstance(first, dict):
        return "senml" if isinstance(tree, list) and {"n", "bn"} & first.keys() else "json"
    if CBOR.match(payload):
        return "senml"
    if LINE.match(payload):
        return "line_protocol"
    text = payload.decode(errors="replace")
    is_value = len(payload) <= LONGEST_PLAIN and (split_unit(text) or not isinstance(parse_value(text), Reason))
    return "plain" if is_value else None


def _json(payload: bytes) -> object:
    try:
        return parse_json(payload)
    except PayloadError:
        return None


def _pattern(topics: Sequence[Levels], *, is_device_named: bool) -> str:
    """A filter for topics of equal depth; the device is the level that varies most, the last of all if none does."""
    different = [set(level) for level in zip(*topics, strict=True)]
    named = max(range(len(different)), key=lambda place: (len(different[place]), place)) if is_device_named else None
    return "/".join(
        "{device}" if place == named else _one(level) if len(level) == 1 else "+"
        for place, level in enumerate(different)
    )


def _one(level: set[str]) -> str:
    (text,) = level
    return "+" if not text or UNSHOWN & set(text) else text
