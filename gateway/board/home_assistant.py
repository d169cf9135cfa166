"""Keeps Home Assistant told of every device, and tells it again when it starts."""

from collections.abc import Collection

from gateway.board.notices import Link, Notice, Notices
from gateway.codecs import TopicTemplate
from gateway.codecs.home_assistant import Announced, discovery_topic, encode_discovery
from gateway.config import Settings
from gateway.records import SECOND, Described, Entry, Message
from gateway.shard import Outcome, Shard

PER_S = 20
"""Devices told a second at most, 80 kB and some 200 entities: what Home Assistant sets up is the slow part."""

DELAY = 5 * SECOND
"""How long sensors of a new device are gathered: Home Assistant (2025.4, discovery.py) drops parts of a message that
comes while it is still setting up the one before."""


def birth_topics(settings: Settings) -> list[str]:
    """Where Home Assistant says that it has started, if that is of interest."""
    return [f"{settings.home_assistant.prefix}/status"] if settings.home_assistant.enabled else []


class HomeAssistant:
    """Announces every device of a shard."""

    def __init__(self, settings: Settings, shard: Shard, link: Link, version: str) -> None:
        chosen = settings.topics
        self._settings, self._shard, self._version = settings, shard, version
        self._topics = {
            name: TopicTemplate(getattr(chosen, name), frozenset({"device", "gateway"}), key=f"topics.{name}")
            for name in ("anomaly", "feedback", "maintenance", "prediction", "state", "status")
        }
        self._notices = Notices(link, lambda: self._shard.directory.devices, self._write, per_s=PER_S, delay=DELAY)
        self._known = 0

    def observe(self, entry: Entry, _outcome: Outcome) -> None:
        """Take note of new sensors and of units."""
        directory = self._shard.directory
        for _, device, _ in directory.since(self._known):
            self._notices.mark(device)
        self._known = len(directory)
        if isinstance(entry, Described):
            self._notices.mark(entry.device)

    def hear(self, message: Message) -> None:
        """Home Assistant says that it has started, or ends."""
        if message.payload == b"online":
            self._notices.renew()

    def forget(self, devices: Collection[str], shard: Shard) -> None:
        """Go on with a shard that has forgotten these devices, or readings of theirs."""
        self._shard, self._known = shard, len(shard.directory)
        self._notices.hurry(devices)

    def settle(self, now: int) -> None:
        """Send what is due."""
        self._notices.settle(now)

    def _write(self, device: str, _: int) -> Notice:
        settings, directory = self._settings, self._shard.directory
        gateway = settings.gateway.name
        topic = discovery_topic(settings.home_assistant.prefix, gateway, device)
        row = directory.device_row(device)
        if row is None:
            return Notice(topic, b"")
        rows = directory.rows_of[row][: settings.home_assistant.sensors]
        numbers = [row for row in rows if not self._shard.fleet.speaks(row)]
        sensors = [(directory.streams[row][1], directory.units.get(row, "")) for row in numbers]
        bounds = self._shard.rules.bounds
        bounded = [sensor for sensor, _ in sensors if any(bound.fits(device, sensor) for bound in bounds)]
        topics = {name: template.render(device=device, gateway=gateway) for name, template in self._topics.items()}
        return Notice(topic, encode_discovery(Announced(gateway, self._version, device, sensors, topics, bounded)))
