"""The connection against a real mosquitto."""

import logging
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from brokers import ROOMY, Mosquitto, free_port, wait_until

from gateway.mqtt.allowances import AHEAD, Sharing
from gateway.mqtt.connection import Connection
from gateway.mqtt.embedded import EmbeddedBroker
from gateway.mqtt.inbox import Inbox
from gateway.mqtt.settings import ConnectionSettings
from gateway.records import Message

READINGS = ("devices/+/readings",)


class Client:
    """A connection with its inbox, and everything that was taken from it."""

    def __init__(
        self,
        broker: Mosquitto,
        client_id: str,
        inbox: Inbox | None = None,
        **settings: Any,  # noqa: ANN401 - of each its type
    ) -> None:
        self.inbox = Inbox() if inbox is None else inbox
        # With a status topic, stopping waits for the broker, which then has read all acknowledgements before it.
        defaults = ConnectionSettings(
            client_id, port=broker.port, status_topic=f"status/{client_id}", shortest_delay_s=0.02, longest_delay_s=0.1
        )
        self.connection = Connection(replace(defaults, **settings), self.inbox)
        self.taken: list[Message] = []

    @property
    def payloads(self) -> list[bytes]:
        """What was received so far, in order."""
        self.taken += self.inbox.take(0)
        return [message.payload for message in self.taken]

    def start(self, generation: int = 1) -> "Client":
        """Start and wait for the connection."""
        self.connection.start()
        return self.wait_for(generation)

    def wait_for(self, generation: int) -> "Client":
        """Wait for the n-th connection."""
        connection = self.connection
        wait_until(lambda: connection.is_online and connection.generation >= generation, f"connection {generation}")
        return self

    def wait_until_heard(self, payload: bytes) -> None:
        """Wait until this has come."""
        wait_until(lambda: payload in self.payloads, f"{payload!r} is there")

    def acknowledge(self) -> None:
        """Acknowledge everything that was taken."""
        self.connection.acknowledge(message.receipt for message in self.taken)


@pytest.fixture
def new_client(mosquitto: Mosquitto) -> Iterator[Callable[..., Client]]:
    """Give a function that makes a client; all are stopped with the test."""
    with ExitStack() as clients:

        def make(
            client_id: str = "gateway",
            broker: Mosquitto = mosquitto,
            **settings: Any,  # noqa: ANN401 - of each its type
        ) -> Client:
            client = Client(broker, client_id, **settings)
            clients.callback(client.connection.stop)
            return client

        yield make


def connect(*connections: Connection) -> None:
    """Start them all and wait for their connections."""
    for connection in connections:
        connection.start()
    wait_until(lambda: all(connection.is_online for connection in connections), "connected")


def publish(client: Client, count: int, first: int = 0) -> list[bytes]:
    """Publish numbers as readings of one device and return them once the broker has them all."""
    payloads = [b"%d" % number for number in range(first, first + count)]
    for payload in payloads:
        assert client.connection.publish("devices/a/readings", payload)
    wait_until(lambda: client.connection._client.outgoing == 0, "the broker has everything")
    return payloads


def test_messages_are_received_and_acknowledged(new_client: Callable[..., Client]) -> None:
    """In order, with a receipt, and after acknowledging the broker has nothing left for us."""
    gateway, device = new_client(topics=READINGS).start(), new_client("device").start()
    sent = publish(device, 300)
    wait_until(lambda: gateway.payloads == sent, "everything arrives")
    assert gateway.taken[0].topic == "devices/a/readings"
    assert {message.receipt[0] for message in gateway.taken if message.receipt} == {1}
    assert gateway.connection.received == 300
    gateway.acknowledge()
    gateway.connection.stop()
    again = new_client(topics=READINGS).start()
    publish(device, 1, first=1_000)
    wait_until(lambda: again.payloads == [b"1000"], "only the new message arrives")


def test_a_message_of_qos_0_has_no_receipt(new_client: Callable[..., Client]) -> None:
    """Nothing is due for it."""
    gateway, device = new_client(topics=READINGS).start(), new_client("device").start()
    device.connection.publish("devices/a/readings", b"x", 0)
    wait_until(lambda: gateway.payloads, "it arrives")
    assert gateway.taken[0].receipt is None


