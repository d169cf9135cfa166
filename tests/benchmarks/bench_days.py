"""The wrong day: an office that works on a Sunday, and one that rests on a Tuesday.

Run it as `python tests/benchmarks/bench_days.py`; `--count` and `--seed` for more. Sensors of rooms that live by the
week (at rest on weekends, half as busy, or at rest amid noise) read every five minutes for six weeks; then one day of
theirs is like another of the week. Told is what opens an incident on that day. The peer is the rule of InfluxData's
River plugin (EWMean and EWVar, fading 0.3, five sigma); an incident of it is over after 12 readings within.
"""

import argparse
from collections.abc import Sequence

import numpy as np
from bench_hours import fading, peers
from signals import DAY_S, START, Replay

from gateway.records import SECOND, Floats, Mask

WEEKS, STEP_S = 6, 300
KNOWN_DAY = 10.0  # from which on false alarms are counted
TIME_S = START / SECOND + np.arange(WEEKS * 7 * DAY_S // STEP_S) * STEP_S
DAY, HOUR = TIME_S // DAY_S, TIME_S / 3600.0 % 24.0
WEEKDAY = (DAY + 3) % 7  # 1 January 1970 was a Thursday
BUSY, MEMORY = 80.0, 0.8

KINDS = {"at rest": (0.0, 2.0), "half as busy": (0.5, 2.0), "amid noise": (0.0, 10.0)}
"""How busy a weekend is, and the noise."""

FAULTS = {"works on a Sunday": (6, 1.0), "rests on a Tuesday": (1, 0.0)}
"""The day of the week, and how busy it is then."""


def lives(weekend: float, noise: float, fault: tuple[int, float], draw: np.random.RandomState) -> tuple[Floats, Mask]:
    """What one sensor reads in all weeks, and which readings are of the last such day, which is another."""
    opens, closes = 8.0 + 0.3 * draw.standard_normal(), 17.0 + 0.3 * draw.standard_normal()
    hours = 1.0 / (1.0 + np.exp((opens - HOUR) / 0.3)) / (1.0 + np.exp((HOUR - closes) / 0.3))
    each_day = BUSY * (1.0 + 0.1 * draw.standard_normal(WEEKS * 7 + 1))
    (weekday, busy), is_work = fault, WEEKDAY < 5  # Monday is 0, Saturday 5
    is_odd = DAY[weekday == WEEKDAY].max() == DAY
    share = np.where(is_odd, busy, np.where(is_work, 1.0, weekend))
    left = fading(noise * draw.standard_normal(len(DAY)), MEMORY)
    return 20.0 + hours * share * each_day[(DAY - DAY[0]).astype(np.int64)] + left, is_odd


def tally(opened: Sequence[Sequence[int]], is_odd: Mask) -> str:
    """The share of the sensors that tell that day, and what else is told of each in 30 days."""
    found = np.mean([bool(is_odd[list(its)].any()) for its in opened])
    is_else = ~is_odd & (TIME_S - TIME_S[0] >= KNOWN_DAY * DAY_S)
    false = np.mean([is_else[list(its)].sum() for its in opened]) * 30.0 / (WEEKS * 7 - KNOWN_DAY)
    return f"{found:.2f} at {false:.1f}"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=16, help="sensors of each kind")
    parser.add_argument("--seed", type=int, default=3)
    options = parser.parse_args()
    draw = np.random.RandomState(options.seed)
    for fault, what in FAULTS.items():
        for name, kind in KINDS.items():
            columns, odd = zip(*(lives(*kind, what, draw) for _ in range(options.count)), strict=True)
            ours = Replay([name] * options.count, STEP_S).opened(np.stack(columns, axis=1))
            theirs = [peers(column) for column in columns]
            print(f"{fault + ', else ' + name:37} found {tally(ours, odd[0])}", end="", flush=True)
            print(f" false per 30 days; peer {tally(theirs, odd[0])}", flush=True)


if __name__ == "__main__":
    main()
