"""The broker configuration we hand out, in a real mosquitto."""

import os
import re
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from brokers import Mosquitto, wait_until

from gateway.mqtt.connection import Connection, ConnectionSettings
from gateway.mqtt.inbox import Inbox

DEPLOY = Path(__file__).parents[2] / "deploy" / "mosquitto"
PASSWORD = "secret"


class Deployed(Mosquitto):
    """mosquitto with the configuration of `deploy/`, moved to a free port and a folder of the test's."""

    is_for_network = False

    def _configuration(self) -> list[str]:
        text = (DEPLOY / "mosquitto.conf").read_text()
        if self.is_for_network:
            text = self._for_network(text)
        text = text.replace("listener 1883 ", f"listener {self.port} ").replace(
            "/var/lib/mosquitto/", f"{self.folder}/"
        )
        return [*text.splitlines(), "user root"] if os.geteuid() == 0 else text.splitlines()

    def _for_network(self, text: str) -> str:
        """Follow what the file itself says must be done; certificates are tested elsewhere."""
        text = re.sub(
            r"^#(?=[a-z])", "", text.replace("allow_anonymous true", "allow_anonymous false"), flags=re.MULTILINE
        )
        text = re.sub(r"^(cafile|certfile|keyfile|listener 8883).*\n", "", text, flags=re.MULTILINE)
        passwords = self.folder / "passwords"
        for number, user in enumerate(("gateway", "pump-7", "pump-8")):
            new = ["-c"] if number == 0 else []
            subprocess.run(["mosquitto_passwd", "-b", *new, passwords, user, PASSWORD], check=True)
        return text.replace("/etc/mosquitto/passwords", str(passwords)).replace("/etc/mosquitto/acl", f"{DEPLOY}/acl")


@pytest.fixture
def broker(new_mosquitto: Callable[..., Mosquitto], tmp_path: Path) -> Iterator[Deployed]:
    """Give a broker that is not started yet; `new_mosquitto` sees to it that there is one."""
    broker = Deployed(tmp_path / "deployed")
    yield broker
    broker.stop()


@pytest.fixture
def connect(broker: Deployed) -> Iterator[Callable[..., tuple[Connection, Inbox]]]:
    """Give a function that connects a user."""
    with ExitStack() as connections:

        def as_user(user: str, *topics: str) -> tuple[Connection, Inbox]:
            inbox = Inbox()
            password = PASSWORD if broker.is_for_network else None
            settings = ConnectionSettings(
                f"client-{user}",
                topics,
                port=broker.port,
                username=user if password else None,
                password=password,
                status_topic=f"status/{user}",
            )
            connection = Connection(settings, inbox)
            connection.start()
            connections.callback(connection.stop)
            wait_until(lambda: connection.is_online, f"{user} is connected")
            return connection, inbox

        yield as_user


def take(connection: Connection, inbox: Inbox, count: int) -> list[tuple[str, bytes]]:
    """Return what arrives, once it is as much as expected."""
    taken: list[tuple[str, bytes]] = []
    while len(taken) < count:
        messages = inbox.take(5)
        assert messages, f"only {taken[:5]} arrived"
        connection.acknowledge(message.receipt for message in messages)
        taken += [(message.topic, message.payload) for message in messages]
    return taken


def test_it_listens_on_the_loopback_interface_only_and_warns_of_nothing(broker: Deployed) -> None:
    """Nobody on the network gets in by default."""
    broker.start()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", broker.port))  # another address of this machine
    complaints = re.findall(r".*(?:Error|Warning).*", broker.log)
    assert [line for line in complaints if "run as root" not in line] == []


def test_a_burst_waits_for_a_gateway_that_is_away(
    broker: Deployed, connect: Callable[..., tuple[Connection, Inbox]]
) -> None:
    """Six times what mosquitto itself would keep; and it survives a restart of the broker."""
    broker.start()
    gateway, _ = connect("gateway", "devices/+/readings")
    gateway.stop()
    device, _ = connect("device")
    for number in range(6_000):
        device.publish("devices/a/readings", b"%d" % number)
    wait_until(lambda: device._client.outgoing == 0, "the broker has everything")
    device.stop()
    broker.restart()
    gateway, inbox = connect("gateway", "devices/+/readings")
    assert [payload for _, payload in take(gateway, inbox, 6_000)] == [b"%d" % number for number in range(6_000)]


def test_devices_are_confined_to_their_own_topics(
    broker: Deployed, connect: Callable[..., tuple[Connection, Inbox]]
) -> None:
    """A device reports for itself and hears what concerns itself; the gateway hears and answers all."""
    broker.is_for_network = True
    broker.start()
    gateway, heard = connect("gateway", "devices/#")
    pump, told = connect("pump-7", "#")
    for topic in ("devices/pump-8/readings", "devices/pump-7/anomaly", "devices/pump-7/readings/temperature",
                  "devices/pump-7/feedback", "devices/pump-7/readings"):  # fmt: skip
        pump.publish(topic, b"1")
    assert [topic for topic, _ in take(gateway, heard, 3)] == [
        "devices/pump-7/readings/temperature",
        "devices/pump-7/feedback",
        "devices/pump-7/readings",
    ]
    for topic in ("devices/pump-8/anomaly", "devices/pump-7/anomaly", "devices/pump-7/prediction", "gateway/g/status"):
        gateway.publish(topic, b"2")
    assert [topic for topic, _ in take(pump, told, 3)] == [
        "devices/pump-7/anomaly",
        "devices/pump-7/prediction",
        "gateway/g/status",
    ]


def test_strangers_are_refused_once_devices_come_over_the_network(broker: Deployed) -> None:
    """No user, no connection."""
    broker.is_for_network = True
    broker.start()
    connection = Connection(ConnectionSettings("stranger", port=broker.port), Inbox())
    connection.start()
    wait_until(lambda: connection.last_error, "it is refused")
    assert "user name or password" in connection.last_error
    connection.stop()
