"""What other settings would have made of the same readings: a candidate folds them and is measured; pure."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from gateway.learning.rows import Rows, rounds
from gateway.records import SECOND, Batch, Entry, Feedback, Floats, Incident, Ints, State, Verdict, Verdicts
from gateway.shard import Outcome, Rules, Shard

DAY = 86_400 * SECOND
MONTH = 30 * DAY

LEAST = 200
"""Readings of a stream before its forecasts count: a gateway in use is older than that."""

SOONER = 3600 * SECOND
"""How much sooner than the labelled incident a candidate may have told of the same."""


class Label(NamedTuple):
    """What a person said of an incident of a device, and when (ns) it was open."""

    device: str
    since: int
    until: int
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Score:
    """How a candidate did on the devices of one pattern.

    `error` is the mean absolute error of the next reading over that of the last value (MASE; Hyndman and Koehler
    2006), averaged over the streams, in the earlier and in the later half of their time; `coverage` the share of
    readings inside the 90 % interval; `incidents` those of one device in 30 days. Of what people called false alarms
    (`refuted`) and faults (`confirmed`) it told `repeated` and `found` again.
    """

    devices: int
    readings: int
    error: tuple[float, float]
    coverage: float
    incidents: float
    repeated: int
    found: int
    refuted: int
    confirmed: int

    def gain(self, over: "Score") -> float:
        """By which share its error is smaller, in the half of the time where it is less; NaN for unknown."""
        return min(_gain(mine, other) for mine, other in zip(self.error, over.error, strict=True))


def pattern(device: str) -> str:
    """The shell pattern of a device and its sisters: what differs by a number is of a kind."""
    return re.sub(r"\d+", "*", re.sub(r"([*?\[])", r"[\1]", device))


class Halves:
    """By row the moment (ns) amid those at which readings of a stream count: it parts the earlier from the later.

    Each has its own: recordings of different years would else lie on one side each, and be judged on neither.
    """

    def __init__(self) -> None:
        self._lives = Rows({"seen": ((), np.int64, 0), "begins": ((), np.int64, 0), "ends": ((), np.int64, 0)})
        self.last: int | None = None

    def note(self, batch: Batch) -> None:
        """Take note of readings that candidates will be judged on; `last` is the latest moment of all."""
        latest = int(batch.received_at.max())
        self.last = latest if self.last is None else max(self.last, latest)
        self._lives.grow(int(batch.stream.max(initial=-1)) + 1)
        lives = self._lives.arrays
        for turn in rounds(batch.stream):
            rows, at = batch.stream[turn], batch.received_at[turn]
            lives["begins"][rows] = np.where(lives["seen"][rows] <= LEAST, at, lives["begins"][rows])
            lives["seen"][rows] += 1
            lives["ends"][rows] = at

    def of(self, rows: Ints) -> Ints:
        """The moment of each of these streams."""
        begins, ends = self._lives.arrays["begins"][rows], self._lives.arrays["ends"][rows]
        return np.asarray(begins + (ends - begins) // 2)


class Trial:
    """One candidate living through the entries; `halves` part the earlier readings from the later."""

    def __init__(self, rules: Rules, halves: Halves) -> None:
        self.shard = Shard(rules)
        self._halves = halves
        self._sums = Rows(
            {
                "last": ((), np.float64, np.nan),
                "seen": ((), np.int64, 0),
                "readings": ((), np.int64, 0),
                "error": ((2,), np.float64, 0.0),
                "naive": ((2,), np.float64, 0.0),
                "inside": ((), np.int64, 0),
            }
        )
        self._opened: dict[str, list[int]] = {}
        self._lives: dict[int, tuple[int, int]] = {}

    def apply(self, entry: Entry) -> None:
        """Live through one entry; what people said of other settings' incidents is a label, not a lesson."""
        if isinstance(entry, Feedback):
            return
        outcome = self.shard.apply(entry)
        if isinstance(entry, Batch) and outcome.verdicts is not None:
            self._measure(entry, outcome.verdicts)
        self._count(outcome)

    def _measure(self, batch: Batch, verdicts: Verdicts) -> None:
        self._sums.grow(len(self.shard.directory))
        fresh = np.flatnonzero(~verdicts.is_stale)
        for turn in rounds(batch.stream[fresh]):
            self._measure_round(batch, verdicts, fresh[turn])
        devices = np.array(self.shard.directory.device_of)[batch.stream[fresh]]
        for device, at in zip(devices.tolist(), batch.observed_at[fresh].tolist(), strict=True):
            self._lives[device] = (self._lives.get(device, (at, at))[0], at)

    def _measure_round(self, batch: Batch, verdicts: Verdicts, places: Ints) -> None:
        sums, rows, value = self._sums.arrays, batch.stream[places], batch.value[places]
        last, expected = sums["last"][rows].copy(), verdicts.expected[places]
        sums["last"][rows] = value
        sums["seen"][rows] += 1
        counts = (sums["seen"][rows] > LEAST) & np.isfinite(expected) & np.isfinite(last)
        rows, value, places = rows[counts], value[counts], places[counts]
        later = (batch.received_at[places] >= self._halves.of(rows)).astype(np.int64)
        sums["readings"][rows] += 1
        sums["error"][later, rows] += np.abs(value - expected[counts])
        sums["naive"][later, rows] += np.abs(value - last[counts])
        sums["inside"][rows] += (value >= verdicts.lower[places]) & (value <= verdicts.upper[places])

    def _count(self, outcome: Outcome) -> None:
        for _, incident in outcome.changes:
            if incident.state is State.OPEN:
                for device in incident.devices or (incident.device,):
                    self._opened.setdefault(device, []).append(incident.started_at)

    def scores(self, labels: Sequence[Label]) -> dict[str, Score]:
        """How it did, by pattern."""
        kinds: dict[str, list[int]] = {}
        for row, device in enumerate(self.shard.directory.devices):
            kinds.setdefault(pattern(device), []).append(row)
        return {kind: self._score(devices, labels) for kind, devices in kinds.items()}

    def _score(self, devices: Sequence[int], labels: Iterable[Label]) -> Score:
        directory, sums = self.shard.directory, self._sums.arrays
        rows = np.array([row for device in devices for row in directory.rows_of[device]])
        names = [directory.devices[device] for device in devices]
        readings = int(sums["readings"][rows].sum())
        lived = sum(last - first for first, last in (self._lives.get(device, (0, 0)) for device in devices))
        opened = sum(len(self._opened.get(name, ())) for name in names)
        said = [label for label in labels if label.device in set(names)]
        asked, told = (Counter(label.verdict for label in each) for each in (said, filter(self._tells, said)))
        return Score(
            devices=len(devices),
            readings=readings,
            error=_ratios(sums["error"][:, rows], sums["naive"][:, rows]),
            coverage=float(sums["inside"][rows].sum() / max(readings, 1)),
            incidents=opened * MONTH / lived if lived >= DAY else float("nan"),
            repeated=told[Verdict.FALSE_ALARM],
            found=told[Verdict.FAULT],
            refuted=asked[Verdict.FALSE_ALARM],
            confirmed=asked[Verdict.FAULT],
        )

    def _tells(self, label: Label) -> bool:
        return any(label.since - SOONER <= at <= label.until for at in self._opened.get(label.device, ()))


