"""Simulated time, and what is due in it."""

import heapq
import time
from collections.abc import Callable, Iterator
from math import inf
from typing import Generic, TypeVar

T = TypeVar("T")


class Clock:
    """A clock that starts at `start` and runs `speed` times as fast as the wall's; it cannot drift, it is a product.

    Once it has caught up with `limit`, the real time, it goes no faster: no device has readings of the future.
    """

    def __init__(
        self,
        start: float,
        speed: float,
        monotonic: Callable[[], float] = time.monotonic,
        limit: Callable[[], float] = lambda: inf,
    ) -> None:
        self.start = start
        self.speed = speed
        self._limit = limit
        self._monotonic = monotonic
        self._started = monotonic()

    def wall_s(self) -> float:
        """Return the wall seconds since the clock was started."""
        return self._monotonic() - self._started

    def now(self) -> float:
        """Return simulated epoch seconds."""
        return min(self.start + self.speed * self.wall_s(), max(self.start, self._limit()))


class Schedule(Generic[T]):
    """What is to happen when, in simulated time; what is late keeps its place and its own time."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self._heap: list[tuple[float, int, T]] = []
        self._added = 0

    def add(self, at: float, item: T) -> None:
        """Have `item` fall due at `at`; of two at the same time the one added first comes first."""
        self._added += 1
        heapq.heappush(self._heap, (at, self._added, item))

    def due(self) -> Iterator[tuple[float, T]]:
        """Yield what has fallen due, oldest first, until nothing has."""
        while self._heap and self._heap[0][0] <= self.clock.now():
            at, _, item = heapq.heappop(self._heap)
            yield at, item

    def lived(self) -> float:
        """Return the simulated time up to which everything has happened: behind the clock when we cannot follow."""
        now = self.clock.now()
        return min(now, self._heap[0][0]) if self._heap else now

    def lag_s(self) -> float:
        """Return by how many wall seconds the schedule is behind."""
        return max(self.clock.now() - self.lived(), 0.0) / self.clock.speed

    def wait_s(self) -> float:
        """Return the wall seconds until the next thing is due, 0 if one is, infinity if there is none."""
        return max(self._heap[0][0] - self.clock.now(), 0.0) / self.clock.speed if self._heap else float("inf")
