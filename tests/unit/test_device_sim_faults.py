"""Every fault does to every kind what its label says, and nothing before it starts."""

import json
import math
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from typing import Any

import pytest

from device_sim.device import Device
from device_sim.faults import FAULTS, Fault, Onset
from device_sim.fleet import KINDS
from device_sim.kinds import recording
from device_sim.kinds.kind import DAY, HOUR, Kind, noise_scales

START = 1_790_000_000.0
ALL_KINDS = [*KINDS.values(), recording.replay("waterflow", recording.load(recording.water_flow()), START)]
CASES = [
    pytest.param(kind, fault, sensor, id=f"{kind.name}-{fault.name}-{sensor}")
    for kind in ALL_KINDS
    for fault in FAULTS.values()
    for sensor in fault.sensors(kind)
]


@cache
def first_reading(kind: Kind) -> float:
    """Return when a device of `kind` reports first after two hours (a replay: after ten rows)."""
    device = Device("it", kind, 1, START)
    while device.next_at < START + max(2 * HOUR, 10 * kind.interval_s):
        device.report()
    return device.next_at


@cache
def life(kind: Kind, ill: Onset | None, end: float) -> tuple[Onset | None, list[tuple[float, bytes]]]:
    """Return the illness with its amount, and what a device that has it sends until `end` (due at, payload)."""
    device, told, begun = Device("it", kind, 1, START), [], None
    while device.next_at < end:
        at = device.next_at
        if ill and not begun and at >= ill.started_at:
            begun = device.begin(ill)
        told += [(at, message.payload) for message in device.report()]
    return begun, told


def lived(
    kind: Kind, name: str, sensor: str | None = None, longest_s: float = 3 * HOUR
) -> tuple[Onset, list[tuple[float, bytes]], list[tuple[float, bytes]]]:
    """Return a fault, what an ill device sends until a little after its end, and what a healthy one does."""
    fault, start = FAULTS[name], first_reading(kind)
    onset = Onset("f", "it", sensor, name, start, start + fault.lasts(kind), fault.size)
    end = min(onset.ended_at, start + max(longest_s, 12 * kind.interval_s)) + 3 * kind.interval_s
    begun, told = life(kind, onset, end)
    assert begun is not None
    return begun, told, life(kind, None, end)[1]


def values(told: list[tuple[float, bytes]], sensor: str) -> dict[float, float]:
    """Return the readings of a sensor by when they were due."""
    return {at: json.loads(payload)[sensor] for at, payload in told}


def numbers(payload: bytes) -> Iterator[float]:
    """Yield the numbers of a readable payload."""
    message: dict[str, Any] = json.loads(payload)
    yield from (float(value) for key, value in message.items() if key != "time")


@pytest.mark.parametrize(("kind", "fault", "sensor"), CASES)
def test_every_fault_on_every_kind(kind: Kind, fault: Fault, sensor: str | None) -> None:
    """Before its start a fault changes nothing, then it changes something, and what is readable stays plausible."""
    onset, told, healthy = lived(kind, fault.name, sensor)
    before = [each for each in told if each[0] < onset.started_at]
    assert before == [each for each in healthy if each[0] < onset.started_at]
    during = [payload for at, payload in told if onset.holds(at)]
    usual = [payload for at, payload in healthy if onset.holds(at)]
    assert during != usual or kind.sensors[0].is_event
    if fault.name != "malformed":
        low, high = min(s.low for s in kind.sensors), max(s.high for s in kind.sensors)
        assert all(math.isfinite(x) and low <= x <= high for payload in during for x in numbers(payload))


