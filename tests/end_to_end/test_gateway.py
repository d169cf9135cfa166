"""The whole of it, as a user has it: a real broker, the gateway and the devices as processes of their own."""

import contextlib
import json
import os
import queue
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from brokers import ROOMY, Mosquitto, wait_until
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

DEADLINE_S = 30.0
"""Reached only when something is broken; a loaded CI machine needs seconds to start a process."""

START_S = 1_700_000_000
"""The devices' own time; the gateway is told to accept old readings."""


class Phone:
    """A user's MQTT client: sends as devices would, and hears everything."""

    def __init__(self, port: int) -> None:
        self.heard: list[tuple[str, dict[str, Any]]] = []
        self.client = Client(CallbackAPIVersion.VERSION2)
        self.client.on_message = self._note
        subscribed: queue.SimpleQueue[None] = queue.SimpleQueue()
        self.client.on_subscribe = lambda *_: subscribed.put(None)
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        self.client.subscribe([("devices/+/anomaly", 1), ("devices/+/prediction", 1), ("gateway/+/status", 1)])
        subscribed.get(timeout=DEADLINE_S)

    def _note(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        self.heard.append((message.topic, json.loads(message.payload)))

    def send(self, topic: str, payload: object, *, retain: bool = False) -> None:
        """Publish at QoS 1 and wait until the broker has it."""
        raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        self.client.publish(topic, raw, 1, retain).wait_for_publish(DEADLINE_S)

    def live(self, device: str, rounds: range) -> None:
        """Send an ordinary life, one reading a minute of the device's own time, many in each message."""
        readings = [{"a": 20 + number * 7 % 11 / 10, "time": START_S + 60 * number} for number in rounds]
        for first in range(0, len(readings), 50):
            self.send(f"devices/{device}/readings", readings[first : first + 50])

    def told(self, kind: str, device: str = "") -> list[dict[str, Any]]:
        """Return what was heard of a kind, of one device or all."""
        return [payload for topic, payload in tuple(self.heard) if topic.endswith(kind) and f"/{device}" in topic]

    def status(self) -> dict[str, Any]:
        """Return the newest status, empty where there was none."""
        return (self.told("/status") or [{}])[-1]

    def close(self) -> None:
        """Hang up."""
        self.client.disconnect()
        self.client.loop_stop()


class Gateway:
    """`gateway run` as a process, in a folder of its own."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.log = folder / "gateway.log"
        command = [sys.executable, "-m", "gateway", "run", *arguments]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, env=bare_environment())

    def stop(self) -> None:
        """Ask it to end as a supervisor does, and see that it ends well."""
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(DEADLINE_S) == 0, self.log.read_text()


def bare_environment() -> dict[str, str]:
    """Return our environment without settings of the gateway."""
    return {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}


@pytest.fixture
def broker(new_mosquitto: Callable[..., Mosquitto]) -> Mosquitto:
    """Give a mosquitto that keeps what waits for the gateway."""
    return new_mosquitto(*ROOMY)


@pytest.fixture
def phone(broker: Mosquitto) -> Iterator[Phone]:
    """Give a client that hears everything."""
    phone = Phone(broker.port)
    yield phone
    phone.close()


@pytest.fixture
def start(broker: Mosquitto, tmp_path: Path) -> Iterator[Callable[[], Gateway]]:
    """Give a function that starts the gateway on that broker."""
    (tmp_path / "gateway.toml").write_text(
        f"""
        [gateway]
        name = "attic"
        [mqtt]
        host = "127.0.0.1"
        port = {broker.port}
        [limits]
        payload_bytes = 20_000
        sensors_per_device = 3
        behind_s = 1e9
        [alarms]
        silent_floor_s = 1.0
        [journal]
        commit_delay_s = 0.05
        """
    )
    running: list[Gateway] = []

    def begin() -> Gateway:
        running.append(Gateway(tmp_path, "--config", "gateway.toml"))
        return running[-1]

    yield begin
    for gateway in running:
        with contextlib.suppress(ProcessLookupError):
            gateway.process.kill()
        gateway.process.wait()


def wait(is_true: Callable[[], object], what: str) -> None:
    """Wait for a condition as long as a slow machine needs."""
    wait_until(is_true, what, DEADLINE_S)


def test_the_main_job_over_a_restart(start: Callable[[], Gateway], phone: Phone) -> None:
    """Learn, predict, tell what is odd; end politely; go on after a restart with everything that was learned."""
    gateway = start()
    wait(lambda: phone.status().get("state") == "online", "the gateway is online")
    phone.live("pump", range(300))
    wait(lambda: phone.told("/prediction", "pump"), "a prediction arrives")
    forecasts = phone.told("/prediction", "pump")[-1]["sensors"]["a"]
    assert len(forecasts) == 3
    assert all(each["lower"] <= each["expected"] <= each["upper"] for each in forecasts)

    phone.send("devices/pump/readings", {"a": 500, "time": START_S + 60 * 300})
    wait(lambda: phone.told("/anomaly", "pump"), "the anomaly arrives")
    (told,) = phone.told("/anomaly", "pump")
    assert (told["state"], told["sensor"], told["value"]) == ("open", "a", 500)
    assert 0.5 <= told["score"] <= 1

    gateway.stop()
    wait(lambda: phone.status() == {"state": "offline"}, "the status says offline")

    phone.live("room", range(30))  # the broker keeps it for us
    gateway = start()
    wait(lambda: phone.status().get("state") == "online", "the gateway is online again")
    wait(lambda: phone.told("/prediction", "room"), "what was missed is learned")
    assert phone.status()["streams"] >= 1
    assert "1 streams restored, 0 entries learned again" in gateway.log.read_text()
    before = len(phone.told("/prediction", "pump"))
    phone.send("devices/pump/readings", {"a": 20.5, "time": START_S + 60 * 301})
    wait(lambda: len(phone.told("/prediction", "pump")) > before, "it still knows the pump")
    gateway.stop()


def test_after_a_kill_the_log_is_learned_again(start: Callable[[], Gateway], phone: Phone) -> None:
    """No goodbye, no checkpoint: the will says offline, and what was learned is in the log."""
    gateway = start()
    wait(lambda: phone.status().get("state") == "online", "the gateway is online")
    phone.live("pump", range(300))
    wait(lambda: phone.told("/prediction", "pump"), "it has learned")
    gateway.process.kill()
    gateway.process.wait()
    wait(lambda: phone.status() == {"state": "offline"}, "the will says offline")
    gateway = start()
    wait(lambda: phone.status().get("state") == "online", "the gateway is online again")
    phone.send("devices/pump/readings", {"a": 500, "time": START_S + 60 * 300})
    wait(lambda: phone.told("/anomaly", "pump"), "it still knows what is usual")
    gateway.stop()


BAD: list[tuple[str, bytes, str]] = [
    ("devices/x/readings", b"", "empty"),
    ("devices/x/readings", b"{", "malformed"),
    ("devices/x/readings", b"\xff\xfe\0", "binary"),
    ("devices/x/readings", b"[" * 10_000, "malformed"),
    ("devices/x/readings", b'{"a": ' + b"9" * 5_000 + b"}", "malformed"),
    ("devices/x/readings", b"[1]", "type"),
    ("devices/x/readings/a", b"unavailable", "type"),
    ("devices/x/readings", b'{"a": NaN}', "not_finite"),
    ("devices/x/readings/a", b"1e999", "not_finite"),
    ("devices/x/readings", b'{"a": 1, "time": "noon"}', "time"),
    ("devices/x/readings", b'{"a": 1, "time": "9999-12-31"}', "time"),
    ("devices/x/readings", b'{"a": 1, "time": 1e300}', "time"),
    ("devices/" + "x" * 5_000 + "/readings", b'{"a": 1}', "name"),
    ("devices/x\u202ey/readings", b'{"a": 1}', "name"),
    ("devices/x/readings", b'{"": 1}', "name"),
    ("devices/x/readings", b" " * 10_000_000, "too_large"),
    ("devices/pump/readings", b'{"a": 1, "b": 1, "c": 1, "d": 1}', "too_many_sensors"),
    ("devices/pump/readings", b'{"a": 1, "time": 1700000000}', "stale"),
]


def test_bad_messages_are_counted_and_nothing_else_happens(start: Callable[[], Gateway], phone: Phone) -> None:
    """Every sort of bad message through a real broker: the gateway stays up, counts, and learns on."""
    phone.send("devices/old/readings", {"a": 1}, retain=True)
    gateway = start()
    wait(lambda: phone.status().get("state") == "online", "the gateway is online")
    phone.live("pump", range(100))
    for topic, payload, _ in BAD:
        phone.send(topic, payload)
    keys = {f"k{number}": number for number in range(1_000)}
    phone.send("devices/wide/readings", keys)
    expected = {reason: sum(reason == other for *_, other in BAD) for *_, reason in BAD} | {"retained": 1}
    expected["too_many_sensors"] += len(keys) - 3
    wait(lambda: phone.status().get("rejected") == expected, f"the status counts {expected}")
    assert gateway.process.poll() is None
    assert (phone.status()["devices"], phone.status()["streams"]) == (2, 6)
    assert gateway.log.read_text().count("rejected from") < 2 * len(BAD)
    gateway.stop()


def test_a_simulated_fleet_hears_of_its_faults(
    start: Callable[[], Gateway], phone: Phone, broker: Mosquitto, tmp_path: Path
) -> None:
    """Other people's firmware: predictions and anomalies reach the devices, and the one that dies is told silent."""
    gateway = start()
    wait(lambda: phone.status().get("state") == "online", "the gateway is online")
    truth, incidents = tmp_path / "truth.jsonl", tmp_path / "incidents.jsonl"
    speed, interval, warm_up_s = 2400.0, 60.0, 6.0
    options = {
        "--broker": f"127.0.0.1:{broker.port}",
        "--devices": 8,
        "--connections": 2,
        "--interval": interval,
        "--speed": speed,
        "--seed": 3,
        "--faults": "shift=2,silent=1",
        "--fault-sizes": "shift=40",
        "--faults-after": warm_up_s * speed,
        "--faults-within": 2 * speed,
        "--report": 0.2,
        "--truth": truth,
        "--incidents": incidents,
    }
    command = [sys.executable, "-m", "device_sim", "run", *(str(part) for pair in options.items() for part in pair)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as fleet:
        try:
            wait(lambda: any(each["kind"] == "silent" for each in phone.told("/anomaly")), "silence is told")
            wait(lambda: any(each["kind"] == "shift" or each["sensor"] for each in phone.told("/anomaly")), "a shift")
            wait(lambda: phone.status().get("devices") == 8, "also who reports seldom is heard and counted")
        finally:
            fleet.terminate()
            output, _ = fleet.communicate(timeout=DEADLINE_S)
    heard = json.loads(output.splitlines()[-1])
    assert heard["anomalies_received"] >= 2
    assert heard["predictions_received"] > 8
    faults = [json.loads(line) for line in truth.read_text().splitlines()]
    silent = {each["device"] for each in phone.told("/anomaly") if each["kind"] == "silent"}
    assert {fault["device"] for fault in faults if "silent" in fault.values()} <= silent
    assert phone.status()["rejected"] == {}
    gateway.stop()


def test_without_a_configuration_there_is_a_broker(tmp_path: Path) -> None:
    """`gateway run` alone is useful: an embedded broker on loopback, which ends with it."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", 1883), timeout=1):
        pytest.skip("somebody uses port 1883")
    gateway = Gateway(tmp_path)
    try:
        wait(lambda: "listening to" in gateway.log.read_text() or gateway.process.poll() is not None, "it listens")
        phone = Phone(1883)
        wait(lambda: phone.status().get("state") == "online", "the gateway is online")
        phone.send("devices/pump/readings", {"a": 21.4})
        wait(lambda: "online" in str(phone.status()) and phone.told("/status"), "the status is there")
        phone.close()
        gateway.stop()
        assert (tmp_path / "gateway.db").exists()
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(("127.0.0.1", 1883), timeout=1)
    finally:
        with contextlib.suppress(ProcessLookupError):
            gateway.process.kill()
        gateway.process.wait()


def test_the_demo_ends_with_one_json_object(tmp_path: Path) -> None:
    """`gateway demo --for 12 --summary` needs no terminal and says everything it promises on its last line."""
    command = [sys.executable, "-m", "gateway", "demo", "--for", "12", "--summary"]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60, env=bare_environment()
    )
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout.splitlines()[-1])
    promised = """readings rejected streams incidents_opened incidents_closed anomalies_received predictions_received
        faults_injected faults_found false_incidents"""
    assert set(re.findall(r"\w+", promised)) <= set(summary)
    assert summary["readings"] > 1000
    assert summary["rejected"] == {}
    assert summary["predictions_received"] > 0
    assert "Traceback" not in done.stderr


def test_people_answer_at_the_command_line(start: Callable[[], Gateway], phone: Phone, tmp_path: Path) -> None:
    """What is said on a second terminal reaches the running gateway: an alarm is closed, a device is paused."""

    def say(*words: str) -> str:
        command = [sys.executable, "-m", "gateway", *words, "--config", "gateway.toml"]
        done = subprocess.run(
            command,
            cwd=tmp_path,
            env=bare_environment(),
            capture_output=True,
            text=True,
            check=True,
            timeout=DEADLINE_S,
        )
        return done.stdout

    start()
    wait(lambda: phone.status().get("state") == "online", "the gateway is online")
    phone.live("pump", range(300))
    phone.send("devices/pump/readings", {"a": 500, "time": START_S + 60 * 300})
    wait(lambda: phone.told("/anomaly", "pump"), "the incident is told")
    incident = phone.told("/anomaly", "pump")[0]["id"]
    assert say("feedback", "--device", "pump", "--id", incident, "false_alarm").startswith(f"{incident} closed: ")
    wait(lambda: phone.told("/anomaly", "pump")[-1]["state"] == "closed", "the phone hears that it is over")
    assert say("maintenance", "--devices", "pu*", "--for", "2h").endswith("known devices that match: 1\n")
    wait(lambda: phone.status().get("maintenance") == ["pu*"], "the status says who is worked on")
