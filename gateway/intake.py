"""From MQTT messages to entries of the log: route, decode, guard.

What is not accepted is counted by reason, never raised.
"""

import logging
import math
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from glob import escape
from typing import NamedTuple, TypeAlias

import numpy as np

from gateway.bucket import Bucket
from gateway.codecs import Codec, Decoded, Request, TopicFilter, TopicTemplate, interpret
from gateway.codecs.incoming import decode_feedback, decode_maintenance
from gateway.codecs.topics import NO_LEVEL
from gateway.config import Limits, Source, Topics
from gateway.errors import PayloadError
from gateway.learning.directory import Directory
from gateway.learning.rows import SET_BACK
from gateway.records import SECOND, Availability, Batch, Described, Entry, Event, Message, Reading, Reason
from gateway.topics import of_device

logger = logging.getLogger(__name__)

ROUTES = 50_000
"""Topics whose route is remembered; beyond, the memory starts anew: a flood of invented topics must not grow it."""

LONGEST_TOPIC = 512
"""Characters of a topic worth remembering: MQTT allows 65,535, and `ROUTES` of those would be 3 GB."""

TEXTS = 32
"""Different texts of one sensor: washing machines have 20 programs. A sensor with more tells stories, or its time."""

REQUESTS = 1000
"""Questions to devices that wait to be sent."""

RELEASED = 1_577_836_800 * SECOND
"""2020: a clock that reads earlier is one that was not set since the machine was started."""

QUIET = 60 * SECOND
"""The same reason from the same device is logged once in this time."""

Decode: TypeAlias = Callable[[str, bytes, int], Event]
"""From a device's name, a payload and the time it came to what it says."""

LOUDEST = 100
"""Lines logged in that time at most: a flood of invented devices must not fill the log."""


class Route(NamedTuple):
    """Where a topic leads; `is_description` where it tells of devices instead of bringing readings."""

    codecs: tuple[Codec, ...]
    is_description: bool = False


class Columns:
    """Accepted readings on their way into a batch."""

    def __init__(self) -> None:
        self._rows: list[tuple[int, int, int, float]] = []
        self._names: dict[float, str] = {}

    def add(self, stream: int, observed_at: int, received_at: int, reading: Reading) -> None:
        """One more reading."""
        self._rows.append((stream, observed_at, received_at, reading.value))
        if reading.text is not None:
            self._names[reading.value] = reading.text

    def batches(self) -> list[Batch]:
        """All of them as one batch, none where there are none."""
        if not self._rows:
            return []
        stream, observed_at, received_at, value = zip(*self._rows, strict=True)
        integers = np.array([stream, observed_at, received_at], dtype=np.int64)
        return [Batch(integers[0], integers[1], integers[2], np.array(value, dtype=np.float64), self._names)]


