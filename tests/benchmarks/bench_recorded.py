"""Recordings of real sensors: what is told of them as they are, and what is found of faults that are put into them.

Run it as `python tests/benchmarks/bench_recorded.py --recordings FOLDER`, with a folder of the files that `gateway
replay` reads, each of a healthy device; `--count` and `--seed` for more. As they are, incidents are counted in the
first two weeks and after them, as a ratio to the budget of one in 30 days. Then every column is a device of its own, in
copies with a fault each in their second half, which is found when it is told within `LASTS` readings or before it is
over. What a column shows of itself may lie beyond that: where the wind has no daily rhythm, it cannot be late. The peer
is the rule of InfluxData's River plugin (EWMean and EWVar, fading 0.3): as shipped, the sensors of a device added up,
and on the faults with its threshold raised until it tells no more readings of the columns as they are than we open
incidents.
"""

import argparse
import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from peers import Plugin, ZScore
from signals import DAY_S, lived

from gateway import recordings
from gateway.records import SECOND, Floats, Ints, State, is_text
from gateway.shard import Rules, Shard

MOST, LEAST = 6000, 1000
"""Readings of a column that are used, and that it needs."""

STATES = 2

FAULTS = ("spike", "shift", "drift", "stuck", "noise", "quiet", "late", "hour")
LASTS, BRIEF, DRIFTS = 72, 3, 48
SMOOTH = 49
YOUNG_DAYS, MONTH_DAYS = 14, 30
DAY = DAY_S * SECOND


class Column(NamedTuple):
    """What one sensor showed, by which rows of its recording; how many readings a day has, and which of it each is."""

    name: str
    rows: Ints
    observed_at: Ints
    values: Floats
    day: int
    hour: Ints


class Fault(NamedTuple):
    """A fault in a copy of a column: at which reading it begins, and for how many it can be found."""

    kind: str
    at: int
    lasts: int


def tidy(recording: recordings.Recording) -> recordings.Recording:
    """The same in order of time, of each moment the first, without columns of texts."""
    at, first = np.unique(recording.observed_at, return_index=True)
    values = np.where(is_text(recording.values).any(axis=0), np.nan, recording.values)[first]
    times = tuple(recording.times[number] for number in first.tolist())
    return replace(recording, times=times, observed_at=at, values=values)


