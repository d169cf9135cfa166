"""A hundred devices while one floods the gateway, or somebody invents devices; beside others in quiet.

Usage: bench_flood.py [--seconds N]

The capacity is measured first: what the gateway learns per second of one stream that is sent as fast as it can. Then a
device sends ten times that, and 5,000 at least, in single messages at QoS 0 and 1 and in lists; then 10,000 devices are
invented. Printed are the time until the others hear of their anomalies, from a flood's first message on and after the
seconds that its burst takes, how many of them were told, and the gateway's memory. The machine and the broker have
their share in that: the peer is the same flood on a topic that the gateway does not listen to. Each time the hundred
are new ones, as long known: what was told before must not make a difference.
"""

import argparse
import json
import logging
import multiprocessing
import random
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
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

OFF_EVERY = 27
"""Messages from one far off to the next: in 12 s that is 89 of the hundred devices, each once."""

INVENTED = 10_000
LIST = 50
"""Readings in a message where they come in lists."""

LIMITS = (
    "max_queued_messages 200000",
    "max_queued_bytes 67108864",
    "max_inflight_messages 10000",
    "set_tcp_nodelay true",
)
"""As in deploy/mosquitto/mosquitto.conf."""

BURST_S = 3.0
"""What one may send at once is learned by then: the flood is down to what it may send lastingly."""

LEAST = 5_000.0
"""Readings per second of a flood at least: ten times what was learned on an idle x86 core. A busy machine learns less,
but nobody floods it more slowly."""

CONNECT = b"\x10\x13\x00\x04MQTT\x04\x02\x00\x3c\x00\x07flooder"
"""MQTT 3.1.1, a clean session, 60 s, and its name."""

TURN_S = 0.002
"""A flooder sends what is due so often."""


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
    logging.disable(logging.WARNING)  # what it says of each invented device
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


class Flood(NamedTuple):
    """What a flooder sends: so many readings a second, so many of them in a message."""

    name: str
    qos: int
    in_list: int = 1
    per_s: float = 0.0


