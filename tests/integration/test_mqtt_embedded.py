"""The broker that comes with the gateway."""

import os
import subprocess
import sys
import time

import pytest
from brokers import accepts, wait_until

from gateway.errors import BrokerError
from gateway.mqtt.connection import Connection, ConnectionSettings
from gateway.mqtt.embedded import PROTOCOL, EmbeddedBroker
from gateway.mqtt.inbox import Inbox


def test_it_serves_until_it_is_stopped_and_says_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    """Readings go round, the port is free again within a second, and no log of its own appears."""
    broker = EmbeddedBroker()
    broker.start()
    inbox = Inbox()
    connection = Connection(
        ConnectionSettings("gateway", ("devices/+/readings",), port=broker.port, protocol=PROTOCOL), inbox
    )
    connection.start()
    wait_until(lambda: connection.is_online, "connected")
    connection.publish("devices/a/readings", b"21.4")
    assert [message.payload for message in inbox.take(5)] == [b"21.4"]
    connection.stop()
    started = time.monotonic()
    broker.stop()
    assert time.monotonic() - started < 1
    assert not accepts(broker.port)
    assert capfd.readouterr() == ("", "")


def test_a_taken_port_is_named() -> None:
    """The most frequent mistake: a mosquitto is running already."""
    broker = EmbeddedBroker()
    broker.start()
    with pytest.raises(BrokerError, match=f"port {broker.port}"):
        EmbeddedBroker(broker.port).start()
    broker.stop()


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


def test_messages_for_an_absent_client_are_kept() -> None:
    """A session outlives its connection, and what was not acknowledged comes again."""
    broker = EmbeddedBroker()
    broker.start()
    settings = ConnectionSettings("gateway", ("a",), port=broker.port, protocol=PROTOCOL)
    for expected in ([b"1"], [b"1", b"2"]):
        inbox = Inbox()
        connection = Connection(settings, inbox)
        connection.start()
        wait_until(lambda: connection.is_online, "connected")
        connection.publish("a", expected[-1])
        taken: list[bytes] = []
        while len(taken) < len(expected):
            batch = inbox.take(5)
            assert batch, f"only {taken} arrived"
            taken += [message.payload for message in batch]
        assert taken == expected
        connection.stop()
    broker.stop()
