"""The shape of every dialect: a message in, readings, rejections, presence and questions out; pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from gateway.codecs.values import parse_state, parse_value, split_unit
from gateway.errors import PayloadError
from gateway.records import Message, Reading, Reason, code_of

LONGEST_NAME = 1024
"""Characters of a sensor's name, the most that settings can allow: nested names must not grow with their depth."""


EVENT_TYPE = "event_type"
"""The key by which Home Assistant, ESPHome and whoever follows them name an event: `{"event_type": "press"}`."""

UNCLEAR = re.compile(r"//|\./|/\.")
SLASH = re.compile(r"(?<!\.)\.(?!\.)")
"""A dot that stands alone."""


class Rejection(NamedTuple):
    """One value that was not accepted, beside those of the same payload that were; None where no sensor is named."""

    device: str
    sensor: str | None
    reason: Reason


class Presence(NamedTuple):
    """A device said, or the broker in its name, that it is there or gone."""

    device: str
    is_online: bool


class Request(NamedTuple):
    """What has to be asked of a device before it can be understood: a message at QoS 0."""

    topic: str
    payload: bytes


@dataclass(slots=True)
class Decoded:
    """What one message held. Nothing at all is an answer too: it is of the dialect and holds no measurement."""

    readings: list[Reading] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)
    presences: list[Presence] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)

    def add(
        self, device: str, sensor: str, value: object, observed_at: int | None = None, unit: str | None = None
    ) -> None:
        """A value as it was parsed; of objects and lists every value, under names joined by dots."""
        if len(sensor) > LONGEST_NAME:
            self.reject(device, Reason.NAME)
            return
        if isinstance(value, (dict, list)):
            self._add_nested(device, sensor, value, observed_at, unit)
            return
        number = parse_value(value)
        if number is Reason.TYPE and isinstance(value, str):
            if (found := split_unit(value)) is None:
                self._add_text(device, sensor, parse_state(value), observed_at)
                return
            number, unit = found  # `"3.38 V"`, as payload formatters like to write
        if isinstance(number, float):
            self.readings.append(Reading(device, sensor, number, observed_at, unit))
        else:
            self.reject(device, number, sensor)

    def add_state(self, device: str, sensor: str, value: object, observed_at: int | None = None) -> None:
        """A value that is the name of a state, even where it looks like a number."""
        self._add_text(device, sensor, parse_state(value, is_named=True), observed_at)

    def add_event(self, device: str, sensor: str, value: object, observed_at: int | None = None) -> None:
        """The name of something that happened, and is over; each time anew, also where it is the same again."""
        if value:  # an empty name says that nothing happens any more
            self._add_text(device, sensor, parse_state(value, is_named=True), observed_at, is_event=True)

    def _add_text(
        self, device: str, sensor: str, text: str | None, observed_at: int | None, *, is_event: bool = False
    ) -> None:
        if text is None:
            self.reject(device, Reason.TYPE, sensor)
        else:
            self.readings.append(Reading(device, sensor, code_of(text, is_event=is_event), observed_at, text=text))

    def _add_nested(
        self,
        device: str,
        sensor: str,
        value: dict[str, object] | list[object],
        observed_at: int | None,
        unit: str | None,
    ) -> None:
        if isinstance(value, dict) and isinstance(event := value.get(EVENT_TYPE), str):
            self.add_event(device, sensor, event, observed_at)
            return
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in items:
            self.add(device, f"{sensor}.{key}", inner, observed_at, unit)

    def reject(self, device: str, reason: Reason, sensor: str | None = None) -> None:
        """Count what cannot be used."""
        self.rejections.append(Rejection(device, sensor, reason))


class Codec(Protocol):
    """A dialect at work on the topics of one source.

    What a message means may depend on those before it, never on how they were batched; what is remembered for that is
    bounded (`Memory`) and comes back from retained messages after a restart, or what needs it is rejected.
    """

    @property
    def descriptions(self) -> Sequence[str]:
        """Topic filters, beside the source's own, of the retained messages that describe devices."""
        ...

    def decode(self, message: Message) -> Decoded:
        """Decode one message of the source's topics or of `descriptions`, retained ones too.

        Whether readings of retained messages are learned is not decided here. Raises `PayloadError`, and nothing else,
        on any topic and any bytes.
        """
        ...


def join(above: str, name: str) -> str:
    """The name of what stands inside of something; raises `PayloadError` where it is too long to be one."""
    if len(above) > LONGEST_NAME:
        raise PayloadError(Reason.NAME, "too long")
    return f"{above}.{name}" if above else name


def device_name(levels: str) -> str:
    """The name of a device that is known by several topic levels: joined by dots, to be one level where we publish.

    A dot of its own is doubled, so that no two devices get one name; raises `PayloadError` where that cannot tell them
    apart: beside an empty level, or where a level begins or ends with a dot.
    """
    if "." not in levels and "//" not in levels:
        return levels.replace("/", ".")
    if UNCLEAR.search(levels):
        raise PayloadError(Reason.NAME, "a dot or nothing beside a slash")
    return levels.replace(".", "..").replace("/", ".")


def own_name(device: str) -> str:
    """What `device_name` was given."""
    return SLASH.sub("/", device).replace("..", ".")
