"""The bounded hand-over from the network thread to the loop, fair between those who send."""

import math
import time
from collections import deque
from collections.abc import Collection, Container
from dataclasses import dataclass, field
from itertools import islice
from threading import Condition, Lock

from gateway.mqtt.allowances import STRANGERS, Allowances, Sharing
from gateway.mqtt.receipts import Receipt
from gateway.records import Message

MESSAGE_OVERHEAD = 300
"""Bytes of memory a waiting message costs beside its payload: measured 294 with a topic of 27 characters."""

TURN = 1
"""What each sender hands over in one turn, in messages: as many as are learned in one portion."""

STRANGERS_TURN = 64
"""Strangers of whom one message each is taken in one turn: their readings are of as many streams, learned together."""

ALL = "all"
"""The one sender of an inbox that is not shared."""

SURPLUS = 2000
"""Messages of one sender shed behind others of it that wait, at which these are shed, too. A broker hears what is done
with in the order in which it sent, so what waits holds up all that came after it: within two seconds 8,000 a second
filled mosquitto's window of 10,000, and every message of the burst was a commit of its own, 270 in 12 s."""


@dataclass(slots=True)
class _Queue:
    """What waits of one sender."""

    messages: deque[Message] = field(default_factory=deque)
    units: int = 0
    shed: int = 0
    """Messages of the same sender that were shed behind these."""


