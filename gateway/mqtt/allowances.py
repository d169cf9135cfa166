"""How much each sender may say while others want to be heard, too. Pure, but for a clock that nobody sets."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from gateway.bucket import Bucket
from gateway.records import Message

STRANGERS = ""
"""All who send on topics of which no reading was accepted yet."""

UNIT_BYTES = 64
"""A message counts once for each of these: what costs time is learning, and a list holds a reading in 30 bytes."""

AHEAD = 100
"""Messages of one sender that may wait before they count against its limit: who is not ahead of us may be as fast as
it likes. A tenth of what a broker sends unacknowledged, so that the others' still come through."""

FORGIVEN = 0.5
"""Of its limit that must be left, when nothing of it waits, for a sender not to be limited any more: one who was ahead
because we were held up keeps it, one who floods does not get there, and so does not take all the time there is."""

CATCH_UP_S = 600.0
"""How long after a connection what the broker kept for us may take at most, before it is held for a flood: some 300,000
messages on one x86 core."""

QUIET_S = 1.0
"""A broker that has more for us sends it sooner: as soon as what it sent is in the log, half a second by default."""


@dataclass(frozen=True, slots=True)
class Sharing:
    """How senders share the inbox: who sends on a topic, and what one who is ahead of us may go on sending.

    A payload of more than `payload_bytes` will be refused unread, and so costs no time.
    """

    sender_of: Callable[[str], str]
    messages_per_s: float
    messages_at_once: float
    payload_bytes: int

    def units(self, message: Message) -> int:
        """How much of a sender's time a message takes."""
        size = len(message.payload)
        return 1 + size // UNIT_BYTES if size <= self.payload_bytes else 1


class Allowances:
    """A bucket for each sender that is ahead of us."""

    def __init__(self, sharing: Sharing) -> None:
        self._sharing = sharing
        self._buckets: dict[str, Bucket] = {}
        self._catching_up_until = self._came_at = 0.0

    def catch_up(self) -> None:
        """What comes until nothing comes for `QUIET_S` the broker kept for us: by that nobody sends too much.

        However much it is: it was acknowledged to those who sent it. No clock tells a backlog from a flood, as ours may
        have stood still while we were away.
        """
        self._came_at = time.monotonic()
        self._catching_up_until = self._came_at + CATCH_UP_S

    def exceeds(self, sender: str, waiting: int, message: Message, held: int) -> bool:
        """Whether this is more than its sender may say; of it so many units wait, and of all `held` messages."""
        if self._is_catching_up(held):
            return False
        at, sharing = message.received_at, self._sharing
        bucket = self._buckets.get(sender)
        if bucket is None:
            if waiting < AHEAD:
                return False
            bucket = self._buckets[sender] = Bucket(sharing.messages_per_s, sharing.messages_at_once)
        elif not waiting and bucket.level(at) >= FORGIVEN:
            del self._buckets[sender]
            return False
        return not bucket.take(at, sharing.units(message))

    def _is_catching_up(self, held: int) -> bool:
        now, before = time.monotonic(), self._came_at
        if now >= self._catching_up_until:
            return False
        self._came_at = now
        if not held and now - before > QUIET_S:
            self._catching_up_until = 0.0
        return now < self._catching_up_until
