"""Which fault befalls which device when: spread evenly, with seeded jitter, before the run begins."""

import math
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from device_sim.errors import UsageError
from device_sim.faults import FAULTS, Fault, Onset
from device_sim.kinds.kind import Kind


@dataclass(frozen=True, slots=True)
class Candidate:
    """A device as the plan sees it; it reports at `first_at` and every interval of its kind after."""

    name: str
    kind: Kind
    first_at: float


@dataclass(frozen=True, slots=True)
class Window:
    """When faults may start, in simulated epoch seconds, and how far apart they are on one device."""

    opens_at: float
    span_s: float
    gap_s: float


def parse(spec: str, sizes: str = "") -> list[Fault]:
    """Return the faults that `spec` asks for: `none`, `all` (one of each) or `spike=3,silent=1`.

    `sizes` overrides their sizes: `spike=12,shift=8`.

    Raises:
        UsageError: A fault is not known or a count is not a whole number.
    """
    size_of = dict(_pairs(sizes, "--fault-sizes")) if sizes else {}
    faults = {name: replace(fault, size=size_of.get(name, fault.size)) for name, fault in FAULTS.items()}
    counts = dict.fromkeys(FAULTS, 1.0) if spec == "all" else {} if spec == "none" else dict(_pairs(spec, "--faults"))
    for name, count in counts.items():
        if count < 0 or not count.is_integer():
            message = f"--faults: how many of {name}? {count:g} is not a whole number"
            raise UsageError(message)
    return [faults[name] for name, count in counts.items() for _ in range(int(count))]


def _pairs(spec: str, option: str) -> Iterator[tuple[str, float]]:
    """Yield the pairs of `fault=number,fault=number`."""
    for item in spec.split(","):
        name, _, text = item.strip().partition("=")
        if name not in FAULTS:
            message = f"{option}: no fault is called {name!r}; there are {', '.join(FAULTS)}"
            raise UsageError(message)
        if not re.fullmatch(r"-?\d+(\.\d+)?", text):
            message = f"{option}: {name} needs a number, as in {name}=2"
            raise UsageError(message)
        yield name, float(text)


def plan(devices: Sequence[Candidate], wanted: Sequence[Fault], window: Window, seed: int) -> list[Onset]:
    """Return the onsets in order of time; sizes are still relative to the sensors' noise.

    A device gets a second alarming fault only when every device that could have it has had one, never two at once
    and none after its death. An onset begins exactly at a reading where the kind reports by the clock.

    Raises:
        UsageError: No device is left that a fault could befall.
    """
    dice = random.Random(f"{seed}/plan")  # noqa: S311 (reproducible on purpose)
    wanted = dice.sample(wanted, len(wanted))
    order = {device.name: n for n, device in enumerate(dice.sample(devices, len(devices)))}
    onsets: dict[str, list[Onset]] = {device.name: [] for device in devices}
    for n, fault in enumerate(wanted):
        due_at = window.opens_at + window.span_s * (n + dice.random()) / len(wanted)
        ready = [d for d in devices if fault.sensors(d.kind) and _is_free(onsets[d.name], due_at, window.gap_s)]
        if not ready:
            message = (
                f"--faults: no device is free for fault {n + 1}, {fault.name}; ask for fewer, or --faults-within more"
            )
            raise UsageError(message)
        device = min(ready, key=lambda d: (_burden(onsets[d.name]), order[d.name]))
        onsets[device.name].append(_onset(f"f{n + 1:04}", fault, device, due_at, dice))
        order[device.name] += len(devices)
    return sorted((o for each in onsets.values() for o in each), key=lambda o: o.started_at)


def _onset(name: str, fault: Fault, device: Candidate, due_at: float, dice: random.Random) -> Onset:
    interval_s = device.kind.interval_s
    start = device.first_at + math.ceil((due_at - device.first_at) / interval_s) * interval_s
    sensor = dice.choice(fault.sensors(device.kind))
    return Onset(name, device.name, sensor, fault.name, start, start + fault.lasts(device.kind), fault.size)


def _is_free(onsets: Sequence[Onset], at: float, gap_s: float) -> bool:
    return not onsets or onsets[-1].ended_at + gap_s <= at


def _burden(onsets: Sequence[Onset]) -> int:
    return sum(FAULTS[onset.fault].is_alarming for onset in onsets)
