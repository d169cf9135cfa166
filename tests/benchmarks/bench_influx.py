"""What it costs to bring a reading to InfluxDB, beside influxdb-client's own ways, and how fast a backlog drains.

Usage: bench_influx.py [--readings N] [--backlog N]

The server is a child process that takes everything, so that only the client's work is measured: CPU of the whole
process, in microseconds a reading. Every way sends the same tags and fields in batches of 5,000, compressed.
The backlog stands in a log of commits of 50 readings, as a fleet at 100 readings a second leaves it, which goes on
sending while the backlog drains.
"""

import argparse
import multiprocessing
import resource
import socketserver
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import Any

import numpy as np
from influxdb_client import InfluxDBClient, Point, WriteOptions
from influxdb_client.client.write_api import SYNCHRONOUS

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from brokers import wait_until
from readings import verdicts

from gateway.influx import Door, Lines, Options, Sender
from gateway.journal import Follower, Journal
from gateway.learning.directory import Directory
from gateway.passages import Passage
from gateway.records import SECOND, Batch, Resume, Verdicts

STREAMS = 500
BATCH = 5000
COMMIT = 50
RATE = 100.0
START = 1_700_000_000 * SECOND


def main() -> None:
    """Run both measurements and print them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--readings", type=int, default=100_000)
    parser.add_argument("--backlog", type=int, default=1_000_000)
    options = parser.parse_args()
    with sink() as url:
        cost(url, options.readings)
        drain(url, options.backlog)


def cost(url: str, count: int) -> None:
    """Print the CPU that each way takes."""
    directory = new_directory()
    passages = [
        Passage(number, START, directory.streams, [readings(number * BATCH, BATCH)], [], [])
        for number in range(count // BATCH)
    ]
    encoding = timed(lambda: [Lines("home").encode(passage) for passage in passages]) / count
    ours = timed(lambda: send(url, passages)) / count
    peers = {
        "Point, synchronous WriteApi": timed(lambda: send_points(url, passages)) / count,
        "Point, batching WriteApi": timed(lambda: send_batching(url, passages)) / count,
    }
    print(f"encode     {encoding * 1e6:8.2f} us a line")
    print(f"gateway    {ours * 1e6:8.2f} us a reading, encoded and sent")
    for name, peer in peers.items():
        print(f"peer       {peer * 1e6:8.2f} us a reading: {name}; ratio {peer / ours:.1f}")


def timed(work: Callable[[], object]) -> float:
    """Return the CPU seconds that it takes, all threads together."""
    began = time.process_time()
    work()
    return time.process_time() - began


def send(url: str, passages: list[Passage]) -> None:
    """Send as the gateway does."""
    door, lines = Door(url, "token", "org"), Lines("home")
    for passage in passages:
        assert not door.write("bucket", lines.encode(passage)).words
    door.close()


def points(passage: Passage) -> Iterator[Point]:
    """Yield the vendor's own points."""
    ((batch, said),) = passage.readings
    columns = (batch.stream, batch.value, said.score, said.expected, said.lower, said.upper, batch.observed_at)
    for stream, value, score, expected, lower, upper, at in zip(*(each.tolist() for each in columns), strict=True):
        device, sensor = passage.streams[stream]
        point = Point("readings").tag("device", device).tag("gateway", "home").tag("sensor", sensor)
        point = point.field("value", value).field("score", score).field("expected", expected)
        yield point.field("lower", lower).field("upper", upper).time(at)


def send_points(url: str, passages: list[Passage]) -> None:
    """Send as the vendor's examples do."""
    with InfluxDBClient(url, "token", org="org", enable_gzip=True) as client:
        api = client.write_api(SYNCHRONOUS)
        for passage in passages:
            api.write("bucket", record=list(points(passage)))


def send_batching(url: str, passages: list[Passage]) -> None:
    """Send as the vendor recommends for many points."""
    with (
        InfluxDBClient(url, "token", org="org", enable_gzip=True) as client,
        client.write_api(WriteOptions(batch_size=BATCH)) as api,
    ):
        for passage in passages:
            for point in points(passage):
                api.write("bucket", record=point)


