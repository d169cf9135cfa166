"""How forecasts turned out: held against the first reading at or after the time they were for. Pure."""

from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from gateway.passages import Foreseen
from gateway.records import Batch

MOST = 200_000
"""Forecasts that wait, over all streams, about 60 MB at worst; a fleet of 20,000 streams has as many under way."""


class Waiting(NamedTuple):
    """One forecast that is not due yet."""

    due_at: int
    ahead: int
    expected: float
    lower: float
    upper: float


class Outcome(NamedTuple):
    """A forecast of a stream and what came."""

    stream: int
    forecast: Waiting
    actual: float


class Outcomes:
    """Forecasts under way, by stream and how far ahead they look; the oldest is dropped, and counted, at `MOST`."""

    def __init__(self) -> None:
        self.dropped = 0
        self._waiting: dict[int, dict[int, deque[Waiting]]] = {}
        self._count = 0

    def expect(self, foreseen: Foreseen) -> None:
        """Take note of forecasts."""
        columns = (
            foreseen.stream,
            foreseen.made_at,
            foreseen.due_at,
            foreseen.expected,
            foreseen.lower,
            foreseen.upper,
        )
        for stream, made_at, due_at, *band in zip(*(column.tolist() for column in columns), strict=True):
            if self._count >= MOST:
                self.dropped += 1
                continue
            ahead = due_at - made_at
            line = self._waiting.setdefault(stream, {}).setdefault(ahead, deque())
            line.append(Waiting(due_at, ahead, *band))
            self._count += 1

    def learn(self, batch: Batch) -> Iterator[Outcome]:
        """What these readings say of forecasts that are due.

        A reading that comes later than half as long again as the forecast looked ahead says nothing of it.
        """
        columns = (batch.stream, batch.observed_at, batch.value)
        for stream, at, value in zip(*(column.tolist() for column in columns), strict=True):
            for line in self._waiting.get(stream, {}).values():
                while line and line[0].due_at <= at:
                    self._count -= 1
                    forecast = line.popleft()
                    if at - forecast.due_at <= forecast.ahead // 2:
                        yield Outcome(stream, forecast, value)