class Inbox:
    """Messages on their way from the network thread to the loop, bounded by number and by bytes.

    A full inbox blocks the network thread, which then stops reading its socket: the broker is held back and nothing
    is lost silently. A message larger than `max_bytes` is let in when the inbox is empty, or it would never pass.

    With `sharing`, senders are served in turns, and of one who sends more than we can take, lastingly, the surplus is
    shed and counted; all strangers together count as one. Without, all is one queue.
    """

    def __init__(self, max_messages: int = 20_000, max_bytes: int = 64 * 2**20, sharing: Sharing | None = None) -> None:
        self.max_messages = max_messages
        self.max_bytes = max_bytes
        self.high_water = 0
        self.times_blocked = 0
        self.blocked_s = 0.0
        self.is_closed = False
        self._sharing = sharing
        self._known: dict[str, _Queue] = {}
        self._strangers: dict[str, _Queue] = {}
        """By topic: who becomes known is moved, and does not overtake itself."""
        self._strange_units = 0
        self._shed: dict[str, int] = {}
        self._discarded: list[Receipt] = []
        self._allowances = Allowances(sharing) if sharing else None
        self._count = 0
        self._bytes = 0
        lock = Lock()
        self._arrived = Condition(lock)
        self._taken = Condition(lock)

    def __len__(self) -> int:
        return self._count

    def put(self, message: Message) -> bool:
        """Hand over one message, waiting while the inbox is full; False where it was shed, or the inbox is closed."""
        size = len(message.payload) + MESSAGE_OVERHEAD
        with self._arrived:
            sender = self._sharing.sender_of(message.topic) if self._sharing else ALL
            if sender != STRANGERS:
                self._introduce(sender, message.topic)
            if self._allowances and self._allowances.exceeds(sender, self._waiting(sender), message, self._count):
                self._refuse(sender, message)
                return False
            if self._is_full(size):
                self._wait_for_room(size)
            if self.is_closed:
                return False
            self._append(sender, message)
            self._arrived.notify()
        return True

    def take(self, timeout_s: float, busy: Container[str] = ()) -> list[Message]:
        """Return what waits, a turn of each sender, its oldest first, but nothing of those who are `busy`.

        [] if nothing comes within `timeout_s`, or where the inbox is closed and empty.
        """
        taken: list[Message] = []
        with self._arrived:
            if not self._count and not self.is_closed:
                self._arrived.wait(timeout_s)
            self.high_water = max(self.high_water, self._count)
            for sender in [sender for sender in self._known if sender not in busy]:
                self._serve(sender, taken)
            for topic in list(islice(self._strangers, STRANGERS_TURN)):
                self._serve_stranger(topic, taken)
            self._taken.notify_all()
        return taken

    def waiting(self) -> set[str]:
        """Those known of whom messages wait."""
        with self._arrived:
            return set(self._known)

    def catch_up(self) -> None:
        """What comes next the broker kept for us: by that nobody sends too much."""
        if self._allowances:
            with self._arrived:
                self._allowances.catch_up()

    def shed(self) -> dict[str, int]:
        """How many messages of each sender were shed since it was asked last."""
        with self._arrived:
            shed, self._shed = self._shed, {}
        return shed

    def discarded(self) -> list[Receipt]:
        """What is to be acknowledged of that, since it was asked last."""
        with self._arrived:
            discarded, self._discarded = self._discarded, []
        return discarded

    def close(self) -> None:
        """Release both sides for good; what still waits can be taken, nothing more can be put."""
        with self._arrived:
            self.is_closed = True
            self._arrived.notify_all()
            self._taken.notify_all()

    def _introduce(self, sender: str, topic: str) -> None:
        """Move what waits on a topic among the strangers' to its sender, who has become known."""
        old = self._strangers.pop(topic, None)
        if old is not None:
            queue = self._known.setdefault(sender, _Queue())
            queue.messages.extendleft(reversed(old.messages))
            queue.units += old.units
            self._strange_units -= old.units

    def _append(self, sender: str, message: Message) -> None:
        is_stranger = sender == STRANGERS
        queues, name = (self._strangers, message.topic) if is_stranger else (self._known, sender)
        queue = queues.get(name)
        if queue is None:
            queue = queues[name] = _Queue()
        queue.messages.append(message)
        units = self._units(message)
        queue.units += units
        self._strange_units += units * is_stranger
        self._count += 1
        self._bytes += len(message.payload) + MESSAGE_OVERHEAD

    def _serve(self, sender: str, taken: list[Message]) -> None:
        queue = self._known[sender]
        turn: float = TURN if self._sharing else math.inf
        while queue.messages and turn > 0:
            turn -= self._pop(queue, taken)
        if not queue.messages:
            del self._known[sender]

    def _serve_stranger(self, topic: str, taken: list[Message]) -> None:
        queue = self._strangers.pop(topic)
        self._strange_units -= self._pop(queue, taken)
        if queue.messages:
            self._strangers[topic] = queue  # behind the others

    def _pop(self, queue: _Queue, taken: list[Message]) -> int:
        message = queue.messages.popleft()
        taken.append(message)
        units = self._units(message)
        queue.units -= units
        self._count -= 1
        self._bytes -= len(message.payload) + MESSAGE_OVERHEAD
        return units

    def _refuse(self, sender: str, message: Message) -> None:
        """Shed a message, and where too many were, what waits of its sender."""
        self._discard(sender, [message])
        if (queue := self._known.get(sender)) is None:
            return
        queue.shed += 1
        if queue.shed >= SURPLUS:
            self._discard(sender, queue.messages)
            self._count -= len(queue.messages)
            self._bytes -= sum(len(each.payload) + MESSAGE_OVERHEAD for each in queue.messages)
            del self._known[sender]

    def _discard(self, sender: str, messages: Collection[Message]) -> None:
        self._shed[sender] = self._shed.get(sender, 0) + len(messages)
        self._discarded += [each.receipt for each in messages if each.receipt]

    def _waiting(self, sender: str) -> int:
        if sender == STRANGERS:
            return self._strange_units
        queue = self._known.get(sender)
        return queue.units if queue else 0

    def _is_full(self, size: int) -> bool:
        return self._count >= self.max_messages or (self._bytes + size > self.max_bytes and self._count > 0)

    def _wait_for_room(self, size: int) -> None:
        self.times_blocked += 1
        started = time.monotonic()
        self._taken.wait_for(lambda: self.is_closed or not self._is_full(size))
        self.blocked_s += time.monotonic() - started

    def _units(self, message: Message) -> int:
        return self._sharing.units(message) if self._sharing else 1
