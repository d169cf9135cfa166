"""The log: bytes written to the card for each reading, and the years it lasts; recovery, forgetting, and what it costs.

Usage: bench_journal.py [--only PART ...] [--folder FOLDER] [--days N] [--messages N]

Parts: `bytes`, `retain`, `recover`, `forget`, `flow`. The folder must be on a disk: what is written to a RAM disk is
not counted.
Forgetting is asked of a log of `--days`, and told for 30 days, too: what it takes beside saving a state, which is what
forgetting nobody takes, is in proportion. The log is in the page cache: from a disk, reading it comes on top.
"""

import argparse
import heapq
import math
import random
import sqlite3
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from multiprocessing.connection import Connection as Pipe
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from bench_gateway import drain, gateway_subscriber
from brokers import ROOMY, Mosquitto
from readings import START

from gateway import unlearning
from gateway.config import Settings
from gateway.control import Desk, Server
from gateway.house import Alone
from gateway.intake import Intake
from gateway.journal import Journal, Reader
from gateway.learning.directory import Directory
from gateway.ledger import FULL
from gateway.mqtt.inbox import Inbox
from gateway.pipeline import Pipeline
from gateway.records import SECOND, Batch, Message, Verdicts, blank_verdicts
from gateway.recovery import MOST, restore
from gateway.rulebook import Regime, dumps, rules
from gateway.shard import Rules, Shard

SENSORS = {"temperature": (21.0, 3.0, 1), "humidity": (45.0, 8.0, 1), "power": (120.0, 40.0, 1)} | {
    "pressure": (1013.0, 4.0, 2),
    "battery": (80.0, 0.0, 0),
}
"""Level, swing over the day and decimal places of what each device sends once a second."""

CARD_BYTES, CYCLES, AMPLIFICATION = 32 * 10**9, 3000, 4
"""A card of TLC flash, whose controller writes a page of 16 KB where 4 KB are synced: four times what it is given."""

YEAR_S = 365 * 86400

GOALS = {10: 40, 100: 30, 1000: 20}
"""Bytes for each reading, by readings per second."""

RUNS_S = {10: 2 * 3600, 100: 1800, 1000: 600}
"""Long enough for what is written seldom, as minutes are, to count as it does in the long run."""


class Link:
    """The connection to a broker, as the loop sees it."""

    failure: Exception | None = None
    is_online = True
    generation = anew = 1
    dropped = received = published = reconnects = 0
    last_error = ""
    window = 1000

    def __init__(self) -> None:
        self.waiting: deque[tuple[int, int]] = deque()

    @property
    def unacknowledged(self) -> int:
        """How many messages the broker waits for."""
        return len(self.waiting)

    @property
    def oldest(self) -> tuple[int, int] | None:
        """The first of them."""
        return self.waiting[0] if self.waiting else None

    def publish(self, topic: str, payload: bytes, qos: int = 1, *, retain: bool = False) -> bool:
        """Send nothing."""
        del topic, payload, qos, retain
        return True

    def acknowledge(self, receipts: Iterable[tuple[int, int] | None]) -> None:
        """Take them as they were sent, in order."""
        for _ in receipts:
            self.waiting.popleft()


