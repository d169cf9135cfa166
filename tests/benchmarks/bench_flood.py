"""A hundred devices while one floods the gateway, or somebody invents devices; beside others in quiet.

Usage: bench_flood.py [--seconds N]

The capacity is measured first: what the gateway learns per second of one stream that is sent as fast as it can. Then a
device sends ten times that, in single messages at QoS 0 and 1 and in lists; then 10,000 devices are invented. Printed
are the time until the others hear of their anomalies, in all and after the seconds that the flood's first burst takes,
how many of them were told, and the gateway's memory. Each time the hundred are new ones, as long known: what was told
before must not make a difference.
"""

import argparse
import json
import multiprocessing
import random
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import NamedTuple

from bench_gateway import connected, new_application, reading, resident_kilobytes
from paho.mqtt.client import Client, MQTTMessage

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from brokers import Mosquitto, wait_until

DEVICES = 100
WARM_UP = 250
RATE = 200.0
"""Messages per second of the hundred devices together."""

OFF_EVERY = 51
INVENTED = 10_000
LIST = 50
"""Readings in a message where they come in lists."""

LIMITS = ("max_queued_messages 200000", "max_queued_bytes 67108864", "max_inflight_messages 1000")
"""As in deploy/mosquitto/mosquitto.conf."""


BURST_S = 10.0
"""What one may send at once is learned by then on an idle machine; the flood is down to what it may send lastingly."""


class Heard(NamedTuple):
    """What came of the anomalies of a run: when each was sent, and how long it took to be told."""

    told: list[tuple[float, float]]
    expected: int

    def quantiles(self, since: float = 0.0) -> tuple[float, float]:
        """Return median and 99th percentile of the delays, of what was sent from then on."""
        delays = sorted(delay for sent, delay in self.told if sent >= since) or [float("nan")]
        return delays[len(delays) // 2], delays[int(len(delays) * 0.99)]


class Gateway:
    """The gateway in a process of its own, and what it says of itself."""

    def __init__(self, port: int, path: Path) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=serve, args=(theirs, port, path))
        self._process.start()
        self._pipe.recv()

    def ask(self) -> dict[str, object]:
        """Return counters and memory."""
        self._pipe.send("report")
        answer: dict[str, object] = self._pipe.recv()
        return answer

    def wait_for(self, readings: int) -> None:
        """Wait until so many were learned, without asking so often that it would be slower."""
        while self.readings() < readings:
            time.sleep(0.2)

    def readings(self) -> int:
        """Return how many readings were learned."""
        count = self.ask()["readings"]
        assert isinstance(count, int)
        return count

    def stop(self) -> None:
        """End it."""
        self._pipe.send("stop")
        self._process.join()


def serve(pipe: Pipe, port: int, path: Path) -> None:
    """Run the gateway and answer until told to stop."""
    application, stop = new_application(port, path, "flooded"), threading.Event()
    thread = threading.Thread(target=application.run, args=(stop,))
    thread.start()
    wait_until(lambda: application.connection.is_online, "the gateway is online", 30)
    pipe.send("ready")
    while pipe.recv() == "report":
        pipe.send(  # counters alone: the rest of the status is not to be read beside the loop
            {
                "readings": application.pipeline.counts["readings"],
                "streams": len(application.shard.directory),
                "rejected": dict(application.intake.rejected),
                "megabytes": resident_kilobytes() / 1024,
            }
        )
    stop.set()
    thread.join()


