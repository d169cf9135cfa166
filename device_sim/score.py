"""How well the gateway did: what the devices heard against what was done to them."""

import json
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from device_sim.chronicle import RUN
from device_sim.errors import UsageError
from device_sim.faults import FAULTS, Onset
from device_sim.kinds.kind import DAY


class Alarm(NamedTuple):
    """One anomaly message as a device heard it."""

    heard_at: float
    device: str
    id: str
    state: str
    sensor: str | None


@dataclass(frozen=True, slots=True)
class Recall:
    """What became of the faults of one kind; the delay is from the start of the fault to when the device heard."""

    injected: int
    found: int
    recall: float
    median_delay_s: float | None


@dataclass(frozen=True, slots=True)
class Score:
    """The verdict. Faults of the messages count apart: they are to be rejected, not alarmed."""

    faults_injected: int
    faults_found: int
    false_incidents: int
    device_days: float
    false_per_device_day: float | None
    by_fault: Mapping[str, Recall]
    data_quality: Mapping[str, Recall]


def score(truth: Iterable[Onset], alarms: Iterable[Alarm], *, grace_s: float = 1800.0) -> Score:
    """Compare the truth with the alarms.

    A fault is found when its device heard an `open` or `update` on its sensor, or on none, from its start to its end
    plus `grace_s`. An incident is false when it was opened while nothing was wrong with its device, nor had been
    within `grace_s`. Reactions to what was heard excuse an incident too, and so do recordings.
    """
    alarms = sorted(alarm for alarm in alarms if alarm.state in ("open", "update"))
    heard: defaultdict[str, list[Alarm]] = defaultdict(list)
    for alarm in alarms:
        heard[alarm.device].append(alarm)
    known = {onset.id: onset for onset in truth}
    run = known.pop(RUN, None)
    delays: defaultdict[str, list[float | None]] = defaultdict(list)
    excuses: defaultdict[str, list[Onset]] = defaultdict(list)
    for onset in known.values():
        excuses[onset.device].append(onset)
        if onset.fault in FAULTS:
            delays[onset.fault].append(_delay(onset, heard[onset.device], grace_s))
    opened = {alarm.id: alarm for alarm in reversed(alarms) if alarm.state == "open"}
    false = sum(not any(_covers(o, a, grace_s) for o in excuses[a.device]) for a in opened.values())
    recalls = {name: _recall(delays[name]) for name in FAULTS if name in delays}
    alarming = {name: recall for name, recall in recalls.items() if FAULTS[name].is_alarming}
    days = _device_days(run, [*(o.started_at for o in known.values()), *(a.heard_at for a in alarms)])
    return Score(
        sum(recall.injected for recall in alarming.values()),
        sum(recall.found for recall in alarming.values()),
        false,
        round(days, 3),
        round(false / days, 6) if days else None,
        alarming,
        {name: recall for name, recall in recalls.items() if name not in alarming},
    )


def _covers(onset: Onset, alarm: Alarm, grace_s: float) -> bool:
    return onset.started_at <= alarm.heard_at <= onset.ended_at + grace_s


def _delay(onset: Onset, alarms: Sequence[Alarm], grace_s: float) -> float | None:
    for alarm in alarms:
        if _covers(onset, alarm, grace_s) and (None in (onset.sensor, alarm.sensor) or onset.sensor == alarm.sensor):
            return alarm.heard_at - onset.started_at
    return None


def _recall(delays: Sequence[float | None]) -> Recall:
    found = [delay for delay in delays if delay is not None]
    return Recall(len(delays), len(found), len(found) / len(delays), median(found) if found else None)


def _device_days(run: Onset | None, moments: Sequence[float]) -> float:
    """Return the devices' days; a run that was killed did not write its end, so the last thing known stands for it."""
    if run is None or run.size is None:
        return 0.0
    ended_at = max([*moments, run.started_at]) if math.isinf(run.ended_at) else run.ended_at
    return run.size * (ended_at - run.started_at) / DAY


def read_truth(path: Path) -> list[Onset]:
    """Read a truth file; raise UsageError when it is none."""
    return [
        Onset(
            str(line["id"]),
            str(line["device"]),
            line["sensor"],
            str(line["fault"]),
            float(line["started_at"]),
            math.inf if line["ended_at"] is None else float(line["ended_at"]),
            line["size"],
        )
        for line in _lines(path, ("id", "device", "sensor", "fault", "started_at", "ended_at", "size"))
    ]


def read_alarms(path: Path) -> list[Alarm]:
    """Read an incidents file; raise UsageError when it is none."""
    return [
        Alarm(
            float(line["heard_at"]),
            str(line["device"]),
            str(line["message"].get("id")),
            str(line["message"].get("state")),
            line["message"].get("sensor"),
        )
        for line in _lines(path, ("heard_at", "device", "message"))
    ]


def _lines(path: Path, keys: Sequence[str]) -> list[Mapping[str, Any]]:
    try:
        lines = [json.loads(text) for text in path.read_text(encoding="utf-8").splitlines() if text.strip()]
    except (OSError, ValueError) as error:
        message = f"cannot read {path}: {error}"
        raise UsageError(message) from error
    if any(not isinstance(line, dict) or set(keys) - set(line) for line in lines):
        message = f"{path}: every line must be a JSON object with {', '.join(keys)}"
        raise UsageError(message)
    return lines


def as_json(result: Score) -> str:
    """Return the score as one line of JSON."""
    return json.dumps(asdict(result))


def as_text(result: Score) -> str:
    """Return the score for people."""
    rows = [f"{'fault':14}{'injected':>9}{'found':>7}{'recall':>8}{'median delay':>14}"]
    for name, recall in (*result.by_fault.items(), *result.data_quality.items()):
        delay = "" if recall.median_delay_s is None else f"{recall.median_delay_s / 60.0:.1f} min"
        note = "  (to be rejected, not alarmed)" if name in result.data_quality else ""
        rows.append(f"{name:14}{recall.injected:9}{recall.found:7}{recall.recall:8.0%}{delay:>14}{note}")
    per_day = "" if result.false_per_device_day is None else f", {result.false_per_device_day:.4f} a device-day"
    rows.append(f"found {result.faults_found} of {result.faults_injected} faults")
    rows.append(f"{result.false_incidents} false incidents in {result.device_days:.1f} device-days{per_day}")
    return "\n".join(rows)
