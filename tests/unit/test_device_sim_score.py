"""The score on cases made by hand."""

import json
from math import inf
from pathlib import Path

import pytest

from device_sim.errors import UsageError
from device_sim.faults import Onset
from device_sim.score import Alarm, as_json, as_text, read_alarms, read_truth, score

RUN = Onset("run", "", None, "run", 0.0, 86_400.0, 10.0)
SPIKE = Onset("a", "pump-1", "rpm", "spike", 1000.0, 1060.0, 8.0)
DEATH = Onset("b", "door-2", None, "silent", 5000.0, inf, None)


def alarm(at: float, device: str, sensor: str | None = None, *, name: str = "", state: str = "open") -> Alarm:
    """Return an alarm with an id of its own unless named."""
    return Alarm(at, device, name or f"{device}@{at}", state, sensor)


@pytest.mark.parametrize(
    ("heard", "found", "false"),
    [
        pytest.param([], 0, 0, id="nothing heard"),
        pytest.param([alarm(1030, "pump-1", "rpm")], 1, 0, id="on its sensor"),
        pytest.param([alarm(1030, "pump-1")], 1, 0, id="on its device"),
        pytest.param([alarm(1030, "pump-1", "vibration")], 0, 0, id="another sensor finds it not, but is excused"),
        pytest.param([alarm(1030, "pump-9", "rpm")], 0, 1, id="another device"),
        pytest.param([alarm(999, "pump-1", "rpm")], 0, 1, id="too early"),
        pytest.param([alarm(1160, "pump-1", "rpm")], 1, 0, id="within the grace"),
        pytest.param([alarm(1161, "pump-1", "rpm")], 0, 1, id="after the grace"),
        pytest.param([alarm(1030, "pump-1", "rpm", state="update")], 1, 0, id="an update"),
        pytest.param([alarm(1030, "pump-1", "rpm", state="closed")], 0, 0, id="a closing finds nothing"),
        pytest.param([alarm(9, "pump-9", name="x"), alarm(99, "pump-9", name="x")], 0, 1, id="an incident counts once"),
        pytest.param([alarm(80_000, "door-2", "open")], 1, 0, id="a death has no end"),
    ],
)
def test_found_and_false(heard: list[Alarm], found: int, false: int) -> None:
    """What counts as found and what as false."""
    result = score([RUN, SPIKE, DEATH], heard, grace_s=100.0)
    assert (result.faults_injected, result.faults_found, result.false_incidents) == (2, found, false)


def test_delays_and_rates() -> None:
    """The median delay is of those found, the false rate per device-day."""
    later = Onset("c", "pump-3", "rpm", "spike", 2000.0, 2060.0, 8.0)
    missed = Onset("d", "pump-4", "rpm", "spike", 2000.0, 2060.0, 8.0)
    heard = [alarm(1010, "pump-1", "rpm"), alarm(2030, "pump-3", "rpm"), alarm(7, "pump-5")]
    result = score([RUN, SPIKE, later, missed], heard)
    spike = result.by_fault["spike"]
    assert (spike.injected, spike.found, spike.median_delay_s) == (3, 2, 20.0)
    assert (result.device_days, result.false_per_device_day) == (10.0, 0.1)


def test_faults_of_messages_count_apart() -> None:
    """A malformed payload is to be rejected: no alarm is asked for and one is not false."""
    quality = Onset("e", "pump-6", None, "malformed", 100.0, 200.0, None)
    result = score([RUN, quality], [alarm(150, "pump-6")])
    assert (result.faults_injected, result.faults_found, result.false_incidents) == (0, 0, 0)
    assert result.data_quality["malformed"].found == 1


@pytest.mark.parametrize("name", ["reaction", "recording"])
def test_excuses(name: str) -> None:
    """What a device was told to do, and what a recording holds, is neither a fault nor a false alarm."""
    result = score([RUN, Onset("r", "pump-1", None, name, 0.0, inf, None)], [alarm(5, "pump-1")])
    assert (result.faults_injected, result.false_incidents) == (0, 0)


def test_later_line_of_an_id_holds_and_a_killed_run_has_a_length() -> None:
    """The end of a run is written at its end; without it the last known moment stands for it."""
    begun = Onset("run", "", None, "run", 0.0, inf, 10.0)
    assert score([begun, RUN], []).device_days == 10.0
    assert score([begun], [alarm(43_200, "pump-1")]).device_days == 5.0
    assert score([], [alarm(1, "pump-1")]).false_per_device_day is None


def test_files_are_read_and_told(tmp_path: Path) -> None:
    """The formats of the files are those the run writes; both outputs say the same."""
    truth, heard = tmp_path / "truth", tmp_path / "heard"
    line = {
        "id": "b",
        "device": "door-2",
        "sensor": None,
        "fault": "silent",
        "started_at": 5.0,
        "ended_at": None,
        "size": None,
    }
    truth.write_text(json.dumps(line) + "\n")
    heard.write_text(
        '{"heard_at": 65.0, "device": "door-2", "message": {"id": "i", "state": "open", "sensor": null}}\n'
    )
    result = score(read_truth(truth), read_alarms(heard))
    assert json.loads(as_json(result))["by_fault"]["silent"]["median_delay_s"] == 60.0
    assert "found 1 of 1 faults" in as_text(result)


@pytest.mark.parametrize("content", ["not json", "[]", '{"id": 1}'])
def test_other_files_are_refused(tmp_path: Path, content: str) -> None:
    """A file of another kind is the caller's mistake."""
    path = tmp_path / "x"
    path.write_text(content)
    with pytest.raises(UsageError, match="x"):
        read_truth(path)
