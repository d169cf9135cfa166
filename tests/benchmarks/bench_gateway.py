"""The gateway end to end through a real mosquitto, beside bare paho doing nothing but counting or echoing.

Usage: bench_gateway.py [--messages N] [--rounds N]

Prints messages per second with nothing lost, the time from publishing a reading to its device hearing of the anomaly,
the time from start to subscription, and resident memory; each with the ratio to bare paho in the same run.
"""

import argparse
import json
import multiprocessing
import random
import resource
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import Any

from paho.mqtt.client import Client, ConnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from brokers import ROOMY, Mosquitto, wait_until

DEVICES = 100

WARM_UP = 250
"""Readings of each device before it is measured: the gateway says nothing before 200."""

RATE = 500.0
"""Messages per second while latency is measured."""


def main() -> None:
    """Run all measurements and print them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=30_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        lines = (*ROOMY, "max_packet_size 1000000")
        with Mosquitto(Path(folder) / "broker", *lines) as broker:
            throughput(broker, Path(folder), options.messages, options.rounds)
            latency(broker, Path(folder))
            footprint(broker, Path(folder))


def throughput(broker: Mosquitto, folder: Path, messages: int, rounds: int) -> None:
    """Drain `messages` queued QoS 1 messages, in turn with bare paho and with the gateway; medians."""
    rates: dict[str, list[float]] = {"bare paho": [], "gateway": []}
    for number in range(rounds):
        for name, subscriber in (("bare paho", bare_subscriber), ("gateway", gateway_subscriber)):
            rates[name].append(drain(broker, folder / f"{number}.db", subscriber, messages, f"{name[:4]}{number}"))
    for name, values in rates.items():
        print(f"{name:10} {statistics.median(values):8.0f} messages/s at QoS 1, none of {messages} lost")
    pairs = zip(rates["gateway"], rates["bare paho"], strict=True)
    print(f"ratio      {statistics.median(ours / bare for ours, bare in pairs):8.2f} gateway / bare paho")


def drain(broker: Mosquitto, path: Path, subscriber: Callable[..., None], messages: int, client_id: str) -> float:
    """Let `subscriber` register its session, publish while it is away, then time it from its return."""
    in_child(subscriber, broker.port, path, client_id, 0)
    publish_readings(broker.port, messages)
    seconds: float = in_child(subscriber, broker.port, path, client_id, messages)
    return messages / seconds


def in_child(target: Callable[..., None], *arguments: object) -> Any:  # noqa: ANN401 - whatever the child sends
    """Run in a fresh process and return what it sent."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    child = context.Process(target=target, args=(theirs, *arguments))
    child.start()
    theirs.close()
    result = ours.recv()
    child.join()
    return result


def bare_subscriber(pipe: Pipe, port: int, _path: Path, client_id: str, messages: int) -> None:
    """Subscribe and count; send the seconds from the first message to the last."""
    done, times = threading.Event(), []

    def count(_client: Client, _data: object, _message: MQTTMessage) -> None:
        times.append(time.perf_counter())
        if len(times) == messages:
            done.set()

    client = connected(port, client_id, hear=count)
    if messages:
        assert done.wait(60)
        time.sleep(0.2)  # for acknowledgements under way
    pipe.send(times[-1] - times[0] if times else 0.0)
    client.disconnect()
    client.loop_stop()


def connected(port: int, client_id: str, *topics: str, hear: Callable[..., None] | None = None) -> Client:
    """Return a paho client with a persistent MQTT 5 session, subscribed at QoS 1; queued messages come at once."""
    client = Client(CallbackAPIVersion.VERSION2, client_id, protocol=MQTTProtocolVersion.MQTTv5)
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.SessionExpiryInterval, properties.ReceiveMaximum = 3600, 1000
    ready = threading.Event()

    def subscribe(client: Client, _data: object, _flags: ConnectFlags, *_: object) -> None:
        client.subscribe([(topic, 1) for topic in topics or ("devices/+/readings",)])

    client.max_inflight_messages_set(500)
    client.on_connect, client.on_message = subscribe, hear
    client.on_subscribe = lambda *_: ready.set()
    client.connect("127.0.0.1", port, clean_start=False, properties=properties)
    client.loop_start()
    assert ready.wait(10)
    return client


