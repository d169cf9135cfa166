"""`gateway demo`: embedded broker, gateway and a simulated fleet in one command, live in the terminal.

The fleet runs as a process of its own, as other people's firmware does; what the summary says the devices heard is
what they say they heard.
"""

import json
import logging
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any

from gateway.app import Application
from gateway.config import Alarms, Journal, Limits, Mqtt, Predictions, Settings
from gateway.errors import GatewayError
from gateway.terminal import View

STARTUP_S = 20.0
"""River alone takes seconds to import on a Raspberry Pi; beyond this something is wrong."""

WARM_UP_S = 12.0
"""Wall seconds before the first fault: the learners have seen about 240 readings of a one-minute device by then."""

FAULTS = "spike=3,shift=3,stuck=2,silent=2"
"""What happens within the first minute, in both modes; each kind is one the gateway must find."""

FAULT_SIZES = "spike=20,shift=12"
"""In standard deviations of the sensor's noise: half an hour old learners are rightly slow to believe in less."""

FAULTS_WITHIN_S = 10.0
"""Wall seconds in which the faults begin, so that a run of 30 s sees them all and what the gateway says of them."""

START_HOUR, BACK_DAYS = 18, 60
"""The fleet begins on a Monday at this hour, UTC, at least so many days ago: what a run tells then depends on its seed
and not on the hour it is started at, and it may be left running for long before it overtakes the clock on the wall."""

GRACE_S = 5.0
"""Wall seconds after a fault in which hearing of it still counts: at this speed network and waiting count as hours."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the user may choose."""

    seconds: float | None
    devices: int
    speed: float
    seed: int
    is_live: bool


@dataclass(slots=True)
class Fleet:
    """The simulated fleet's process and the last thing it reported."""

    process: "subprocess.Popen[str]"
    truth: Path
    incidents: Path
    last: dict[str, Any] = field(default_factory=dict)

    def listen(self, lines: IO[str]) -> None:
        """Keep the newest report."""
        for line in lines:
            self.last = json.loads(line)

    def stop(self) -> None:
        """End it the way a user would, and wait for its last report."""
        self.process.terminate()
        try:
            self.process.wait(timeout=2.0)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def settings(folder: Path, port: int, speed: float) -> Settings:
    """Defaults, but for what simulated time that runs `speed` times as fast makes necessary."""
    return Settings(
        mqtt=Mqtt(port=port),
        journal=Journal(path=str(folder / "demo.db")),
        predictions=Predictions(every_s=max(60.0, speed / 2), horizons_s=(3600.0, 6 * 3600.0)),
        alarms=Alarms(silent_floor_s=2.0),
        limits=Limits(ahead_s=400 * 86400.0),  # left running, simulated time overtakes the wall clock
    )


def run(options: Options, stop: threading.Event) -> int:
    """Run until `stop` is set or the time is over, then say how it went; raises `GatewayError` where a part fails."""
    if not options.is_live:
        logging.getLogger("gateway").setLevel(logging.WARNING)
    with tempfile.TemporaryDirectory(prefix="gateway-demo-") as name, ExitStack() as stack:
        folder = Path(name)
        application = Application(settings(folder, _free_port(), options.speed))
        gateway = _Served(application)
        stack.callback(gateway.stop)
        gateway.start()
        fleet = _start_fleet(options, folder, application.settings.mqtt.port)
        stack.callback(fleet.stop)
        _watch(options, stop, application, gateway, fleet)
        stack.close()
        summary = _summary(application, fleet, options.speed)
    sys.stdout.write((json.dumps(summary) if not options.is_live else _farewell(summary)) + "\n")
    return 0


