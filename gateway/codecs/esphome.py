"""ESPHome: plain values on `<prefix>/<component>/<object>/state`, `online` or `offline` on `<prefix>/status`.

Source: esphome.io, components/mqtt, and api/mqtt__component_8h. A light says all that it is in one JSON object,
and an event its type. States
are retained by default, so what comes first is old. Units come from the messages by which devices announce themselves
to Home Assistant.
"""

from collections.abc import Sequence

from gateway.codecs.codec import Decoded, Presence, device_name
from gateway.codecs.discovery import described_topics
from gateway.codecs.memory import Memory
from gateway.codecs.topics import TopicFilter
from gateway.codecs.values import parse_object, parse_text
from gateway.config import Section
from gateway.errors import PayloadError
from gateway.records import Message, Reason

STATE_LEVELS = 3
"""`<component>/<object>/state`, below a prefix that may have several levels."""

SEVERAL = {"climate", "cover", "fan", "valve"}
"""Components that say each of their parts on a level more: `climate/<object>/current_temperature/state`."""

SINGLE = {"sensor", "binary_sensor", "text_sensor", "switch", "number", "select", "light", "lock", "button", "event"}
"""Components that do not: where one of these stands, one of those above it is part of the prefix."""


class EspHomeOptions(Section):
    """Settings of a source in this dialect."""

    discovery: str = "homeassistant"
    """The topic below which devices announce themselves; empty: they do not."""


class EspHome:
    """Devices whose topics end in `/state` and `/status`."""

    def __init__(self, _topics: Sequence[TopicFilter], options: EspHomeOptions) -> None:
        prefix = options.discovery
        self.descriptions = [f"{prefix}/+/+/config", f"{prefix}/+/+/+/config"] if prefix else []
        self._discovery = f"{prefix}/" if prefix else None
        self._units: Memory[str] = Memory()

    def decode(self, message: Message) -> Decoded:
        """Decode a state, a birth or will, or what a device announces of itself."""
        *levels, last = message.topic.split("/")
        decoded = Decoded()
        if last == "config" and self._discovery and message.topic.startswith(self._discovery):
            self._learn_units(decoded, message)
        elif last == "status" and levels:
            is_online = parse_text(message.payload) == "online"
            decoded.presences.append(Presence(device_name("/".join(levels)), is_online))
        elif last == "state" and len(levels) >= STATE_LEVELS:
            self._take_state(decoded, levels, message)
        else:
            raise PayloadError(Reason.TOPIC)
        return decoded

    def _take_state(self, decoded: Decoded, levels: Sequence[str], message: Message) -> None:
        is_part = len(levels) >= STATE_LEVELS + 1 and levels[-3] in SEVERAL and levels[-2] not in SINGLE
        place = len(levels) - (3 if is_part else 2)
        component, *names = levels[place:]
        sensor = ".".join(names if component == "sensor" else (component, *names))
        value = parse_object(message.payload) if component in {"light", "event"} else parse_text(message.payload)
        unit = self._units.get(message.topic)
        decoded.add(device_name("/".join(levels[:place])), sensor, value, unit=unit)

    def _learn_units(self, decoded: Decoded, message: Message) -> None:
        if not message.payload:  # taken back
            return
        for topic, unit in described_topics(parse_object(message.payload)):
            if not self._units.put(topic, unit):
                decoded.reject(message.topic, Reason.MEMORY)
