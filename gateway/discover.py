"""`gateway discover`: listen for a while, say which dialects are spoken, write the settings that understand them."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

import tomli_w

from gateway.app import refuse_own_messages
from gateway.codecs.recognise import is_announcement, is_claimed, recognise
from gateway.codecs.topics import TopicFilter
from gateway.config import SECRETS, Settings, Source
from gateway.connecting import connection_settings
from gateway.errors import BrokerError, ConfigError
from gateway.intake import Intake
from gateway.learning.directory import Directory
from gateway.mqtt.connection import Connection
from gateway.mqtt.inbox import Inbox
from gateway.records import Message, Reason

CONNECT_S = 10.0
"""A broker that has not let us in by then is told to the user, who is waiting."""

KEPT_PER_TOPIC = 20
"""Messages of one topic that are looked at: enough for what comes in parts, such as births and data."""

SHOWN = 8
"""Topics that nobody understands, as examples."""

KEPT_TOPICS = 20_000
KEPT_BYTES = 64 * 2**20
"""Of everything kept; a busy broker must not fill the memory of a small computer."""


class Heard:
    """What was heard, within bounds."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.counts: Counter[str] = Counter()
        self.beyond = 0
        self._bytes = 0

    def put(self, message: Message) -> None:
        """Keep the first of each topic, count all."""
        is_known = message.topic in self.counts
        is_room = self._bytes + len(message.payload) <= KEPT_BYTES
        if not is_known and not (is_room and len(self.counts) < KEPT_TOPICS):
            self.beyond += 1
            return
        self.counts[message.topic] += 1
        if is_room and self.counts[message.topic] <= KEPT_PER_TOPIC:
            self._bytes += len(message.payload)
            self.messages.append(message)


class Found(NamedTuple):
    """One source, and what it would have understood."""

    source: Source
    devices: int
    sensors: int
    messages: int
    binary: int
    """Messages that are not read because they are no text."""


@dataclass(slots=True)
class Discovery:
    """All that was found; `unknown` are topics that no dialect claims."""

    found: list[Found] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    beyond: int = 0


def listen(settings: Settings, seconds: float, stop: threading.Event) -> Iterator[tuple[Heard, float]]:
    """Hear everything on the broker; several times a second what was heard so far, and the seconds that passed.

    Raises `BrokerError` where the broker does not let us in.
    """
    heard, inbox = Heard(), Inbox()
    theirs = connection_settings(settings)
    ours = replace(theirs, client_id=f"{theirs.client_id[:14]}-discover", topics=("#",), qos=0)
    connection = Connection(replace(ours, session_expiry_s=0, status_topic=None), inbox)
    connection.start()
    try:
        _wait(connection)
        started = time.monotonic()
        yield heard, 0.0
        while (passed := time.monotonic() - started) < seconds and not stop.is_set():
            for message in inbox.take(min(0.2, seconds - passed)):
                heard.put(message)
            if connection.failure is not None:
                raise connection.failure
            yield heard, passed
    finally:
        connection.stop()


def _wait(connection: Connection) -> None:
    deadline = time.monotonic() + CONNECT_S
    while not connection.is_online:
        if connection.failure is not None:
            raise connection.failure
        if time.monotonic() > deadline:
            message = f"not connected to the broker: {connection.last_error}"
            raise BrokerError(message)
        time.sleep(0.02)
    if connection.refused_topics:
        message = "the broker does not let us listen to everything (#); it needs a user who may"
        raise BrokerError(message)


def judge(heard: Heard, settings: Settings) -> Discovery:
    """Recognise the dialects, and let each read what is its own."""
    own = _own_topics(settings)
    others = (topic for topic in heard.counts if all(each.match(topic) is None for each in own))
    left = {topic: heard.counts[topic] for topic in others}
    messages = [message._replace(is_retained=False) for message in heard.messages if message.topic in left]
    discovery = Discovery(beyond=heard.beyond)
    for source in recognise(messages):
        directory = Directory()
        intake = Intake([source], settings.limits, settings.topics, directory)
        if _hears_us(settings, intake):
            continue
        mine = {topic: left.pop(topic) for topic in [*left] if is_claimed([source], topic)}
        intake.take(each for each in messages if each.topic in mine or is_announcement(each.topic))
        binary = intake.rejected[Reason.BINARY]
        discovery.found.append(Found(source, len(directory.devices), len(directory), sum(mine.values()), binary))
    discovery.unknown = [topic for topic in left if not is_announcement(topic)]
    return discovery


def _own_topics(settings: Settings) -> list[TopicFilter]:
    """Where we speak, and are spoken to, and where gateways of another name do."""
    templates = [text.replace("/{gateway}/", "/+/") for text in settings.topics.model_dump().values()]
    templates += [reply.topic.replace("{path}", "+") for reply in settings.replies if reply.topic is not None]
    return [TopicFilter(text.replace("{gateway}", settings.gateway.name)) for text in templates]


def _hears_us(settings: Settings, intake: Intake) -> bool:
    try:
        refuse_own_messages(settings, intake)
    except ConfigError:
        return True
    return False


TITLES = ("dialect", "topics", "devices", "sensors", "messages")


def rows(discovery: Discovery) -> Iterator[tuple[str, str, int, int, int]]:
    """The table of what was found."""
    for source, devices, sensors, messages, _ in discovery.found:
        yield source.codec, "\n".join(source.topics), devices, sensors, messages


def remarks(discovery: Discovery) -> Iterator[str]:
    """What the table does not say."""
    if not discovery.found:
        yield "no device was heard; listen longer with --for, or see that they reach this broker"
    for found in discovery.found:
        if found.binary:
            codec, count = found.source.codec, found.binary
            yield f"{codec}: {count} messages are no text and are not read: set their sender to JSON"
        elif not found.devices:
            yield f"{found.source.codec}: heard, and nothing measured yet; births or uplinks may be rare"
    if discovery.unknown:
        shown = ", ".join(ascii(topic) for topic in discovery.unknown[:SHOWN])
        yield f"not understood: {len(discovery.unknown)} topics, such as {shown}"
    if discovery.beyond:
        yield f"not looked at: {discovery.beyond} messages on more topics than fit"


def settings_text(discovery: Discovery, settings: Settings) -> str:
    """A settings file that understands what was found and keeps what was set, but for secrets."""
    tree = settings.model_dump(mode="json", exclude_unset=True, exclude={"sources": True, "mqtt": set(SECRETS)})
    tree["sources"] = [{"codec": found.source.codec, "topic": _short(found.source.topics)} for found in discovery.found]
    return tomli_w.dumps(tree)


def _short(topics: tuple[str, ...]) -> str | list[str]:
    return topics[0] if len(topics) == 1 else list(topics)


def refuse_existing(path: Path) -> None:
    """Raise `ConfigError` before anybody waits for what could then not be written."""
    if path.exists():
        message = f"{path}: is there already; nothing was written"
        raise ConfigError(message)


def write(text: str, path: Path) -> None:
    """Write a new file; raises `ConfigError` where there is one already, or where it cannot be written."""
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        message = f"{path}: {error.strerror or error}; nothing was written"
        raise ConfigError(message) from error