@pytest.mark.parametrize(("name", "sigmas"), [("spike", 8.0), ("shift", 6.0)])
def test_offset_is_as_large_as_it_says(name: str, sigmas: float) -> None:
    """A spike is one reading off by 8 of the sensor's own sigma, a shift a stretch of them by 6."""
    kind = KINDS["pump"]
    onset, told, healthy = lived(kind, name, "vibration")
    faulty, usual = values(told, "vibration"), values(healthy, "vibration")
    off = {at: value - usual[at] for at, value in faulty.items() if at in usual and abs(value - usual[at]) > 0.005}
    assert len(off) == FAULTS[name].readings
    assert all(onset.holds(at) for at in off)
    assert abs(onset.amount) == pytest.approx(sigmas * noise_scales(kind)["vibration"], abs=1e-6)
    assert all(value == pytest.approx(onset.amount, abs=0.011) for value in off.values())


def test_drift_grows() -> None:
    """A drift begins at nothing and ends at its size."""
    onset, told, healthy = lived(KINDS["climate"], "drift", "co2", longest_s=DAY)
    off = [values(told, "co2")[at] - usual for at, usual in values(healthy, "co2").items() if onset.holds(at)]
    assert off[0] == pytest.approx(0.0, abs=2.0)
    assert off[len(off) // 2] == pytest.approx(onset.amount / 2, abs=2.0)
    assert off[-1] == pytest.approx(onset.amount, abs=2.0)


def test_stuck_repeats_the_last_value() -> None:
    """A stuck sensor tells for hours what it told last."""
    onset, told, _ = lived(KINDS["climate"], "stuck", "temperature")
    read = values(told, "temperature")
    last = [value for at, value in read.items() if at < onset.started_at][-1]
    assert {value for at, value in read.items() if onset.holds(at)} == {last}


@pytest.mark.parametrize("name", ["dropout", "silent"])
def test_quiet(name: str) -> None:
    """A dropout returns, a death does not."""
    onset, told, _ = lived(KINDS["pump"], name)
    assert not [at for at, _ in told if onset.holds(at)]
    assert bool([at for at, _ in told if at >= onset.ended_at]) == (name == "dropout")


def test_rhythm_is_faster() -> None:
    """A door with a changed rhythm tells three times as much; a meter's counter still does not fall."""
    onset, told, usual = lived(KINDS["door"], "rhythm", longest_s=DAY)
    busy, calm = (sum(onset.holds(at) for at, _ in each) for each in (told, usual))
    assert busy > 1.5 * calm
    energy = list(values(lived(KINDS["meter"], "rhythm", longest_s=DAY)[1], "energy").values())
    assert energy == sorted(energy)


def test_duplicates_are_identical() -> None:
    """Each message comes twice, then once again."""
    onset, told, _ = lived(KINDS["pump"], "duplicate")
    during = [payload for at, payload in told if onset.holds(at)]
    assert during[::2] == during[1::2]
    assert len(during) == 2 * len(set(during)) == 40


def test_out_of_order_loses_nothing() -> None:
    """Neighbours change places; every reading arrives."""
    _, told, healthy = lived(KINDS["pump"], "out_of_order")
    payloads = [payload for _, payload in told]
    assert payloads != [payload for _, payload in healthy][: len(payloads)]
    times = [json.loads(payload)["time"] for payload in payloads]
    assert sum(a > b for a, b in pairwise(times)) == 10
    assert {payload for _, payload in healthy} <= set(payloads)


def test_clock_is_a_day_behind() -> None:
    """Only the time is wrong."""
    onset, told, healthy = lived(KINDS["pump"], "clock")
    for (at, payload), (_, usual) in zip(told, healthy, strict=True):
        wrong, right = json.loads(payload), json.loads(usual)
        assert wrong.pop("time") - right.pop("time") == (-86_400_000 if onset.holds(at) else 0)
        assert wrong == right


def test_malformed_is_not_a_reading() -> None:
    """No malformed payload reads as a JSON object of finite numbers."""
    onset, told, _ = lived(KINDS["climate"], "malformed")
    for payload in (payload for at, payload in told if onset.holds(at)):
        with pytest.raises((ValueError, KeyError)):
            assert math.isfinite(json.loads(payload)["temperature"])
