"""A real gateway for tests: a process of its own, killed and started at will, and devices that publish to it."""

import json
import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from brokers import wait_until
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from gateway.app import Application
from gateway.config import load
from gateway.errors import JournalError
from gateway.journal import Journal, Reader
from gateway.records import SECOND
from gateway.recovery import restore
from gateway.rulebook import dumps, rules
from gateway.shard import Shard

START_S = 1_700_000_000
DEADLINE_S = 60.0


LIMITS = "behind_s = 3e9\nmessages_at_once = 1000000"
"""Times of 2023, and thousands of messages at once of a few devices: what is not tested here is what is shed then."""


class Publisher:
    """Devices `device-0`, `device-1` and so on in turn, whatever happens to the gateway."""

    def __init__(self, port: int, devices: int = 5, *, is_timed: bool = True) -> None:
        self.sent = 0
        self.devices, self.is_timed = devices, is_timed
        self.client = Client(CallbackAPIVersion.VERSION2, "publisher")
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()

    def publish(self, count: int) -> None:
        """Publish the next readings and wait until the broker has them all."""
        for _ in range(count):
            device, values = f"device-{self.sent % self.devices}", self.values(self.sent)
            told = self.client.publish(f"devices/{device}/readings", json.dumps(values), 1)
            self.sent += 1
        told.wait_for_publish(DEADLINE_S)

    def values(self, number: int) -> dict[str, float]:
        """Return what message `number` says; a counter tells readings apart that have no time."""
        time = {"time": START_S + 60 * (number // self.devices)} if self.is_timed else {}
        return {"temperature": 20 + number * 7 % 13 / 10, "number": float(number), **time}

    def close(self) -> None:
        """Hang up."""
        self.client.disconnect()
        self.client.loop_stop()


class Gateway:
    """A gateway in a folder: its configuration, its log, and what it said."""

    def __init__(self, folder: Path, port: int, journal: str = "", limits: str = LIMITS) -> None:
        self.folder, self.log = folder, folder / "log.db"
        self.configuration = folder / "gateway.toml"
        self.configuration.write_text(
            f'[mqtt]\nhost = "127.0.0.1"\nport = {port}\n[limits]\n{limits}\n'
            f'[journal]\npath = "{self.log}"\ncommit_delay_s = 0.05\n'
            f"checkpoint_every_s = 1.0\ncheckpoint_bytes = 1e9\n{journal}\n"
        )
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self.kill()

    @property
    def said(self) -> str:
        """Everything it wrote to its log so far."""
        path = self.folder / "gateway.log"
        return path.read_text() if path.exists() else ""

    def start(self) -> Self:
        """Start it as a user does."""
        with (self.folder / "gateway.log").open("ab") as said:
            command = [sys.executable, "-m", "gateway", "run", "--config", str(self.configuration)]
            self._process = subprocess.Popen(command, stdout=said, stderr=said)
        return self

    @contextmanager
    def running(self) -> Iterator[Application]:
        """Let it run in this process, where its clock can be set; it ends as on SIGTERM."""
        stop, application = threading.Event(), Application(load(self.configuration, os.environ))
        thread = threading.Thread(target=application.run, args=(stop,))
        thread.start()
        try:
            wait_until(lambda: application.connection.is_online, "the gateway is online", DEADLINE_S)
            yield application
        finally:
            stop.set()
            thread.join(DEADLINE_S)

    def take(self, publisher: Publisher, count: int) -> None:
        """Let so many readings be published, and wait until they are in the log."""
        publisher.publish(count)
        wait_until(lambda: len(self.counted()) == publisher.sent, "everything is in the log", DEADLINE_S)

    def wait_until_online(self) -> None:
        """Wait until it is connected to the broker."""
        wait_until(lambda: "connected to" in self.said, "the gateway is online", DEADLINE_S)

    def kill(self) -> None:
        """End it as a power cut does."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(DEADLINE_S)
        self._process = None

    def stop(self) -> int:
        """End it as a supervisor does; return its exit code."""
        assert self._process is not None
        process, self._process = self._process, None
        process.terminate()
        return process.wait(DEADLINE_S)

    def ask(self, *arguments: str) -> dict[str, Any]:
        """Run a command of the gateway beside it and return what it prints."""
        command = [sys.executable, "-m", "gateway", arguments[0], "--config", str(self.configuration), *arguments[1:]]
        done = subprocess.run(command, capture_output=True, check=False, timeout=DEADLINE_S)
        assert done.returncode == 0, done.stderr.decode()
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    def readings(self) -> list[tuple[str, str, int, float]]:
        """Return device, sensor, time (s) and value of all that is in the log, read beside the gateway."""
        found: list[tuple[str, str, int, float]] = []
        with Reader(self.log) as log:
            for _, entry in log.entries(0):
                if isinstance(entry, tuple):
                    names, batch = log.streams(), entry[0]
                    columns = (batch.stream.tolist(), (batch.observed_at // SECOND).tolist(), batch.value.tolist())
                    found += [(*names[stream], at, value) for stream, at, value in zip(*columns, strict=True)]
        return found

    def last(self) -> int:
        """Return the number of the newest entry of its log, 0 where there is none yet."""
        try:
            with Reader(self.log) as log:
                return log.last()
        except JournalError:
            return 0

    def counted(self) -> Counter[float]:
        """Return how often each number that was published is in the log."""
        return Counter(value for _, sensor, _, value in self.readings() if sensor == "number")

    def restored(self, *, use_checkpoint: bool) -> Shard:
        """Return what a start makes of the log: from the newest checkpoint and the tail, or from all of it."""
        chosen = rules(load(self.configuration, os.environ))
        shard, journal = Shard(chosen), Journal(self.log)
        journal.open()
        restore(shard, journal, dumps(chosen) if use_checkpoint else "no such rules", threading.Event())
        journal.close()
        return shard

    def digests(self, *, use_checkpoint: bool) -> dict[str, str]:
        """Return what a start knows of each device."""
        shard = self.restored(use_checkpoint=use_checkpoint)
        return {device: shard.digest(device) for device in shard.directory.devices}
