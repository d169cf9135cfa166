"""`gateway discover` on a real broker on which every dialect is spoken."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

from brokers import ROOMY, Mosquitto, wait_until
from dialects import GOLDENS

from gateway.codecs import CODECS
from gateway.config import Settings
from gateway.mqtt.connection import Connection
from gateway.mqtt.inbox import Inbox
from gateway.mqtt.settings import ConnectionSettings

DISCOVER = (sys.executable, "-m", "gateway", "discover")

LISTEN_S = 4
"""Long enough for the examples to be published several times while it listens."""


def test_every_dialect_is_found_and_the_settings_work(tmp_path: Path) -> None:
    """The table names each, the written file passes `check-config`, and a second run does not write over it."""
    config, out = tmp_path / "broker.toml", tmp_path / "found.toml"
    with Mosquitto(tmp_path / "broker", *ROOMY) as broker:
        config.write_text(f'mqtt = {{ host = "127.0.0.1", port = {broker.port} }}\n')
        command = [*DISCOVER, "--config", str(config), "--for", str(LISTEN_S), "--write", str(out)]
        speaker = Connection(ConnectionSettings("devices", port=broker.port), Inbox())
        speaker.start()
        try:
            wait_until(lambda: speaker.is_online, "the devices are connected")
            wide = {**os.environ, "COLUMNS": "200"}
            running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=wide)
            while running.poll() is None:
                say_everything(speaker)
            said, wrong = running.communicate()
        finally:
            speaker.stop()
        assert running.returncode == 0, wrong
        assert {name for name in CODECS if f"\n{name} " in said} == set(CODECS) - {"mapped"}
        again = subprocess.run(command, capture_output=True, text=True, check=False)
    assert again.returncode == 2
    assert "is there already" in again.stderr
    found = Settings.model_validate(tomllib.loads(out.read_text()))
    assert found.mqtt.port == broker.port
    assert {source.codec for source in found.sources} == set(CODECS) - {"mapped"}
    checked = [sys.executable, "-m", "gateway", "check-config", "--config", str(out)]
    assert subprocess.run(checked, capture_output=True, check=False).returncode == 0


def say_everything(speaker: Connection) -> None:
    """Publish every example, and wait until the broker has it: the discoverer must come to listen, too."""
    for golden in GOLDENS:
        if golden.source.codec != "mapped":
            for each in golden.received():
                speaker.publish(each.topic, each.payload)
    wait_until(lambda: speaker._client.outgoing == 0, "the broker has everything")


def test_no_broker_is_one_line(tmp_path: Path) -> None:
    """Whoever mistyped the address reads that nobody answered, and the exit code says so."""
    config = tmp_path / "broker.toml"
    config.write_text('mqtt = { host = "127.0.0.1", port = 1 }\n')
    command = [*DISCOVER, "--config", str(config), "--for", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("gateway: not connected to the broker: ")
