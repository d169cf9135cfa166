"""The loop, with links and a clock of its own."""

import json
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest

from device_sim.chronicle import Chronicle
from device_sim.clock import Clock, Schedule
from device_sim.device import Device
from device_sim.fleet import KINDS, roster
from device_sim.link import Ear, Heard
from device_sim.plan import Candidate, Window, parse, plan
from device_sim.simulation import Item, Simulation

START = 1_790_000_000.0


class Wire:
    """A link that keeps what is sent and has room for `room` messages."""

    def __init__(self, room: int = 10**9) -> None:
        self.sent: list[tuple[str, bytes]] = []
        self.room = room
        self.under_way = 0
        self.connects = 1
        self.is_closed = False

    @property
    def has_room(self) -> bool:
        """Tell whether more may be sent."""
        return len(self.sent) < self.room

    def send(self, topic: str, payload: bytes) -> None:
        """Keep a message."""
        self.sent.append((topic, payload))

    def close(self) -> None:
        """Remember the goodbye."""
        self.is_closed = True


class Impatient(SimpleQueue[Heard | None]):
    """A queue that does not wait in real time: the clock of these tests moves when it is looked at."""

    def get(self, block: bool = True, timeout: float | None = None) -> Heard | None:  # noqa: FBT001, FBT002
        """Return what is there."""
        return self.get_nowait()


class Run:
    """Sixteen devices for some simulated hours in no time: each look at the wall clock moves it by `tick_s`."""

    def __init__(
        self, folder: Path, *, wire: Wire | None = None, heard: Sequence[Heard] = (), tick_s: float = 0.001
    ) -> None:
        devices = [Device(*each, 1, START) for each in roster(list(KINDS.values()), 16)]
        self.wire, self.ear = wire or Wire(), Ear(Impatient())
        self.lines: list[dict[str, Any]] = []
        for each in heard:
            self.ear.put(each)
        ticks = count()
        schedule: Schedule[Item] = Schedule(Clock(START, 1000.0, lambda: next(ticks) * tick_s))
        self.truth, self.incidents = folder / "truth", folder / "incidents"
        simulation = Simulation(
            devices,
            [self.wire],  # type: ignore[list-item]
            self.ear,
            schedule,
            Chronicle(self.truth, self.incidents),
            for_s=20.0,
            report_s=5.0,
            print_line=lambda line: self.lines.append(json.loads(line)),
        )
        window = Window(START + 3600.0, 7200.0, 600.0)
        simulation.run(plan([Candidate(d.name, d.kind, d.next_at) for d in devices], parse("all"), window, 1))


def rows(path: Path) -> list[dict[str, Any]]:
    """Return the lines of a file."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_same_seed_is_same_run(tmp_path: Path) -> None:
    """What is sent and the truth about it repeat, byte by byte."""
    first, second = (Run(tmp_path) for _ in range(2))
    length = min(len(first.wire.sent), len(second.wire.sent))
    assert length > 1000
    assert first.wire.sent[:length] == second.wire.sent[:length]
    truth = rows(tmp_path / "truth")
    assert [line["fault"] for line in truth if line["id"] == "run"] == ["run", "run"]
    assert len({line["fault"] for line in truth}) == 13


def test_reports_and_final_line(tmp_path: Path) -> None:
    """A report every five seconds and one at the end, which counts faults by kind; then the links are closed."""
    run = Run(tmp_path)
    assert len([line for line in run.lines if "final" not in line]) in (3, 4)
    final = run.lines[-1]
    assert (final["final"], final["devices"], final["sent"]) == (True, 16, len(run.wire.sent))
    assert sum(final["faults_by_kind"].values()) == final["faults_injected"] == 12
    assert run.wire.is_closed


def test_a_link_that_does_not_follow_pauses_the_schedule(tmp_path: Path) -> None:
    """Nothing is sent beyond its room, and the lag is told."""
    run = Run(tmp_path, wire=Wire(room=100), tick_s=0.05)
    assert 100 <= len(run.wire.sent) <= 101
    assert run.lines[-1]["lag_s"] > 10.0


def test_what_is_heard_is_told_written_and_labelled(tmp_path: Path) -> None:
    """A pump reacts; the anomaly is written with the simulated time, and the reaction is in the truth."""
    states = [
        json.dumps({"id": "i", "state": state, "kind": "shift", "sensor": "rpm"}).encode()
        for state in ("open", "closed")
    ]
    heard = [Heard("pump-04", "anomaly", states[0]), Heard("pump-04", "anomaly", states[1])]
    heard += [
        Heard("nobody", "anomaly", b"{}"),
        Heard("door-07", "anomaly", b"?"),
        Heard("door-07", "prediction", b"{}"),
    ]
    run = Run(tmp_path, heard=heard)
    final = run.lines[-1]
    assert final["reactions"] == {"count": 2, "last": ["pump-04 slowed to 60 %", "pump-04 back to full speed"]}
    assert (final["anomalies_received"], final["predictions_received"], final["unreadable"]) == (2, 1, 1)
    assert final["anomalies_by_state"] == {"open": 1, "closed": 1}
    assert (final["anomalies_by_kind"], final["anomalies_by_device"]) == ({"shift": 2}, {"pump-04": 2})
    assert [(line["device"], line["message"]["state"]) for line in rows(run.incidents)] == [
        ("pump-04", "open"),
        ("pump-04", "closed"),
    ]
    assert rows(run.incidents)[0]["heard_at"] == pytest.approx(START, abs=600.0)
    reaction = [line for line in rows(run.truth) if line["fault"] == "reaction"]
    assert [line["ended_at"] is None for line in reaction] == [True, False]
    assert reaction[0]["started_at"] > rows(run.incidents)[0]["heard_at"]