def gateway_subscriber(pipe: Pipe, port: int, path: Path, client_id: str, messages: int) -> None:
    """Run the gateway until it has learned and committed `messages` readings; send the seconds that took."""
    application = new_application(port, path, client_id)
    stop, times = threading.Event(), []
    application.pipeline.observers.append(
        lambda entry, outcome: times.append((time.perf_counter(), len(entry))) if outcome.verdicts else None
    )
    thread = threading.Thread(target=application.run, args=(stop,))
    thread.start()
    wait_until(lambda: application.connection.is_online, "the gateway is online", 30)
    wait_until(lambda: sum(count for _, count in times) >= messages, "everything is learned", 60)
    stop.set()
    thread.join()
    pipe.send(times[-1][0] - times[0][0] if times else 0.0)


def new_application(port: int, path: Path, client_id: str) -> Any:  # noqa: ANN401 - the gateway's application
    """Return the gateway with its defaults on this broker; imported here, so that bare paho carries none of it."""
    from gateway.app import Application  # noqa: PLC0415
    from gateway.config import Journal, Limits, Mqtt, Settings  # noqa: PLC0415

    return Application(
        Settings(
            mqtt=Mqtt(host="127.0.0.1", port=port, client_id=client_id),
            journal=Journal(path=str(path)),
            limits=Limits(ahead_s=1e7),
        )
    )


def publish_readings(port: int, messages: int) -> None:
    """Publish healthy readings of `DEVICES` devices, each with its own time, as fast as the broker takes them."""
    dice = random.Random(1)
    publisher = connected(port, "publisher", "nothing")
    last = None
    for number in range(messages):
        at = time.time() - 86_400 + number / DEVICES
        payload = json.dumps({"temperature": round(20 + dice.gauss(0, 0.5), 2), "time": at})
        last = publisher.publish(f"devices/d{number % DEVICES}/readings", payload, qos=1)
    assert last is not None
    last.wait_for_publish(120)
    publisher.disconnect()
    publisher.loop_stop()


