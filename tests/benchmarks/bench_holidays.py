"""Incidents on public holidays with `learning.holidays` and without, and routines that are broken on a workday.

Run it as `python tests/benchmarks/bench_holidays.py`; `--count` and `--seed` for more. Offices, households and shops in
Munich live from November to June; on holidays they live as on Sundays, each in its own way. On a Wednesday after them
half of each kind does, too, which is to be told within the day. Timers know no holiday: they are what the setting
costs. The peer is the gateway without the setting.
"""

import argparse
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from gateway.config import days_off
from gateway.learning.calendar import SUNDAY, Holidays
from gateway.learning.streams import Policy
from gateway.records import SECOND, Batch, Floats, Incident, State, Tick
from gateway.shard import Rules, Shard

BERLIN = ZoneInfo("Europe/Berlin")
BEGIN, COUNTED_FROM, BROKEN = date(2024, 11, 18), date(2024, 12, 16), date(2025, 6, 25)
DAYS = [BEGIN + timedelta(days=number) for number in range((BROKEN - BEGIN).days + 1)]
EPOCH, HOUR_S, WORKDAYS = date(1970, 1, 1), 3600, 5
BAVARIA = Holidays(*days_off("DE-BY"))
HOURS = np.arange(0.0, 24.0, 1 / 6)

Story = list[tuple[float, float]]
"""What a device says in a day: hours and values."""


class Reading(NamedTuple):
    """A value of a device at a moment."""

    at: int
    device: str
    value: float


def is_holiday(day: date) -> bool:
    """Whether a workday is a holiday."""
    return day.weekday() < WORKDAYS and (day - EPOCH).days in BAVARIA.days


def plateau(begin: float, end: float) -> Floats:
    """0 outside and 1 between two hours of the day, each reached within an hour."""
    return np.asarray(np.clip(HOURS - begin + 0.5, 0, 1) * np.clip(end + 0.5 - HOURS, 0, 1))


def told_of(level: Floats, noise: float, draw: np.random.RandomState) -> Story:
    """A level every ten minutes, with noise that lasts for an hour."""
    last, drift = 0.0, np.empty(len(HOURS))
    for place, fresh in enumerate(draw.standard_normal(len(HOURS))):
        drift[place] = last = 0.8 * last + fresh
    return list(zip(HOURS.tolist(), np.round(level + noise * drift, 2).tolist(), strict=True))


def stirred(draw: np.random.RandomState, *spans: tuple[float, float, float]) -> Story:
    """Stirred for some seconds each time, so often between these hours."""
    found = [draw.uniform(begin, end, draw.poisson(count)) for begin, end, count in spans]
    hours, story = np.sort(np.concatenate(found)), Story()
    for hour, following in zip(hours, [*hours, 24.0][1:], strict=True):
        story += [(hour, 1.0), (hour + min(draw.lognormal(3.0, 0.7) / HOUR_S, (following - hour) / 2), 0.0)]
    return story


def power(weekday: int, draw: np.random.RandomState) -> Story:
    """Of an office, busy from eight to six."""
    busy = plateau(8 + 0.4 * draw.randn(), 18 + 0.5 * draw.randn())
    return told_of(10 + 50 * busy * (1.0 if weekday < WORKDAYS else 0.05), 1.5, draw)


def moved(weekday: int, draw: np.random.RandomState) -> Story:
    """Who moves in that office."""
    return stirred(draw, (7.5, 18.5, 40.0) if weekday < WORKDAYS else (9.0, 18.0, 0.3))


def warmth(weekday: int, draw: np.random.RandomState) -> Story:
    """Of a household that is out by day on workdays and sleeps longer on other days."""
    is_work = weekday < WORKDAYS
    at_home = plateau((6.5 if is_work else 8.5) + 0.4 * draw.randn(), 22.5)
    return told_of(17 + 4 * at_home - 2.5 * is_work * plateau(8.5, 16.5), 0.15, draw)


def at_home(weekday: int, draw: np.random.RandomState) -> Story:
    """Who moves in that household."""
    return stirred(draw, *(((6.3, 8.2, 10.0), (17, 22.5, 20.0)) if weekday < WORKDAYS else ((8.3, 22.8, 40.0),)))


def shop(weekday: int, draw: np.random.RandomState) -> Story:
    """The door of a shop that is shut on Sundays alone."""
    return stirred(draw, (9.0, 19.0, 80.0)) if weekday < SUNDAY else []


