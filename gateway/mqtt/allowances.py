"""How much each sender may say while others want to be heard, too. Pure, but for a clock that nobody sets."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from gateway.bucket import Bucket
from gateway.records import SECOND, Message

STRANGERS = ""
"""All who send on topics of which no reading was accepted yet."""

UNIT_BYTES = 64
"""A message counts once for each of these: what costs time is learning, and a list holds a reading in 30 bytes."""

AHEAD = 100
"""Messages of one sender that may wait before they count against its limit: who is not ahead of us may be as fast as
it likes. A tenth of what a broker sends unacknowledged, so that the others' still come through."""

KEPT = 0.25
"""Of the inbox that one sender may have waiting from a backlog before it counts against its limit: it came at once, but
half of the inbox must do for all the others."""

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
    """A bucket for each sender that is ahead of us; `max_messages` are what the inbox holds.

    `last_at` is when something came last, in ns: who was not heard since then may have so much more to say.
    """

    def __init__(self, sharing: Sharing, max_messages: int) -> None:
        self.last_at = 0
        self._sharing, self._kept = sharing, KEPT * max_messages
        self._buckets: dict[str, Bucket] = {}
        self._catching_up_until = self._came_at = 0.0
        self._away_since = 0

    def catch_up(self) -> None:
        """What comes until nothing comes for `QUIET_S` the broker kept for us: by that nobody sends too much.

        Unless it takes more than its share of the inbox and sent faster than its limit all the time we were away.
        """
        self._buckets.clear()
        self._away_since = self.last_at
        self._came_at = time.monotonic()
        self._catching_up_until = self._came_at + CATCH_UP_S

    def exceeds(self, sender: str, waiting: int, message: Message, held: int) -> bool:
        """Whether this is more than its sender may say; of it so many units wait, and of all `held` messages."""
        is_catching_up = self._is_catching_up(held)
        self.last_at = at = message.received_at
        bucket = self._buckets.get(sender)
        if bucket is None:
            if waiting < AHEAD or (is_catching_up and (sender == STRANGERS or waiting < self._kept)):
                return False
            bucket = self._buckets[sender] = self._new_bucket(at, is_catching_up=is_catching_up)
        elif not waiting and bucket.level(at) >= FORGIVEN:
            del self._buckets[sender]
            return False
        return not bucket.take(at, self._sharing.units(message))

    def _new_bucket(self, at: int, *, is_catching_up: bool) -> Bucket:
        """So much at once; of what was kept while we were away, so much as could last."""
        away_s = max(0, at - self._away_since) / SECOND if is_catching_up else 0.0
        per_s, at_once = self._sharing.messages_per_s, self._sharing.messages_at_once
        return Bucket(per_s, at_once + per_s * away_s)

    def _is_catching_up(self, held: int) -> bool:
        now, before = time.monotonic(), self._came_at
        if now >= self._catching_up_until:
            return False
        self._came_at = now
        if not held and now - before > QUIET_S:
            self._catching_up_until = 0.0
        return now < self._catching_up_until
