"""From MQTT messages to one batch: route, decode, guard. What is not accepted is counted by reason, never raised."""

import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from gateway.codecs import CODECS, Codec, Rejection, TopicTemplate
from gateway.config import Limits, Source
from gateway.errors import ConfigError, PayloadError
from gateway.learning.directory import Directory
from gateway.records import SECOND, Batch, Message, Reading, Reason

logger = logging.getLogger(__name__)

ROUTES = 50_000
"""Topics whose route is remembered; beyond, the memory starts anew: a flood of invented topics must not grow it."""

LONGEST_TOPIC = 512
"""Characters of a topic worth remembering: MQTT allows 65,535, and `ROUTES` of those would be 3 GB."""

QUIET = 60 * SECOND
"""The same reason from the same device is logged once in this time."""

LOUDEST = 100
"""Lines logged in that time at most: a flood of invented devices must not fill the log."""


class Route(NamedTuple):
    """Where a topic leads."""

    codec: Codec
    device: str
    sensor: str | None


class Intake:
    """Turns messages into batches for one directory, within the limits."""

    def __init__(self, sources: Sequence[Source], limits: Limits, directory: Directory) -> None:
        self.limits = limits
        self.directory = directory
        self.rejected: Counter[Reason] = Counter()
        self._ahead = round(limits.ahead_s * SECOND)
        self._behind = round(limits.behind_s * SECOND)
        self._sources = [
            (_template(source, f"sources.{number}"), _codec(source, f"sources.{number}"))
            for number, source in enumerate(sources)
        ]
        self._routes: dict[str, Route | None] = {}
        self._logged: set[tuple[str, Reason]] = set()
        self._logged_since = -QUIET

    @property
    def filters(self) -> list[str]:
        """The MQTT topic filters to subscribe to."""
        return [template.filter for template, _ in self._sources]

    def is_source(self, topic: str) -> bool:
        """Whether what comes on this topic is taken for readings."""
        return self._find_route(topic) is not None

    def take(self, messages: Iterable[Message]) -> Batch:
        """The accepted readings of the messages, in order; may be empty."""
        columns: tuple[list[int], list[int], list[int], list[float]] = ([], [], [], [])
        for message in messages:
            try:
                self._take_one(message, columns)
            except PayloadError as error:
                self.reject(message.topic, error.reason, message.received_at)
        stream, observed_at, received_at, value = columns
        return Batch(
            np.array(stream, dtype=np.int64),
            np.array(observed_at, dtype=np.int64),
            np.array(received_at, dtype=np.int64),
            np.array(value, dtype=np.float64),
        )

    def reject(self, who: str, reason: Reason, at: int, count: int = 1) -> None:
        """Count what was not accepted from `who`, and log it now and then."""
        self.rejected[reason] += count
        if not 0 <= at - self._logged_since < QUIET:  # or the clock was set back
            self._logged_since = at
            self._logged.clear()
        entry = (who[:200], reason)
        if entry not in self._logged and len(self._logged) < LOUDEST:
            self._logged.add(entry)
            logger.warning("rejected from %s: %s", ascii(entry[0]), reason)

    def _take_one(self, message: Message, columns: tuple[list[int], list[int], list[int], list[float]]) -> None:
        if message.is_retained:
            raise PayloadError(Reason.RETAINED)
        if len(message.payload) > self.limits.payload_bytes:
            raise PayloadError(Reason.TOO_LARGE)
        route = self._route(message.topic)
        if route is None:
            raise PayloadError(Reason.TOPIC)
        readings, rejections = route.codec.decode(route.device, route.sensor, message.payload)
        for rejection in rejections:
            self._reject_value(rejection, message)
        for reading in readings:
            observed_at = message.received_at if reading.observed_at is None else reading.observed_at
            row = self._row(reading, observed_at, message.received_at)
            if isinstance(row, Reason):
                self._reject_value(Rejection(reading.device, reading.sensor, row), message)
                continue
            columns[0].append(row)
            columns[1].append(observed_at)
            columns[2].append(message.received_at)
            columns[3].append(reading.value)

    def _reject_value(self, rejection: Rejection, message: Message) -> None:
        self.reject(rejection.device, rejection.reason, message.received_at)

    def _route(self, topic: str) -> Route | None:
        if topic not in self._routes:
            if len(topic) > LONGEST_TOPIC:
                return self._find_route(topic)
            if len(self._routes) >= ROUTES:
                self._routes.clear()
            self._routes[topic] = self._find_route(topic)
        return self._routes[topic]

    def _find_route(self, topic: str) -> Route | None:
        for template, codec in self._sources:
            if (names := template.match(topic)) is not None:
                return Route(codec, names["device"], names.get("sensor"))
        return None

    def _row(self, reading: Reading, observed_at: int, received_at: int) -> int | Reason:
        if not received_at - self._behind <= observed_at <= received_at + self._ahead:
            return Reason.TIME
        row = self.directory.row(reading.device, reading.sensor)
        return self._new_row(reading) if row is None else row

    def _new_row(self, reading: Reading) -> int | Reason:
        for name in (reading.device, reading.sensor):
            if not 0 < len(name) <= self.limits.name_length or not name.isprintable():
                return Reason.NAME
        if len(self.directory) >= self.limits.streams:
            return Reason.TOO_MANY_STREAMS
        if self.directory.sensor_count(reading.device) >= self.limits.sensors_per_device:
            return Reason.TOO_MANY_SENSORS
        return self.directory.add(reading.device, reading.sensor)


def _template(source: Source, key: str) -> TopicTemplate:
    return TopicTemplate(source.topic, frozenset({"device", "sensor"}), frozenset({"device"}), f"{key}.topic")


def _codec(source: Source, key: str) -> Codec:
    if source.codec not in CODECS:
        message = f"{key}.codec: {source.codec!r} is unknown; known are {', '.join(CODECS)}"
        raise ConfigError(message)
    return CODECS[source.codec]
