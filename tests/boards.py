"""A board for unit tests: a shard of which each entry is told, and a link that notes what is sent."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from readings import START, Row, batch

from gateway.board import HomeAssistant, States
from gateway.records import SECOND, Entry
from gateway.shard import Rules, Shard


@dataclass
class NotingLink:
    """The connection to the broker; `room` is how many more messages it takes."""

    is_online: bool = True
    generation: int = 1
    room: int = 1_000_000
    sent: list[tuple[str, bytes]] = field(default_factory=list)

    def publish(self, topic: str, payload: bytes, qos: int = 1, *, retain: bool = False) -> bool:
        """Note what stands on the board from now on."""
        assert (qos, retain) == (1, True)
        if self.room > 0:
            self.room -= 1
            self.sent.append((topic, payload))
            return True
        return False

    def taken(self) -> dict[str, Any]:
        """Return the payloads sent since this was last asked, by topic; None where something was taken off."""
        sent, self.sent = self.sent, []
        assert len({topic for topic, _ in sent}) == len(sent), "sent twice"
        return {topic: json.loads(payload) if payload else None for topic, payload in sent}


class Board:
    """One part of the board, hung up over a shard."""

    def __init__(self, part: type[States] | type[HomeAssistant], *arguments: Any) -> None:  # noqa: ANN401 - its own
        chosen, *rest = arguments
        self.shard = Shard(Rules(silent_floor_s=5.0))
        self.link = NotingLink()
        self.part = part(chosen, self.shard, self.link, *rest)
        self.now = START

    def read(self, *rows: Row) -> None:
        """Let the shard learn these readings as one batch."""
        self.enter(batch(self.shard.directory, rows))

    def live(self, rounds: int, names: Sequence[tuple[str, str]] = (("pump", "a"),)) -> None:
        """Let each of these streams live an ordinary life for a while, a reading a second, and end `now`."""
        self.read(
            *(
                (*name, self.now + number * SECOND, 20 + number * 7 % 11 / 10)
                for number in range(1, rounds + 1)
                for name in names
            )
        )
        self.now += rounds * SECOND

    def enter(self, entry: Entry) -> None:
        """Fold an entry and tell of it, as the loop does."""
        self.part.observe(entry, self.shard.apply(entry))

    def forget(self, devices: Collection[str], rest: Shard) -> None:
        """Go on with the rest of the shard, as the loop does."""
        self.shard = rest
        self.part.forget(devices, rest)

    def turn(self, seconds: float = 0.0) -> dict[str, Any]:
        """Let time pass; return what one turn of the loop sends then."""
        self.now += round(seconds * SECOND)
        self.part.settle(self.now)
        return self.link.taken()
