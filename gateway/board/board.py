"""All that stands on the board, as the rest of the gateway sees it."""

from collections.abc import Collection

from gateway.board.home_assistant import HomeAssistant
from gateway.board.notices import Link
from gateway.board.states import States
from gateway.codecs.home_assistant import discovery_topic
from gateway.config import Settings
from gateway.records import Entry, Message
from gateway.shard import Outcome, Shard
from gateway.topics import of_device


def retained_topics(settings: Settings, device: str) -> list[str]:
    """Where something of a device stands at the broker, which nobody keeps up to date without a gateway."""
    found = [of_device(settings.topics, name).render(device=device) for name in ("state", "prediction")]
    if settings.home_assistant.enabled:
        found.insert(0, discovery_topic(settings.home_assistant.prefix, settings.gateway.name, device))
    return found


class Board:
    """Every device's state, and its announcement to Home Assistant where that is wanted."""

    def __init__(self, settings: Settings, shard: Shard, link: Link, version: str) -> None:
        self._states = States(settings, shard, link)
        is_wanted = settings.home_assistant.enabled
        self._companion = HomeAssistant(settings, shard, link, version) if is_wanted else None
        # who reads a state goes before it does
        self._parts = [part for part in (self._companion, self._states) if part is not None]

    def observe(self, entry: Entry, outcome: Outcome) -> None:
        """Take note of an entry of the log and of what followed from it."""
        for part in self._parts:
            part.observe(entry, outcome)

    def settle(self, now: int) -> None:
        """Send what is due."""
        for part in self._parts:
            part.settle(now)

    def hear(self, message: Message) -> None:
        """Home Assistant said something."""
        if self._companion is not None:
            self._companion.hear(message)

    def forget(self, devices: Collection[str], shard: Shard) -> None:
        """Go on with a shard that has forgotten these devices, or readings of theirs: nothing of them stays visible."""
        for part in self._parts:
            part.forget(devices, shard)
