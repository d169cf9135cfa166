"""The broker configuration we hand out, in a real mosquitto."""

import os
import re
import shutil
import socket
import subprocess
import tomllib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from brokers import Mosquitto, wait_until

from gateway.mqtt.connection import Connection
from gateway.mqtt.inbox import Inbox
from gateway.mqtt.settings import ConnectionSettings

DEPLOY = Path(__file__).parents[2] / "deploy" / "mosquitto"


USERS = ("gateway", "homeassistant", "device pump-7", "device pump-8", "person anna")


def script(name: str, *arguments: str, folder: Path) -> str:
    """Run one of our scripts on a folder of the test's and return what it prints."""
    command = ["sh", str(DEPLOY / name), *arguments]
    environment = {**os.environ, "MOSQUITTO": str(folder), "CERTIFICATES": str(folder), "DAYS": "1"}
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout


class Deployed(Mosquitto):
    """mosquitto with the configuration of `deploy/`, moved to a free port and a folder of the test's."""

    is_for_network = False
    has_certificates = False

    def add_users(self, *users: str) -> None:
        """Make users as the scripts do, and the files that a configuration for the network needs."""
        self.is_for_network = True
        self.folder.mkdir()
        shutil.copy(DEPLOY / "acl", self.folder)
        for user in users:
            said = tomllib.loads(script("add-user.sh", *user.split(), folder=self.folder))
            self.passwords[said["username"]] = said["password"]

    def add_certificates(self, *users: str) -> None:
        """Let users show certificates instead."""
        self.has_certificates = True
        script("certificates.sh", "broker", "localhost", "127.0.0.1", folder=self.folder)
        for user in users:
            script("certificates.sh", "client", user, folder=self.folder)

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.passwords: dict[str, str] = {}

    def _configuration(self) -> list[str]:
        text = (DEPLOY / "mosquitto.conf").read_text()
        if self.is_for_network:
            text = self._for_network(text)
        text = text.replace("listener 1883 ", f"listener {self.port} ").replace(
            "/var/lib/mosquitto/", f"{self.folder}/"
        )
        return [*text.splitlines(), "user root"] if os.geteuid() == 0 else text.splitlines()

    def _for_network(self, text: str) -> str:
        """Follow what the file itself says must be done."""
        text = text.replace("allow_anonymous true", "allow_anonymous false")
        text = re.sub(r"^#(?=[a-z#])", "", text, flags=re.MULTILINE)
        if self.has_certificates:  # the listener without TLS gives way to the other
            text = re.sub(r"^#(?=[a-z])|^(listener 1883 .*|password_file .*)$", "", text, flags=re.MULTILINE)
            text = text.replace("listener 8883", f"listener {self.port} 127.0.0.1")
        else:
            text = re.sub(r"^(cafile|certfile|keyfile|listener 8883).*\n", "", text, flags=re.MULTILINE)
        return text.replace("/etc/mosquitto/certs", str(self.folder)).replace("/etc/mosquitto", str(self.folder))


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
            password = None if broker.has_certificates else broker.passwords.get(user)
            shown = broker.folder / user if broker.has_certificates else None
            settings = ConnectionSettings(
                f"client-{user}",
                topics,
                port=broker.port,
                username=user if password else None,
                password=password,
                status_topic=f"status/{user}",
                is_tls=shown is not None,
                ca_file=shown and shown.with_name("ca.crt"),
                certificate_file=shown and shown.with_name(f"{user}.crt"),
                key_file=shown and shown.with_name(f"{user}.key"),
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


LEVELS = ("readings", "readings/a", "anomaly", "prediction", "state", "feedback", "maintenance")
EVERYTHING = (
    *(f"devices/{device}/{level}" for device in ("pump-7", "pump-8") for level in LEVELS),
    "gateway/attic/status",
    "homeassistant/device/pump-7/config",
    "homeassistant/status",
    "else/where",
)

OWN = {"devices/pump-7/readings", "devices/pump-7/readings/a"}
ANSWERS = {topic for topic in EVERYTHING if topic.endswith(("/feedback", "/maintenance"))}
SAID = {topic for topic in EVERYTHING if topic.endswith(("/anomaly", "/prediction", "/state"))}
STATUS = {"gateway/attic/status"}

MAY_WRITE = {
    "pump-7": OWN,
    "anna": ANSWERS,
    "homeassistant": ANSWERS | {"homeassistant/status"},
    "gateway": SAID | STATUS | {topic for topic in EVERYTHING if topic.startswith("homeassistant/")},
}

ALL_OF_DEVICES = {topic for topic in EVERYTHING if topic.startswith("devices/")}
MAY_READ = {
    "pump-7": {topic for topic in SAID if "pump-7" in topic} | STATUS,
    "anna": ALL_OF_DEVICES | STATUS,
    "homeassistant": set(EVERYTHING) - {"else/where"},
    "gateway": set(EVERYTHING),
}


@pytest.fixture(params=["passwords", "certificates"])
def secured(broker: Deployed, request: pytest.FixtureRequest) -> Deployed:
    """Give a started broker for the network, on which users have either."""
    broker.add_users(*USERS)
    if request.param == "certificates":
        broker.add_certificates(*(user.split()[-1] for user in USERS))
    # one more, who may do everything: what the others said and heard is seen through it
    with (broker.folder / "acl").open("a") as acl:
        acl.write("\nuser witness\ntopic readwrite #\n")
    broker.passwords["witness"] = "w"
    if broker.has_certificates:
        script("certificates.sh", "client", "witness", folder=broker.folder)
    else:
        subprocess.run(["mosquitto_passwd", "-b", broker.folder / "passwords", "witness", "w"], check=True)
    broker.start()
    return broker


def heard_until_end(connection: Connection, inbox: Inbox) -> set[str]:
    """Return the topics that arrive before the last message."""
    heard: set[str] = set()
    while "gateway/end/status" not in heard:
        messages = inbox.take(5)
        assert messages, f"only {heard} arrived"
        connection.acknowledge(message.receipt for message in messages)
        heard |= {message.topic for message in messages}
    return heard - {"gateway/end/status"}


@pytest.mark.parametrize("user", MAY_WRITE)
def test_everybody_says_only_what_is_theirs_to_say(
    secured: Deployed, connect: Callable[..., tuple[Connection, Inbox]], user: str
) -> None:
    """A device speaks for itself alone and has no word on its alarms; people answer; the gateway does neither."""
    witness, inbox = connect("witness", "#")
    speaker, _ = connect(user)
    for topic in EVERYTHING:
        speaker.publish(topic, b"1")
    wait_until(lambda: speaker._client.outgoing == 0, "the broker has dealt with all of it")
    witness.publish("gateway/end/status", b"")
    assert heard_until_end(witness, inbox) == MAY_WRITE[user]


@pytest.mark.parametrize("user", MAY_READ)
def test_everybody_hears_only_what_is_theirs_to_hear(
    secured: Deployed, connect: Callable[..., tuple[Connection, Inbox]], user: str
) -> None:
    """A device hears nothing of another, and nothing that another sends, whatever it subscribes to."""
    listener, inbox = connect(user, "#", "devices/#", "devices/pump-8/readings", "devices/+/anomaly")
    witness, _ = connect("witness")
    for topic in (*EVERYTHING, "gateway/end/status"):
        witness.publish(topic, b"1")
    assert heard_until_end(listener, inbox) == MAY_READ[user]


def test_strangers_are_refused_once_devices_come_over_the_network(secured: Deployed) -> None:
    """No password or no certificate, no connection."""
    ca_file = secured.folder / "ca.crt" if secured.has_certificates else None
    settings = ConnectionSettings("stranger", port=secured.port, is_tls=secured.has_certificates, ca_file=ca_file)
    connection = Connection(settings, Inbox())
    connection.start()
    wait_until(lambda: connection.last_error, "it is refused")
    words = ("TLS", "hung up") if secured.has_certificates else ("user name or password",)
    assert any(each in connection.last_error for each in words), connection.last_error
    assert not connection.is_online
    connection.stop()


def test_a_name_that_is_a_wildcard_opens_nothing(
    broker: Deployed, connect: Callable[..., tuple[Connection, Inbox]]
) -> None:
    """The script refuses such names; where somebody makes one all the same, mosquitto's patterns give it nothing."""
    broker.add_users(*USERS)
    for name in ("+", "#", "pump-7/x", "a b", ""):
        with pytest.raises(subprocess.CalledProcessError):
            script("add-user.sh", "device", name, folder=broker.folder)
    subprocess.run(["mosquitto_passwd", "-b", broker.folder / "passwords", "+", "w"], check=True)
    broker.start()
    heard = Inbox()
    trickster = Connection(ConnectionSettings("x", ("#",), port=broker.port, username="+", password="w"), heard)
    trickster.start()
    wait_until(lambda: trickster.is_online, "it is connected")
    gateway, inbox = connect("gateway", "#")
    trickster.publish("devices/pump-7/readings", b"1")
    gateway.publish("devices/pump-7/anomaly", b"1")
    gateway.publish("gateway/end/status", b"1")
    assert heard_until_end(gateway, inbox) == {"devices/pump-7/anomaly"}
    trickster.stop()
    assert heard.take(0) == []


@pytest.mark.parametrize("user", ["device gateway", "device anna", "person pump-7", "person a/b", "nobody x"])
def test_nobody_gets_the_rights_of_another_by_name(broker: Deployed, user: str) -> None:
    """A device called as a person or the gateway would speak with their word, and the other way about."""
    broker.add_users(*USERS)
    before = {name: (broker.folder / name).read_text() for name in ("acl", "passwords")}
    with pytest.raises(subprocess.CalledProcessError):
        script("add-user.sh", *user.split(), folder=broker.folder)
    assert {name: (broker.folder / name).read_text() for name in before} == before


def test_a_new_password_takes_the_place_of_the_old_one(broker: Deployed) -> None:
    """No second line, no second rule; and nobody but mosquitto can read the file."""
    broker.add_users(*USERS, "person anna")
    text = (broker.folder / "passwords").read_text()
    assert sorted(line.partition(":")[0] for line in text.splitlines()) == sorted(each.split()[-1] for each in USERS)
    assert (broker.folder / "acl").read_text().count("user anna\n") == 1
    assert (broker.folder / "passwords").stat().st_mode & 0o077 == 0
    assert not any(password in text for password in broker.passwords.values())
