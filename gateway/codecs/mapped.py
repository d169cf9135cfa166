"""Any other JSON: the settings say where in it the sensors, the time and the device stand.

A path is the keys on the way joined by dots, numbers for places in lists: `data.channels.0.value`. A key that holds a
dot itself is written as a list of keys.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, TypeAlias

from pydantic import BeforeValidator, Field, field_validator

from gateway.codecs.codec import Decoded, device_name
from gateway.codecs.topics import TopicFilter, first_match
from gateway.codecs.values import parse_json, parse_time, parse_unit
from gateway.config import Section
from gateway.errors import PayloadError
from gateway.records import Message, Reason


def _keys(path: object) -> object:
    return tuple(path.split(".")) if isinstance(path, str) else tuple(path) if isinstance(path, list) else path


Path: TypeAlias = Annotated[tuple[str, ...], BeforeValidator(_keys)]


class MappedSensor(Section):
    """Where a sensor's value stands, and what it is counted in."""

    path: Path
    unit: str | None = None
    unit_path: Path | None = None


class MappedOptions(Section):
    """Settings of a source in this dialect."""

    sensors: Annotated[dict[str, MappedSensor], Field(min_length=1)]
    """By the name that the sensor shall have; `path = "..."` alone may be written as text."""
    time: Path | None = None
    device: Path | None = None
    """Where the topic does not name the device: who may publish there may then speak for any."""
    each: Path | None = None
    """A list of records, in each of which the other paths begin."""

    @field_validator("sensors", mode="before")
    @classmethod
    def _from_paths(cls, value: object) -> object:
        if not isinstance(value, dict):
            return value
        return {name: {"path": sensor} if isinstance(sensor, str | list) else sensor for name, sensor in value.items()}


class Mapped:
    """JSON by the user's map; what is missing in a message is not there, and no rejection."""

    descriptions = ()

    def __init__(self, topics: Sequence[TopicFilter], options: MappedOptions) -> None:
        self._topics = topics
        self._options = options
        if options.device is None:
            for topic in topics:
                topic.require("device")

    def decode(self, message: Message) -> Decoded:
        """Decode an object, or each of its records."""
        names, tree = first_match(self._topics, message.topic), parse_json(message.payload)
        records = tree if self._options.each is None else find(tree, self._options.each)
        decoded = Decoded()
        for record in records if isinstance(records, list) else [records]:
            try:
                self._take(decoded, names, record)
            except PayloadError as error:
                decoded.reject(names.get("device", message.topic), error.reason)
        if not decoded.readings and not decoded.rejections:
            raise PayloadError(Reason.EMPTY, "none of the paths leads to anything")
        return decoded

    def _take(self, decoded: Decoded, names: Mapping[str, str], record: object) -> None:
        options = self._options
        device = names.get("device") or _named(find(record, options.device or ()))
        observed_at = parse_time(None if options.time is None else find(record, options.time))
        for name, sensor in options.sensors.items():
            value = find(record, sensor.path)
            if value is not None:
                unit = sensor.unit if sensor.unit_path is None else find(record, sensor.unit_path)
                decoded.add(device, name, value, observed_at, parse_unit(unit))


def _named(said: object) -> str:
    if not isinstance(said, str):
        raise PayloadError(Reason.NAME, "no device")
    return device_name(said)


def find(tree: object, path: Sequence[str]) -> object:
    """What stands at the end of a path; None where it leads nowhere."""
    for key in path:
        if isinstance(tree, dict):
            tree = tree.get(key)
        elif isinstance(tree, list) and key.isdecimal() and int(key) < len(tree):
            tree = tree[int(key)]
        else:
            return None
    return tree
