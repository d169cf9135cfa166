"""The first days of a fleet of simulated devices: what is told that is nothing, and what is found, by their age.

Run it as `python tests/benchmarks/bench_young.py`; `--count` and `--seed` for more. The devices are those of
`device_sim`, most of several sensors, and take the way of every message through codec and guard. One fleet is healthy
for ten days; in the others every device has faults as soon as it is of an age. Sizes are in the sensor's own noise. The
peer is the rule of InfluxData's River plugin (EWMean and EWVar, fading 0.3) with its threshold of five sigma, once it
has seen ten readings; an incident of it is over after 12 readings within.
"""

import argparse
import heapq
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from peers import Plugin
from signals import DAY_S, START

from device_sim import fleet, plan
from device_sim.device import Device
from device_sim.faults import Onset
from device_sim.score import Alarm, score
from gateway.config import Limits, Source, Topics
from gateway.intake import Intake
from gateway.records import SECOND, Batch, Entry, Message, State, Tick
from gateway.shard import Rules, Shard

KINDS = "climate,freezer,pump,meter,wearable,door,motion"
FAULTS = "spike={n},shift={n},drift={n},stuck={n},noise={n},silent={n}"
HOUR_S, TICK_S, BATCH = 3600.0, 60.0, 500
AGES_S = {"3 hours": 3 * HOUR_S, "1 day": DAY_S, "8 days": 8 * DAY_S}
HEALTHY_S = 10 * DAY_S
SPANS_S = {
    "first 6 hours": (0.0, 6 * HOUR_S),
    "rest of the day": (6 * HOUR_S, DAY_S),
    "second day": (DAY_S, 2 * DAY_S),
    "third to tenth": (2 * DAY_S, HEALTHY_S),
}
STARTED_S = START / SECOND
LIMITS = Limits(new_streams_per_min=100_000)


class Life(NamedTuple):
    """What was told of a fleet in its life, and what was done to it."""

    ours: list[Alarm]
    theirs: list[Alarm]
    truth: list[Onset]


def devices(count: int, seed: int) -> list[Device]:
    """A fleet that nobody has heard of yet."""
    roster = fleet.roster(fleet.kinds_of(KINDS, (), None, STARTED_S), count)
    return [Device(name, kind, seed, STARTED_S, is_reacting=False) for name, kind in roster]


def messages(its: Sequence[Device], onsets: Iterable[Onset], until_s: float) -> Iterator[Message]:
    """What they say in order of time; faults befall them as they are due."""
    befall = sorted(onsets, key=lambda onset: onset.started_at, reverse=True)
    due = [(device.next_at, number) for number, device in enumerate(its)]
    heapq.heapify(due)
    named = {device.name: device for device in its}
    while due[0][0] < STARTED_S + until_s:
        at, number = heapq.heappop(due)
        while befall and befall[-1].started_at <= at:
            onset = befall.pop()
            named[onset.device].begin(onset)
        for topic, payload in its[number].report():
            yield Message(f"devices/{topic}", payload, round(at * SECOND))
        heapq.heappush(due, (its[number].next_at, number))


class Peer:
    """The rule of the plugin on every sensor."""

    def __init__(self) -> None:
        self.plugins = defaultdict[int, Plugin](Plugin)
        self.alarms: list[Alarm] = []

    def hear(self, batch: Batch, shard: Shard) -> None:
        """Judge and learn, and keep what opens."""
        for row, at, value in zip(batch.stream.tolist(), batch.observed_at.tolist(), batch.value.tolist(), strict=True):
            if self.plugins[row].opens(value):
                device, sensor = shard.directory.streams[row]
                self.alarms.append(Alarm(at / SECOND, device, f"{row}-{at}", "open", sensor))


def live(its: Sequence[Device], onsets: Sequence[Onset], until_s: float) -> Life:
    """Let the fleet live, heard by a gateway and by the peer."""
    shard, peer, told = Shard(Rules()), Peer(), []
    intake = Intake(
        (Source(topic="devices/{device}/readings"), Source(topic="devices/{device}/readings/{sensor}")),
        LIMITS,
        Topics(),
        shard.directory,
    )

    def hear(entries: Iterable[Entry]) -> None:
        for entry in entries:
            for _, incident in shard.apply(entry).changes:
                if incident.state is not State.CLOSED:
                    heard = incident.at / SECOND
                    told.append(Alarm(heard, incident.device, incident.id, str(incident.state), incident.sensor))
            if isinstance(entry, Batch):
                peer.hear(entry, shard)

    waiting: list[Message] = []
    next_tick_s = STARTED_S
    for message in messages(its, onsets, until_s):
        if message.received_at >= next_tick_s * SECOND:
            hear(intake.take(waiting))
            waiting.clear()
            hear([Tick(round(next_tick_s * SECOND))])
            next_tick_s += TICK_S
        waiting.append(message)
    hear(intake.take(waiting))
    return Life(told, peer.alarms, list(onsets))


def healthy(count: int, seed: int) -> None:
    """Print how many incidents are opened on devices that are as they should be."""
    life = live(devices(count, seed), (), HEALTHY_S)
    for name, (since_s, until_s) in SPANS_S.items():
        rates = []
        for alarms in (life.ours, life.theirs):
            opened = [
                each for each in alarms if each.state == "open" and since_s <= each.heard_at - STARTED_S < until_s
            ]
            rates.append(len(opened) / count * 30 * DAY_S / (until_s - since_s))
        print(f"{name:16} {rates[0]:6.2f} incidents per device and 30 days; peer {rates[1]:8.1f}")
    kinds = Counter(each.device.partition("-")[0] for each in life.ours if each.state == "open")
    print(f"  by kind of device, all ten days: {', '.join(f'{kind} {n}' for kind, n in sorted(kinds.items()))}")


def faulty(age: str, count: int, seed: int) -> None:
    """Print how many of the faults are found that befall devices of this age."""
    its = devices(count, seed)
    wanted = plan.parse(FAULTS.format(n=max(count // 6, 1)))
    window = plan.Window(STARTED_S + AGES_S[age], DAY_S / 4, HOUR_S)
    onsets = plan.plan([plan.Candidate(each.name, each.kind, each.next_at) for each in its], wanted, window, seed)
    life = live(its, onsets, AGES_S[age] + DAY_S)
    ours, theirs = (score(life.truth, alarms) for alarms in (life.ours, life.theirs))
    found = [f"{name} {recall.recall:.2f}" for name, recall in ours.by_fault.items()]
    print(f"{age:8} {ours.faults_found / ours.faults_injected:.2f} found: {', '.join(found)}; ", end="")
    print(f"peer {theirs.faults_found / theirs.faults_injected:.2f} at {theirs.false_incidents} false, ", end="")
    print(f"ours {ours.false_incidents}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=42, help="devices")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    healthy(options.count, options.seed)
    for age in AGES_S:
        faulty(age, options.count, options.seed)


if __name__ == "__main__":
    main()
