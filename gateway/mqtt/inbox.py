"""The bounded hand-over from the network thread to the loop."""

import time
from collections import deque
from threading import Condition, Lock

from gateway.records import Message

MESSAGE_OVERHEAD = 300
"""Bytes of memory a waiting message costs beside its payload: measured 294 with a topic of 27 characters."""


class Inbox:
    """Messages on their way from the network thread to the loop, bounded by number and by bytes.

    A full inbox blocks the network thread, which then stops reading its socket: the broker is held back and nothing
    is lost silently. A message larger than `max_bytes` is let in when the inbox is empty, or it would never pass.
    """

    def __init__(self, max_messages: int = 20_000, max_bytes: int = 64 * 2**20) -> None:
        self.max_messages = max_messages
        self.max_bytes = max_bytes
        self.high_water = 0
        self.times_blocked = 0
        self.blocked_s = 0.0
        self._waiting: deque[Message] = deque()
        self._bytes = 0
        self._is_closed = False
        lock = Lock()
        self._arrived = Condition(lock)
        self._taken = Condition(lock)

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, message: Message) -> bool:
        """Hand over one message, waiting while the inbox is full; False once the inbox is closed."""
        size = len(message.payload) + MESSAGE_OVERHEAD
        with self._arrived:
            if self._is_full(size):
                self._wait_for_room(size)
            if self._is_closed:
                return False
            self._waiting.append(message)
            self._bytes += size
            self._arrived.notify()
        return True

    def take(self, timeout_s: float) -> list[Message]:
        """Return everything that waits, oldest first; [] if nothing comes within `timeout_s` or the inbox is closed."""
        with self._arrived:
            if not self._waiting and not self._is_closed:
                self._arrived.wait(timeout_s)
            messages = list(self._waiting)
            self._waiting.clear()
            self._bytes = 0
            self.high_water = max(self.high_water, len(messages))
            self._taken.notify_all()
        return messages

    def close(self) -> None:
        """Release both sides for good; what still waits can be taken, nothing more can be put."""
        with self._arrived:
            self._is_closed = True
            self._arrived.notify_all()
            self._taken.notify_all()

    def _is_full(self, size: int) -> bool:
        count = len(self._waiting)
        return count >= self.max_messages or (self._bytes + size > self.max_bytes and count > 0)

    def _wait_for_room(self, size: int) -> None:
        self.times_blocked += 1
        started = time.monotonic()
        self._taken.wait_for(lambda: self._is_closed or not self._is_full(size))
        self.blocked_s += time.monotonic() - started
