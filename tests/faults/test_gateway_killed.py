"""The gateway killed at random moments under load: what it acknowledged is in its log, each reading once."""

import json
import os
import random
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from brokers import Mosquitto, wait_until
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion
from readings import logged

from gateway.app import fingerprint, rules
from gateway.config import load
from gateway.journal import Journal
from gateway.records import SECOND
from gateway.recovery import restore
from gateway.shard import Shard

DEVICES = 5
PER_LIFE = 400
"""Readings published in each life of the gateway; it is killed somewhere among them."""

START_S = 1_700_000_000
DEADLINE_S = 60.0


class Publisher:
    """Five devices that go on publishing, each reading with its own time, whatever happens to the gateway."""

    def __init__(self, port: int) -> None:
        self.sent = 0
        self.client = Client(CallbackAPIVersion.VERSION2, "publisher")
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()

    def publish(self, count: int) -> None:
        """Publish the next readings and wait until the broker has them all."""
        for _ in range(count):
            values = {"temperature": 20 + self.sent * 7 % 13 / 10, "time": START_S + 60 * (self.sent // DEVICES)}
            told = self.client.publish(f"devices/d{self.sent % DEVICES}/readings", json.dumps(values), 1)
            self.sent += 1
        told.wait_for_publish(DEADLINE_S)

    def close(self) -> None:
        """Hang up."""
        self.client.disconnect()
        self.client.loop_stop()


def configured(folder: Path, port: int) -> Path:
    """Write a configuration for this broker and return its path."""
    path = folder / "gateway.toml"
    path.write_text(
        f'[mqtt]\nhost = "127.0.0.1"\nport = {port}\n[limits]\nbehind_s = 3e9\n'
        f'[journal]\npath = "{folder}/log.db"\ncommit_delay_s = 0.05\ncheckpoint_every_s = 1.0\n'
    )
    return path


def started(configuration: Path) -> "subprocess.Popen[bytes]":
    """Start the gateway as a user does."""
    log = (configuration.parent / "gateway.log").open("ab")
    with log:
        return subprocess.Popen(
            [sys.executable, "-m", "gateway", "run", "--config", str(configuration)], stdout=log, stderr=log
        )


def found_in(folder: Path) -> Counter[tuple[str, int]]:
    """How often each reading stands in the log, by device and its own time."""
    journal, found = Journal(folder / "log.db"), Counter[tuple[str, int]]()
    journal.open()
    streams = journal.streams()
    for _, entry in logged(journal):
        if isinstance(entry, tuple):
            batch = entry[0]
            for stream, at in zip(batch.stream.tolist(), batch.observed_at.tolist(), strict=True):
                found[streams[stream][0], at // SECOND] += 1
    journal.close()
    return found


@pytest.mark.parametrize("kills", [3, pytest.param(100, marks=pytest.mark.soak)])
def test_killed_again_and_again(kills: int, tmp_path: Path, new_mosquitto: Callable[..., Mosquitto]) -> None:
    """Every reading that was published is in the log exactly once, and the state is that of one long life."""
    broker = new_mosquitto("max_queued_messages 0")
    configuration, dice = configured(tmp_path, broker.port), random.Random(kills)
    born = started(configuration)
    wait_until(lambda: "connected to" in (tmp_path / "gateway.log").read_text(), "the gateway is online", DEADLINE_S)
    publisher = Publisher(broker.port)
    for _ in range(kills):
        first = dice.randrange(PER_LIFE)
        publisher.publish(first)
        born.kill()
        born.wait()
        publisher.publish(PER_LIFE - first)
        born = started(configuration)
    publisher.publish(PER_LIFE)
    expected = {(f"d{number % DEVICES}", START_S + 60 * (number // DEVICES)): 1 for number in range(publisher.sent)}
    publisher.close()
    wait_until(lambda: _size(tmp_path) >= len(expected), "everything is in the log", DEADLINE_S)
    born.terminate()
    assert born.wait(DEADLINE_S) == 0
    assert found_in(tmp_path) == expected
    assert _state(tmp_path, use_checkpoint=True) == _state(tmp_path, use_checkpoint=False)


def _size(folder: Path) -> int:
    """Readings in the log, read beside the running gateway without its lock."""
    import sqlite3  # noqa: PLC0415 - only here: the gateway holds the journal's own door

    from gateway.journal.blocks import decode  # noqa: PLC0415

    with sqlite3.connect(f"file:{folder}/log.db?mode=ro", uri=True) as database:
        bodies = database.execute("SELECT body FROM log WHERE kind = 'readings'").fetchall()
    database.close()
    return sum(len(decode(body)[0]) for (body,) in bodies)


def _state(folder: Path, *, use_checkpoint: bool) -> dict[str, bytes]:
    """The state from the newest checkpoint and the tail, or from the whole log."""
    chosen = rules(load(folder / "gateway.toml", os.environ))
    shard, journal = Shard(chosen), Journal(folder / "log.db")
    journal.open()
    restore(shard, journal, fingerprint(chosen) if use_checkpoint else "no such rules", threading.Event())
    journal.close()
    return shard.dumps()
