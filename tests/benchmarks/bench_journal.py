"""The log: bytes written to the card for each reading, and the years it lasts; recovery, forgetting, and what it costs.

Usage: bench_journal.py [--only PART ...] [--folder FOLDER]

Parts: `bytes`, `recover`, `forget`, `flow`. The folder must be on a disk: what is written to a RAM disk is not counted.
"""

import argparse
import heapq
import math
import random
import sqlite3
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from readings import START

from gateway.app import rules
from gateway.config import Settings
from gateway.control import Desk, Server
from gateway.intake import Intake
from gateway.journal import Journal
from gateway.mqtt.inbox import Inbox
from gateway.pipeline import Pipeline
from gateway.records import SECOND, Message
from gateway.rulebook import Regime, dumps
from gateway.shard import Shard

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

RUNS_S = {10: 4 * 3600, 100: 3600, 1000: 1200}
"""Long enough for what is written seldom, states and minutes, to count as it does in the long run."""


class Link:
    """The connection to a broker, as the loop sees it."""

    failure: Exception | None = None
    is_online = True
    generation = anew = 1
    dropped = received = published = reconnects = 0
    last_error = ""
    window = 1000

    def publish(self, topic: str, payload: bytes, qos: int = 1, *, retain: bool = False) -> bool:
        """Send nothing."""
        del topic, payload, qos, retain
        return True

    def acknowledge(self, receipts: Iterable[tuple[int, int] | None]) -> None:
        """Acknowledge nothing."""


def main() -> None:
    """Run what is asked for and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parts = {"bytes": bytes_per_reading}
    parser.add_argument("--only", nargs="+", choices=parts, default=list(parts))
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    for name in options.only:
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            parts[name](Path(folder))


def bytes_per_reading(folder: Path) -> None:
    """Let the loop learn what a fleet sends, in simulated time, and count what the kernel says was written."""
    for rate, goal in GOALS.items():
        row = row_per_message(folder / f"rows-{rate}.db", rate)
        for window in (1000, 20):
            written, commits = gateway_bytes(folder / f"{rate}-{window}.db", rate, window)
            years = CARD_BYTES * CYCLES / AMPLIFICATION / (written * rate) / YEAR_S
            print(
                f"{rate:5} readings/s, {window:4} messages in flight: {written:6.1f} bytes a reading (goal {goal}),"
                f" a commit every {commits:.1f} s; a 32 GB card of {CYCLES} cycles lasts {years:.0f} years at"
                f" {AMPLIFICATION} times that; ratio {written / row:.4f} to a row of SQLite for each reading,"
                f" committed by message ({row:.0f})",
                flush=True,
            )


def gateway_bytes(path: Path, rate: int, window: int) -> tuple[float, float]:
    """Bytes for each reading, and seconds between commits."""
    settings = Settings.model_validate({"journal": {"path": str(path)}})
    chosen = rules(settings)
    shard, journal, inbox, link = Shard(chosen), Journal(path), Inbox(), Link()
    link.window = window
    now, before = START, written_bytes()
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
            pipeline.step(timeout_s=0.0)
            pipeline.ledger.written.result()
    commits = journal.last()
    journal.close()
    return (written_bytes() - before) / pipeline.counts["readings"], RUNS_S[rate] / commits


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


def written_bytes() -> int:
    """What this process has had written, by pages that the kernel counts as they become dirty."""
    lines = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return int(lines["write_bytes"])


if __name__ == "__main__":
    main()
