"""Where the state lives, as those see it who change it on request: a gateway's loop, or a command without one."""

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Protocol, Self, TypeVar

from gateway.errors import StateError
from gateway.journal import Journal
from gateway.records import Span
from gateway.recovery import restore
from gateway.shard import Shard

Answer = TypeVar("Answer")


class House(Protocol):
    """The state, its log, and the places beside the log that readings went to."""

    shard: Shard
    journal: Journal
    mark: str
    """Of the rules that the state was folded under."""
    doors: dict[str, Callable[[Span], str]]
    """Each forgets what was said in a span, and says in a few words what it did."""

    def now(self) -> int:
        """What the gateway's clock says (ns)."""
        ...

    def settle(self) -> None:
        """Bring everything that was learned into the log; until the slice of work ends nothing new is learned."""
        ...

    def serve(self, shard: Shard) -> None:
        """Let this shard take the place of the one there is."""
        ...

    def write(self, work: Callable[[], Answer]) -> "Future[Answer]":
        """Do this where the log is written, after what was to be written before."""
        ...


class Alone:
    """The state brought back from a log that no gateway is running on; `settle`, `serve` and `write` act at once."""

    def __init__(self, shard: Shard, journal: Journal, mark: str, doors: dict[str, Callable[[Span], str]]) -> None:
        self.shard, self.journal, self.mark, self.doors = shard, journal, mark, doors

    def __enter__(self) -> Self:
        self.journal.open()
        restore(self.shard, self.journal, self.mark, threading.Event())
        return self

    def __exit__(self, *_: object) -> None:
        self.journal.close()

    def now(self) -> int:
        """What the clock says (ns)."""
        return time.time_ns()

    def settle(self) -> None:
        """Nothing is learned here."""

    def serve(self, shard: Shard) -> None:
        """Let this shard take the place of the one there is."""
        self.shard.become(shard)

    def write(self, work: Callable[[], Answer]) -> "Future[Answer]":
        """Do it now."""
        done: Future[Answer] = Future()
        done.set_result(work())
        return done


def saved(shard: Shard) -> Mapping[str, bytes]:
    """The state as it can be written down; nothing where a chosen model cannot: the log holds all that it learned."""
    try:
        return shard.dumps()
    except StateError:
        return {}