def drain(url: str, backlog: int) -> None:
    """Print how fast a backlog drains while readings keep coming, and what memory that takes."""
    with tempfile.TemporaryDirectory() as folder:
        directory, journal = new_directory(), Journal(Path(folder) / "gateway.db")
        journal.open()
        for first in range(0, backlog, COMMIT * 40):
            entries: list[Any] = [readings(first + COMMIT * number, COMMIT) for number in range(40)]
            separate: list[Any] = [
                each for entry in entries for each in (entry, Resume(0))
            ]  # or they would be one block
            journal.append(directory, separate, [])
        follower = Follower(journal.path, "influx")
        sender = Sender(
            follower, Door(url, "token", "org"), Lines("home"), Options("b", "m", BATCH, 1.0, 3600 * SECOND)
        )
        is_over = threading.Event()
        living = threading.Thread(target=live, args=(journal, directory, sender, backlog, is_over))
        before, began, cpu = resident(), time.perf_counter(), time.process_time()
        sender.start()
        living.start()
        high = before
        while sender.counts.sent < backlog:
            high = max(high, resident())
            time.sleep(0.05)
        seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
        is_over.set()
        living.join()
        wait_until(lambda: sender.unsent == 0, "the rest is sent", 30)
        print(f"drain      {backlog / seconds:8.0f} readings/s of {backlog} in commits of {COMMIT}, CPU {cpu:.1f} s")
        print(f"           {sender.counts.sent - backlog} readings that came meanwhile at {RATE:.0f}/s were sent, too")
        print(f"memory     {(high - before) / 1024:8.1f} MB more at most while draining, of {before / 1024:.0f}")
        sender.stop()
        journal.close()


def live(journal: Journal, directory: Directory, sender: Sender, first: int, is_over: threading.Event) -> None:
    """Let the fleet go on."""
    while not is_over.wait(COMMIT / RATE):
        journal.append(directory, [readings(first, COMMIT)], [])
        sender.wake(COMMIT)
        first += COMMIT


def new_directory() -> Directory:
    """Return a directory of so many streams."""
    directory = Directory()
    for number in range(STREAMS):
        directory.add(f"freezer-{number // 5:03d}", f"temperature {number % 5}")
    return directory


def readings(first: int, count: int) -> tuple[Batch, Verdicts]:
    """Return readings with verdicts as the log holds them."""
    numbers = np.arange(first, first + count)
    dice = np.random.default_rng(first)
    value = np.round(-18 + dice.normal(0, 1, count), 2)
    at = START + numbers * (SECOND // 100)
    expected, half = np.float32(value + dice.normal(0, 0.2, count)), np.float32(dice.uniform(0.5, 1, count))
    said = {
        "expected": expected,
        "lower": expected - half,
        "upper": expected + half,
        "score": dice.uniform(0, 0.4, count),
    }
    columns = {name: np.asarray(column, dtype=np.float64) for name, column in said.items()}
    return Batch(numbers % STREAMS, at, at, value), verdicts(count, **columns)


def resident() -> int:
    """Return resident memory in kB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() // 1024


@contextmanager
def sink() -> Iterator[str]:
    """Give the address of a server that takes everything."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    child = context.Process(target=take_everything, args=(theirs,))
    child.start()
    try:
        yield f"http://127.0.0.1:{ours.recv()}"
    finally:
        child.terminate()
        child.join()


def take_everything(pipe: Pipe) -> None:
    """Answer 204 to every request, for ever."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Taker) as server:
        server.daemon_threads = True
        pipe.send(server.server_address[1])
        server.serve_forever()


class Taker(socketserver.StreamRequestHandler):
    """One connection."""

    def handle(self) -> None:
        """Read requests, answer each."""
        while self.rfile.readline():
            length = 0
            while (line := self.rfile.readline().strip()) != b"":
                name, _, value = line.partition(b":")
                if name.lower() == b"content-length":
                    length = int(value)
            self.rfile.read(length)
            self.wfile.write(b"HTTP/1.1 204 No Content\r\n\r\n")


if __name__ == "__main__":
    main()
