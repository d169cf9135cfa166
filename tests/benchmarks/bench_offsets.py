"""Simulated devices of every kind, two weeks old: what is told of readings that are off by so many sigma.

Run it as `python tests/benchmarks/bench_offsets.py`; `--count`, `--days` and `--kinds` for more. Each kind is a fleet
of its own, whose readings go to the learners of a gateway as they are. In its last two days it is copied at many
moments, and the copy given the next readings with a spike (one reading) or a shift (120) in every sensor but counters,
up or down, which is found when it is told while it lasts or with the reading after. Sigma is two things: the noise of
`device_sim`, the root mean square of what changes from reading to reading (as a step eight times that is everyday in
the power of a household or of a freezer's compressor), and the standard deviation of all that the sensor has shown.
What lies beyond the range of a sensor does not show: of a spike downwards in the power of a compressor that rests
nothing is left. Counted beside it is what opens on the fleet, which is healthy. The peer is the rule of InfluxData's
River plugin (EWMean and EWVar, fading 0.3), its threshold raised until it tells no more readings than we open
incidents: as shipped it opens hundreds to thousands per device and 30 days.
"""

import argparse
import copy
from collections import Counter
from collections.abc import Sequence

import numpy as np
from peers import ZScore
from signals import DAY_S, START, lived

from device_sim import fleet
from device_sim.chance import Chance
from device_sim.faults import FAULTS
from device_sim.kinds.kind import Kind, noise_scales
from gateway.learning.fleet import Fleet
from gateway.learning.streams import Policy
from gateway.records import ALARM, SECOND, Batch, Floats, Mask, State
from gateway.shard import Rules, Shard

KINDS = "climate,freezer,meter,pump,wearable"
SIZES = {"spike": (6.0, 8.0, 12.0), "shift": (3.0, 6.0, 9.0)}
"""Times the noise."""
SPREADS = {"spike": 6.0, "shift": 3.0}
"""Times the standard deviation."""
MOMENTS, LAST_S = 36, 2 * DAY_S
SPANS = {"first day": (0, 1), "second to seventh": (1, 7), "then": (7, 10_000)}
STARTED_S = START / SECOND


