"""Plain values: one topic for each sensor, and on it a number, an on/off word, or a number with its unit.

Examples: Telegraf's documentation of `topic_parsing` and `layout = "field"`, Mosquitto's man pages.
"""

import re
from collections.abc import Sequence

from gateway.codecs.codec import Decoded, device_name
from gateway.codecs.topics import TopicFilter, first_match
from gateway.codecs.values import parse_text
from gateway.config import Section
from gateway.errors import PayloadError
from gateway.records import Message, Reason

LONGEST = 64
"""Bytes of a payload that can be one value; what is longer is another dialect."""

DECIMAL_COMMA = re.compile(r"^([-+]?\d+),(\d+)", re.ASCII)


class PlainOptions(Section):
    """Settings of a source in this dialect."""

    decimal_comma: bool = False
    """Read `21,5` as 21.5; otherwise it is refused, since it may be two numbers."""


class Plain:
    """Where the topic says no `{device}` and `{sensor}`, the last level is the sensor and all before it the device."""

    descriptions = ()

    def __init__(self, topics: Sequence[TopicFilter], options: PlainOptions) -> None:
        self._topics = topics
        self._decimal_comma = options.decimal_comma

    def decode(self, message: Message) -> Decoded:
        """Decode one value."""
        if len(message.payload) > LONGEST:
            raise PayloadError(Reason.TOO_LARGE, "more than one value")
        device, sensor = split_topic(self._topics, message.topic)
        text = parse_text(message.payload)
        decoded = Decoded()
        decoded.add(device, sensor, DECIMAL_COMMA.sub(r"\1.\2", text) if self._decimal_comma else text)
        return decoded


def split_topic(topics: Sequence[TopicFilter], topic: str) -> tuple[str, str]:
    """Device and sensor as the topic names them, by placeholders or by place; raises `PayloadError` where it cannot."""
    names = first_match(topics, topic)
    above, _, last = topic.rpartition("/")
    device, sensor = names.get("device") or device_name(above), names.get("sensor") or last
    if not device or not sensor:
        raise PayloadError(Reason.NAME, "the topic names no device and sensor")
    return device, sensor
