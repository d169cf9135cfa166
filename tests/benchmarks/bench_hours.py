"""What comes at the wrong hour: as high as by day, in the middle of the night.

Run it as `python tests/benchmarks/bench_hours.py`; `--count` and `--seed` for more. Rooms, streets and offices live for
24 days, one reading a minute, then the same as means of 5, 15 and 60 minutes. Each has three nights, the first after
twelve days, with 45 minutes of what is nothing by day: told is what opens an incident by a quarter of an hour after it,
or with the mean that holds its end. The peer is the rule of InfluxData's River plugin (EWMean and EWVar, fading 0.3,
five sigma); an incident of it is over after 12 readings within.
"""

import argparse
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from peers import Plugin
from signals import Replay

from gateway.records import Floats

DAYS, MINUTES = 24, 24 * 60
NIGHTS = (12, 16, 20)
LASTS, GRACE = 45, 15
STEPS = (1, 5, 15, 60)
HOUR = np.arange(DAYS * MINUTES) % MINUTES / 60.0


class Sensor(NamedTuple):
    """How a sensor lives, and by how much more it reads on its odd nights."""

    live: Callable[[np.random.RandomState], Floats]
    more: float


def between(first: float, last: float, soft: float) -> Floats:
    """How much of the day it is at each minute, from 0 to 1."""
    return np.asarray(1 / (1 + np.exp((first - HOUR) / soft)) / (1 + np.exp((HOUR - last) / soft)))


def fading(pushes: Floats, memory: float) -> Floats:
    """What pushes leave behind that fade."""
    left, out = 0.0, np.empty(len(pushes))
    for place, push in enumerate(pushes):
        out[place] = left = memory * left + push
    return out


def light(draw: np.random.RandomState) -> Floats:
    """A room under changing clouds, in lux."""
    clouds = np.repeat(draw.gamma(2, 1, len(HOUR) // 10), 10)
    return np.asarray(300 * between(7, 18, 0.7) * clouds + np.abs(0.5 * draw.standard_normal(len(HOUR))))


def traffic(draw: np.random.RandomState) -> Floats:
    """Cars in a minute."""
    hours = np.repeat(draw.standard_normal(len(HOUR) // 60), 60)
    return draw.poisson(np.maximum(1 + 50 * between(6, 21, 1) * (1 + 0.2 * hours), 0)).astype(np.float64)


def temperature(draw: np.random.RandomState) -> Floats:
    """An office that is heated by day and left alone at night, in degrees."""
    moves = draw.standard_normal(len(HOUR)) * (0.02 + 0.1 * between(7, 20, 0.5))
    return np.asarray(20 + 2 * between(7, 20, 1) + fading(moves, 0.98))


def carbon_dioxide(draw: np.random.RandomState) -> Floats:
    """A room that people come to, in ppm."""
    people = np.repeat(draw.uniform(size=len(HOUR) // 30) < 0.8, 30) * between(7.5, 18, 0.5) * draw.gamma(4, 1)
    return np.asarray(420 + fading(4 * people, 0.985) + 3 * draw.standard_normal(len(HOUR)))


SENSORS = {
    "light": Sensor(light, 150.0),
    "traffic": Sensor(traffic, 13.0),
    "temperature": Sensor(temperature, 1.0),
    "CO2": Sensor(carbon_dioxide, 120.0),
}


def nights(draw: np.random.RandomState) -> list[int]:
    """The minutes at which something comes at the wrong hour, between two and four."""
    return [int((day * 24 + draw.uniform(2, 4)) * 60) for day in NIGHTS]


def peers(values: Floats) -> list[int]:
    """The readings with which the peer opens an incident."""
    plugin = Plugin()
    return [place for place, value in enumerate(values.tolist()) if plugin.opens(value)]


def tally(opened: list[int], odd: list[int], step: int) -> tuple[int, int]:
    """How many odd nights were told, and how many incidents are of no night, neither in it nor in its wake.

    A mean is known at the end of its minutes.
    """
    told = [(place + 1) * step - 1 for place in opened]
    until = LASTS + max(GRACE, step)
    found = sum(any(at <= minute <= at + until for minute in told) for at in odd)
    return found, sum(not any(at <= minute <= at + MINUTES / 6 for at in odd) for minute in told)


def lives(count: int, seed: int) -> tuple[list[str], list[list[int]], Floats]:
    """Of each sensor its kind, the minutes at which its odd nights begin, and what it reads, (minute, sensor)."""
    draw = np.random.RandomState(seed)
    names = [name for name in SENSORS for _ in range(count)]
    odd, columns = [nights(draw) for _ in names], []
    for name, its in zip(names, odd, strict=True):
        values = SENSORS[name].live(draw)
        for at in its:
            values[at : at + LASTS] += SENSORS[name].more
        columns.append(values)
    return names, odd, np.stack(columns, axis=1)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=12, help="sensors of each kind")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    names, odd, minutes = lives(options.count, options.seed)
    chances, months = options.count * len(NIGHTS), options.count * DAYS / 30
    for step in STEPS:
        values = minutes.reshape(-1, step, len(names)).mean(axis=1)
        ours, theirs = Replay(names, step * 60).opened(values), [peers(column) for column in values.T]
        counts = Counter[tuple[str, str]]()
        for who, opened in (("ours", ours), ("peer", theirs)):
            for name, its, mine in zip(names, odd, opened, strict=True):
                found, false = tally(mine, its, step)
                counts[name, f"{who} found"] += found
                counts[name, f"{who} false"] += false
        for name in SENSORS:
            our, their = (
                f"{counts[name, f'{who} found'] / chances:.2f} at {counts[name, f'{who} false'] / months:.1f}"
                for who in ("ours", "peer")
            )
            print(f"{step:2d} min {name:12} found {our} false per 30 days; peer {their}")


if __name__ == "__main__":
    main()
