"""Messages per second of one core through a real mosquitto: our connection against bare paho.

Run it as `python tests/benchmarks/bench_mqtt.py`. The messages wait in the broker, so only receiving is measured:
100 bytes of JSON each, into an inbox, and at QoS 1 acknowledged by the taking thread. Both sides ask for the same
window and are measured in processor time, in turns; printed are medians.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

sys.path.insert(0, str(Path(__file__).parents[1]))
from brokers import ROOMY, Mosquitto, wait_until

from gateway.mqtt.connection import Connection
from gateway.mqtt.inbox import Inbox
from gateway.mqtt.settings import ConnectionSettings
from gateway.records import Message

PAYLOAD = b'{"temperature": 21.4, "humidity": 40.25, "pressure": 1013.2, "time": "2026-05-11T12:00:00Z"}'.ljust(100)
WINDOW = 1_000
QUEUE = 65_000


def settings(port: int, client_id: str, qos: int) -> ConnectionSettings:
    """Return how we connect."""
    return ConnectionSettings(
        client_id, ("devices/+/readings",), port=port, qos=qos, receive_maximum=WINDOW, status_topic="bench"
    )


def ours(port: int, client_id: str, qos: int, count: int) -> None:
    """Receive with our connection."""
    inbox = Inbox()
    connection = Connection(settings(port, client_id, qos), inbox)
    connection.start()
    drain(inbox, count, lambda messages: connection.acknowledge(message.receipt for message in messages))
    connection.stop()


def paho(port: int, client_id: str, qos: int, count: int) -> None:
    """Receive as paho's documentation shows it, with manual acknowledgement."""
    inbox = Inbox()

    def on_message(_client: Client, _data: object, message: MQTTMessage) -> None:
        receipt = (1, message.mid) if message.qos else None
        inbox.put(Message(message.topic, bytes(message.payload), time.time_ns(), receipt, message.retain))

    def acknowledge(messages: list[Message]) -> None:
        for message in messages:
            if message.receipt:
                client.ack(message.receipt[1], qos)

    client = Client(CallbackAPIVersion.VERSION2, client_id, protocol=MQTTProtocolVersion.MQTTv5, manual_ack=True)
    client.on_message = on_message
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.SessionExpiryInterval = 3_600
    properties.ReceiveMaximum = WINDOW
    client.connect("127.0.0.1", port, clean_start=False, properties=properties)
    client.loop_start()
    drain(inbox, count, acknowledge)
    client.disconnect()
    client.loop_stop()


def drain(inbox: Inbox, count: int, acknowledge: Callable[[list[Message]], None]) -> None:
    """Take until everything is here."""
    taken = 0
    while taken < count:
        messages = inbox.take(5)
        if not messages:
            sys.exit(f"only {taken} of {count} arrived")
        acknowledge(messages)
        taken += len(messages)


def fill(port: int, client_id: str, qos: int, count: int) -> None:
    """Let messages wait in the broker for a client that has been there once."""
    visitor = Connection(settings(port, client_id, qos), Inbox())
    visitor.start()
    wait_until(lambda: visitor.is_online, "connected")
    visitor.stop()
    device = Connection(ConnectionSettings(f"device-{client_id}", port=port, max_outgoing=QUEUE), Inbox())
    device.start()
    wait_until(lambda: device.is_online, "connected")
    for number in range(count):
        device.publish(f"devices/d{number % 100}/readings", PAYLOAD, qos)
    device.publish("filled", b"")  # its acknowledgement shows that those of QoS 0 have arrived too
    wait_until(lambda: device._client.outgoing == 0, "the broker has everything", 60)
    device.stop()


def speed(receive: Callable[[int, str, int, int], None], port: int, qos: int, count: int) -> float:
    """Return messages per second of processor time."""
    client_id = f"{receive.__name__}-{time.time_ns()}"
    fill(port, client_id, qos, count)
    started = time.process_time()
    receive(port, client_id, qos, count)
    return count / (time.process_time() - started)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=30_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    lines = (*ROOMY, "queue_qos0_messages true", "log_type none")
    with tempfile.TemporaryDirectory() as folder, Mosquitto(Path(folder), *lines, is_verbose=False) as broker:
        for qos in (0, 1):
            rounds = [
                [speed(one, broker.port, qos, options.count) for one in (paho, ours)] for _ in range(options.rounds)
            ]
            bare, buffered = (statistics.median(column) for column in zip(*rounds, strict=True))
            print(
                f"QoS {qos}: {buffered:9,.0f} messages/s of a core, bare paho {bare:9,.0f}, ratio {buffered / bare:.1f}"
            )


if __name__ == "__main__":
    main()
