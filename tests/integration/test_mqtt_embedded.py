"""The broker that comes with the gateway."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
from brokers import accepts, wait_until

from gateway.errors import BrokerError
from gateway.mqtt.connection import Connection
from gateway.mqtt.embedded import PROTOCOL, EmbeddedBroker
from gateway.mqtt.inbox import Inbox
from gateway.mqtt.settings import ConnectionSettings


@pytest.fixture
def broker() -> Iterator[EmbeddedBroker]:
    """Give a started broker."""
    broker = EmbeddedBroker()
    broker.start()
    yield broker
    broker.stop()


def test_it_serves_until_it_is_stopped_and_says_nothing(
    broker: EmbeddedBroker, capfd: pytest.CaptureFixture[str]
) -> None:
    """Readings go round, the port is free again when it has stopped, and no log of its own appears."""
    inbox = Inbox()
    connection = Connection(
        ConnectionSettings("gateway", ("devices/+/readings",), port=broker.port, protocol=PROTOCOL), inbox
    )
    connection.start()
    wait_until(lambda: connection.is_online, "connected")
    connection.publish("devices/a/readings", b"21.4")
    assert [message.payload for message in inbox.take(5)] == [b"21.4"]
    connection.stop()
    broker.stop()
    assert not accepts(broker.port)
    assert capfd.readouterr() == ("", "")


def test_a_taken_port_is_named(broker: EmbeddedBroker) -> None:
    """The most frequent mistake: a mosquitto is running already."""
    with pytest.raises(BrokerError, match=f"port {broker.port}"):
        EmbeddedBroker(broker.port).start()


def test_it_does_not_outlive_a_killed_gateway() -> None:
    """Not even SIGKILL leaves it behind."""
    program = (
        "import time\nfrom gateway.mqtt.embedded import EmbeddedBroker\n"
        "broker = EmbeddedBroker()\nbroker.start()\nprint(broker.port, flush=True)\ntime.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, env=os.environ) as gateway:
        assert gateway.stdout
        port = int(gateway.stdout.readline())
        assert accepts(port)
        gateway.kill()
        wait_until(lambda: not accepts(port), "the broker ends with its gateway")


def receive(port: int, publication: bytes, count: int) -> list[bytes]:
    """Connect under the same id as before, publish one message and return what arrives, unacknowledged."""
    inbox = Inbox()
    connection = Connection(ConnectionSettings("gateway", ("a",), port=port, protocol=PROTOCOL), inbox)
    connection.start()
    wait_until(lambda: connection.is_online, "connected")
    connection.publish("a", publication)
    taken: list[bytes] = []
    while len(taken) < count:
        batch = inbox.take(5)
        assert batch, f"only {taken} arrived"
        taken += [message.payload for message in batch]
    connection.stop()
    return taken


def test_what_was_not_acknowledged_comes_again(broker: EmbeddedBroker) -> None:
    """A session outlives its connection."""
    assert receive(broker.port, b"1", 1) == [b"1"]
    assert receive(broker.port, b"2", 2) == [b"1", b"2"]
