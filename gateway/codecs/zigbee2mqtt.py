"""Zigbee2MQTT: one JSON object of all that is known of a device, on a topic that is its friendly name.

Source: zigbee2mqtt.io, docs/guide/usage/mqtt_topics_and_messages.md and exposes.md. A message repeats every key that
Zigbee2MQTT remembers, so a repeated value says nothing new, except that now and then a device does report the same.
"""

from collections.abc import Iterator, Sequence
from typing import Annotated

from pydantic import Field

from gateway.codecs.codec import Decoded, Presence, device_name
from gateway.codecs.memory import Memory, Repeats
from gateway.codecs.topics import TopicFilter, first_match
from gateway.codecs.values import device_time, parse_json, parse_object, parse_text, parse_unit, part
from gateway.config import Section
from gateway.errors import PayloadError
from gateway.records import Message

ACTION = "action"
"""The key of what a button, a remote or a vibration sensor was made to do: a moment, that no later message repeats."""

NO_SENSORS = {"linkquality", "last_seen", "update", "update_available", "device", "elapsed"}
"""Keys that are about the message, the radio or the firmware, and measure nothing."""


class Zigbee2MqttOptions(Section):
    """Settings of a source in this dialect."""

    repeat_s: Annotated[float, Field(ge=0, le=86400)] = 3600.0
    """An hour: the longest that Zigbee devices usually wait with a report of something that did not change."""


class Zigbee2Mqtt:
    """Everything below one base topic; units come from the bridge's list of devices."""

    def __init__(self, topics: Sequence[TopicFilter], options: Zigbee2MqttOptions) -> None:
        self._topics = topics
        self.descriptions = [f"{topic.base()}/bridge/devices" for topic in topics]
        self._repeats = Repeats(options.repeat_s)
        self._units: Memory[str] = Memory()
        self._devices: Memory[None] = Memory()
        self._actors: Memory[None] = Memory()

    def decode(self, message: Message) -> Decoded:
        """Decode a device's state, its availability, or what the bridge says."""
        name = first_match(self._topics, message.topic)["rest"]
        above, _, last = name.rpartition("/")
        if name.startswith("bridge/"):
            return self._decode_bridge(last, message.payload)
        if last in {"set", "get"} or above.endswith(("/set", "/get")):
            return Decoded()
        if last == "availability":
            return Decoded(presences=[Presence(device_name(above), _is_online(message.payload))])
        if last == ACTION and above:
            return self._decode_action(above, message)
        return self._decode_state(name, message)

    def _decode_action(self, friendly: str, message: Message) -> Decoded:
        """What Home Assistant's device triggers are told once more, and what `output: attribute` says only here."""
        device, decoded = device_name(friendly), Decoded()
        if device not in self._actors and message.payload:
            decoded.add_event(device, ACTION, parse_text(message.payload))
        return decoded

    def _decode_state(self, friendly: str, message: Message) -> Decoded:
        device, tree, decoded = device_name(friendly), parse_object(message.payload), Decoded()
        observed_at = device_time(tree.get("last_seen"))
        for name, value in tree.items():
            if name == ACTION:
                self._actors.put(device, None)
                decoded.add_event(device, name, value, observed_at)
            elif name not in NO_SENSORS:
                decoded.add(device, name, value, observed_at, self._units.get(f"{friendly}/{name}"))
        self._repeats.drop(decoded, message.received_at)
        self._devices.put(device, None)
        return decoded

    def _decode_bridge(self, what: str, payload: bytes) -> Decoded:
        if what == "devices":
            self._learn_units(parse_json(payload))
        if what != "state":
            return Decoded()
        is_online = _is_online(payload)
        return Decoded(presences=[Presence(device, is_online) for device in self._devices.names()])

    def _learn_units(self, devices: object) -> None:
        self._units = Memory()
        for device in devices if isinstance(devices, list) else []:
            name = part(device, "friendly_name")
            for key, unit in _units(part(device, "definition", "exposes")):
                self._units.put(f"{name}/{key}", unit)


def _units(exposes: object) -> Iterator[tuple[str, str]]:
    """Property and unit of everything a device exposes, also within its lights, locks and other composites."""
    for each in exposes if isinstance(exposes, list) else []:
        name, unit = part(each, "property"), parse_unit(part(each, "unit"))
        if isinstance(name, str) and unit:
            yield name, unit
        yield from _units(part(each, "features"))


def _is_online(payload: bytes) -> bool:
    """From `{"state": "online"}`, or `online` as older versions wrote it."""
    try:
        return part(parse_object(payload), "state") == "online"
    except PayloadError:
        return parse_text(payload) == "online"
