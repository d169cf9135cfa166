"""The false-alarm budget on healthy sensors that nobody had in mind: no constant of the gateway was ever set on these.

Run it as `python tests/benchmarks/bench_unseen.py`; `--count` and `--seed` for more. They are sensors of homes, offices
and machines as one finds them: what is switched at some hour of most days, counters that begin anew at midnight, a
direction that goes round, a battery that is changed. The 21 kinds that constants were set on are those of
`bench_clean.py`, as are samplings, days and warm-ups; whoever sets one on these, too, has to write others. Each sensor
is a device of its own. The peer is the rule of InfluxData's River plugin (EWMean and EWVar, fading 0.3, five sigma).
"""

import argparse
from collections.abc import Callable
from functools import cached_property

import numpy as np
from bench_clean import BUDGET_DAYS, SAMPLINGS
from peers import Plugin
from signals import DAY_S, Replay, Signals

from gateway.learning.rows import within
from gateway.records import Floats, Mask

HOUR_S, WORKDAYS = 3600, 5


class Unseen(Signals):
    """Sensors of a kind each, (reading, sensor); a week is five workdays and two others."""

    @cached_property
    def hour(self) -> Floats:
        """Hour of the day at each reading of each sensor."""
        return np.broadcast_to(self.second % DAY_S / HOUR_S, self.size)

    @cached_property
    def is_workday(self) -> Mask:
        """Whether it is one at each reading of each sensor."""
        return np.broadcast_to(self.second // DAY_S % 7 < WORKDAYS, self.size)

    @cached_property
    def awake(self) -> Floats:
        """How much of a house is, from 0 to 1."""
        return np.clip(np.minimum(self.hour - 6, 22 - self.hour), 0.0, 1.0)

    @cached_property
    def light(self) -> Floats:
        """Of a clear sky, from 0 to 1."""
        return np.maximum(0.0, np.sin(np.pi * (self.hour - 6) / 12))

    def between(self, first: Floats | float, end: Floats | float) -> Mask:
        """Whether it is between these hours of the day."""
        return np.asarray((self.hour > first) & (self.hour < end))

    def daily(self, spread: float) -> Floats:
        """A number of each day of each sensor, 0 on average."""
        each = spread * self.draw.standard_normal((self.days, self.count))
        return np.repeat(each, DAY_S // self.step_s, axis=0)

    def pulses(
        self, per_hour: Floats | float, lasts_s: tuple[float, float], level: Callable[[tuple[int, int]], Floats]
    ) -> Floats:
        """Zero, and now and then for a while one of the levels: washing, charging, rain, meetings."""
        begins = self.draw.uniform(size=self.size) < np.broadcast_to(per_hour, self.size) * self.step_s / HOUR_S
        lasts = np.maximum(np.rint(self.draw.uniform(*lasts_s, self.size) / self.step_s), 1.0)
        levels, left, now, out = level(self.size), np.zeros(self.count), np.zeros(self.count), np.empty(self.size)
        for number, row in enumerate(out):
            is_new = begins[number] & (left <= 0)
            left = np.where(is_new, lasts[number], left - 1)
            now = np.where(is_new, levels[number], now)
            row[:] = np.where(left > 0, now, 0.0)
        return out

    def of(self, *choices: float) -> Callable[[tuple[int, int]], Floats]:
        """One of these levels each time."""
        return lambda size: self.draw.choice(choices, size)

    def since_midnight(self, rate: Floats) -> Floats:
        """What has been counted since the day began."""
        days = rate.reshape(self.days, -1, self.count)
        return np.asarray(np.cumsum(days, axis=1).reshape(self.size))

    def homes(self) -> dict[str, Floats]:
        """What is switched, burns, flows and is breathed in homes."""
        draw, ar, hour, awake = self.draw, self.ar, self.hour, self.awake
        evening, is_up = self.between(17, 22), self.between(6, 8.5) | self.between(17, 22.5)
        morning = np.where(self.between(6.5, 8), 0.4, 0.0)
        return {
            "solar": 800 * self.light * within(0.6 + self.daily(0.3), 0.05, 1) * (1 - 0.7 * (ar(0.9) > 0.5)),
            "washing machine": 1.2 + 0.05 * ar(0) + self.pulses(0.01 * awake, (3600, 9000), self.of(150, 400, 2000)),
            "car charger": self.pulses(np.where(evening, 0.12, 0.0), (HOUR_S, 6 * HOUR_S), self.of(7200)),
            "setpoint": np.where(is_up | (~self.is_workday & self.between(8, 22.5)), 21.0, 17.0),
            "water flow": rounded(self.pulses(0.6 * awake, (60, 900), lambda size: draw.gamma(2, 3, size)), 1),
            "hot water": np.where(
                self.between(6, 22), 45 + 8 * np.sin(2 * np.pi * self.second / 2400 + self.phase), 35 + 0 * hour
            )
            + 0.3 * ar(0.5),
            "bathroom humidity": rounded(
                within(45 + 5 * ar(0.995) + self.pulses(morning, (600, 1800), self.of(20, 30, 35)), 0, 100), 1
            ),
            "lamp and daylight": rounded(
                300 * self.light * np.exp(0.5 * ar(0.95)) + 180 * self.between(18, 22.7 + self.daily(0.5))
            ),
            "sound": 35 + 12 * awake + 4 * ar(0.8) + 10 * (draw.uniform(size=self.size) < 0.03),
            "fine dust": np.exp(2 + 0.8 * ar(0.97) + 0.5 * np.exp(-0.5 * ((hour - 19) / 1.5) ** 2)),
            "steps of a day": self.since_midnight(
                draw.poisson(40 * awake * (draw.uniform(size=self.size) < 0.4)).astype(np.float64)
            ),
            "rain": rounded(self.pulses(0.04, (600, 5 * HOUR_S), lambda size: draw.exponential(0.6, size)), 1),
            "wind direction": rounded(np.mod(np.cumsum(12 * draw.standard_normal(self.size), axis=0), 360)),
            "outdoor price": rounded(80 + 30 * self.day + 20 * ar(0.99), 2),
        }

    def machines(self) -> dict[str, Floats]:
        """What radios, servers, vehicles and workshops tell of themselves."""
        draw, ar, awake = self.draw, self.ar, self.awake
        is_work = self.is_workday & self.between(8, 17)
        jobs = self.pulses(np.where(self.is_workday, 0.4 * awake, 0.0), (600, 3 * HOUR_S), self.of(1, 2, 4))
        nightly = self.second % DAY_S // self.step_s == 3 * HOUR_S // self.step_s
        hourly = self.second % HOUR_S < self.step_s
        drained = self.second / DAY_S * draw.uniform(1.5, 5, (1, self.count)) + draw.uniform(0, 100, (1, self.count))
        life_s = draw.randint(3 * DAY_S, 12 * DAY_S, (1, self.count))
        return {
            "signal strength": rounded(
                -67 + 3 * ar(0.95) - 6 * (draw.uniform(size=self.size) < 0.02) * draw.exponential(size=self.size)
            ),
            "processor with jobs": within(6 + 2 * ar(0.7) + 70 * nightly + 15 * hourly + np.exp(ar(0.5)), 0, 100),
            "battery": rounded(100 - np.mod(drained, 98)) + 0.0 * self.day,
            "uptime": np.mod(self.second, life_s).astype(np.float64),
            "clock": 1.7e9 + self.second + 0.0 * self.day,
            "two values": np.where(
                (self.second // self.step_s % 2 == 0) | (draw.uniform(size=self.size) < 0.02), 1.5, 2.5
            ),
            "position": 52.5 + rounded(0.031 * is_work + 1e-5 * ar(0.2), 6),
            "meeting room": rounded(
                420
                + 6 * np.abs(ar(0.9))
                + self.ar(0.97, self.pulses(np.where(is_work, 0.25, 0.0), (1800, 7200), self.of(40, 80, 160)))
            ),
            "network": np.exp(8 + 1.2 * ar(0.9) + 1.5 * awake) * (draw.uniform(size=self.size) < 0.9),
            "vibration of jobs": np.abs(draw.standard_normal(self.size)) * (0.05 + jobs),
            "heavy tails": draw.standard_t(2, self.size),
            "queue": draw.poisson(2 + 20 * is_work * np.exp(0.5 * ar(0.9))).astype(np.float64),
        }


def rounded(values: Floats, digits: int = 0) -> Floats:
    """What a sensor of so many digits shows."""
    return np.asarray(np.round(values, digits), np.float64)


def theirs(values: Floats) -> list[list[int]]:
    """The readings with which the peer opens an incident of each sensor."""
    plugins = [Plugin() for _ in values.T]
    return [
        [number for number, value in enumerate(its) if plugin.opens(value)]
        for plugin, its in zip(plugins, values.T.tolist(), strict=True)
    ]


def measure(sampling: str, count: int, seed: int) -> None:
    """Print how often sensors of each kind are told in 30 days, during the warm-up and after it."""
    step_s, days, warm_up = SAMPLINGS[sampling]
    world = Unseen(days, step_s, count, seed)
    kinds = world.homes() | world.machines()
    values = np.concatenate(list(kinds.values()), axis=1)
    replay, split = Replay([kind for kind in kinds for _ in range(count)], step_s), warm_up * DAY_S // step_s
    told = [[np.array(its) for its in each] for each in (replay.opened(values), theirs(values))]
    young = np.array([[(its < split).sum() for its in each] for each in told]) * BUDGET_DAYS / warm_up
    grown = np.array([[(its >= split).sum() for its in each] for each in told]) * BUDGET_DAYS / (days - warm_up)
    young, grown = (each.reshape(2, len(kinds), count).mean(axis=2) for each in (young, grown))
    print(f"every {sampling}, {days} days, incidents by kind as ratio to the budget of 1 per device and 30 days:")
    print("  " + ", ".join(f"{kind} {rate:.2f}" for kind, rate in zip(kinds, grown[0], strict=True)))
    print(
        f"  mean {grown[0].mean():.2f}, worst {grown[0].max():.2f}; first {warm_up} days {young[0].mean():.2f}; ",
        end="",
    )
    print(f"peer {grown[1].mean():.1f}, ratio {grown[1].mean() / grown[0].mean():.0f}", flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=8, help="sensors of each kind")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    for sampling in SAMPLINGS:
        measure(sampling, options.count, options.seed)


if __name__ == "__main__":
    main()
