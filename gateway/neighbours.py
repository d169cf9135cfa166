"""What the loop asks of its neighbours: the connection to the broker, and the one who passes the log on."""

from collections.abc import Iterable
from typing import Protocol


class Link(Protocol):
    """What the loop asks of the connection to the broker."""

    failure: Exception | None
    is_online: bool
    anew: int
    dropped: int
    last_error: str
    received: int
    published: int

    @property
    def generation(self) -> int:
        """How many connections there were."""
        ...

    @property
    def unacknowledged(self) -> int:
        """How many messages the broker waits to hear of."""
        ...

    @property
    def oldest(self) -> tuple[int, int] | None:
        """Which of them must be acknowledged before all others."""
        ...

    @property
    def window(self) -> int:
        """How many messages the broker may send before it waits for us to acknowledge some."""
        ...

    @property
    def reconnects(self) -> int:
        """How many times the connection was made again."""
        ...

    def publish(self, topic: str, payload: bytes, qos: int = 1, *, retain: bool = False) -> bool:
        """Send, or keep to be sent; False where it was dropped."""
        ...

    def acknowledge(self, receipts: Iterable[tuple[int, int] | None]) -> None:
        """Tell the broker that these are safe with us."""
        ...


class Sender(Protocol):
    """What the loop asks of the one who passes the log on to a database."""

    failure: Exception | None

    @property
    def unsent(self) -> int:
        """Readings in the log that the database lacks."""
        ...

    def wake(self, readings: int) -> None:
        """So many readings more are in the log; returns at once."""
        ...

    def status(self, now: int) -> dict[str, object]:
        """How far behind it is."""
        ...
