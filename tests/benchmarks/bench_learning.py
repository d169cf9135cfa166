"""Readings per second of the whole learner (forecast, evidence, incident, joint), beside one River object per stream.

Run it as `python tests/benchmarks/bench_learning.py`; `--seconds` and `--largest` for more. One reading of every stream
to a batch, one core. The fleets have lived for ten days: 1,000 streams go through 2,880 rounds of five minutes, and
their state, which is a value, is copied until there are enough. That is how a fleet lives for years; in its first days
it is slower, as in tails that are not full yet most readings are among the largest (`--past 320` is such a fleet, of
the second day). The peers are what InfluxDB's plugin runs on every stream (EWMean, EWVar, ADWIN), and
MinMaxScaler with Half-Space Trees on every device; 10,000 of the former and 64 of the latter at most, as their cost
is the same for each and a forest takes over a megabyte.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Iterator

import numpy as np
from peers import Trees, ZScore

from gateway.learning.directory import Directory
from gateway.learning.fleet import Fleet
from gateway.learning.rows import Array
from gateway.learning.streams import Policy
from gateway.records import SECOND, Batch, Floats

SIZES = (1, 100, 1_000, 10_000, 100_000)
TEN_DAYS = 2_880
NURSERY = 1_000
MOST_OBJECTS, MOST_TREES = 10_000, 64
ALONE = 500
"""Readings that are given one by one."""

STEP = 300 * SECOND
START = 1_700_000_000 * SECOND


def values(streams: int) -> Iterator[Floats]:
    """Rounds of readings, without end: noise, a rhythm, and some sensors that mostly repeat themselves.

    Copies of a stream go on with its rhythm: with another one they would all be odd.
    """
    draw, number = np.random.RandomState(1), 0
    is_quantised, phase = np.arange(streams) % 4 == 0, np.arange(streams) % NURSERY
    while True:
        value = draw.standard_normal(streams) + 3 * np.sin(2 * np.pi * number / 288 + phase)
        yield np.where(is_quantised, np.round(value / 4), value)
        number += 1


def newborn(streams: int, sensors: int) -> Fleet:
    """A fleet that has seen nothing."""
    directory = Directory()
    for row in range(streams):
        directory.add(f"device{row // sensors}", f"s{row % sensors}")
    return Fleet(directory, Policy())


def mature(streams: int, sensors: int, past: int) -> tuple[Fleet, int]:
    """A fleet with a past of so many rounds, and when that ends."""
    size = min(streams, NURSERY)
    nursery = newborn(size, sensors)
    for number, value in zip(range(past), values(size), strict=False):
        nursery.learn_many(batch(START + number * STEP, value))
    end = START + past * STEP
    if size == streams:
        return nursery, end
    fleet = newborn(streams, sensors)
    fleet.learn_many(batch(START - STEP, next(values(streams))))
    parts = ((fleet.streams, nursery.streams), (fleet.hearts, nursery.hearts), (fleet.joint, nursery.joint))
    for of, lived in parts:
        of.loads({name: multiplied(name, array, streams // size) for name, array in lived.dumps().items()})
    return fleet, end


def multiplied(name: str, array: Array, times: int) -> Array:
    """The columns of a fleet that many times; what was put aside of its open incidents is left out."""
    return array[..., :0] if name.startswith("shelf/") else np.concatenate([array] * times, axis=-1)


def batch(at: int, value: Floats) -> Batch:
    """One reading of every stream."""
    times = np.full(len(value), at)
    return Batch(np.arange(len(value)), times, times, value)


def per_second(learn: Callable[[int, Floats], object], count: int, streams: int, seconds: float) -> float:
    """Median speed over as many rounds as fit, at least three."""
    spent: list[float] = []
    for number, value in enumerate(values(streams)):
        if len(spent) >= 3 and sum(spent) > seconds:
            break
        started = time.perf_counter()
        learn(number, value)
        spent.append(time.perf_counter() - started)
    return count / statistics.median(spent)


def ours(streams: int, sensors: int, past: int, seconds: float) -> tuple[float, Fleet]:
    """Our speed, and the fleet to look at."""
    fleet, end = mature(streams, sensors, past)
    return per_second(
        lambda number, value: fleet.learn_many(batch(end + number * STEP, value)), streams, streams, seconds
    ), fleet


def one_by_one(fleet: Fleet, streams: int) -> float:
    """Median time in s that a reading takes which comes alone, as it does through an idle gateway."""
    spent: list[float] = []
    after = int(fleet.streams.prospects.clock.arrays["last_at"].max())
    for value in values(streams):
        if len(spent) >= ALONE:
            break
        after += STEP
        for row, one in enumerate(value[:ALONE].tolist()):
            at = np.array([after])
            started = time.perf_counter()
            fleet.learn_many(Batch(np.array([row]), at, at, np.array([one])))
            spent.append(time.perf_counter() - started)
    return statistics.median(spent)


def influx(streams: int, seconds: float) -> float:
    """EWMean, EWVar and ADWIN, one each per stream."""
    models = [ZScore(is_drift_told=True) for _ in range(streams)]

    def learn(_number: int, value: Floats) -> None:
        for model, one in zip(models, value.tolist(), strict=True):
            model.score_learn_one(one)

    return per_second(learn, streams, streams, seconds)


def trees(devices: int, sensors: int, seconds: float) -> float:
    """Half-Space Trees, one forest per device; in readings, of which each score takes `sensors`."""
    models = [Trees() for _ in range(devices)]
    names = [f"s{sensor}" for sensor in range(sensors)]

    def learn(_number: int, value: Floats) -> None:
        for model, row in zip(models, value.reshape(devices, sensors).tolist(), strict=True):
            model.score_learn_one(dict(zip(names, row, strict=True)))

    return per_second(learn, devices * sensors, devices * sensors, seconds)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=1.0, help="of each measurement")
    parser.add_argument("--past", type=int, default=TEN_DAYS, help="rounds that the fleets have lived through")
    parser.add_argument("--largest", type=int, default=SIZES[-1], help="streams")
    options = parser.parse_args()
    for sensors in (1, 4):
        print(f"{sensors} sensor{'s' if sensors > 1 else ''} per device:")
        for streams in SIZES:
            if streams % sensors == 0 and streams <= options.largest:
                speed, fleet = ours(streams, sensors, options.past, options.seconds)
                size = sum(array.nbytes for array in fleet._arrays().values())
                alone_s = one_by_one(fleet, streams)
                devices = min(streams // sensors, MOST_TREES)
                peers = influx(min(streams, MOST_OBJECTS), options.seconds), trees(devices, sensors, options.seconds)
                print(
                    f"  {streams:7,} streams {speed:9,.0f} readings/s, {1e6 / speed:7.2f} us each, "
                    f"one that comes alone {1e3 * alone_s:4.2f} ms; "
                    f"EWMean+EWVar+ADWIN {peers[0]:9,.0f}, ratio {speed / peers[0]:5.2f}; "
                    f"HST {peers[1]:7,.0f}, ratio {speed / peers[1]:6.2f}; "
                    f"{size / streams:,.0f} bytes per stream"
                )
                del fleet


if __name__ == "__main__":
    main()
