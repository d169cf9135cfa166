"""How many messages a broker sends before it waits for an acknowledgement, as far as it lets us know. Pure.

It says nothing of that. mosquitto keeps to our Receive Maximum over MQTT 5 and to 20 over 3.1.1 (measured, 2.0.11);
others have limits of their own, as EMQX with 32. While a broker waits, what devices say comes late.
"""

from gateway.records import SECOND

LEAST = 10
"""Fewer wait at no broker: half of mosquitto's 20."""

MOST = 1000
"""To be acknowledged at once: mosquitto takes one packet of ours in each turn it gives the others; an anomaly behind
5,000 acknowledgements came 22 to 63 ms later (99th percentile), behind 1,000 of them 8 ms."""

PAUSE = SECOND
"""Without a message, though some are unacknowledged: then the broker may be waiting."""

PROMPT = SECOND // 4
"""What was waiting comes within this time of the acknowledgement."""


class Window:
    """Watches what comes and what is acknowledged; a pause that twice begins after as many messages is a limit."""

    def __init__(self) -> None:
        self._generation = 0
        self._size: int | None = None
        self._arrived_at = self._freed_at = 0
        self._paused_at = self._suspected = 0
        """After how many messages it paused last, and after how many when it proved to be waiting."""

    def arrive(self, generation: int, now: int) -> None:
        """Messages came."""
        if generation != self._generation:
            self._generation, self._size, self._paused_at, self._suspected = generation, None, 0, 0
        self._arrived_at = now
        if self._paused_at and now - self._freed_at < PROMPT:
            self._size = self._paused_at if self._paused_at == self._suspected else self._size
            self._suspected = self._paused_at
        self._paused_at = 0

    def is_waiting(self, unacknowledged: int, now: int) -> bool:
        """Whether the broker may be waiting for us; then what is unacknowledged is to be acknowledged now."""
        if unacknowledged < LEAST or now - self._arrived_at < PAUSE:
            return False
        self._paused_at, self._freed_at = unacknowledged, now
        return True

    def limit(self, promised: int) -> int:
        """How many may be unacknowledged without making the broker wait, then or when they are acknowledged."""
        return min(MOST, max(LEAST, (promised if self._size is None else min(self._size, promised)) // 2))
