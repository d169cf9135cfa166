"""Bytes to records, one file per payload dialect. To add a dialect: write its file, name it in `CODECS`."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from pydantic import ValidationError

from gateway.codecs.chirpstack import ChirpStack
from gateway.codecs.codec import Codec, Decoded, Presence, Rejection, Request
from gateway.codecs.esphome import EspHome, EspHomeOptions
from gateway.codecs.homie import Homie
from gateway.codecs.json import JsonCodec
from gateway.codecs.line_protocol import LineProtocol, LineProtocolOptions
from gateway.codecs.mapped import Mapped, MappedOptions
from gateway.codecs.plain import Plain, PlainOptions
from gateway.codecs.senml import SenMl
from gateway.codecs.shelly import Shelly
from gateway.codecs.sparkplug import Sparkplug, SparkplugOptions
from gateway.codecs.tasmota import Tasmota, TasmotaOptions
from gateway.codecs.things_stack import ThingsStack
from gateway.codecs.topics import TopicFilter, TopicTemplate
from gateway.codecs.zigbee2mqtt import Zigbee2Mqtt, Zigbee2MqttOptions
from gateway.config import Section, Source, first_error
from gateway.errors import ConfigError


class Dialect(NamedTuple):
    """How a codec is made for a source."""

    make: Callable[[Sequence[TopicFilter], Any], Codec]
    options: type[Section] = Section
    topics: tuple[str, ...] = ()
    """Where its messages usually are; nowhere in particular where empty: then a source must say it."""


CODECS: Mapping[str, Dialect] = {
    "json": Dialect(JsonCodec),
    "zigbee2mqtt": Dialect(Zigbee2Mqtt, Zigbee2MqttOptions, ("zigbee2mqtt/#",)),
    "tasmota": Dialect(Tasmota, TasmotaOptions, ("tele/+/+", "stat/+/RESULT")),
    "shelly": Dialect(Shelly, topics=("+/events/rpc", "+/status/+", "+/online", "shellies/#")),
    "esphome": Dialect(
        EspHome,
        EspHomeOptions,
        ("+/sensor/+/state", "+/binary_sensor/+/state", "+/switch/+/state", "+/event/+/state", "+/status"),
    ),
    "homie": Dialect(Homie, topics=("homie/#",)),
    "sparkplug": Dialect(Sparkplug, SparkplugOptions, ("spBv1.0/#",)),
    "chirpstack": Dialect(ChirpStack, topics=("application/+/device/+/event/+",)),
    "things_stack": Dialect(ThingsStack, topics=("v3/+/devices/+/up",)),
    "senml": Dialect(SenMl),
    "line_protocol": Dialect(LineProtocol, LineProtocolOptions, ("telegraf/#",)),
    "plain": Dialect(Plain, PlainOptions),
    "mapped": Dialect(Mapped, MappedOptions),
}


class Interpreter(NamedTuple):
    """A codec and the topics that it was made for."""

    topics: tuple[TopicFilter, ...]
    codec: Codec


def interpret(source: Source, key: str) -> Interpreter:
    """The codec of a source; raises `ConfigError` naming the setting below `key` that is wrong."""
    if source.codec not in CODECS:
        message = f"{key}.codec: {source.codec!r} is unknown; known are {', '.join(CODECS)}"
        raise ConfigError(message)
    dialect = CODECS[source.codec]
    texts = source.topics or dialect.topics
    if not texts:
        message = f"{key}.topic: a source of {source.codec!r} needs one"
        raise ConfigError(message)
    topics = tuple(TopicFilter(text, f"{key}.topic") for text in texts)
    try:
        options = dialect.options.model_validate(source.options)
    except ValidationError as error:
        raise ConfigError(first_error(error, f"{key}.options")) from error
    return Interpreter(topics, dialect.make(topics, options))


__all__ = [
    "CODECS",
    "Codec",
    "Decoded",
    "Interpreter",
    "Presence",
    "Rejection",
    "Request",
    "TopicFilter",
    "TopicTemplate",
    "interpret",
]
