"""Sensors that do not come any more while their device is heard: how soon it is told, and how often wrongly.

Run it as `python tests/benchmarks/bench_missing.py`; `--count` and `--seed` for more. Each device has a sensor that
comes every ten minutes and one of another habit, which stops for good after six weeks. What is told of its absence
before that is wrong: it has paused as it does. The peer is a fixed time, as Home Assistant's `expire_after`.
"""

import argparse
import random
from collections.abc import Callable, Iterator
from statistics import median
from typing import NamedTuple

import numpy as np

from gateway.records import SECOND, Batch, Kind, State, Tick
from gateway.shard import Rules, Shard

START = 1_700_000_000 * SECOND
MINUTE, HOUR, DAY = 60, 3600, 86_400
DEATH, AFTER = 42 * DAY, 60 * DAY
COUNTED = 40 * DAY
"""Before it stops: nothing is told of the first two days."""

PATIENCE_S = (HOUR, 6 * HOUR, DAY)
TICK_S = 3600


def regular(every_s: int) -> Callable[[random.Random], Iterator[float]]:
    """A sensor that comes by the clock, one message in fifty lost."""

    def times(draw: random.Random) -> Iterator[float]:
        for number in range(DEATH // every_s):
            if draw.random() > 1 / 50:
                yield number * every_s + draw.uniform(0, every_s / 10)

    return times


def moving(hours: tuple[int, int], days: int) -> Callable[[random.Random], Iterator[float]]:
    """One that reports as its value has moved, which is seldom but in these hours of the first days of the week."""

    def times(draw: random.Random) -> Iterator[float]:
        value, last = 0.0, 0.0
        for at in range(0, DEATH, MINUTE):
            is_busy = hours[0] <= at // HOUR % 24 < hours[1] and at // DAY % 7 < days
            value += draw.gauss(0, 0.1 if is_busy else 0.005) - 0.005 * value
            if abs(value - last) >= 0.5:
                last = value
                yield at

    return times


def running(every_s: int, length_s: int) -> Callable[[random.Random], Iterator[float]]:
    """A plug that reports every five seconds while its machine runs, and else not."""

    def times(draw: random.Random) -> Iterator[float]:
        at = draw.expovariate(1 / every_s)
        while at < DEATH:
            yield from (at + second for second in range(0, length_s, 5))
            at += length_s + draw.expovariate(1 / every_s)

    return times


HABITS = {
    "every minute": regular(MINUTE),
    "every hour": regular(HOUR),
    "once a day": regular(DAY),
    "as it moves": moving((0, 24), 7),
    "by day": moving((7, 22), 7),
    "in an office": moving((8, 18), 5),
    "while it runs": running(2 * DAY, HOUR),
    "a few minutes": running(DAY // 2, 5 * MINUTE),
}


class Told(NamedTuple):
    """How often the absence of a sensor was told before it stopped, and how long (s) after that it was; inf if not."""

    wrongly: int
    after_s: float


def ours(at_s: list[float], beside: list[float], draw: random.Random) -> Told:
    """What a shard tells that hears both sensors."""
    shard, told = Shard(Rules()), Told(0, float("inf"))
    rows = [shard.directory.add("device", sensor) for sensor in ("beside", "it")]
    both = sorted([*((at, 0) for at in beside), *((at, 1) for at in at_s)])
    first = 0
    for now in range(TICK_S, DEATH + AFTER, TICK_S):
        last = first
        while last < len(both) and both[last][0] < now:
            last += 1
        times = np.array([START + round(at * SECOND) for at, _ in both[first:last]], np.int64)
        values = np.array([draw.gauss(20, 1) for _ in range(last - first)])
        batch = Batch(np.array([rows[which] for _, which in both[first:last]], np.int64), times, times, values)
        changes = [*shard.apply(batch).changes, *shard.apply(Tick(START + now * SECOND)).changes]
        first = last
        for _, incident in changes:
            if (incident.state, incident.kind, incident.sensor) == (State.OPEN, Kind.SILENT, "it"):
                if incident.at > START + at_s[-1] * SECOND:
                    return Told(told.wrongly, now - at_s[-1])
                told = Told(told.wrongly + 1, told.after_s)
    return told


def fixed(at_s: list[float], patience_s: float) -> Told:
    """What a fixed time tells."""
    gaps = np.diff(at_s)[np.array(at_s[1:]) > DEATH - COUNTED]
    return Told(int((gaps > patience_s).sum()), patience_s)


def rate(told: list[Told]) -> float:
    """Return how often one sensor was missed wrongly in 30 days."""
    return sum(each.wrongly for each in told) / len(told) * 30 * DAY / COUNTED


def main() -> None:
    """Print, for each habit, how soon an absence is told, and how often a sensor is missed that is not away."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=3, help="devices of each habit")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    ways = ["ours", *(f"{patience_s // HOUR} h" for patience_s in PATIENCE_S)]
    print(f"{'habit':15}" + "".join(f"{way:>17}" for way in ways) + "   (hours until it is told; wrongly in 30 days)")
    for name, habit in HABITS.items():
        found: dict[str, list[Told]] = {way: [] for way in ways}
        for number in range(options.count):
            draw = random.Random(f"{name} {options.seed} {number}")
            at_s = list(habit(draw))
            beside = [at + draw.uniform(0, 60) for at in range(0, DEATH + AFTER, 10 * MINUTE)]
            found["ours"].append(ours(at_s, beside, draw))
            for way, patience_s in zip(ways[1:], PATIENCE_S, strict=True):
                found[way].append(fixed(at_s, patience_s))
        cells = (f"{median(each.after_s for each in told) / HOUR:9.1f} {rate(told):7.2f}" for told in found.values())
        print(f"{name:15}" + "".join(f"{cell:>17}" for cell in cells), flush=True)


if __name__ == "__main__":
    main()
