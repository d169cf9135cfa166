"""Where the state lives, as those see it who change it on request: a gateway's loop, or a command without one."""

import threading
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import Future
from typing import Protocol, Self, TypeAlias, TypeVar

from gateway import rulebook
from gateway.errors import StateError
from gateway.journal import Journal
from gateway.records import Incident, Renewed, Span, Undone
from gateway.recovery import fitting, restore
from gateway.rulebook import Regime
from gateway.shard import Shard

SLICE_S = 0.02
"""How long readings wait for a slice of work."""

Answer = TypeVar("Answer")
Slices: TypeAlias = Generator[str, None, Answer]


class House(Protocol):
    """The state, its log, and the places beside the log that readings went to."""

    shard: Shard
    journal: Journal
    regime: Regime
    is_heard: bool
    """Whether people hear what is told."""
    doors: dict[str, Callable[[Span], str]]
    """Each forgets what was said in a span, and says in a few words what it did."""

    def now(self) -> int:
        """What the gateway's clock says (ns)."""
        ...

    def settle(self) -> None:
        """Bring everything that was learned into the log; until the slice of work ends nothing new is learned."""
        ...

    def serve(self, shard: Shard, told: Sequence[Incident], /) -> None:
        """Let this shard take the place of the one there is, and tell what changes by it."""
        ...

    def write(self, work: Callable[[], Answer]) -> "Future[Answer]":
        """Do this where the log is written, after what was to be written before."""
        ...


class Alone:
    """The state brought back from a log that no gateway is running on; `settle`, `serve` and `write` act at once.

    Nobody hears anything of it: what people are to be told they are told by the gateway that starts next.
    """

    is_heard = False

    def __init__(self, shard: Shard, journal: Journal, doors: dict[str, Callable[[Span], str]]) -> None:
        self.shard, self.journal, self.doors = shard, journal, doors
        self.regime = Regime(shard.rules, rulebook.dumps(shard.rules))

    def __enter__(self) -> Self:
        self.journal.open()
        restore(self.shard, self.journal, fitting(self.shard.rules, self.journal), threading.Event())
        return self

    def __exit__(self, *_: object) -> None:
        self.journal.close()

    def now(self) -> int:
        """What the clock says (ns)."""
        return time.time_ns()

    def settle(self) -> None:
        """Nothing is learned here."""

    def serve(self, shard: Shard, _: Sequence[Incident], /) -> None:
        """Let this shard take the place of the one there is."""
        self.shard.become(shard)

    def write(self, work: Callable[[], Answer]) -> "Future[Answer]":
        """Do it now."""
        done: Future[Answer] = Future()
        done.set_result(work())
        return done


def switch(house: House, shard: Shard, entry: Undone | Renewed, told: Sequence[Incident], mark: str | None) -> None:
    """Enter what changes what is learned of the log, save the shard that follows under its mark, and let it serve.

    Readings wait meanwhile, so that it is one moment of the log. Raises `DiskError`, and then nothing has changed.
    """
    parts = {} if mark is None else saved(shard)
    heard = told if house.is_heard else []
    house.write(lambda: house.journal.restart(entry, mark or "", parts, heard)).result()
    house.regime.mark = mark
    house.serve(shard, told)


def saved(shard: Shard) -> Mapping[str, bytes]:
    """The state as it can be written down; nothing where a chosen model cannot: the log holds all that it learned."""
    try:
        return shard.dumps()
    except StateError:
        return {}