def timer(weekday: int, draw: np.random.RandomState) -> Story:
    """A ventilation that runs from Monday to Friday, whatever day it is."""
    return told_of(10 + 50 * plateau(7, 19) * (weekday < WORKDAYS), 1.5, draw)


KINDS: dict[str, Callable[[int, np.random.RandomState], Story]] = {
    "office power": power,
    "office motion": moved,
    "household warmth": warmth,
    "household motion": at_home,
    "shop door": shop,
    "timer": timer,
}


def lives(day: date, count: int, draw: np.random.RandomState) -> list[Reading]:
    """What all devices say in a day."""
    midnight, found = datetime.combine(day, time(), BERLIN).timestamp(), list[Reading]()
    for kind, live in KINDS.items():
        for number in range(count):
            is_free = (is_holiday(day) and kind != "timer") or (day == BROKEN and number < count // 2)
            story = live(SUNDAY if is_free else day.weekday(), draw)
            found += [
                Reading(int((midnight + hour * HOUR_S) * SECOND), f"{kind}/{number}", value) for hour, value in story
            ]
    return sorted(found)


def told(shard: Shard, day: date, readings: list[Reading]) -> Iterator[Incident]:
    """What is opened or grows in a day, by readings and by the clock."""
    midnight = int(datetime.combine(day, time(), BERLIN).timestamp())
    for now in range(midnight + HOUR_S, midnight + 25 * HOUR_S, HOUR_S):
        due = [each for each in readings if (now - HOUR_S) * SECOND <= each.at < now * SECOND]
        rows = np.array([shard.directory.add(each.device, "value") for each in due], np.int64)
        at = np.array([each.at for each in due], np.int64)
        changes = shard.apply(Batch(rows, at, at, np.array([each.value for each in due]))).changes if due else []
        changes += shard.apply(Tick(now * SECOND)).changes
        yield from (incident for _, incident in changes if incident.state is not State.CLOSED)


def phase_of(day: date) -> str:
    """What an incident of that day counts as."""
    if day < COUNTED_FROM:
        return "young"
    if day == BROKEN:
        return "broken"
    is_after = is_holiday(day - timedelta(days=1))
    return "holiday" if is_holiday(day) else "after" if is_after else "other"


def measure(holidays: Holidays, lived: list[list[Reading]], count: int) -> Counter[tuple[str, str]]:
    """By kind and phase how often anything was opened; of the broken ones who was told at all."""
    shard, found, broken = Shard(Rules(Policy(zone=BERLIN, holidays=holidays))), Counter[tuple[str, str]](), set[str]()
    for day, readings in zip(DAYS, lived, strict=True):
        for incident in told(shard, day, readings):
            kind, _, number = incident.device.partition("/")
            if day != BROKEN:
                found[kind, phase_of(day)] += incident.state is State.OPEN
            elif int(number) < count // 2 and incident.device not in broken:
                broken.add(incident.device)
                found[kind, "broken"] += 1
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=8, help="devices per kind, an even number")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    draw, days = np.random.RandomState(options.seed), Counter(phase_of(day) for day in DAYS)
    lived = [lives(day, options.count, draw) for day in DAYS]
    mine, peer = (measure(holidays, lived, options.count) for holidays in (BAVARIA, Holidays()))
    print("incidents per device: on a holiday, on the day after, in 30 other days; told of broken routines:")
    for kind in KINDS:
        for name, found in (("with", mine), ("without", peer)):
            rates = [found[kind, phase] / options.count / days[phase] for phase in ("holiday", "after", "other")]
            share = found[kind, "broken"] / (options.count // 2)
            print(f"{kind:16s} {name:7s} {rates[0]:.3f}, {rates[1]:.3f}, {30 * rates[2]:.2f}; {share:.2f}")
    resting = [kind for kind in KINDS if kind != "timer"]
    (holiday, broken), (others, theirs) = (
        [sum(found[kind, phase] for kind in resting) for phase in ("holiday", "broken")] for found in (mine, peer)
    )
    many, half = len(resting) * options.count * days["holiday"], len(resting) * (options.count // 2)
    print(f"of what rests: {holiday / many:.3f} a holiday, of the peer {others / many:.3f}, ", end="")
    print(f"ratio {holiday / max(others, 1):.2f}; recall {broken / half:.2f}, of the peer {theirs / half:.2f}")


if __name__ == "__main__":
    main()