@pytest.mark.parametrize("protocol", [5, 4])
def test_what_was_not_acknowledged_comes_again(new_client: Callable[..., Client], protocol: int) -> None:
    """Even to a new process, as long as the client id is the same, together with what came in between."""
    gateway = new_client(topics=READINGS, protocol=protocol).start()
    device = new_client("device").start()
    sent = publish(device, 20)
    wait_until(lambda: gateway.payloads == sent, "everything arrives")
    gateway.connection.acknowledge(message.receipt for message in gateway.taken[:5])
    gateway.connection.stop()
    sent += publish(device, 5, first=20)
    again = new_client(topics=READINGS, protocol=protocol).start()
    wait_until(lambda: again.payloads == sent[5:], "all but the acknowledged arrives again")


def test_receipts_of_an_earlier_connection_are_ignored(
    new_client: Callable[..., Client], new_mosquitto: Callable[..., Mosquitto]
) -> None:
    """Packet ids are used again: the old id 1 must not acknowledge the new message 1."""
    broker = new_mosquitto(*ROOMY)
    gateway = new_client(broker=broker, topics=READINGS).start()
    device = new_client("device", broker=broker).start()
    sent = publish(device, 3)
    wait_until(lambda: gateway.payloads == sent, "everything arrives")
    old = [message.receipt for message in gateway.taken]
    broker.restart()
    gateway.wait_for(2)
    device.wait_for(2)
    sent += publish(device, 3, first=3)
    wait_until(lambda: gateway.payloads == sent, "everything new arrives")
    assert {message.receipt[1] for message in gateway.taken[3:] if message.receipt} == {one[1] for one in old if one}
    gateway.connection.acknowledge(old)
    gateway.connection.stop()
    again = new_client(broker=broker, topics=READINGS).start()
    wait_until(lambda: again.payloads == sent[3:], "the new ones were not acknowledged")


def test_subscriptions_are_renewed_when_the_broker_has_forgotten_us(
    mosquitto: Mosquitto, new_client: Callable[..., Client], caplog: pytest.LogCaptureFixture
) -> None:
    """A restart without memory; one line says that the broker was lost, one that it is back."""
    caplog.set_level(logging.INFO, "gateway")
    gateway = new_client(topics=READINGS).start()
    mosquitto.stop()
    wait_until(lambda: not gateway.connection.is_online, "the loss is noticed")
    wait_until(lambda: "nothing listens" in gateway.connection.last_error, "it is tried again")
    mosquitto.start()
    gateway.wait_for(2)
    publish(new_client("device").start(), 1)
    wait_until(lambda: gateway.payloads == [b"0"], "messages arrive again")
    assert gateway.connection.reconnects == 1
    lines = [record.getMessage() for record in caplog.records]
    assert [line.split()[0] for line in lines[:3]] == ["connected", "not", "connected"]
    assert lines[1].endswith("the broker hung up; trying again")


def test_a_broker_that_is_not_up_yet_is_waited_for(
    mosquitto: Mosquitto, new_client: Callable[..., Client], caplog: pytest.LogCaptureFixture
) -> None:
    """Start does not fail, says it once, and what is published meanwhile is sent."""
    mosquitto.stop()
    gateway = new_client(topics=READINGS)
    gateway.connection.start()
    for number in range(100):
        assert gateway.connection.publish("devices/a/readings", b"%d" % number)
    wait_until(lambda: gateway.connection._failures >= 3, "a few attempts fail")
    mosquitto.start()
    wait_until(lambda: len(gateway.payloads) == 100, "what was kept is sent")
    assert len([record for record in caplog.records if record.levelno == logging.WARNING]) == 1


def test_a_full_inbox_holds_the_broker_back_and_nothing_is_lost(new_client: Callable[..., Client]) -> None:
    """A slow loop, a burst forty times the inbox: every message arrives, in order."""
    gateway = new_client(topics=READINGS, inbox=Inbox(max_messages=50)).start()
    sent = publish(new_client("device").start(), 2_000)
    wait_until(lambda: gateway.inbox.times_blocked, "the network thread is held back")
    taken: list[Message] = []
    while len(taken) < len(sent):
        batch = gateway.inbox.take(5)
        assert batch, "messages are missing"
        gateway.connection.acknowledge(message.receipt for message in batch)
        taken += batch
    assert [message.payload for message in taken] == sent
    assert gateway.inbox.high_water <= 50