def main() -> None:
    """Run what is asked for and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parts = {"bytes": bytes_per_reading, "retain": retain, "recover": recover, "forget": forget, "flow": flow}
    parser.add_argument("--only", nargs="+", choices=parts, default=list(parts))
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--days", type=float, default=1.0)
    parser.add_argument("--messages", type=int, default=20_000)
    options = parser.parse_args()
    for name in options.only:
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            parts[name](Path(folder), options)


def bytes_per_reading(folder: Path, _: argparse.Namespace) -> None:
    """Let the loop learn what a fleet sends, in simulated time, and count what the kernel says was written."""
    for rate, goal in GOALS.items():
        row = row_per_message(folder / f"rows-{rate}.db", rate)
        for window in (Settings().mqtt.receive_maximum, 20):
            written, commits = gateway_bytes(folder / f"{rate}-{window}.db", rate, window)
            years = CARD_BYTES * CYCLES / AMPLIFICATION / (written * rate) / YEAR_S
            print(
                f"{rate:5} readings/s, {window:5} messages in flight: {written:6.1f} bytes a reading (goal {goal}),"
                f" a commit every {commits:.1f} s; a 32 GB card of {CYCLES} cycles lasts {years:.0f} years at"
                f" {AMPLIFICATION} times that; ratio {written / row:.4f} to a row of SQLite for each reading,"
                f" committed by message ({row:.0f})",
                flush=True,
            )


def gateway_bytes(path: Path, rate: int, window: int) -> tuple[float, float]:
    """Bytes for each reading, with what is allowed for states, and seconds between commits.

    In the long run a state is written when what was learned allows for it; here none is, for the first comes too soon.
    """
    settings = Settings.model_validate({"journal": {"path": str(path), "checkpoint_every_s": RUNS_S[rate] + 1}})
    chosen = rules(settings)
    shard, journal, inbox, link = Shard(chosen), Journal(path), Inbox(), Link()
    link.window = window
    now, commits, before = START, 0, written_bytes()
    pipeline = Pipeline(
        settings,
        shard=shard,
        intake=Intake(settings.sources, settings.limits, settings.topics, shard.directory),
        inbox=inbox,
        link=link,
        journal=journal,
        desk=Desk(Server(path.with_suffix(".control"))),
        version="",
        regime=Regime(chosen, dumps(chosen)),
        clock=lambda: now,
        monotonic=lambda: now,
    )
    journal.open()
    pipeline.ledger.saved_at = now
    with pipeline.ledger:
        for at, messages in turns(rate, RUNS_S[rate]):
            now = at
            for message in messages:
                inbox.put(message)
                assert message.receipt
                link.waiting.append(message.receipt)
            last = pipeline.ledger.written
            pipeline.step(timeout_s=0.0)
            pipeline.ledger.written.result()
            commits += pipeline.ledger.written is not last
    journal.close()
    written = (written_bytes() - before) / pipeline.counts["readings"]
    return written + settings.journal.checkpoint_bytes, RUNS_S[rate] / commits


def turns(rate: int, seconds: int) -> Iterator[tuple[int, list[Message]]]:
    """What arrives, turn by turn of a loop that looks every 50 ms, and when."""
    draw = random.Random(1)
    devices = [f"device-{number:03}" for number in range(rate // len(SENSORS))]
    phases = sorted((draw.random(), device) for device in devices)
    noise = {(device, sensor): 0.0 for device in devices for sensor in SENSORS}
    every, number = SECOND // 20, 0
    for second in range(seconds):
        waiting = [
            (START + round((second + phase + 0.002 * draw.random()) * SECOND), device) for phase, device in phases
        ]
        heapq.heapify(waiting)
        for turn in range(20):
            end, messages = START + second * SECOND + (turn + 1) * every, []
            while waiting and waiting[0][0] < end:
                at, device = heapq.heappop(waiting)
                number += 1
                messages.append(
                    Message(f"devices/{device}/readings", report(device, at, noise, draw), at, (1, number % 65535 + 1))
                )
            if messages or turn == 19:
                yield end, messages


def report(device: str, at: int, noise: dict[tuple[str, str], float], draw: random.Random) -> bytes:
    """One message of a device: a day's swing, noise that remembers, and as few digits as real sensors send."""
    angle = 2 * math.pi * (at % (86400 * SECOND)) / (86400 * SECOND)
    values = []
    for sensor, (level, swing, places) in SENSORS.items():
        noise[device, sensor] = 0.9 * noise[device, sensor] + draw.gauss(0, swing / 20)
        value = round(level + swing * math.sin(angle) + noise[device, sensor], places)
        values.append(f'"{sensor}": {value:.{places}f}')
    return f"{{{', '.join(values)}}}".encode()