def columns(recording: recordings.Recording) -> Iterator[Column]:
    """Its sensors that have numbers enough."""
    for sensor, values in zip(recording.sensors, recording.values.T, strict=True):
        known = np.flatnonzero(~np.isnan(values))[:MOST]
        if len(known) < LEAST or len(np.unique(values[known])) <= STATES:
            print(f"{recording.path} {sensor}: left out, it has too few numbers, or is a state")
            continue
        at = recording.observed_at[known]
        day = round(DAY / float(np.median(np.diff(at))))
        yield Column(f"{recording.path} {sensor}", known, at, values[known], day, at % DAY * day // DAY)


def smooth(values: Floats) -> Floats:
    """The median of the readings around each."""
    padded = np.pad(values, SMOOTH // 2, mode="edge")
    return np.asarray(np.median(np.lib.stride_tricks.sliding_window_view(padded, SMOOTH), axis=1))


def off_by_hour(column: Column) -> Floats:
    """How far off the mean of its time of day the column is at each, root mean square; infinite where it never is."""
    count = np.bincount(column.hour, minlength=column.day)
    mean = np.bincount(column.hour, column.values, column.day) / np.maximum(count, 1)
    power = np.bincount(column.hour, (column.values - mean[column.hour]) ** 2, column.day)
    return np.where(count > 0, np.sqrt(power / np.maximum(count, 1)), np.inf)


def at_a_wrong_hour(column: Column, at: int, whole: float) -> tuple[slice, Floats]:
    """An eighth of a day when the column is steadiest, within the day from this reading on; how much more is much."""
    off, some = off_by_hour(column), max(column.day // 8, 1)
    steady = np.argmin([np.roll(off, -hour)[:some].mean() for hour in range(column.day)])
    at += int(np.argmax(column.hour[at : at + column.day] == steady))
    during = slice(at, at + some)
    return during, np.maximum(6 * off[column.hour[during]], 0.3 * whole)


def inject(kind: str, column: Column, at: int, draw: np.random.RandomState) -> tuple[Floats, Fault]:
    """A copy with this fault from about this reading on; by how much is in how far it moves, or in how far it spans."""
    out, whole, sign = column.values.copy(), float(np.std(column.values)), draw.choice((-1.0, 1.0))
    move, lasts, rest = float(np.sqrt(np.mean(np.diff(column.values) ** 2))), LASTS, len(out) - at
    during, day = slice(at, at + LASTS), column.day
    match kind:
        case "spike":
            out[at], lasts = out[at] + 8 * sign * move, BRIEF
        case "shift":
            out[at:] += 2.5 * sign * whole
        case "drift":
            out[at:] += 3 * sign * whole * np.minimum(np.arange(rest) / DRIFTS, 1.0)
        case "stuck":
            out[during] = out[at]
        case "noise":
            out[during] += 3 * move * draw.standard_normal(LASTS)
        case "quiet":
            usual = smooth(out)[during]
            out[during] = usual + 0.1 * (out[during] - usual)
        case "late":
            before = np.searchsorted(column.observed_at, column.observed_at[at : at + day] - DAY // 2)
            out[at : at + day], lasts = column.values[before], day
        case "hour":
            during, more = at_a_wrong_hour(column, at, whole)
            out[during] += sign * more
            at, lasts = during.start, len(more) + BRIEF
    return out, Fault(kind, at, lasts)


def healthy(recorded: Sequence[recordings.Recording]) -> None:
    """Print what is told of the recordings as they are."""
    rates = []
    for recording in recorded:
        at, device = recording.observed_at, recording.device
        days = (at[-1] - at[0]) / DAY
        if days <= 2 * YOUNG_DAYS:
            print(f"{recording.path}: left out, it lasts {days:.0f} days")
            continue
        shard, plugins = Shard(Rules()), [Plugin() for _ in recording.sensors]
        rows = np.array([shard.directory.add(device, sensor) for sensor in recording.sensors])
        changes = [incident for _, incident in lived(shard, rows, at, recording.values)]
        incidents = [incident for incident in changes if incident.state is State.OPEN]
        ours = [(incident.at - at[0]) / DAY for incident in incidents]
        theirs = [
            (at[place] - at[0]) / DAY
            for plugin, values in zip(plugins, recording.values.T, strict=True)
            for place, value in enumerate(values.tolist())
            if not math.isnan(value) and plugin.opens(value)
        ]
        young, grown, peer = (
            sum(told) * MONTH_DAYS / span
            for told, span in (
                ((day < YOUNG_DAYS for day in ours), YOUNG_DAYS),
                ((day >= YOUNG_DAYS for day in ours), days - YOUNG_DAYS),
                ((day >= YOUNG_DAYS for day in theirs), days - YOUNG_DAYS),
            )
        )
        rates.append((young, grown, peer))
        kinds = ", ".join(
            f"{kind} {n}" for kind, n in Counter(one.kind.name.lower() for one in incidents).most_common()
        )
        print(
            f"{recording.path!s:24} first {YOUNG_DAYS} days {young:4.1f}, then {grown:4.2f} ({kinds}); peer {peer:6.1f}"
        )
    if not rates:
        return
    young, grown, peer = np.mean(rates, axis=0)
    print(
        f"told of {len(rates)} recordings as they are, per 30 days: first {YOUNG_DAYS} days {young:.2f}, "
        f"then {grown:.2f}, worst {max(rate[1] for rate in rates):.2f}; peer {peer:.1f}"
    )


def spoil(column: Column, count: int, draw: np.random.RandomState) -> tuple[Floats, list[Fault]]:
    """Copies of a column, (copy, reading): the first as it is, in each of the others a fault."""
    half, copies, faults = len(column.values) // 2, [column.values], list[Fault]()
    has_days = 8 <= column.day <= len(column.values) // 8
    kinds, room = (FAULTS, 2 * max(column.day, LASTS)) if has_days else (FAULTS[: FAULTS.index("late")], 2 * LASTS)
    for kind in kinds:
        for _ in range(count):
            values, fault = inject(kind, column, draw.randint(half, len(column.values) - room), draw)
            copies.append(values)
            faults.append(fault)
    return np.stack(copies), faults


def ours(recording: recordings.Recording, its: Sequence[Column], copies: Sequence[Floats]) -> list[list[list[int]]]:
    """The readings of each copy of each column with which we open an incident: every copy is a device of its own."""
    shard = Shard(Rules())
    used = np.unique(np.concatenate([column.rows for column in its]))
    values = np.full((len(used), sum(map(len, copies))), np.nan)
    names = [(number, copy) for number, each in enumerate(copies) for copy in range(len(each))]
    rows = np.array([shard.directory.add(f"{number}-{copy}", "value") for number, copy in names])
    for stream, (number, copy) in enumerate(names):
        values[np.searchsorted(used, its[number].rows), stream] = copies[number][copy]
    told: list[list[list[int]]] = [[[] for _ in each] for each in copies]
    for place, incident in lived(shard, rows, recording.observed_at[used], values):
        if incident.state is State.OPEN:
            number, copy = map(int, incident.device.split("-"))
            told[number][copy].append(int(np.searchsorted(its[number].rows, used[place])))
    return told


def theirs(copies: Floats, most: int) -> list[list[int]]:
    """The readings that the peer tells, held to so many in the second half of the column as it is."""
    score = np.array([[*map(ZScore().score_learn_one, values)] for values in copies.tolist()])
    threshold = np.sort(score[0, len(score[0]) // 2 :])[-most - 1]
    return [np.flatnonzero(each > threshold).tolist() for each in score]


def is_found(fault: Fault, told: Sequence[int]) -> bool:
    """Whether one of these readings is of the fault."""
    return any(fault.at <= place < fault.at + fault.lasts for place in told)


def faulty(
    recording: recordings.Recording, count: int, draw: np.random.RandomState
) -> Iterator[tuple[str, bool, bool]]:
    """Print what is found in each column; gives of each fault its kind and whether we and the peer found it."""
    its = list(columns(recording))
    if not its:
        return
    copies, faults = zip(*(spoil(column, count, draw) for column in its), strict=True)
    for column, copied, injected, told in zip(its, copies, faults, ours(recording, its, copies), strict=True):
        held = theirs(copied, sum(place >= len(column.values) // 2 for place in told[0]))
        found = defaultdict[str, list[bool]](list)
        for fault, mine, other in zip(injected, told[1:], held[1:], strict=True):
            found[fault.kind].append(is_found(fault, mine))
            yield fault.kind, found[fault.kind][-1], is_found(fault, other)
        print(f"{column.name:32} " + ", ".join(f"{kind} {np.mean(each):.2f}" for kind, each in found.items()))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recordings", type=Path, required=True)
    parser.add_argument("--count", type=int, default=3, help="faults of each kind in each column")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    recorded = [tidy(recordings.read(path, relative)) for path, relative in recordings.find(options.recordings)]
    healthy(recorded)
    found, draw = defaultdict[str, list[tuple[bool, bool]]](list), np.random.RandomState(options.seed)
    for recording in recorded:
        for kind, is_ours, is_theirs in faulty(recording, options.count, draw):
            found[kind].append((is_ours, is_theirs))
    if not found:
        parser.exit(1, f"{options.recordings}: no column has {LEAST} readings of more than {STATES} values\n")
    means = {kind: np.mean(told, axis=0) for kind, told in found.items()}
    for kind, (our, their) in means.items():
        print(f"{kind:6} found {our:.2f}, peer {their:.2f}")
    our, their = np.mean(list(means.values()), axis=0)
    print(f"mean found {our:.2f}, peer {their:.2f}, ratio {our / their:.1f}")


if __name__ == "__main__":
    main()