def test_the_window_of_unacknowledged_messages_is_asked_for(new_client: Callable[..., Client]) -> None:
    """The broker sends no more than the receive maximum until we acknowledge.

    A message of QoS 0 overtakes and shows that nothing else is on its way. Later windows are not looked at: mosquitto
    2.0.11 sends 170 messages after the first 30 were acknowledged.
    """
    gateway, device = new_client(topics=READINGS, receive_maximum=30).start(), new_client("device").start()
    sent = publish(device, 100)
    device.connection.publish("devices/a/readings", b"overtakes", 0)
    wait_until(lambda: b"overtakes" in gateway.payloads, "what needs no window arrives")
    assert gateway.payloads == [*sent[:30], b"overtakes"]
    gateway.acknowledge()
    wait_until(lambda: gateway.payloads[31:] == sent[30:], "the rest arrives")


@pytest.mark.parametrize("protocol", [5, 4])
def test_a_killed_gateway_is_announced_by_the_broker(
    mosquitto: Mosquitto, new_client: Callable[..., Client], protocol: int
) -> None:
    """The last will, retained."""
    program = (
        "import sys, time\nfrom gateway.mqtt.connection import Connection\n"
        "from gateway.mqtt.inbox import Inbox\nfrom gateway.mqtt.settings import ConnectionSettings\n"
        "settings = ConnectionSettings('killed', port=int(sys.argv[1]), protocol=int(sys.argv[2]), status_topic='s')\n"
        "connection = Connection(settings, Inbox())\nconnection.start()\n"
        "connection.publish('s', b'online', retain=True)\ntime.sleep(60)\n"
    )
    watcher = new_client("watcher", topics=("s",)).start()
    with subprocess.Popen([sys.executable, "-c", program, str(mosquitto.port), str(protocol)]) as process:
        wait_until(lambda: watcher.payloads == [b"online"], "it is online")
        process.kill()
    wait_until(lambda: watcher.payloads == [b"online", b"offline"], "it is told to be offline")
    late = new_client("late", topics=("s",)).start()
    wait_until(lambda: late.payloads == [b"offline"], "whoever comes later knows it too")
    assert late.taken[0].is_retained
    assert not watcher.taken[1].is_retained


def test_stopping_says_offline(new_client: Callable[..., Client]) -> None:
    """Without waiting for the will; what was published before still goes out, and first."""
    watcher = new_client("watcher", topics=("anomaly", "status/gateway")).start()
    gateway = new_client().start()
    gateway.connection.publish("anomaly", b"last words")
    gateway.connection.stop()
    wait_until(lambda: watcher.payloads == [b"last words", b"offline"], "goodbye is heard")
    assert not gateway.connection.is_online
    assert not gateway.connection._thread.is_alive()


