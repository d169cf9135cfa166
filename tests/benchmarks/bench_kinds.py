"""Faults of counters, of switches, of sensors that send text and of buttons at the default budget, and healthy ones.

Run it as `python tests/benchmarks/bench_kinds.py`; `--count` and `--seed` for more. Meters report every ten minutes,
doors when they are opened and closed, some 25 times a day and never at night, washing machines when their program goes
on, boilers their mode every ten minutes; medicine boxes say that they were opened, once a day, buttons that they were
pushed, some every three days or so, which is nothing to be told. After four weeks something happens to them. The peer
is the rule of InfluxData's River plugin (EWMean and EWVar) on the same readings, its threshold raised until it tells
healthy devices no more often than we do; texts it gets as the numbers in which they came. What no reading says it
cannot tell.
"""

import argparse
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from peers import ZScore
from signals import DAY_S, START

from gateway.learning.directory import Directory
from gateway.records import SECOND, Batch, State, Tick, code_of
from gateway.shard import Rules, Shard

MIDNIGHT = START - START % (DAY_S * SECOND)
DAYS, COUNTED_FROM = 28, 14
HOUR_S, TICK_S, METER_S = 3600, 300, 600
WITHIN_H = {"stops": 12, "leaks": 2, "left open": 6, "no morning": 12, "at night": 1}
WITHIN_H |= {"new text": 1, "stays": 12, "odd hour": 1, "not taken": 4, "odd push": 1, "burst": 1}
"""Hours after midnight of the last day, plus ten, within which a fault is to be told; the morning and the night begin
at midnight themselves."""


BEGIN_H = {"no morning": 6.5, "at night": 3.2, "odd hour": 3.2, "stays": 9.75, "not taken": 8.0, "odd push": 3.2}
"""Where it does not begin at ten."""


HEALTHY = ("seldom",)
"""Devices beside them to which nothing happens."""


class Event(str):
    """The name of an event."""

    __slots__ = ()


class Reading(NamedTuple):
    """A value of a device, so many seconds after `MIDNIGHT`."""

    at_s: float
    device: str
    value: float | str


def meter(device: str, draw: np.random.RandomState, fault: str | None) -> Iterator[Reading]:
    """Energy in kWh: a base load, more by day, and kettles."""
    at_s = np.arange(0, (DAYS + 1) * DAY_S, METER_S)
    hour = at_s % DAY_S / HOUR_S
    power = 0.2 + 0.4 * ((hour > 7) & (hour < 22)) * draw.uniform(0.5, 1.5, len(at_s))
    power += 1.5 * ((hour > 7) & (hour < 22) & (draw.uniform(size=len(at_s)) < 0.05))
    broken = at_s >= DAYS * DAY_S + 10 * HOUR_S
    power = np.where(broken, {"stops": 0.0, "leaks": 6.0}.get(fault or "", power), power)
    shown = np.round(12_345 + np.cumsum(power) * METER_S / HOUR_S, 3)
    yield from (Reading(at, device, value) for at, value in zip(at_s.tolist(), shown.tolist(), strict=True))


def door(device: str, draw: np.random.RandomState, fault: str | None) -> Iterator[Reading]:
    """Opened for some seconds each time."""
    for day in range(DAYS + 1):
        is_last, is_weekend = day == DAYS, (day + 1) % 7 in {5, 6}
        hours = np.sort(draw.uniform(9.0 if is_weekend else 6.5, 22.5, draw.poisson(25)))
        if is_last and fault == "left open":
            hours = np.append(hours[hours < 9.9], 10.0)
        if is_last and fault == "no morning":
            hours = hours[hours > 14.0]
        if is_last and fault == "at night":
            hours = np.append(3.2, hours)
        for hour, following in zip(hours, [*hours[1:], 24.0], strict=True):
            open_h = min(draw.lognormal(3.0, 0.7) / HOUR_S, (following - hour) / 2)
            yield Reading(day * DAY_S + hour * HOUR_S, device, 1.0)
            if not (is_last and fault == "left open" and hour == hours[-1]):
                yield Reading(day * DAY_S + (hour + open_h) * HOUR_S, device, 0.0)


