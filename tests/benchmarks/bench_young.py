"""A fleet of simulated devices in its first month: what is told that is nothing, and what is found, by their age.

Run it as `python tests/benchmarks/bench_young.py`; `--count` and `--seed` for more. The devices are those of
`device_sim`, most of several sensors, and take the way of every message through codec and guard. One fleet is healthy
for ten days; in the others every device has faults as soon as it is of an age, of all kinds for which an alarm is due
and of the sizes that `device_sim` gives them: multiples of the sensor's own noise (for other sizes see
`bench_offsets.py`). The peer is the rule of InfluxData's River plugin (EWMean and EWVar, fading 0.3) with its threshold
of five sigma, once it has seen ten readings; an incident of it is over after 12 readings within.
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
from device_sim.faults import FAULTS, Onset
from device_sim.score import Alarm, Recall, score
from gateway.config import Limits, Source, Topics
from gateway.intake import Intake
from gateway.records import SECOND, Batch, Entry, Message, State, Tick
from gateway.shard import Rules, Shard

KINDS = "climate,freezer,pump,meter,wearable,door,motion"
ALARMING = [name for name, fault in FAULTS.items() if fault.is_alarming]
HOUR_S, TICK_S, BATCH = 3600.0, 60.0, 500
AGES_S = {"3 hours": 3 * HOUR_S, "1 day": DAY_S, "8 days": 8 * DAY_S, "30 days": 30 * DAY_S}
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
        mine, other = (opened(alarms, since_s, until_s) / count for alarms in (life.ours, life.theirs))
        print(f"{name:16} {mine:6.2f} incidents per device and 30 days; peer {other:8.1f}")
    kinds = Counter(each.device.partition("-")[0] for each in life.ours if each.state == "open")
    print(f"  by kind of device, all ten days: {', '.join(f'{kind} {n}' for kind, n in sorted(kinds.items()))}")


def opened(alarms: Iterable[Alarm], since_s: float, until_s: float) -> float:
    """How many incidents opened in this span of the fleet's life, per 30 days."""
    count = sum(each.state == "open" and since_s <= each.heard_at - STARTED_S < until_s for each in alarms)
    return count * 30 * DAY_S / (until_s - since_s)


def faulty(age: str, count: int, seed: int) -> None:
    """Print how many of the faults are found that befall devices of this age."""
    its = devices(count, seed)
    each = max(count // len(ALARMING), 1)
    wanted = plan.parse(",".join(f"{name}={each}" for name in ALARMING))
    window = plan.Window(STARTED_S + AGES_S[age], DAY_S / 4, HOUR_S)
    onsets = plan.plan([plan.Candidate(each.name, each.kind, each.next_at) for each in its], wanted, window, seed)
    life = live(its, onsets, AGES_S[age] + DAY_S)
    ours, theirs = (score(life.truth, alarms) for alarms in (life.ours, life.theirs))
    found = [f"{name} {said(recall)}" for name, recall in ours.by_fault.items()]
    print(f"{age:8} {ours.faults_found / ours.faults_injected:.2f} found: {', '.join(found)}; ", end="")
    print(
        f"peer {theirs.faults_found / theirs.faults_injected:.2f}; told in the latter half of the time before, ", end=""
    )
    mine, other = (opened(alarms, AGES_S[age] / 2, AGES_S[age]) / count for alarms in (life.ours, life.theirs))
    print(f"per device and 30 days: {mine:.2f}, peer {other:.0f}", flush=True)


def said(recall: Recall) -> str:
    """The share of one kind of fault that was found, and how soon half of these were."""
    return f"{recall.recall:.2f}" + (f" ({recall.median_delay_s:.0f} s)" if recall.found else "")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=56, help="devices")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    healthy(options.count, options.seed)
    for age in AGES_S:
        faulty(age, options.count, options.seed)


if __name__ == "__main__":
    main()
