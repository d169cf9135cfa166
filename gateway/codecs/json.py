"""The JSON dialect: an object of sensors, a list of such objects, or one bare value on a sensor's own topic."""

from collections.abc import Sequence

from gateway.codecs.codec import EVENT_TYPE, Decoded
from gateway.codecs.topics import TopicFilter, first_match
from gateway.codecs.values import as_object, parse_json, parse_text, parse_time
from gateway.config import Section
from gateway.errors import PayloadError
from gateway.records import Message, Reason


class JsonCodec:
    """`{"temperature": 21.4, "time": ...}`, the same under `"values"`, a list of them, or `21.4` / `{"value": ...}`."""

    descriptions = ()

    def __init__(self, topics: Sequence[TopicFilter], _options: Section) -> None:
        self._topics = topics
        for topic in topics:
            topic.require("device")

    def decode(self, message: Message) -> Decoded:
        """Decode one payload; values that cannot be used are rejected one by one, and so are the items of a list."""
        names = first_match(self._topics, message.topic)
        device, sensor = names["device"], names.get("sensor")
        parsed = _parse(message.payload, sensor)
        decoded = Decoded()
        for item in parsed if isinstance(parsed, list) else []:
            try:
                _take(decoded, device, sensor, item)
            except PayloadError as error:
                decoded.reject(device, error.reason)
        if not isinstance(parsed, list):
            _take(decoded, device, sensor, parsed)
        if not decoded.readings and not decoded.rejections:
            raise PayloadError(Reason.EMPTY, "no sensor in it")
        return decoded


def _parse(payload: bytes, sensor: str | None) -> object:
    try:
        return parse_json(payload)
    except PayloadError:
        if sensor is None:
            raise
    return parse_text(payload)  # a bare word, as `on` on a sensor's own topic, is not JSON and yet common


def _take(decoded: Decoded, device: str, sensor: str | None, item: object) -> None:
    if sensor is not None:
        is_event = isinstance(item, dict) and EVENT_TYPE in item
        value, time = (item.get("value"), item.get("time")) if isinstance(item, dict) else (item, None)
        decoded.add(device, sensor, item if is_event else value, parse_time(time))
        return
    tree = as_object(item)
    observed_at = parse_time(tree.get("time"))
    values = tree.get("values")
    if not isinstance(values, dict):
        values = {name: value for name, value in tree.items() if name != "time"}
    for name, value in values.items():
        decoded.add(device, name, {EVENT_TYPE: value} if name == EVENT_TYPE else value, observed_at)