class Devices:
    """A hundred devices that report for as long as they are asked to, each now and then with a reading far off."""

    def __init__(self, port: int, gateway: Gateway, name: str) -> None:
        self._name = name
        self._sent: dict[str, float] = {}
        self._told: list[tuple[float, float]] = []
        self._start = 0.0
        self._dice = random.Random(2)
        self._began = time.time() - 1e6
        self._client = connected(port, f"devices-{name}", "devices/+/anomaly", hear=self._hear)
        self._before, self._gateway = gateway.readings(), gateway
        self._introduce(0, 1)
        for first in range(1, WARM_UP, LIST):
            self._introduce(first, min(first + LIST, WARM_UP))

    def _hear(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        device = message.topic.split("/")[1]
        if device in self._sent and json.loads(message.payload)["state"] == "open":
            sent = self._sent.pop(device)
            self._told.append((sent - self._start, time.perf_counter() - sent))

    def _introduce(self, first: int, last: int) -> None:
        """Live from minute to minute, in lists."""
        for device in range(DEVICES):
            life = (reading(self._dice, self._began, DEVICES * number) for number in range(first, last))
            self._client.publish(f"devices/{self._name}-{device}/readings", f"[{','.join(life)}]", 1)
        self._gateway.wait_for(self._before + DEVICES * last)

    def live(self, seconds: float) -> Heard:
        """Report at `RATE`; return how long it took to hear of what was far off."""
        expected, number, self._start = 0, 0, time.perf_counter()
        while (passed := time.perf_counter() - self._start) < seconds:
            if number >= passed * RATE:
                time.sleep(0.0005)
                continue
            device, is_off = f"{self._name}-{number % DEVICES}", number % OFF_EVERY == 0
            expected += is_off
            if is_off:
                self._sent[device] = time.perf_counter()
            payload = reading(self._dice, self._began, DEVICES * WARM_UP + number, is_off=is_off)
            self._client.publish(f"devices/{device}/readings", payload, 1)
            number += 1
        deadline = time.monotonic() + 10
        while self._sent and time.monotonic() < deadline:
            time.sleep(0.01)
        self._client.disconnect()
        self._client.loop_stop()
        return Heard(self._told, expected)


def flood(port: int, per_s: float, qos: int, in_list: int, seconds: float) -> None:
    """Send as one device, `per_s` readings a second, for so long; print what was reached."""
    client = connected(port, f"flooder{qos}{in_list}", "nothing")
    start, sent, at = time.perf_counter(), 0, time.time() - 1e6
    while (passed := time.perf_counter() - start) < seconds:
        if sent >= passed * per_s:
            time.sleep(0.0005)
            continue
        many = [{"a": 20.0 + index % 7, "time": round(at + 0.01 * (sent + index), 2)} for index in range(in_list)]
        client.publish(f"devices/flooder-{qos}-{in_list}/readings", json.dumps(many if in_list > 1 else many[0]), qos)
        sent += in_list
    print(f"             (it sent {sent / seconds:.0f} readings/s, asked for {per_s:.0f})", flush=True)
    client.disconnect()
    client.loop_stop()


def invent(port: int, per_s: float, _qos: int, number: int, seconds: float) -> None:
    """Send one reading of each of `number` devices that do not exist."""
    client, start = connected(port, "inventor", "nothing"), time.perf_counter()
    for index in range(number):
        while time.perf_counter() < start + min(index / per_s, seconds):
            time.sleep(0.001)
        client.publish(f"devices/invented-{index}/readings", '{"a": 1}', 1).wait_for_publish(60)
    client.disconnect()
    client.loop_stop()


@contextmanager
def beside(target: object, *arguments: object) -> Iterator[None]:
    """Let something run in another process meanwhile."""
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=target, args=arguments)  # type: ignore[arg-type]
    process.start()
    time.sleep(1.5)  # until it has started to send
    yield
    process.join()


def tell(name: str, heard: Heard, gateway: Gateway, quiet: Heard | None = None) -> None:
    """Print one line of results, with the ratio to the quiet run, and one of what came after a flood's burst."""
    report = gateway.ask()
    print(
        f"{name:22} {len(heard.told)}/{heard.expected} told, {delays(heard, quiet)}; {report['streams']} streams, ",
        end="",
    )
    print(f"{report['megabytes']:.0f} MB, rejected {report['rejected']}", flush=True)
    if quiet and name.startswith("flood"):
        print(f"{'  after its burst':22} {delays(heard, quiet, BURST_S)}", flush=True)


def delays(heard: Heard, quiet: Heard | None, since: float = 0.0) -> str:
    """Return median and 99th percentile in words, and how many times those of the quiet run they are."""
    median, p99 = heard.quantiles(since)
    line = f"{1e3 * median:6.1f} ms median, {1e3 * p99:6.1f} ms p99"
    if quiet:
        before = quiet.quantiles()
        line += f", ratio {median / before[0]:.1f} and {p99 / before[1]:.1f}"
    return line


def capacity(port: int, gateway: Gateway) -> float:
    """Return how many readings per second of one stream are learned, as many as a burst may have."""
    client, at, count = connected(port, "capacity", "nothing"), time.time() - 900_000, 900
    before, started = gateway.readings(), time.perf_counter()
    for number in range(count):
        client.publish("devices/capacity/readings", json.dumps({"a": number % 7, "time": at + number}), 1)
    gateway.wait_for(before + count)
    client.disconnect()
    client.loop_stop()
    return count / (time.perf_counter() - started)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=30.0)
    seconds = parser.parse_args().seconds
    with tempfile.TemporaryDirectory() as folder, Mosquitto(Path(folder), *LIMITS, is_verbose=False) as broker:
        gateway = Gateway(broker.port, Path(folder) / "gateway.db")
        quiet = Devices(broker.port, gateway, "quiet").live(seconds)
        tell("quiet", quiet, gateway)
        rate = capacity(broker.port, gateway)
        print(f"capacity               {rate:.0f} readings/s of one stream")
        for name, qos, in_list in (("flood at QoS 0", 0, 1), ("flood at QoS 1", 1, 1), ("flood of lists", 1, LIST)):
            devices = Devices(broker.port, gateway, f"{qos}-{in_list}")
            with beside(flood, broker.port, 10 * rate, qos, in_list, seconds + 3):
                tell(name, devices.live(seconds), gateway, quiet)
        devices = Devices(broker.port, gateway, "known")
        with beside(invent, broker.port, INVENTED / seconds, 1, INVENTED, seconds):
            tell("invented devices", devices.live(seconds), gateway, quiet)
        tell("quiet again", Devices(broker.port, gateway, "last").live(seconds), gateway, quiet)
        gateway.stop()


if __name__ == "__main__":
    main()
