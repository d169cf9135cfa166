"""The simulator against a real mosquitto."""

import json
import os
import queue
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

ROOT = Path(__file__).parents[2]
DEADLINE_S = 15.0


def free_port() -> int:
    """Return a port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def await_that(condition: Callable[[], object]) -> None:
    """Wait for a condition, not longer than the deadline."""
    deadline = time.monotonic() + DEADLINE_S
    wake: queue.SimpleQueue[None] = queue.SimpleQueue()
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        try:
            wake.get(timeout=0.01)
        except queue.Empty:
            continue


def is_listening(port: int) -> bool:
    """Tell whether someone listens on `port`."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Broker:
    """A mosquitto on a free port that can be stopped and started."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._config = folder / "mosquitto.conf"
        self._config.write_text(f"listener {self.port} 127.0.0.1\nallow_anonymous true\npersistence false\n")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it listens."""
        self._process = subprocess.Popen(["/usr/sbin/mosquitto", "-c", self._config], stderr=subprocess.DEVNULL)
        await_that(lambda: is_listening(self.port))

    def stop(self) -> None:
        """End it."""
        if self._process:
            self._process.terminate()
            self._process.wait(DEADLINE_S)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    """Yield a running broker."""
    mosquitto = Broker(tmp_path)
    mosquitto.start()
    yield mosquitto
    mosquitto.stop()


@pytest.fixture
def sim(broker: Broker, tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Yield a function that starts the simulator; all are ended afterwards."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "device_sim", "run", "--broker", f"127.0.0.1:{broker.port}", *arguments]
        files = ["--truth", str(tmp_path / "truth"), "--incidents", str(tmp_path / "incidents")]
        started.append(subprocess.Popen([*command, *files], cwd=ROOT, stdout=subprocess.PIPE, text=True))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


class Listener:
    """Someone who listens to all devices and speaks to some."""

    def __init__(self, port: int) -> None:
        self.heard: list[tuple[str, bytes]] = []
        self._client = Client(CallbackAPIVersion.VERSION2)
        self._client.on_message = lambda _c, _d, message: self.heard.append((message.topic, bytes(message.payload)))
        self._client.on_connect = lambda client, *_: client.subscribe("devices/#", 1)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def devices(self) -> set[str]:
        """Return the devices that have reported."""
        return {topic.split("/")[1] for topic, _ in list(self.heard) if "/readings" in topic}

    def say(self, topic: str, message: object) -> None:
        """Publish a message."""
        self._client.publish(topic, json.dumps(message), 1).wait_for_publish(DEADLINE_S)

    def close(self) -> None:
        """Leave."""
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture
def listener(broker: Broker) -> Iterator[Listener]:
    """Yield a listener on the broker."""
    someone = Listener(broker.port)
    yield someone
    someone.close()


@pytest.mark.parametrize("connections", ["1", "3"])
def test_pump_reacts_to_its_anomaly(
    connections: str, sim: Callable[..., subprocess.Popen[str]], listener: Listener, tmp_path: Path
) -> None:
    """All devices report; a pump that hears of its anomaly slows down; Ctrl-C ends it with the totals."""
    process = sim("--devices", "8", "--speed", "1000", "--connections", connections, "--report", "0.1")
    await_that(lambda: {"climate-01", "pump-03"} <= listener.devices())
    listener.say("devices/pump-03/anomaly", {"id": "i", "state": "open", "kind": "shift", "sensor": "rpm"})
    listener.say("devices/pump-99/anomaly", {"id": "i", "state": "open", "kind": "shift", "sensor": "rpm"})
    assert process.stdout is not None
    line = next(line for line in map(json.loads, process.stdout) if line["reactions"]["count"])
    assert line["reactions"]["last"] == ["pump-03 slowed to 60 %"]
    since = len(listener.heard)
    await_that(lambda: any("pump-03/readings" in topic for topic, _ in listener.heard[since:]))
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=DEADLINE_S)
    final = json.loads(output.splitlines()[-1])
    assert (process.returncode, final["final"], final["anomalies_received"]) == (0, True, 1)
    (heard,) = [json.loads(row) for row in (tmp_path / "incidents").read_text().splitlines()]
    assert (heard["device"], heard["message"]["state"]) == ("pump-03", "open")


def test_broker_restart(broker: Broker, sim: Callable[..., subprocess.Popen[str]]) -> None:
    """After a restart of the broker the devices report and hear again."""
    process = sim("--devices", "4", "--speed", "1000", "--report", "0.1", "--kinds", "pump", "--faults", "none")
    assert process.stdout is not None
    next(line for line in process.stdout if json.loads(line)["sent"])
    broker.stop()
    broker.start()
    listener = Listener(broker.port)
    await_that(lambda: len(listener.devices()) == 4)
    listener.say("devices/pump-02/anomaly", {"id": "i", "state": "open"})
    next(line for line in process.stdout if json.loads(line)["anomalies_received"])
    listener.close()


def test_unreachable_broker_is_one_line() -> None:
    """Without a broker the command ends with code 1 and says so."""
    command = [
        sys.executable,
        "-m",
        "device_sim",
        "run",
        "--broker",
        f"127.0.0.1:{free_port()}",
        "--connect-retries",
        "0",
    ]
    ended = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=DEADLINE_S, check=False, env=os.environ
    )
    assert ended.returncode == 1
    assert "cannot be reached" in ended.stderr
    assert ended.stderr.count("\n") == 1