class Healthy:
    """Devices of one kind, and what was heard of them: by a gateway, and by the peer on every sensor."""

    def __init__(self, kind: Kind, count: int, seed: int) -> None:
        self.kind, self.at_s, self.count = kind, STARTED_S, count
        self._chances = [Chance.of(f"{kind.name}-{seed}-{number}") for number in range(count)]
        self.shard = Shard(Rules())
        add, names = self.shard.directory.add, [sensor.name for sensor in kind.sensors]
        self.rows = np.array([add(f"{kind.name}-{number}", name) for number in range(count) for name in names])
        self.peers = [ZScore() for _ in self.rows]
        self.opened: Counter[int] = Counter()
        self.scores: list[list[float]] = []
        self.heard: list[Floats] = []

    def shown(self, at_s: float, off: Floats | float = 0.0) -> Floats:
        """What all sensors show then, one device after the other, if what they sense is off by so much."""
        rows = [self.kind.measured(chance, at_s) for chance in self._chances]
        sensed = np.array([row[sensor.name] for row in rows for sensor in self.kind.sensors]) + off
        sensors = self.kind.sensors * self.count
        return np.array([sensor.rounded(value) for sensor, value in zip(sensors, sensed.tolist(), strict=True)])

    def live(self, until_s: float) -> None:
        """Be heard until then."""
        times, first = [], len(self.heard)
        while self.at_s < until_s:
            times.append(round(self.at_s * SECOND))
            self.heard.append(self.shown(self.at_s))
            self.scores.append(scored(self.peers, self.heard[-1]))
            self.at_s += self.kind.interval_s
        for number, incident in lived(self.shard, self.rows, np.array(times), np.array(self.heard[first:])):
            if incident.state is State.OPEN:
                self.opened[(times[number] - START) // (DAY_S * SECOND)] += 1

    def forked(self, off: Floats, readings: int) -> tuple[Mask, Floats]:
        """What we tell if the next readings are off by so much; and the highest scores of the peer."""
        copied, peers = Fleet(self.shard.directory, Policy()), copy.deepcopy(self.peers)
        copied.loads(self.shard.fleet.dumps())
        said: list[Floats] = []
        theirs: list[list[float]] = []
        for number in range(readings + 1):
            at_s = self.at_s + number * self.kind.interval_s
            values, at = self.shown(at_s, off * (number < readings)), np.full(len(off), round(at_s * SECOND))
            said.append(copied.learn_many(Batch(self.rows, at, at, values)).score)
            theirs.append(scored(peers, values))
        return np.max(said, axis=0) >= ALARM, np.max(theirs, axis=0)

    def rate(self, first: float, end: float) -> float:
        """Incidents per device and 30 days, opened in these days."""
        opened = sum(count for day, count in self.opened.items() if first <= day < end)
        return opened / self.count * 30 / (end - first)


def scored(models: Sequence[ZScore], values: Floats) -> list[float]:
    """The scores of the peer, one model for each value, which it learns."""
    return [model.score_learn_one(value) for model, value in zip(models, values.tolist(), strict=True)]


def faults(noise: Floats, spread: Floats) -> list[tuple[int, Floats]]:
    """How many readings each lasts, and by how much the sensors are off then."""
    return [
        (int(FAULTS[name].readings), off)
        for name, sizes in SIZES.items()
        for off in (*(size * noise for size in sizes), SPREADS[name] * spread)
    ]


def measure(kind: Kind, count: int, days: float, seed: int) -> Floats:
    """Print what is found of one kind; of each size of each fault the share that we find and that the peer does."""
    devices, draw, scales = Healthy(kind, count, seed), np.random.RandomState(seed), noise_scales(kind)
    noise = np.array([scales[sensor.name] for sensor in kind.sensors] * count)
    is_faulty = np.array([not sensor.is_counter for sensor in kind.sensors] * count)
    found = np.zeros((2, MOMENTS, sum(map(len, SIZES.values())) + len(SPREADS), len(noise)))
    for moment in range(MOMENTS):
        devices.live(STARTED_S + days * DAY_S - LAST_S * (1.0 - moment / MOMENTS))
        side, spread = draw.choice([-1.0, 1.0], len(noise)) * is_faulty, np.std(devices.heard, axis=0)
        for place, (readings, off) in enumerate(faults(noise, spread)):
            found[:, moment, place] = devices.forked(side * off, readings)
    devices.live(STARTED_S + days * DAY_S)
    threshold = np.sort(np.array(devices.scores), axis=None)[-1 - devices.opened.total()]
    found[1] = found[1] > threshold
    faulty = [place for place, sensor in enumerate(kind.sensors) if not sensor.is_counter]
    shares = found.mean(axis=1).reshape(2, -1, count, len(kind.sensors)).mean(axis=2)[:, :, faulty]
    for place, number in enumerate(faulty):
        print(f"{kind.name:9}{kind.sensors[number].name:20} {said(shares[:, :, place])}")
    told = [f"{name} {devices.rate(first, min(end, days)):.1f}" for name, (first, end) in SPANS.items()]
    print(f"{kind.name:9}told per device and 30 days: {', '.join(told)}", flush=True)
    return np.asarray(shares.mean(axis=2))


def said(shares: Floats) -> str:
    """What we and what the peer found of each size of each fault."""
    cuts = np.cumsum([len(sizes) + 1 for sizes in SIZES.values()])[:-1]
    ours, theirs = (
        "; ".join(" ".join(f"{share:.2f}" for share in part) for part in np.split(its, cuts)) for its in shares
    )
    return f"found {ours} | peer {theirs}"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kinds", default=KINDS, help="of devices that report by the clock")
    parser.add_argument("--count", type=int, default=8, help="devices of each kind")
    parser.add_argument("--days", type=float, default=14.0, help="that they live, more than seven")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    for name, sizes in SIZES.items():
        print(f"{name}s of {', '.join(f'{size:g}' for size in sizes)} times the noise, ", end="")
        print(f"{SPREADS[name]:g} times the standard deviation; ", end="")
    print()
    kinds = fleet.kinds_of(options.kinds, (), None, STARTED_S)
    shares = [measure(kind, options.count, options.days, options.seed) for kind in kinds]
    print(f"mean of the kinds            {said(np.mean(shares, axis=0))}")


if __name__ == "__main__":
    main()