def latency(broker: Mosquitto, folder: Path) -> None:
    """At `RATE` messages a second: from publishing a reading that is far off to hearing of it; echo by bare paho."""
    for name, answering in (("bare echo", bare_echo), ("gateway", gateway_alone)):
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        child = context.Process(target=answering, args=(theirs, broker.port, folder / f"{name}.db"))
        child.start()
        ours.recv()
        delays = sorted(probe(broker.port, warm_up=name == "gateway"))
        ours.send("stop")
        child.join()
        median, p99 = delays[len(delays) // 2], delays[int(len(delays) * 0.99)]
        print(
            f"{name:10} {1e3 * median:8.2f} ms median, {1e3 * p99:.2f} ms p99 of {len(delays)} answers at {RATE:.0f}/s"
        )
        if name == "bare echo":
            bare = median, p99
    print(f"ratio      {median / bare[0]:8.2f} median, {p99 / bare[1]:.2f} p99, gateway / bare echo")


def probe(port: int, *, warm_up: bool) -> list[float]:
    """Publish at `RATE`, every 51st reading far off, each on the next device; return the delays until it is told."""
    dice = random.Random(2)
    sent: dict[str, float] = {}
    delays: list[float] = []

    def hear(_client: Client, _data: object, message: MQTTMessage) -> None:
        if (at := sent.pop(message.topic.split("/")[1], None)) is not None:
            delays.append(time.perf_counter() - at)

    device = connected(port, f"device{warm_up}", "devices/+/anomaly", hear=hear)
    began = time.time() - 1e6
    for number in range(DEVICES * WARM_UP if warm_up else 0):
        last = device.publish(f"devices/d{number % DEVICES}/readings", reading(dice, began, number), qos=1)
    if warm_up:
        last.wait_for_publish(60)
        time.sleep(3)  # for the gateway to have learned it all
    start, first = time.perf_counter(), DEVICES * WARM_UP
    for number in range(51 * DEVICES):
        while time.perf_counter() < start + number / RATE:
            time.sleep(0.0005)
        name, is_off = f"d{(first + number) % DEVICES}", number % 51 == 0
        if is_off:
            sent[name] = time.perf_counter()
        device.publish(f"devices/{name}/readings", reading(dice, began, first + number, is_off=is_off), qos=1)
    deadline = time.monotonic() + 3
    while sent and time.monotonic() < deadline:
        time.sleep(0.01)
    device.disconnect()
    device.loop_stop()
    if sent:
        print(f"           {len(sent)} readings far off were not answered")
    return delays


def reading(dice: random.Random, began: float, number: int, *, is_off: bool = False) -> str:
    """Return the payload of a one-minute device."""
    value = round(20 + dice.gauss(0, 0.5), 2) + (number % 997 + 100 if is_off else 0)
    return json.dumps({"temperature": value, "time": began + number // DEVICES * 60})


def bare_echo(pipe: Pipe, port: int, _path: Path) -> None:
    """Answer every reading above 60 at once."""

    def answer(client: Client, _data: object, message: MQTTMessage) -> None:
        if json.loads(message.payload)["temperature"] > 60:
            client.publish(message.topic.replace("readings", "anomaly"), b"{}", qos=1)

    client = connected(port, "echo", hear=answer)
    pipe.send("ready")
    pipe.recv()
    client.disconnect()
    client.loop_stop()


def gateway_alone(pipe: Pipe, port: int, path: Path) -> None:
    """Run the gateway until told to stop."""
    application = new_application(port, path, "latency")
    stop = threading.Event()
    thread = threading.Thread(target=application.run, args=(stop,))
    thread.start()
    wait_until(lambda: application.connection.is_online, "the gateway is online", 30)
    pipe.send("ready")
    pipe.recv()
    stop.set()
    thread.join()


def footprint(broker: Mosquitto, folder: Path) -> None:
    """Time from start to the first subscription, and resident memory with 1,000 streams."""
    seconds, kilobytes = in_child(measure_footprint, broker.port, folder / "footprint.db", time.time())
    bare_seconds, bare_kilobytes = in_child(measure_bare, broker.port, time.time())
    print(f"start      {seconds:8.2f} s to the first subscription, bare paho {bare_seconds:.2f} s")
    print(
        f"memory     {kilobytes / 1024:8.0f} MB resident with 1,000 streams, bare paho {bare_kilobytes / 1024:.0f} MB"
    )


def measure_footprint(pipe: Pipe, port: int, path: Path, started: float) -> None:
    """Send the seconds until online, and the resident memory after 1,000 streams sent 100 readings each."""
    application = new_application(port, path, "footprint")
    stop, counts = threading.Event(), list[int]()
    application.pipeline.observers.append(
        lambda entry, outcome: counts.append(len(entry)) if outcome.verdicts else None
    )
    thread = threading.Thread(target=application.run, args=(stop,))
    thread.start()
    wait_until(lambda: application.connection.is_online, "the gateway is online", 30)
    seconds = time.time() - started
    publisher, began = connected(port, "many", "nothing"), time.time() - 1e6
    for step in range(100):
        for device in range(250):
            values = {f"s{sensor}": random.random() for sensor in range(4)}
            publisher.publish(f"devices/m{device}/readings", json.dumps({**values, "time": began + 60 * step}), qos=1)
        wait_for_sum(counts, 1000 * (step + 1))
    pipe.send((seconds, resident_kilobytes()))
    publisher.disconnect()
    publisher.loop_stop()
    stop.set()
    thread.join()


def wait_for_sum(counts: list[int], total: int) -> None:
    """Wait until so many were counted in all."""
    wait_until(lambda: sum(counts) == total, f"{total} are learned", 60)


def resident_kilobytes() -> int:
    """Return what the kernel says is resident now; the peak where it does not say."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() // 1024
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def measure_bare(pipe: Pipe, port: int, started: float) -> None:
    """Send the same of a bare subscriber."""
    client = connected(port, "bare")
    pipe.send((time.time() - started, resident_kilobytes()))
    client.disconnect()
    client.loop_stop()


if __name__ == "__main__":
    main()
