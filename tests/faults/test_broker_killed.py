"""The broker dies under traffic."""

import signal
import threading
from collections.abc import Callable

from brokers import ROOMY, Mosquitto, wait_until

from gateway.mqtt.connection import Connection
from gateway.mqtt.inbox import Inbox
from gateway.mqtt.settings import ConnectionSettings


def connect(
    broker: Mosquitto, client_id: str, *topics: str, status: str | None = None, inbox: Inbox | None = None
) -> tuple[Connection, Inbox]:
    """Return a started connection and its inbox."""
    inbox = Inbox() if inbox is None else inbox
    settings = ConnectionSettings(
        client_id, topics, port=broker.port, status_topic=status, shortest_delay_s=0.02, longest_delay_s=0.1
    )
    connection = Connection(settings, inbox)
    connection.start()
    wait_until(lambda: connection.is_online, "connected")
    return connection, inbox


def test_both_sides_come_back_after_three_power_cuts_of_the_broker(new_mosquitto: Callable[..., Mosquitto]) -> None:
    """Nothing hangs, nothing raises, what is sent after the last cut arrives, and what the broker had not taken too."""
    broker = new_mosquitto(*ROOMY, "persistence true", "autosave_interval 1")
    gateway, inbox = connect(broker, "gateway", "load")
    device, _ = connect(broker, "device")
    seen: set[int] = set()
    sent = 0
    has_ended = threading.Event()

    def send() -> None:
        nonlocal sent
        while not has_ended.is_set() and device.publish("load", b"%d" % sent):
            sent += 1
            wait_until(lambda: device._client.outgoing < 1_000 or has_ended.is_set(), "there is room", 30)

    def receive(until: Callable[[], bool]) -> None:
        def has_happened() -> bool:
            messages = inbox.take(0.05)
            seen.update(int(message.payload) for message in messages)
            gateway.acknowledge(message.receipt for message in messages)
            return until()

        wait_until(has_happened, "messages arrive")

    sender = threading.Thread(target=send, daemon=True)
    sender.start()
    for cut in range(3):
        reached = len(seen) + 300
        receive(lambda reached=reached: len(seen) >= reached)  # type: ignore[misc]
        broker.kill()
        broker.start()
        receive(lambda cut=cut: gateway.generation >= cut + 2 and gateway.is_online)  # type: ignore[misc]
    has_ended.set()
    sender.join(10)
    last = sent
    assert device.publish("load", b"%d" % last)
    receive(lambda: last in seen)
    assert gateway.failure is None
    assert device.failure is None
    lost = last + 1 - len(seen)
    assert lost <= 3 * 1_100, "only what the broker had accepted and not saved may be missing"
    gateway.stop()
    device.stop()


def test_stopping_succeeds_while_the_broker_is_frozen_and_the_will_is_sent(mosquitto: Mosquitto) -> None:
    """A broker that does not answer our goodbye finds the line cut, and publishes the will when it wakes up."""
    watcher, heard = connect(mosquitto, "watcher", "status")
    gateway, _ = connect(mosquitto, "gateway", status="status")
    mosquitto.signal(signal.SIGSTOP)
    gateway.stop()  # which gives up after three seconds
    assert not gateway._thread.is_alive()
    mosquitto.signal(signal.SIGCONT)
    assert {message.payload for message in heard.take(5)} == {b"offline"}
    watcher.stop()


def test_stopping_succeeds_while_the_network_thread_is_held_back(mosquitto: Mosquitto) -> None:
    """The loop has ended already: nobody takes any more."""
    device, _ = connect(mosquitto, "device")
    gateway, inbox = connect(mosquitto, "gateway", "load", status="status", inbox=Inbox(max_messages=1))
    for number in range(10):
        device.publish("load", b"%d" % number)
    wait_until(lambda: inbox.times_blocked, "the network thread is held back")
    gateway.stop()  # which gives up after three seconds
    assert not gateway._thread.is_alive()
    device.stop()