def test_wrong_credentials_are_told_in_plain_words_once(
    new_mosquitto: Callable[..., Mosquitto],
    new_client: Callable[..., Client],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It goes on trying, for the password may be corrected on the other side."""
    passwords = tmp_path / "passwords"
    subprocess.run(["mosquitto_passwd", "-b", "-c", passwords, "gateway", "right"], check=True)
    broker = new_mosquitto(f"password_file {passwords}", is_anonymous=False)
    right = new_client("right", broker=broker, username="gateway", password="right").start()
    wrong = new_client("wrong", broker=broker, username="gateway", password="wrong")
    wrong.connection.start()
    wait_until(lambda: wrong.connection._failures >= 3, "a few attempts fail")
    assert "user name or password" in wrong.connection.last_error
    assert not wrong.connection.is_online
    assert len([record for record in caplog.records if "user name or password" in record.getMessage()]) == 1
    assert right.connection.is_online


def test_a_broker_without_mqtt_5_is_spoken_to_in_3_1_1(
    new_client: Callable[..., Client], caplog: pytest.LogCaptureFixture
) -> None:
    """At once, and without alarming anybody: the embedded broker is one that hangs up on MQTT 5."""
    broker = EmbeddedBroker()
    broker.start()
    try:
        gateway = new_client(port=broker.port, topics=READINGS, shortest_delay_s=60, longest_delay_s=60).start()
        publish(gateway, 10)
        wait_until(lambda: len(gateway.payloads) == 10, "messages arrive")
        assert gateway.connection.generation == 1
        assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
    finally:
        broker.stop()


def test_a_bug_in_the_network_thread_reaches_the_loop(
    new_client: Callable[..., Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The thread ends, the exception is kept for the loop, which is woken."""
    gateway = new_client(topics=READINGS).start()
    bug = RuntimeError("a bug")

    def fail(_message: Message) -> bool:
        raise bug

    monkeypatch.setattr(gateway.inbox, "put", fail)
    publish(new_client("device").start(), 1)
    assert gateway.inbox.take(10) == []
    assert gateway.connection.failure is bug
    wait_until(lambda: not gateway.connection.is_online, "it is offline")


def test_stopping_is_quick_while_the_broker_is_away(mosquitto: Mosquitto, new_client: Callable[..., Client]) -> None:
    """The back-off is interrupted."""
    mosquitto.stop()
    gateway = new_client(port=free_port(), shortest_delay_s=60, longest_delay_s=60)
    gateway.connection.start()
    wait_until(lambda: gateway.connection.last_error, "the first attempt fails")
    gateway.connection.stop()
    assert not gateway.connection._thread.is_alive()


def test_descriptions_come_again_with_every_connection(new_client: Callable[..., Client]) -> None:
    """What was retained on an ordinary topic is not repeated to a session that goes on; what describes devices is."""
    publisher = new_client("publisher").start()
    for topic in ("readings/a", "bridge/devices"):
        publisher.connection.publish(topic, topic.encode(), retain=True)
    wait_until(lambda: publisher.connection._client.outgoing == 0, "the broker has both")
    heard = []
    for _ in range(2):
        client = new_client(topics=("readings/#", "bridge/devices"), retained_topics=("bridge/devices",)).start()
        client.wait_until_heard(b"bridge/devices")
        client.acknowledge()
        client.connection.stop()
        heard.append(sorted(client.payloads))
    assert heard == [[b"bridge/devices", b"readings/a"], [b"bridge/devices"]]


def test_what_is_shed_of_one_device_leaves_room_for_the_others(new_mosquitto: Callable[..., Mosquitto]) -> None:
    """It is acknowledged, too, in its place: a broker sends no more than a window of what is not."""
    broker = new_mosquitto("max_queued_messages 0", f"max_inflight_messages {2 * AHEAD}")
    inbox = Inbox(sharing=Sharing(lambda topic: topic.split("/")[1], 1e-9, 10, 10_000))
    gateway = Connection(ConnectionSettings("gateway", ("devices/#",), port=broker.port), inbox)
    device = Connection(ConnectionSettings("device", port=broker.port), Inbox())
    connect(gateway, device)
    for _ in range(2_000):
        device.publish("devices/flooder/readings", b"1")
    device.publish("devices/pump/readings", b"2")
    taken: list[Message] = []

    def take() -> bool:
        taken.extend(inbox.take(0))
        gateway.acknowledge(message.receipt for message in taken)
        return bool(taken) and taken[-1].topic == "devices/pump/readings"

    wait_until(lambda: len(inbox) > AHEAD, "more has come than may wait")
    wait_until(take, "everything comes through")
    assert inbox.shed()["flooder"] + len(taken) + len(inbox) == 2_001
    for connection in (gateway, device):
        connection.stop()


def test_what_waits_to_be_sent_is_sent_before_the_end(mosquitto: Mosquitto) -> None:
    """An alarm of the last second reaches its device, though the gateway is told to end."""
    inbox = Inbox()
    listener = Connection(ConnectionSettings("listener", ("devices/#",), port=mosquitto.port), inbox)
    gateway = Connection(ConnectionSettings("gateway", port=mosquitto.port, status_topic="gateway/g/status"), Inbox())
    connect(listener, gateway)
    for number in range(1_000):
        gateway.publish("devices/pump/anomaly", b"%d" % number)
    gateway.stop()
    wait_until(lambda: listener.received == 1_000, "all of it arrives")
    listener.stop()