class _Served:
    """The application in a thread of its own; what ends it is raised in ours."""

    def __init__(self, application: Application) -> None:
        self.application = application
        self.failure: BaseException | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="gateway")

    def _run(self) -> None:
        try:
            self.application.run(self._stop)
        except Exception as error:  # noqa: BLE001 - carried to the main thread, which raises it
            self.failure = error

    def start(self) -> None:
        self._thread.start()
        deadline = time.monotonic() + STARTUP_S
        while not self.application.connection.is_online:
            self.check()
            if time.monotonic() > deadline:
                message = f"not connected to the embedded broker: {self.application.connection.last_error}"
                raise GatewayError(message)
            time.sleep(0.02)

    def check(self) -> None:
        if self.failure is not None:
            raise self.failure

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()


def _start(now: datetime) -> datetime:
    """Return the newest Monday's `START_HOUR` that is `BACK_DAYS` or more ago."""
    day = now.replace(hour=START_HOUR, minute=0, second=0, microsecond=0) - timedelta(days=BACK_DAYS + 1)
    return day - timedelta(days=day.weekday())


def _start_fleet(options: Options, folder: Path, port: int) -> Fleet:
    truth, incidents = folder / "truth.jsonl", folder / "incidents.jsonl"
    command = [
        *(sys.executable, "-m", "device_sim", "run", "--broker", f"127.0.0.1:{port}"),
        *("--devices", str(options.devices), "--seed", str(options.seed), "--speed", str(options.speed)),
        *("--start", _start(datetime.now(UTC)).isoformat()),
        *("--interval", "60", "--report", "0.5", "--connections", "4"),
        *("--faults", FAULTS, "--fault-sizes", FAULT_SIZES, "--faults-after", str(WARM_UP_S * options.speed)),
        *("--faults-within", str(FAULTS_WITHIN_S * options.speed)),
        *("--truth", str(truth), "--incidents", str(incidents)),
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)  # noqa: S603
    fleet = Fleet(process, truth, incidents)
    assert process.stdout is not None  # noqa: S101 - asked for above
    threading.Thread(target=fleet.listen, args=(process.stdout,), name="fleet", daemon=True).start()
    return fleet


def _watch(options: Options, stop: threading.Event, application: Application, gateway: _Served, fleet: Fleet) -> None:
    ends_at = time.monotonic() + options.seconds if options.seconds else None
    view = View(application.shard, application.pipeline.counts, application.intake.rejected)
    if options.is_live:
        application.pipeline.observers.append(view.observe)
    with view.shown(is_live=options.is_live) as refresh:
        while not stop.wait(0.25) and (ends_at is None or time.monotonic() < ends_at):
            gateway.check()
            if fleet.process.poll() is not None:
                message = f"the simulated fleet ended by itself (exit code {fleet.process.returncode})"
                raise GatewayError(message)
            refresh(fleet.last)


def _summary(application: Application, fleet: Fleet, speed: float) -> dict[str, object]:
    counts, heard, score = application.pipeline.counts, fleet.last, _score(fleet, speed)
    return {
        "readings": counts["readings"],
        "rejected": dict(application.intake.rejected),
        "streams": len(application.shard.directory),
        "incidents_opened": counts["incidents_open"],
        "incidents_closed": counts["incidents_closed"],
        "anomalies_received": heard.get("anomalies_received", 0),
        "predictions_received": heard.get("predictions_received", 0),
        "faults_injected": score["faults_injected"],
        "faults_found": score["faults_found"],
        "false_incidents": score["false_incidents"],
        "by_fault": score["by_fault"],
    }


def _score(fleet: Fleet, speed: float) -> Mapping[str, Any]:
    command = [
        *(sys.executable, "-m", "device_sim", "score", "--json", "--grace", str(GRACE_S * speed)),
        *("--truth", str(fleet.truth), "--incidents", str(fleet.incidents)),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        message = f"the score could not be made: {done.stderr.strip()}"
        raise GatewayError(message)
    result: Mapping[str, Any] = json.loads(done.stdout)
    return result


def _farewell(summary: Mapping[str, object]) -> str:
    return (
        "{readings} readings on {streams} streams; {faults_found} of {faults_injected} faults found, "
        "{false_incidents} false incidents.\n"
        "The devices heard {anomalies_received} anomaly messages and {predictions_received} predictions."
    ).format(**summary)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
