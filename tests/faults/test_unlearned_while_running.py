"""A running gateway is asked to forget and to undo, as a person does it, while readings come in."""

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from brokers import Mosquitto, wait_until
from gateways import DEADLINE_S, Gateway, Publisher
from influxdb import InfluxDB
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from gateway import control


@pytest.fixture
def broker(new_mosquitto: Callable[..., Mosquitto]) -> Mosquitto:
    """Give a broker that keeps everything."""
    return new_mosquitto("max_queued_messages 0")


@pytest.fixture
def gateway(tmp_path: Path, broker: Mosquitto) -> Iterator[Gateway]:
    """Give a gateway that has learned some."""
    with Gateway(tmp_path, broker.port).start() as gateway:
        gateway.wait_until_online()
        yield gateway


@pytest.fixture
def publisher(gateway: Gateway, broker: Mosquitto) -> Iterator[Publisher]:
    """Give five devices whose first thousand readings are in the log."""
    publisher = Publisher(broker.port)
    publisher.publish(1000)
    wait_until(lambda: len(gateway.counted()) == 1000, "everything is in the log", DEADLINE_S)
    yield publisher
    publisher.close()


def retained(port: int) -> set[str]:
    """Return the topics of which the broker keeps a message."""
    found: set[str] = set()
    done = threading.Event()
    watcher = Client(CallbackAPIVersion.VERSION2, "watcher")

    def note(_client: Client, _data: object, message: MQTTMessage) -> None:
        found.add(message.topic)
        done.set()

    watcher.on_message = note
    watcher.connect("127.0.0.1", port)
    watcher.subscribe("devices/+/prediction")
    watcher.loop_start()
    done.wait(DEADLINE_S)
    told = watcher.publish("devices/end/prediction", b"x", 1)
    told.wait_for_publish(DEADLINE_S)
    wait_until(lambda: "devices/end/prediction" in found, "all that is kept has come", DEADLINE_S)
    watcher.disconnect()
    watcher.loop_stop()
    return found - {"devices/end/prediction"}


def test_a_device_that_is_gone_is_forgotten_while_the_others_go_on(
    gateway: Gateway, publisher: Publisher, broker: Mosquitto
) -> None:
    """No byte of its name is left, nothing is kept at the broker, the others are all there and go on being learned."""
    assert retained(broker.port) == {f"devices/device-{number}/prediction" for number in range(5)}
    publisher.devices = 4  # d4 is switched off
    going_on = threading.Thread(target=publisher.publish, args=(2000,))
    going_on.start()
    receipt = gateway.ask(
        "forget", "--device", "device-4", "--verify", "--receipt", str(gateway.folder / "receipt.json")
    )
    going_on.join()
    wait_until(lambda: len(gateway.counted()) == 2800, "everything else is in the log", DEADLINE_S)
    assert json.loads((gateway.folder / "receipt.json").read_text()) == receipt
    assert receipt["removed from the log"]["readings"] == 400
    assert receipt["write-ahead log emptied"]
    assert receipt["state after"] is None
    assert receipt["verified"] == {
        "state of a gateway that never saw it": None,
        "is ours": True,
        "files that hold the name": [],
    }
    assert retained(broker.port) == {f"devices/device-{number}/prediction" for number in range(4)}
    assert {device for device, *_ in gateway.readings()} == {"device-0", "device-1", "device-2", "device-3"}
    assert gateway.stop() == 0
    assert gateway.digests(use_checkpoint=True) == gateway.digests(use_checkpoint=False)


def test_an_hour_is_undone_while_readings_come(gateway: Gateway, publisher: Publisher) -> None:
    """The readings stay; a restart, from the checkpoint or from the whole log, knows as little of it as the gateway."""
    going_on = threading.Thread(target=publisher.publish, args=(1000,))
    going_on.start()
    hour = ("--from", "2023-11-14T23:00", "--to", "2023-11-15T00:00+00:00")
    assert gateway.ask("undo", *hour)["learned anew"] >= 2000 - 2 * 5 * 60
    assert gateway.ask("undo", "--device", "device-1", "--from", "2023-11-14T22:30", "--to", "2023-11-14T22:40")
    going_on.join()
    wait_until(lambda: len(gateway.counted()) == 2000, "everything is in the log", DEADLINE_S)
    assert gateway.stop() == 0
    assert gateway.digests(use_checkpoint=True) == gateway.digests(use_checkpoint=False)


def test_without_a_gateway_the_command_does_it_itself(gateway: Gateway, publisher: Publisher) -> None:
    """The same receipt, and the same state, whoever did the work; the broker is asked in passing."""
    assert gateway.stop() == 0
    receipt = gateway.ask("forget", "--device", "device-2", "--sensor", "number", "--verify")
    assert receipt["removed from the log"]["readings"] == 200
    assert receipt["beside the log"] == {"retained messages": "taken off"}
    assert receipt["verified"]["is ours"]
    assert (
        receipt["state after"] == receipt["verified"]["state of a gateway that never saw it"] != receipt["state before"]
    )
    assert gateway.ask("refold")["learned anew"] == 1800


def test_what_is_forgotten_is_gone_from_influxdb_too(tmp_path: Path, broker: Mosquitto, influxdb: InfluxDB) -> None:
    """The receipt says so, and the others' readings are all there."""
    influx = f'[influx]\nurl = "{influxdb.url}"\nbucket = "raw"\nlinger_s = 0.01'
    gateway, publisher = Gateway(tmp_path, broker.port, influx), Publisher(broker.port)

    def held(device: str) -> int:
        return sum(row["device"] == device for row in influxdb.rows("SELECT value FROM readings GROUP BY *", "raw"))

    with gateway.running():
        publisher.publish(100)
        wait_until(lambda: held("device-3") == held("device-4") == 40, "InfluxDB has all", DEADLINE_S)
        receipt = control.ask(control.beside(gateway.log), "forget", {"device": "device-4"}, lambda _: None)
        assert receipt
        assert receipt["beside the log"]["InfluxDB"].startswith("deleted")
        assert (held("device-3"), held("device-4")) == (40, 0)
    publisher.close()