class Intake:
    """Turns messages into batches for one directory, within the limits."""

    def __init__(self, sources: Sequence[Source], limits: Limits, topics: Topics, directory: Directory) -> None:
        self.limits = limits
        self.directory = directory
        self.rejected: Counter[Reason] = Counter()
        self.requests: deque[Request] = deque(maxlen=REQUESTS)
        """What codecs want asked; who is not asked for lack of room wants it again."""
        self._ahead = round(limits.ahead_s * SECOND)
        self._behind = round(limits.behind_s * SECOND)
        self.latest_at = RELEASED
        self._sources = [interpret(source, f"sources.{number}") for number, source in enumerate(sources)]
        self._descriptions = [(TopicFilter(text), codec) for _, codec in self._sources for text in codec.descriptions]
        self._words: list[tuple[TopicTemplate, Decode]] = [
            (of_device(topics, "feedback"), decode_feedback),
            (of_device(topics, "maintenance"), _decode_own_maintenance),
        ]
        self._routes: dict[str, Route] = {}
        self._units: dict[int, str] = {}
        self._texts: dict[int, set[float]] = {}
        self._senders: dict[str, str] = {}
        self._newcomers = Bucket(limits.new_streams_per_min / 60, limits.new_streams_per_min)
        self._logged: set[tuple[str, Reason]] = set()
        self._logged_since = -QUIET

    @property
    def filters(self) -> list[str]:
        """The MQTT topic filters to subscribe to."""
        sources = (topic.filter for topics, _ in self._sources for topic in topics)
        words = (template.filter for template, _ in self._words)
        return list(dict.fromkeys([*sources, *words, *self.description_filters]))

    @property
    def description_filters(self) -> list[str]:
        """Those of `filters` whose retained messages are needed again after every start."""
        return list(dict.fromkeys(topic.filter for topic, _ in self._descriptions))

    @property
    def codecs(self) -> list[Codec]:
        """The codec of each source."""
        return [codec for _, codec in self._sources]

    def is_source(self, topic: str) -> bool:
        """Whether what comes on this topic is taken for readings."""
        route = self._find_route(topic)
        return bool(route.codecs) and not route.is_description

    def is_heard(self, topic: str) -> bool:
        """Whether what comes on this topic is taken for anything."""
        return self.is_source(topic) or any(template.match(topic) is not None for template, _ in self._words)

    def sender_of(self, topic: str) -> str:
        """Who sends on a topic: a device of which readings came from there, "" for all strangers together.

        The network thread asks, too.
        """
        return self._senders.get(topic, "")

    def take(self, messages: Iterable[Message]) -> list[Entry]:
        """What the messages say, in order: batches of accepted readings, and between them what people said."""
        entries: list[Entry] = []
        columns = Columns()
        for message in messages:
            try:
                events = self._take_one(message, columns)
            except PayloadError as error:
                self.reject(message.topic, error.reason, message.received_at)
                continue
            if events:
                entries += [*columns.batches(), *events]
                columns = Columns()
        return [*entries, *columns.batches()]

    def recall(self, readings: Iterable[Reading]) -> list[Batch]:
        """History, in which each reading has its time: taken as if each had arrived when it was observed."""
        columns = Columns()
        for reading in readings:
            at = reading.observed_at
            assert at is not None  # noqa: S101 - see above
            row = self._row(reading, at, at) if math.isfinite(reading.value) else Reason.NOT_FINITE
            if isinstance(row, Reason):
                self.reject(reading.device, row, at)
            else:
                columns.add(row, at, at, reading)
        return columns.batches()

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

    def _take_one(self, message: Message, columns: Columns) -> Sequence[Event]:
        """Add what the message measured to the columns; returns what else it says."""
        route = self._route(message.topic)
        limits = self.limits
        if len(message.payload) > (limits.description_bytes if route.is_description else limits.payload_bytes):
            raise PayloadError(Reason.TOO_LARGE)
        if not route.codecs:
            return [self._take_word(message)]
        events: list[Event] = []
        for codec in route.codecs:
            decoded = codec.decode(message)
            self.requests += decoded.requests
            events += self._take_readings(decoded, message, columns)
            for device, is_online in decoded.presences:
                if self.directory.device_row(device) is not None:
                    events.append(Availability(message.received_at, device, is_online))
        return events

    def _take_readings(self, decoded: Decoded, message: Message, columns: Columns) -> Sequence[Event]:
        received_at = message.received_at
        if message.is_retained:  # the newest of a past that may be long ago
            if decoded.readings:
                self.reject(message.topic, Reason.RETAINED, received_at)
            return ()
        for device, _, reason in decoded.rejections:
            self.reject(device, reason, received_at)
        news: list[Event] = []
        most = self.limits.readings_per_message
        if len(decoded.readings) > most:
            self.reject(message.topic, Reason.TOO_MANY_READINGS, received_at, len(decoded.readings) - most)
        undated = set[int]()
        for reading in decoded.readings[:most]:
            observed_at = received_at if reading.observed_at is None else reading.observed_at
            row = self._row(reading, observed_at, received_at)
            if isinstance(row, int) and reading.observed_at is None:
                if row in undated:  # they share one time: what waited for a later portion came to nothing, ...
                    row = Reason.STALE  # ... and after a crash between the two the first would be learned again
                else:
                    undated.add(row)
            if not isinstance(row, int):
                self.reject(reading.device, row, received_at)
                continue
            columns.add(row, observed_at, received_at, reading)
            self._remember_sender(message.topic, reading.device)
            if reading.unit is not None and reading.unit != self._unit(row):
                self._units[row] = reading.unit
                news.append(Described(received_at, reading.device, reading.sensor, reading.unit))
        return news

    def _remember_sender(self, topic: str, device: str) -> None:
        if topic not in self._senders and len(topic) <= LONGEST_TOPIC:
            if len(self._senders) >= ROUTES:
                self._senders.clear()
            self._senders[topic] = device

    def renumber(self) -> None:
        """The rows of the directory are others than before: what was told under the old ones may be told again."""
        self._units.clear()
        self._texts.clear()

    def _unit(self, row: int) -> str | None:
        """The unit that was last entered for a stream, though the entry may not have been applied yet."""
        return self._units.get(row) or self.directory.units.get(row)

    def _take_word(self, message: Message) -> Event:
        """What a person says on a topic of its own."""
        if message.is_retained:
            raise PayloadError(Reason.RETAINED)
        for template, decode in self._words:
            if (names := template.match(message.topic)) is not None:
                if not self._is_name(names["device"]):
                    raise PayloadError(Reason.NAME)
                return decode(names["device"], message.payload, message.received_at)
        raise PayloadError(Reason.TOPIC)

    def _route(self, topic: str) -> Route:
        if topic not in self._routes:
            if len(topic) > LONGEST_TOPIC:
                return self._find_route(topic)
            if len(self._routes) >= ROUTES:
                self._routes.clear()
            self._routes[topic] = self._find_route(topic)
        return self._routes[topic]

    def _find_route(self, topic: str) -> Route:
        """People's words go to no codec, descriptions to all that ask, readings to the first source of their topic."""
        if any(template.match(topic) is not None for template, _ in self._words):
            return Route(())
        described = [codec for each, codec in self._descriptions if each.match(topic) is not None]
        if described:
            return Route(tuple(dict.fromkeys(described)), is_description=True)
        for topics, codec in self._sources:
            if any(each.match(topic) is not None for each in topics):
                return Route((codec,))
        return Route(())

    def _row(self, reading: Reading, observed_at: int, received_at: int) -> int | Reason:
        self.latest_at = max(self.latest_at, received_at)
        is_clock_wrong = received_at < self.latest_at - SET_BACK  # or was: then nobody's time can be judged by it
        ahead = self.latest_at + self._behind if is_clock_wrong else received_at + self._ahead
        if not received_at - self._behind <= observed_at <= ahead:
            return Reason.TIME
        known = self.directory.row(reading.device, reading.sensor)
        row = self._new_row(reading, received_at) if known is None else known
        if isinstance(row, int) and reading.text is not None and not self._is_room(row, reading.value):
            return Reason.TOO_MANY_TEXTS
        return row

    def _is_room(self, row: int, code: float) -> bool:
        """Whether a text may be said: one that was said before, though it may not have been learned yet, or a state."""
        said = self._texts.setdefault(row, set()) | self.directory.texts.get(row, {}).keys()
        if code not in said and len(said) >= TEXTS:
            return False
        self._texts[row].add(code)
        return True

    def _is_name(self, name: str) -> bool:
        """What is not printable could break a log, a terminal or a page."""
        return 0 < len(name) <= self.limits.name_length and name.isprintable()

    def _new_row(self, reading: Reading, received_at: int) -> int | Reason:
        if not (self._is_name(reading.device) and self._is_name(reading.sensor)) or set(reading.device) & NO_LEVEL:
            return Reason.NAME
        if len(self.directory) >= self.limits.streams:
            return Reason.TOO_MANY_STREAMS
        if self.directory.sensor_count(reading.device) >= self.limits.sensors_per_device:
            return Reason.TOO_MANY_SENSORS
        if not self._newcomers.take(received_at):
            return Reason.TOO_MANY_NEW
        return self.directory.add(reading.device, reading.sensor)


def _decode_own_maintenance(device: str, payload: bytes, at: int) -> Event:
    return decode_maintenance(escape(device), payload, at)