def _gain(mine: float, other: float) -> float:
    """By which share one error is smaller than another; over none, of what is foretold exactly, none is better."""
    if other == 0.0:
        return 0.0 if mine == 0.0 else -math.inf
    return 1.0 - mine / other


def _ratios(error: Floats, naive: Floats) -> tuple[float, float]:
    """The mean ratio over the streams, for each half; a stream that never moved says nothing of forecasts."""
    known = (naive > 0.0).all(axis=0)
    halves = (error[:, known] / naive[:, known]).mean(axis=1) if known.any() else np.full(2, np.nan)
    return float(halves[0]), float(halves[1])


def labels(said: Iterable[Feedback], incidents: Iterable[Incident], end: int) -> list[Label]:
    """What people said of which incident; a word without an id is on all that was open then on that device."""
    told_at, spans = dict[str, int](), dict[str, tuple[str, int, int]]()
    for incident in incidents:
        told_at.setdefault(incident.id, incident.at)
        device, since, _ = spans.get(incident.id, (incident.device, incident.started_at, 0))
        spans[incident.id] = (device, since, incident.at if incident.state is State.CLOSED else end)
    return [
        Label(*spans[key], word.verdict)
        for word in said
        for key, (device, _, until) in spans.items()
        if device == word.device and (key == word.incident if word.incident else told_at[key] <= word.at <= until)
    ]
