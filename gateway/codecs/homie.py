"""Homie 4 and 5: a value on `<device>/<node>/<property>`, everything about it on topics with a `$`.

Source: the Homie convention (homieiot.github.io), versions 4.0.0 and 5.0.0. Version 4 describes each property on topics
of its own, version 5 a whole device in one `$description`. Values are retained by default, so what comes first is old;
what is not retained is a moment, unless it is a number.
"""

from collections.abc import Iterator, Sequence

from gateway.codecs.codec import Decoded, Presence
from gateway.codecs.memory import Memory
from gateway.codecs.topics import TopicFilter
from gateway.codecs.values import parse_object, parse_text, parse_unit, part
from gateway.config import Section
from gateway.errors import PayloadError
from gateway.records import Message, Reason

STATES = {"string", "enum"}
"""Data types whose values are texts, even where they look like a number."""

MOMENTS = {*STATES, "boolean"}
"""Data types of what is an event where it is not retained: a button, a doorbell."""

NO_SENSORS = {"color", "datetime", "duration", "json"}
"""Data types of which nothing is learned."""

NOTHING = {b"", b"\0"}
"""Payloads that remove what was retained (a device, where it is `$state`), and that are an empty text in version 5."""

PRESENCE = {"ready": True, "alert": True, "disconnected": False, "lost": False}
"""States that say whether a device is there; `init` and `sleeping` say neither."""

FIFTH = "5"
PROPERTY_LEVELS = 3
"""Device, node and property."""


class Homie:
    """Both versions below one domain, `homie` unless the devices were told otherwise."""

    def __init__(self, topics: Sequence[TopicFilter], _options: Section) -> None:
        self._bases = [f"{topic.base()}/" for topic in topics]
        self.descriptions = [
            f"{base}{levels}"
            for base in self._bases
            for levels in ("5/+/$description", "+/+/+/$unit", "+/+/+/$datatype", "+/+/+/$retained")
        ]
        self._units: Memory[str] = Memory()
        self._types: Memory[str] = Memory()
        self._passing: Memory[bool] = Memory()
        self._roots: Memory[str] = Memory()
        self._states: Memory[bool] = Memory()

    def decode(self, message: Message) -> Decoded:
        """Decode a property's value, a device's state, or a description."""
        levels = self._levels(message.topic)
        device, *inner = levels
        decoded = Decoded()
        if message.payload in NOTHING:
            return decoded
        if inner and inner[-1] == "$description":
            self._describe(decoded, device, parse_object(message.payload))
        elif inner == ["$state"]:
            self._take_state(decoded, device, parse_text(message.payload))
        elif inner and inner[-1] in {"$unit", "$datatype", "$retained"}:
            self._learn(decoded, "/".join(levels[:-1]), inner[-1], parse_text(message.payload))
        elif len(levels) == PROPERTY_LEVELS and not any(level.startswith("$") for level in levels):
            self._take_value(decoded, device, ".".join(inner), "/".join(levels), message.payload)
        return decoded

    def _levels(self, topic: str) -> Sequence[str]:
        """Device and what is below it, in either version."""
        base = next((base for base in self._bases if topic.startswith(base)), None)
        if base is None:
            raise PayloadError(Reason.TOPIC)
        levels = topic.removeprefix(base).split("/")
        return levels[1:] if levels[0] == FIFTH and len(levels) > 1 else levels

    def _take_value(self, decoded: Decoded, device: str, sensor: str, name: str, payload: bytes) -> None:
        datatype = self._types.get(name)
        if datatype in NO_SENSORS:
            decoded.reject(device, Reason.TYPE, sensor)
        elif datatype in MOMENTS and self._passing.get(name):
            decoded.add_event(device, sensor, parse_text(payload))
        elif datatype in STATES:
            decoded.add_state(device, sensor, parse_text(payload))
        else:
            decoded.add(device, sensor, parse_text(payload), unit=self._units.get(name))

    def _take_state(self, decoded: Decoded, device: str, state: str) -> None:
        """A device's state is also that of its children, whose connection it is, unless they are gone themselves."""
        if (is_online := PRESENCE.get(state)) is not None:
            if not self._states.put(device, is_online):
                decoded.reject(device, Reason.MEMORY)
            children = [child for child in self._roots.names() if self._roots.get(child) == device]
            decoded.presences += [Presence(each, is_online and self._is_there(each)) for each in (device, *children)]

    def _is_there(self, device: str) -> bool:
        """Whether neither the device nor its root was last said to be gone."""
        return all(self._states.get(name) is not False for name in (device, self._roots.get(device) or device))

    def _describe(self, decoded: Decoded, device: str, description: dict[str, object]) -> None:
        root = description.get("root")
        if isinstance(root, str):
            if not self._roots.put(device, root):
                decoded.reject(device, Reason.MEMORY)
            if self._states.get(root) is False:
                decoded.presences.append(Presence(device, is_online=False))
        else:
            self._roots.pop(device)
        for sensor, about in _properties(description):
            for attribute in ("unit", "datatype", "retained"):
                said = part(about, attribute)
                if isinstance(said, str | bool):
                    self._learn(decoded, f"{device}/{sensor}", f"${attribute}", str(said))

    def _learn(self, decoded: Decoded, name: str, attribute: str, said: str) -> None:
        unit = parse_unit(said)
        match attribute:
            case "$datatype":
                is_room = self._types.put(name, said)
            case "$retained":
                is_room = self._passing.put(name, said.lower() == "false")
            case _:
                is_room = not unit or self._units.put(name, unit)
        if not is_room:
            decoded.reject(name, Reason.MEMORY)


def _properties(description: dict[str, object]) -> Iterator[tuple[str, object]]:
    nodes = description.get("nodes")
    for node, about in nodes.items() if isinstance(nodes, dict) else ():
        properties = part(about, "properties")
        for name, property_ in properties.items() if isinstance(properties, dict) else ():
            yield f"{node}/{name}", property_