def flood(pipe: Pipe, port: int, topic: str, one: Flood, seconds: float) -> None:
    """Send as one device for so long; send back what was reached.

    Past paho, which would take the processor from those whom it is to disturb.
    """
    at = time.time() - 1e6

    def body(number: int) -> bytes:
        many = [{"a": 20.0 + index % 7, "time": round(at + 0.01 * (number + index), 2)} for index in range(one.in_list)]
        payload = json.dumps(many if one.in_list > 1 else many[0])
        return publish_packet(topic, payload, one.qos, number // one.in_list)

    numbers = range(0, round(one.per_s * seconds), one.in_list)
    pipe.send(send_packets(port, pipe, body, numbers, seconds) * one.in_list)


def invent(pipe: Pipe, port: int, number: int, seconds: float) -> None:
    """Send one reading of each of `number` devices that do not exist."""

    def body(index: int) -> bytes:
        return publish_packet(f"devices/invented-{index}/readings", '{"a": 1}', 1, index)

    pipe.send(send_packets(port, pipe, body, range(number), seconds))


def send_packets(port: int, pipe: Pipe, body: Callable[[int], bytes], numbers: range, seconds: float) -> float:
    """Send them evenly over so many seconds, from when the pipe says so; return how many it were per second."""
    with socket.create_connection(("127.0.0.1", port)) as line:
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        line.sendall(CONNECT)
        line.recv(4)
        threading.Thread(target=drain, args=(line,), daemon=True).start()
        pipe.send("ready")
        pipe.recv()
        start, sent = time.perf_counter(), 0
        while sent < len(numbers) and (passed := time.perf_counter() - start) < seconds:
            due = min(len(numbers), int(len(numbers) * passed / seconds) + 1)
            line.sendall(b"".join(map(body, numbers[sent:due])))
            sent = due
            time.sleep(TURN_S)
        line.shutdown(socket.SHUT_RDWR)
    return sent / seconds


def drain(line: socket.socket) -> None:
    """Take what the broker acknowledges, or it would stop reading."""
    while line.recv(65_536):
        pass


def publish_packet(topic: str, payload: str, qos: int, number: int) -> bytes:
    """Return a PUBLISH packet of MQTT 3.1.1."""
    packet_id = (number % 65_535 + 1).to_bytes(2, "big") if qos else b""
    rest = len(topic).to_bytes(2, "big") + topic.encode() + packet_id + payload.encode()
    length = bytes([len(rest)]) if len(rest) < 128 else bytes([len(rest) & 127 | 128, len(rest) >> 7])
    return bytes([0x30 | qos << 1]) + length + rest


FLOODS = (Flood("flood at QoS 0", 0), Flood("flood at QoS 1", 1), Flood("flood of lists", 1, LIST))


@contextmanager
def beside(target: Callable[..., None], *arguments: object) -> Iterator[None]:
    """Let something run in another process meanwhile, from now on; print what it reached."""
    context = multiprocessing.get_context("spawn")
    pipe, theirs = context.Pipe()
    process = context.Process(target=target, args=(theirs, *arguments))
    process.start()
    pipe.recv()
    pipe.send("go")
    yield
    print(f"  (with {pipe.recv():.0f} readings/s beside them)", flush=True)
    process.join()


def tell(name: str, heard: Heard, gateway: Gateway, *peers: tuple[str, Heard]) -> None:
    """Print one line of results, and one with the ratio to each peer, in all and after a flood's burst."""
    report = gateway.ask()
    median, p99 = heard.quantiles()
    print(
        f"{name:22} {len(heard.told)}/{heard.expected} told, {1e3 * median:5.1f} ms median, {1e3 * p99:5.1f} ms p99; ",
        end="",
    )
    print(f"{report['streams']} streams, {report['megabytes']:.0f} MB, rejected {report['rejected']}", flush=True)
    for peer, other in peers:
        print(
            f"  ratio to {peer:20} {ratio(heard, other, 0.0)}; after its burst {ratio(heard, other, BURST_S)}",
            flush=True,
        )


def ratio(heard: Heard, other: Heard, since: float) -> str:
    """Return how many times the other's median and 99th percentile these are."""
    (median, p99), (their_median, their_p99) = heard.quantiles(since), other.quantiles()
    return f"{median / their_median:.1f} median, {p99 / their_p99:.1f} p99"


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
    parser.add_argument("--seconds", type=float, default=12.0)
    seconds = parser.parse_args().seconds
    with tempfile.TemporaryDirectory() as folder, Mosquitto(Path(folder), *LIMITS, is_verbose=False) as broker:
        port, gateway = broker.port, Gateway(broker.port, Path(folder) / "gateway.db")

        def new_devices(name: str) -> Devices:
            return Devices(port, gateway, name)

        quiet = new_devices("quiet").live(seconds)
        tell("quiet", quiet, gateway)
        capable = capacity(port, gateway)
        print(f"capacity               {capable:.0f} readings/s of one stream")
        per_s = max(10 * capable, LEAST)
        for one in FLOODS:
            heard = []
            for topic in ("elsewhere", f"devices/flooder-{one.qos}-{one.in_list}/readings"):
                devices = new_devices(f"{one.name}-{topic[:4]}".replace(" ", "-"))
                with beside(flood, port, topic, one._replace(per_s=per_s), seconds):
                    heard.append(devices.live(seconds))
            tell(f"{one.name}, past us", heard[0], gateway)
            tell(one.name, heard[1], gateway, ("quiet", quiet), ("a flood past us", heard[0]))
        devices, last = new_devices("known"), new_devices("last")  # while names that are new are let in
        with beside(invent, port, INVENTED, seconds):
            tell("invented devices", devices.live(seconds), gateway, ("quiet", quiet))
        tell("quiet again", last.live(seconds), gateway, ("quiet", quiet))
        gateway.stop()


if __name__ == "__main__":
    main()
