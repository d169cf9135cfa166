"""Healthy sensors of many kinds, simulated: what the false-alarm budget and the recall are measured on."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from gateway.records import SECOND, Batch, Floats, Incident, Ints, State
from gateway.shard import Rules, Shard

DAY_S = 86_400
START = 1_700_000_000 * SECOND
ROUNDS_IN_BATCH = 64
"""By law this changes no result, only the speed."""


def lived(shard: Shard, rows: Ints, observed_at: Ints, values: Floats) -> Iterator[tuple[int, Incident]]:
    """Every change of an incident of these streams, and the number of the reading it came with.

    `values` are (reading, stream); NaN is none.
    """
    for first in range(0, len(values), ROUNDS_IN_BATCH):
        piece = values[first : first + ROUNDS_IN_BATCH]
        known = np.flatnonzero(~np.isnan(piece.reshape(-1)))
        number = first + known // len(rows)
        at = observed_at[number]
        for row, incident in shard.apply(Batch(rows[known % len(rows)], at, at, piece.reshape(-1)[known])).changes:
            if row is not None:
                yield int(number[row]), incident


@dataclass(frozen=True)
class Signals:
    """A simulated world: `count` sensors of each kind for `days`, one reading every `step_s`; seeded."""

    days: int
    step_s: int
    count: int
    seed: int

    @cached_property
    def draw(self) -> np.random.RandomState:
        """The only source of chance."""
        return np.random.RandomState(self.seed)  # its streams never change between versions of numpy

    @cached_property
    def size(self) -> tuple[int, int]:
        """Readings of each sensor, sensors of each kind."""
        return self.days * DAY_S // self.step_s, self.count

    @cached_property
    def second(self) -> Ints:
        """Time since the start."""
        return np.arange(self.size[0])[:, None] * self.step_s

    @cached_property
    def phase(self) -> Floats:
        """When each sensor has its warmest hour."""
        return self.draw.uniform(0.0, 2 * np.pi, (1, self.count))

    @cached_property
    def day(self) -> Floats:
        """A daily rhythm between -1 and 1."""
        return np.sin(2 * np.pi * self.second / DAY_S + self.phase)

    def ar(self, memory: float, noise: Floats | None = None) -> Floats:
        """Autoregressive noise of unit variance, or what it makes of `noise`."""
        noise = self.draw.standard_normal(self.size) if noise is None else noise
        out = np.empty(self.size)
        last = noise[0]
        for row, fresh in enumerate(noise):
            out[row] = last = memory * last + fresh
        return np.asarray(out * np.sqrt(1 - memory * memory))

    def weekly(self) -> Floats:
        """An office: busy on weekdays from eight to six."""
        is_busy = (self.second // DAY_S % 7 < 5) & (self.second % DAY_S > 28_800) & (self.second % DAY_S < 64_800)
        return np.asarray(10 + 50 * is_busy + 3 * np.abs(self.ar(0.5)) + 5 * is_busy * self.ar(0.8))

    def bursts(self) -> Floats:
        """Quiet, with exponential bursts that fade."""
        starts = self.draw.uniform(size=self.size) < 0.01
        return 0.3 * self.ar(0.5) + self.ar(0.8, starts * self.draw.exponential(20, self.size))

    def compressor(self) -> Floats:
        """Switched on and off in a fixed beat."""
        half = self.draw.randint(5, 12, (1, self.count))
        is_on = np.arange(self.size[0])[:, None] % (2 * half) < half
        return self.ar(0.7, 2.0 * is_on + 0.1 * self.draw.standard_normal(self.size))

    def regime(self) -> Floats:
        """Two states of random length, each with its own noise."""
        state, left, is_on = np.zeros(self.count), np.zeros(self.count), np.empty(self.size)
        for row in is_on:
            state = np.where(left <= 0, 1 - state, state)
            left = np.where(left <= 0, self.draw.gamma(8, 1, self.count), left - 1)
            row[:] = state
        noise = self.draw.standard_normal(self.size) * is_on, self.draw.standard_normal(self.size)
        return 5 + 100 * is_on + 2 * noise[0] + 0.5 * noise[1]

    def events(self) -> Floats:
        """A door: mostly 0, sometimes 1, by the hour."""
        return (self.draw.uniform(size=self.size) < 0.02 * (1 + self.day)).astype(np.float64)

    def seasonal_drift(self) -> Floats:
        """Weather: the year, the day, and how much of a day it is."""
        year = np.sin(2 * np.pi * self.second / DAY_S / 365 + self.phase)
        swing = 1 + 0.3 * np.sin(2 * np.pi * self.second / DAY_S / 11)
        return 10 + 8 * year + 4 * self.day * swing + self.ar(0.97)

    def daylight_saving(self) -> Floats:
        """A household that moves its day by an hour on one day, as a gateway without a time zone sees it."""
        moved = self.second + 3600 * (self.second > self.days // 2 * DAY_S)
        return 20 + 3 * np.sin(2 * np.pi * moved / DAY_S + self.phase) + 0.5 * self.ar(0.9)

    def kinds(self) -> dict[str, Floats]:
        """All kinds, each as (reading, sensor)."""
        draw, ar, size = self.draw, self.ar, self.size
        makers: dict[str, Callable[[], Floats]] = {
            "white": lambda: ar(0.0),
            "ar.9": lambda: ar(0.9),
            "ar.99": lambda: ar(0.99),
            "daily": lambda: 20 + 3 * self.day + 0.5 * ar(0.9),
            "daily quantised": lambda: np.round((20 + 3 * self.day + 0.3 * ar(0.9)) * 2) / 2,
            "constant": lambda: np.full(size, 21.5) + np.arange(self.count),
            "constant quantised": lambda: np.where(ar(0.995) > 1.5, 21.5, 21.0),
            "on change": lambda: np.round(20 + 2 * self.day + 0.3 * ar(0.95)),
            "weekly": self.weekly,
            "Student t4": lambda: draw.standard_t(4, size),
            "Laplace": lambda: draw.laplace(size=size),
            "lognormal": lambda: np.exp(0.8 * ar(0.7)),
            "bursts": self.bursts,
            "trend": lambda: 0.5 * self.second / DAY_S + ar(0.8),
            "compressor": self.compressor,
            "regime": self.regime,
            "counter rate": lambda: draw.poisson(3 * (1.2 + self.day), size).astype(np.float64),
            "events": self.events,
            "random walk": lambda: 20 + self.day + 0.05 * np.cumsum(draw.standard_normal(size), 0),
            "seasonal drift": self.seasonal_drift,
            "daylight saving": self.daylight_saving,
        }
        return {name: make() for name, make in makers.items()}


class Replay:
    """A shard that lives through simulated sensors, `sensors` of them on each device; kinds come in whole devices."""

    def __init__(self, names: Sequence[str], step_s: int, sensors: int = 1) -> None:
        self.shard = Shard(Rules())
        self.step_s = step_s
        add = self.shard.directory.add
        streams = [add(f"{name}/{place // sensors}", f"s{place % sensors}") for place, name in enumerate(names)]
        self.rows = np.array(streams)

    def play(self, values: Floats) -> Iterator[tuple[int, Incident]]:
        """Every change of an incident, and the number of the reading it came with."""
        at = START + np.arange(len(values)) * self.step_s * SECOND
        return lived(self.shard, self.rows, at, values)

    def opened(self, values: Floats) -> list[list[int]]:
        """The numbers of the readings with which each sensor's device opened incidents; one sensor a device."""
        told: list[list[int]] = [[] for _ in self.rows]
        place = {self.shard.directory.streams[row][0]: number for number, row in enumerate(self.rows.tolist())}
        for number, incident in self.play(values):
            if incident.state is State.OPEN:
                told[place[incident.device]].append(number)
        return told