def row_per_message(path: Path, rate: int, messages: int = 500) -> float:
    """The peer: a table of readings in SQLite with an index, a row for each, one commit per message."""
    del rate
    database = sqlite3.connect(path, isolation_level=None)
    database.executescript(
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
        "CREATE TABLE readings (device TEXT, sensor TEXT, at INTEGER, value REAL, score REAL, expected REAL);"
        "CREATE INDEX by_device ON readings (device, sensor, at);"
    )
    before = written_bytes()
    for number in range(messages):
        database.execute("BEGIN")
        at = START + number * SECOND
        rows = [(f"device-{number % 20}", sensor, at, 20.0 + number / 7, 0.1, 20.0) for sensor in SENSORS]
        database.executemany("INSERT INTO readings VALUES (?, ?, ?, ?, ?, ?)", rows)
        database.execute("COMMIT")
    database.close()
    return (written_bytes() - before) / (messages * len(SENSORS))


def retain(folder: Path, _: argparse.Namespace) -> None:
    """Write as much as was dropped, again and again, as a log does that is as old as it may be."""
    for rate in GOALS:
        size = min(FULL, round(rate * Settings().journal.commit_delay_s))
        journal, directory = fleet(folder / f"old-{rate}.db", rate // len(SENSORS))
        commits = list(batches(3 * COMMITS * size, SECOND, size, rate))
        parts = [commits[start : start + COMMITS] for start in range(0, 3 * COMMITS, COMMITS)]
        append(journal, directory, parts[0])
        young = append(journal, directory, parts[1])
        journal.checkpoint("", {})  # what no state holds is not dropped
        journal.retain(int(parts[1][0].received_at[0]), sys.maxsize, at_leisure=True)
        old = append(journal, directory, parts[2])
        journal.close()
        print(
            f"{rate:5} readings/s: a log that drops one for each that it writes writes {old:.1f} bytes a reading,"
            f" states apart; ratio {old / young:.2f} to one that drops none ({young:.1f})",
            flush=True,
        )


def append(journal: Journal, directory: Directory, commits: Iterable[Batch]) -> float:
    """Bytes for each reading, until all are in the file itself."""
    before, readings = written_bytes(), 0
    for batch in commits:
        journal.append(directory, [(batch, said(batch))], [])
        readings += len(batch)
    journal.empty_the_wal()
    return (written_bytes() - before) / readings


def recover(folder: Path, _: argparse.Namespace, readings: int = 1_000_000) -> None:
    """Fold a tail of the log, as a gateway does that was killed; beside the learners on the same readings in memory."""
    journal, directory = fleet(folder / "tail.db")
    for batch in batches(readings, SECOND):
        journal.append(directory, [(batch, said(batch))], [])
    started, processor = time.perf_counter(), time.process_time()
    restore(Shard(Rules()), journal, "", threading.Event(), tell=lambda _: None)
    seconds, spent = time.perf_counter() - started, time.process_time() - processor
    bare = Shard(Rules())
    bare.directory.loads(directory.dumps())
    processor = time.process_time()
    for batch in batches(readings, SECOND, MOST):
        bare.apply(batch)
    alone = time.process_time() - processor
    journal.close()
    print(
        f"recovery of {readings:,} readings of {STREAMS} streams: {seconds:.1f} s, {spent:.1f} s of processor time"
        f" (goal 10); ratio {spent / alone:.2f} to learning them in memory ({alone:.1f} s of processor time)",
        flush=True,
    )


def forget(folder: Path, options: argparse.Namespace) -> None:
    """Forget one of many devices, and verify it; beside reading the whole log once."""
    journal, directory = fleet(folder / "whole.db", devices=1000)
    readings, every = round(options.days * 1440) * 1000 * len(SENSORS), 60 * SECOND
    for batch in batches(readings, every, FULL, 1000 * len(SENSORS)):
        journal.append(directory, [(batch, said(batch))], [])
    learned = Shard(Rules())
    learned.directory.loads(directory.dumps())
    for batch in batches(10 * 1000 * len(SENSORS), every, MOST, 1000 * len(SENSORS)):
        learned.apply(batch)
    journal.checkpoint(dumps(learned.rules), learned.dumps())
    journal.close()
    started = time.perf_counter()
    with Reader(journal.path) as log:
        count = sum(len(entry[0]) for _, entry in log.entries(0) if isinstance(entry, tuple))
    scan = time.perf_counter() - started
    with Alone(Shard(Rules()), journal, {}) as house:
        alone, _ = forgetting(house, "nobody", is_verified=False)
        for is_verified, goal in ((False, 10), (True, 60)):
            seconds, spent = forgetting(house, f"device-{500 + 250 * is_verified}", is_verified=is_verified)
            month = alone + (seconds - alone) * 30 / options.days
            print(
                f"forgetting one of 1,000 devices in {count:,} readings{', verified' * is_verified}: {seconds:.2f} s,"
                f" {spent:.2f} s of processor time, which is {month:.1f} s for 30 days (goal {goal});"
                f" ratio {seconds / scan:.2f} to reading the whole log once ({scan:.1f} s)",
                flush=True,
            )


def forgetting(house: Alone, device: str, *, is_verified: bool) -> tuple[float, float]:
    """Seconds, and seconds of processor time, that forgetting a device takes."""
    started, processor = time.perf_counter(), time.process_time()
    for _ in unlearning.forget(house, {"device": device, "verify": is_verified}):
        pass
    return time.perf_counter() - started, time.process_time() - processor


def flow(folder: Path, options: argparse.Namespace) -> None:
    """Messages that wait at a real broker, learned and logged, or learned alone."""
    rates = {}
    with Mosquitto(folder / "broker", *ROOMY) as broker:
        for name, subscriber in (("off", unlogged_subscriber), ("on", gateway_subscriber)):
            rates[name] = drain(broker, folder / f"{name}.db", subscriber, options.messages, f"log-{name}")
    print(
        f"end to end with the log on: {rates['on']:.0f} messages/s at QoS 1; ratio {rates['on'] / rates['off']:.2f} to"
        f" the log off ({rates['off']:.0f})"
    )


def unlogged_subscriber(pipe: Pipe, port: int, path: Path, client_id: str, messages: int) -> None:
    """The gateway, whose log writes nothing."""
    Journal.append = lambda *_: None  # type: ignore[method-assign]
    gateway_subscriber(pipe, port, path, client_id, messages)


STREAMS = 1000

COMMITS = 200
"""Dropped while as many are written."""


def fleet(path: Path, devices: int = STREAMS // len(SENSORS)) -> tuple[Journal, Directory]:
    """Return an open log and the names of the streams in it."""
    journal, directory = Journal(path, is_durable=False), Directory()  # how it was written is not measured here
    journal.open()
    for number in range(devices):
        for sensor in SENSORS:
            directory.add(f"device-{number}", sensor)
    return journal, directory


def batches(readings: int, every: int, size: int = FULL, streams: int = STREAMS) -> Iterator[Batch]:
    """Every stream once in a while, device by device, in batches of what is committed at once."""
    draw = np.random.default_rng(1)
    for start in range(0, readings, size):
        place = np.arange(start, min(start + size, readings))
        at = START + place // len(SENSORS) * every * len(SENSORS) // streams
        level = 20.0 + 5.0 * np.sin(place % streams)
        yield Batch(place % streams, at, at, np.round(level + draw.normal(0.0, 1.0, len(place)), 2))


def said(batch: Batch) -> Verdicts:
    """Verdicts as they are on ordinary readings."""
    verdicts = blank_verdicts(len(batch))
    verdicts.expected[:] = np.round(batch.value)
    verdicts.lower[:], verdicts.upper[:] = verdicts.expected - 2.0, verdicts.expected + 2.0
    return verdicts


def written_bytes() -> int:
    """What this process has had written, by pages that the kernel counts as they become dirty."""
    lines = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return int(lines["write_bytes"])


if __name__ == "__main__":
    main()