def washer(device: str, draw: np.random.RandomState, fault: str | None) -> Iterator[Reading]:
    """A program is run up to three times a day, one in fifty is paused."""
    for day in range(DAYS + 1):
        for hour in (8.0, 13.0, 18.0):
            if draw.uniform() < 0.4:
                continue
            at_s = day * DAY_S + (hour + draw.uniform(0, 1.5)) * HOUR_S
            is_struck = day == DAYS and hour == 8.0
            steps = ["washing", *(["paused"] if draw.uniform() < 0.02 else []), "rinsing", "spinning", "idle"]
            for step in steps if not is_struck else []:
                yield Reading(at_s, device, step)
                at_s += {"washing": 2400, "paused": 600, "rinsing": 1200, "spinning": 600}.get(step, 0) * draw.uniform(
                    0.8, 1.2
                )
    struck = {"new text": ["washing", "error"], "stays": ["washing"]}
    for place, step in enumerate(struck.get(fault or "", [])):
        yield Reading(DAYS * DAY_S + (10 + (place - 1) / 4) * HOUR_S, device, step)


def boiler(device: str, draw: np.random.RandomState, fault: str | None) -> Iterator[Reading]:
    """Heats in the morning and in the evening, on and off."""
    begin, is_on = draw.uniform(5.5, 6.5), draw.uniform(size=((DAYS + 1) * DAY_S // METER_S)) < 0.6
    for place, at_s in enumerate(range(0, (DAYS + 1) * DAY_S, METER_S)):
        hour = at_s % DAY_S / HOUR_S
        heats = (begin <= hour < begin + 3 or 17 <= hour < 22) and bool(is_on[place])
        if fault == "odd hour" and DAYS * DAY_S <= at_s < DAYS * DAY_S + 4 * HOUR_S and 3.2 <= hour < 3.6:
            heats = True
        yield Reading(at_s, device, "heating" if heats else "idle")


def box(device: str, draw: np.random.RandomState, fault: str | None) -> Iterator[Reading]:
    """A medicine box, opened every morning about eight."""
    for day in range(DAYS + (fault is None)):
        yield Reading(day * DAY_S + (8.0 + 0.3 * draw.randn()) * HOUR_S, device, Event("open"))


def button(device: str, draw: np.random.RandomState, fault: str | None) -> Iterator[Reading]:
    """Pushed some eight times a day, now and then twice."""
    for day in range(DAYS + 1):
        hours = np.sort(draw.uniform(7.0, 22.5, draw.poisson(8)))
        hours = np.concatenate([hours, hours[draw.uniform(size=len(hours)) < 0.2] + 0.001])
        if day == DAYS and fault == "odd push":
            hours = np.append(hours, 3.2)
        if day == DAYS and fault == "burst":
            hours = np.append(hours, 10.0 + 0.002 * np.arange(30))
        for hour in np.sort(hours):
            yield Reading(day * DAY_S + hour * HOUR_S, device, Event("single"))


def seldom(device: str, draw: np.random.RandomState, _fault: str | None) -> Iterator[Reading]:
    """Pushed every three days or so, or not for ten, by day."""
    at_s = 0.0
    while (at_s := at_s + draw.lognormal(0.6, 0.8) * DAY_S) < (DAYS + 1) * DAY_S:
        yield Reading(at_s // DAY_S * DAY_S + draw.uniform(8.0, 22.0) * HOUR_S, device, Event("single"))


MAKERS = {"not taken": box, "odd push": button, "burst": button, "seldom": seldom} | {
    "stops": meter,
    "leaks": meter,
    "new text": washer,
    "stays": washer,
    "odd hour": boiler,
}


def ours(readings: Sequence[Reading]) -> dict[str, list[float]]:
    """When (s) each device was told, by readings and by the clock."""
    shard, told, left = Shard(Rules()), defaultdict[str, list[float]](list), 0
    for now_s in [*range(HOUR_S, DAYS * DAY_S, HOUR_S), *range(DAYS * DAY_S, (DAYS + 1) * DAY_S, TICK_S)]:
        end = next((place for place in range(left, len(readings)) if readings[place].at_s >= now_s), len(readings))
        changes = shard.apply(batch(shard.directory, readings[left:end])).changes if end > left else []
        left = end
        changes += shard.apply(Tick(MIDNIGHT + now_s * SECOND)).changes
        for _, incident in changes:
            if incident.state is not State.CLOSED:
                told[incident.device].append((incident.at - MIDNIGHT) / SECOND)
    return told


def batch(directory: Directory, readings: Sequence[Reading]) -> Batch:
    """The readings, received when they were observed."""
    rows = np.array([directory.add(each.device, "value") for each in readings])
    at = np.array([MIDNIGHT + int(each.at_s * SECOND) for each in readings])
    names = {coded(each.value): str(each.value) for each in readings if isinstance(each.value, str)}
    return Batch(rows, at, at, np.array([coded(each.value) for each in readings]), names)


def coded(value: float | str) -> float:
    """The number that stands for a value."""
    return code_of(value, is_event=isinstance(value, Event)) if isinstance(value, str) else value


def theirs(readings: Sequence[Reading], healthy: int) -> dict[str, list[float]]:
    """When the peer tells each device, held to this many readings told of healthy ones before the faults."""
    models, texts = defaultdict[str, ZScore](ZScore), dict[str, float]()
    numbers = (
        texts.setdefault(each.value, float(len(texts))) if isinstance(each.value, str) else each.value
        for each in readings
    )
    scored = [(models[each.device].score_learn_one(value), each) for value, each in zip(numbers, readings, strict=True)]
    quiet = sorted((score for score, each in scored if is_counted(each.at_s)), reverse=True)
    threshold, told = quiet[healthy], defaultdict[str, list[float]](list)
    for score, each in scored:
        if score > threshold:
            told[each.device].append(each.at_s)
    return told


def is_counted(at_s: float) -> bool:
    """Whether what is told then is a false alarm."""
    return bool(COUNTED_FROM * DAY_S <= at_s < DAYS * DAY_S)


def recall(told: dict[str, list[float]], fault: str, count: int) -> tuple[float, float]:
    """Share of the faults that are told in time, and the median delay in minutes."""
    begin_s = DAYS * DAY_S + BEGIN_H.get(fault, 10.0) * HOUR_S
    end_s = begin_s + WITHIN_H[fault] * HOUR_S
    names = [f"{fault}/{number}" for number in range(count)]
    delays = [next((at - begin_s for at in told.get(name, ()) if begin_s <= at < end_s), None) for name in names]
    found = [delay for delay in delays if delay is not None]
    return len(found) / count, float(np.median(found)) / 60 if found else float("nan")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=8, help="devices per fault")
    parser.add_argument("--seed", type=int, default=5)
    options = parser.parse_args()
    draw, lives = np.random.RandomState(options.seed), list[Reading]()
    for fault in (*WITHIN_H, *HEALTHY):
        for number in range(options.count):
            lives += MAKERS.get(fault, door)(f"{fault}/{number}", draw, fault)
    lives.sort(key=lambda each: each.at_s)
    mine = ours(lives)
    false = sum(is_counted(at) for told in mine.values() for at in told)
    peer, recalls = theirs(lives, false), []
    for fault in WITHIN_H:
        (share, delay), (other, wait) = recall(mine, fault, options.count), recall(peer, fault, options.count)
        print(f"{fault:10s} recall {share:.2f}, median delay {delay:4.0f} min; peer {other:.2f}, {wait:4.0f} min")
        recalls.append((share, other))
    mean, others = np.mean(recalls, axis=0)
    months = (len(WITHIN_H) + len(HEALTHY)) * options.count * (DAYS - COUNTED_FROM) / 30
    ratio = f"ratio {mean / others:.1f}" if others else "which finds nothing"
    print(
        f"mean recall {mean:.2f}, of the peer {others:.2f}, {ratio}; told when healthy, per device and 30 days: ",
        end="",
    )
    print(f"{false / months:.2f}")


if __name__ == "__main__":
    main()
