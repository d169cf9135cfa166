"""`gateway doctor` against a real mosquitto and real files, with each trouble provoked."""

import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from brokers import ROOMY, Mosquitto, free_port, wait_until
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from gateway.cli import main
from gateway.doctor import certificate, machine
from gateway.doctor.finding import Level, printable
from gateway.journal import Journal
from gateway.learning.directory import Directory
from gateway.records import SECOND, Resume

DEPLOY = Path(__file__).parents[2] / "deploy" / "mosquitto"

Told = list[dict[str, str]]


class Patient:
    """A gateway's folder and configuration, to be examined."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        journal = f'path = "{folder}/gateway.db"\ncommit_delay_s = 0.05'
        self.settings = {"mqtt": 'host = "127.0.0.1"', "journal": journal}
        self._capsys = capsys

    def on(self, broker: Mosquitto, more: str = "") -> "Patient":
        """Let it be configured for this broker."""
        self.settings["mqtt"] = f'host = "127.0.0.1"\nport = {broker.port}\n{more}'
        return self

    @property
    def config(self) -> Path:
        """The configuration, written anew."""
        path = self.folder / "gateway.toml"
        path.write_text("\n".join(f"[{name}]\n{lines}" for name, lines in self.settings.items()))
        return path

    def examine(self, expected: int = 0) -> Told:
        """Run the command with this exit code; return what it found."""
        self._capsys.readouterr()
        assert main(["doctor", "--json", "--config", str(self.config)]) == expected
        printed = self._capsys.readouterr().out
        told: Told = json.loads(printed)["findings"]
        return told


def found(told: Told, level: str, topic: str) -> str:
    """Return text and remedy of what was found on a topic at a level."""
    return "\n".join(f"{one['text']} {one['remedy']}" for one in told if (one["level"], one["topic"]) == (level, topic))


@pytest.fixture(autouse=True)
def kept_clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Give a function that lets `timedatectl` say something else than that NTP is in sync."""

    def say(answer: str) -> None:
        program = tmp_path / "bin" / "timedatectl"
        program.parent.mkdir(exist_ok=True)
        program.write_text(f"#!/bin/sh\necho {answer}\n")
        program.chmod(0o755)

    say("yes")
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    for name in ("GATEWAY_MQTT_USERNAME", "GATEWAY_MQTT_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    return say


@pytest.fixture
def patient(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Patient:
    """Give a gateway that lacks nothing but a broker."""
    return Patient(tmp_path, capsys)


@pytest.fixture
def device(mosquitto: Mosquitto) -> Iterator[Client]:
    """Give a device of the ordinary broker."""
    client = Client(CallbackAPIVersion.VERSION2)
    client.connect("127.0.0.1", mosquitto.port)
    client.loop_start()
    yield client
    client.disconnect()
    client.loop_stop()


def test_a_sound_gateway_has_no_problem(patient: Patient, mosquitto: Mosquitto) -> None:
    """Everything is looked at, and said to be well; nothing is left behind."""
    told = patient.on(mosquitto).examine()
    assert {one["level"] for one in told} <= {"ok", "warning"}, told
    for topic in ("configuration", "versions", "clock", "disk", "database", "broker", "credentials", "rights"):
        assert found(told, "ok", topic), topic
    assert "keeps 1100 messages" in found(told, "ok", "limits")
    assert not (patient.folder / "gateway.db").exists()


def test_people_get_a_table(patient: Patient, mosquitto: Mosquitto, capsys: pytest.CaptureFixture[str]) -> None:
    """With how to mend it below what is wrong."""
    assert main(["doctor", "--config", str(patient.on(mosquitto).config)]) == 0
    assert "rights" in capsys.readouterr().out


def test_a_wrong_setting_is_the_first_thing_said(patient: Patient) -> None:
    """Without settings nothing else can be looked at."""
    patient.settings["mqtt"] = "prot = 1"
    assert "mqtt.prot: no such setting" in found(patient.examine(1), "problem", "configuration")


def test_a_broker_that_is_not_there(patient: Patient) -> None:
    """And how to start it."""
    patient.settings["mqtt"] += f"\nport = {free_port()}"
    assert "nothing listens there" in found(patient.examine(1), "problem", "broker")


def test_a_broker_whose_name_nobody_knows(patient: Patient) -> None:
    """A typing mistake in the name."""
    patient.settings["mqtt"] = 'host = "nowhere.invalid"'
    assert "cannot be resolved" in found(patient.examine(1), "problem", "broker")


def test_a_wrong_password(patient: Patient, new_mosquitto: Callable[..., Mosquitto], tmp_path: Path) -> None:
    """And where it is set."""
    subprocess.run(["mosquitto_passwd", "-c", "-b", tmp_path / "passwords", "gateway", "right"], check=True)
    broker = new_mosquitto(f"password_file {tmp_path}/passwords", is_anonymous=False)
    assert "mqtt.credentials_file" in found(patient.on(broker).examine(1), "problem", "broker")


@pytest.fixture
def certificates(tmp_path: Path) -> Callable[..., list[str]]:
    """Give a function that makes certificates with our script, and returns mosquitto's lines for them."""

    def make(days: int, name: str = "127.0.0.1") -> list[str]:
        environment = {**os.environ, "CERTIFICATES": str(tmp_path), "DAYS": str(days)}
        for arguments in (("broker", name), ("client", "gateway")):
            command = ["sh", str(DEPLOY / "certificates.sh"), *arguments]
            subprocess.run(command, env=environment, check=True, capture_output=True)
        return [f"cafile {tmp_path}/ca.crt", f"certfile {tmp_path}/server.crt", f"keyfile {tmp_path}/server.key"]

    return make


def tls(folder: Path, *, is_known: bool = True, is_shown: bool = False) -> str:
    """Return our lines for TLS: whether we know the authority, whether we show a certificate."""
    files = {"ca_file": "ca.crt"} if is_known else {}
    files |= {"cert_file": "gateway.crt", "key_file": "gateway.key"} if is_shown else {}
    return "[mqtt.tls]\n" + "\n".join(f'{key} = "{folder}/{name}"' for key, name in files.items())


def test_a_certificate_that_ends_soon(
    patient: Patient, new_mosquitto: Callable[..., Mosquitto], certificates: Callable[..., list[str]]
) -> None:
    """Warned of a month before the gateway would be shut out."""
    broker = new_mosquitto(*ROOMY, *certificates(days=10))
    told = patient.on(broker, tls(patient.folder)).examine()
    assert "its certificate ends in 10 days" in found(told, "warning", "broker")
    told = patient.on(broker, tls(patient.folder, is_shown=True)).examine()
    assert "gateway.crt ends in 10 days" in found(told, "warning", "credentials")


@pytest.mark.parametrize(
    ("later", "level", "words"),
    [(0, "ok", "is good for 60 days"), (40, "warning", "ends in 20 days"), (63, "problem", "ended 3 days ago")],
)
def test_our_own_certificate(
    tmp_path: Path, certificates: Callable[..., list[str]], later: int, level: str, words: str
) -> None:
    """Whether it has ended is said by itself: the broker then only hangs up without a word."""
    certificates(days=60)
    now = time.time() + later * 86_400
    (finding,) = certificate.examine(tmp_path / "gateway.crt", now)
    assert finding.level == level
    assert words in finding.text
    assert list(certificate.examine(tmp_path / "nowhere", now)) == []


def test_a_certificate_that_is_good(
    patient: Patient, new_mosquitto: Callable[..., Mosquitto], certificates: Callable[..., list[str]]
) -> None:
    """And ours, which the broker wants to see."""
    broker = new_mosquitto(*ROOMY, *certificates(days=300), "require_certificate true")
    told = patient.on(broker, tls(patient.folder, is_shown=True)).examine()
    assert "trusted and good for" in found(told, "ok", "broker")
    (patient.folder / "gateway.key").chmod(0o644)
    assert "can be read by others" in found(patient.examine(), "warning", "credentials")
    assert found(patient.on(broker, tls(patient.folder)).examine(1), "problem", "broker")


@pytest.mark.parametrize("is_known", [True, False])
def test_a_certificate_that_is_not_trusted(
    patient: Patient,
    new_mosquitto: Callable[..., Mosquitto],
    certificates: Callable[..., list[str]],
    is_known: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    """Of another name, or of an authority nobody told us of."""
    broker = new_mosquitto(*ROOMY, *certificates(300, "elsewhere" if is_known else "127.0.0.1"))
    told = patient.on(broker, tls(patient.folder, is_known=is_known)).examine(1)
    assert "mqtt.tls.ca_file" in found(told, "problem", "broker")


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("topic write #", "does not come back to us"),
        ("topic read #", "does not let us write to devices/gateway-doctor/anomaly"),
        ("topic readwrite gateway/#", "does not let us write to devices/gateway-doctor/anomaly"),
        ("topic readwrite gateway/#\ntopic readwrite devices/#", "write to homeassistant/device/"),
    ],
)
def test_rights_that_are_missing(
    patient: Patient, new_mosquitto: Callable[..., Mosquitto], tmp_path: Path, rule: str, words: str
) -> None:
    """What mosquitto does not say to a subscriber is found out by listening to ourselves."""
    (tmp_path / "rules").write_text(f"{rule}\n")
    broker = new_mosquitto(*ROOMY, f"acl_file {tmp_path}/rules")
    assert words in found(patient.on(broker).examine(1), "problem", "rights")


def test_the_rights_that_we_hand_out_suffice(
    patient: Patient,
    new_mosquitto: Callable[..., Mosquitto],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The gateway may do all it does with deploy/mosquitto/acl."""
    shutil.copy(DEPLOY / "acl", tmp_path)
    subprocess.run(["mosquitto_passwd", "-c", "-b", tmp_path / "passwords", "gateway", "w"], check=True)
    lines = (f"acl_file {tmp_path}/acl", f"password_file {tmp_path}/passwords")
    monkeypatch.setenv("GATEWAY_MQTT_USERNAME", "gateway")
    monkeypatch.setenv("GATEWAY_MQTT_PASSWORD", "w")
    told = patient.on(new_mosquitto(*ROOMY, *lines, is_anonymous=False)).examine()
    assert "it comes back to us" in found(told, "ok", "rights")


def test_the_limits_of_mosquitto_itself(patient: Patient, new_mosquitto: Callable[..., Mosquitto]) -> None:
    """It keeps 1,000 messages and acknowledges the rest: measured, not guessed."""
    told = patient.on(new_mosquitto()).examine()
    assert "Of 1100 messages left waiting the broker kept 10" in found(told, "warning", "limits")
    assert "max_queued_messages" in found(told, "warning", "limits")


def test_a_twin_is_found(patient: Patient, mosquitto: Mosquitto, device: Client) -> None:
    """Another gateway of the same name, which throws us out whenever it connects."""
    word = json.dumps({"state": "online", "started_at": "2026-\x1b[2J"})
    device.publish("gateway/gateway/status", word, 1, retain=True).wait_for_publish(5)
    told = patient.on(mosquitto).examine(1)
    assert "Another gateway called 'gateway' is online since 2026-?[2J" in found(told, "problem", "gateway")


@pytest.mark.parametrize(
    ("payload", "level", "words"),
    [
        ('{"a": 1, "time": "2020-01-01"}', "warning", "clocks and ours differ"),
        ('{"a": 1, "time": "2040-01-01"}', "problem", "of a time that cannot be"),
    ],
)
def test_clocks_of_devices_that_are_wrong(  # noqa: PLR0913, PLR0917 - what it needs, and its parameters
    patient: Patient, mosquitto: Mosquitto, device: Client, payload: str, level: str, words: str
) -> None:
    """Found by listening to them."""
    is_over = threading.Event()

    def report() -> None:
        while not is_over.wait(0.05):
            device.publish("devices/pump/readings", payload, 1)

    thread = threading.Thread(target=report)
    thread.start()
    told = patient.on(mosquitto).examine(int(level == "problem"))
    is_over.set()
    thread.join()
    assert words in found(told, level, "clock")


def test_a_running_gateway_is_asked_and_goes_on(patient: Patient, mosquitto: Mosquitto, device: Client) -> None:
    """It is not thrown out, and what it has learned is told."""
    command = [sys.executable, "-m", "gateway", "run", "--config", str(patient.on(mosquitto).config)]
    with (patient.folder / "log").open("wb") as log:
        gateway = subprocess.Popen(command, cwd=patient.folder, stderr=log)
    try:
        wait_until(lambda: b"connected" in (patient.folder / "log").read_bytes(), "it is online", 60)
        device.publish("devices/pump/readings", '{"a": 1}', 1).wait_for_publish(5)
        wait_until(lambda: "learned 1 readings" in found(patient.examine(), "ok", "gateway"), "it has learned", 60)
        assert "1 streams" in found(patient.examine(), "ok", "database")
        assert gateway.poll() is None
        assert b"not connected" not in (patient.folder / "log").read_bytes()
    finally:
        gateway.terminate()
        gateway.wait(20)


def test_a_clock_that_nobody_keeps(patient: Patient, mosquitto: Mosquitto, kept_clock: Callable[[str], None]) -> None:
    """A Raspberry Pi has none of its own."""
    kept_clock("no")
    assert "set-ntp true" in found(patient.on(mosquitto).examine(), "warning", "clock")


def test_a_folder_that_cannot_be_written(patient: Patient, mosquitto: Mosquitto) -> None:
    """And how to make it."""
    patient.settings["journal"] = f'path = "{patient.folder}/nowhere/gateway.db"'
    assert "install -d" in found(patient.on(mosquitto).examine(1), "problem", "disk")


@pytest.mark.parametrize("damage", [b"not a database at all", b"SQLite format 3\0" + bytes(range(256)) * 20])
def test_a_file_that_is_no_database(patient: Patient, mosquitto: Mosquitto, damage: bytes) -> None:
    """Or is one no more."""
    (patient.folder / "gateway.db").write_bytes(damage)
    assert "gateway.db" in found(patient.on(mosquitto).examine(1), "problem", "database")


def test_a_database_of_another_version_or_program(patient: Patient, mosquitto: Mosquitto) -> None:
    """Named as such, and left alone."""
    database = sqlite3.connect(patient.folder / "gateway.db")
    database.execute("PRAGMA user_version = 999")
    database.execute("CREATE TABLE x (y)")
    database.close()
    assert "format 999" in found(patient.on(mosquitto).examine(1), "problem", "database")


def test_a_checkpoint_of_other_settings(patient: Patient, mosquitto: Mosquitto) -> None:
    """Costs time at the next start, and says so before."""
    journal = Journal(patient.folder / "gateway.db")
    journal.open()
    journal.append(Directory(), [Resume(SECOND)], [])
    journal.checkpoint("of other rules", {"directory": b""})
    journal.close()
    assert "under other settings" in found(patient.on(mosquitto).examine(), "warning", "database")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("tmpfs / tmpfs rw 0 0", "everything learned is gone"),
        ("/dev/mmcblk0p2 / ext4 rw 0 0", "wears with every commit"),
        ("nas:/x / nfs4 rw 0 0", "network file system"),
    ],
)
def test_what_the_log_lies_on(tmp_path: Path, line: str, words: str) -> None:
    """Memory, an SD card, somebody else's disk: the innermost mount counts."""
    mounts = tmp_path / "mounts"
    mounts.write_text(f"/dev/sda1 /boot ext4 rw 0 0\n{line}\n/dev/sda2 /nowhere/else ext4 rw 0 0\n")
    told = list(machine.disk(tmp_path / "gateway.db", mounts))
    assert any(words in one.text for one in told if one.level is Level.WARNING)


def test_memory_that_is_short(tmp_path: Path) -> None:
    """A warning; where the kernel does not say, nothing."""
    information = tmp_path / "meminfo"
    information.write_text("MemTotal: 500000 kB\nMemAvailable: 100000 kB\n")
    assert [one.level for one in machine.memory(information)] == [Level.WARNING]
    assert list(machine.memory(tmp_path / "nothing")) == []


def test_a_program_in_the_place_of_the_embedded_broker(patient: Patient) -> None:
    """Found before the gateway fails to start; without one there is only what the embedded broker cannot do."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        patient.settings["mqtt"] = f"port = {other.getsockname()[1]}"
        assert "Something else listens" in found(patient.examine(1), "problem", "broker")
    assert "For lasting use install mosquitto" in found(patient.examine(), "warning", "broker")


def test_what_others_wrote_is_made_fit_for_a_terminal() -> None:
    """No colours, no cursor movements, no end."""
    assert printable("a\x1b[2J\nb\u202e") == "a?[2J?b?"
    assert len(printable("x" * 10_000)) == 200
