"""What real brokers seldom do, played by a scripted one."""

import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest
from brokers import wait_until

from gateway.mqtt.connection import Connection
from gateway.mqtt.inbox import Inbox
from gateway.mqtt.settings import ConnectionSettings

REFUSED_V5 = b"\x20\x03\x00\x84\x00"
REFUSED_V3 = b"\x20\x02\x00\x01"
ACCEPTED_V5 = b"\x20\x03\x00\x00\x00"
ACCEPTED_V3 = b"\x20\x02\x00\x00"
NOT_AUTHORISED_SUBACK = b"\x90\x04\x00\x01\x00\x87"
SESSION_TAKEN_OVER = b"\xe0\x02\x8e\x00"
VERSION_AT = 8
"""Where a CONNECT says its version."""


@contextmanager
def scripted_broker(answers: Sequence[Sequence[bytes]]) -> Iterator[tuple[int, list[int]]]:
    """Answer the n-th connection's packets with the n-th list; an empty list hangs up. Gives port and versions seen."""
    versions: list[int] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(10)

        def serve() -> None:
            for script in answers:
                line, _ = server.accept()
                with line:
                    line.settimeout(10)
                    versions.append(line.recv(4_096)[VERSION_AT])
                    for index, answer in enumerate(script):
                        if index:
                            line.recv(4_096)
                        line.sendall(answer)
                    if script and script[0] in {ACCEPTED_V3, ACCEPTED_V5}:
                        line.recv(4_096)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1], versions
        thread.join(10)


def connection_to(port: int, *topics: str) -> Connection:
    """Return a started connection that does not retry within the test, but for a fallback."""
    settings = ConnectionSettings("gateway", topics, port=port, shortest_delay_s=60, longest_delay_s=60)
    connection = Connection(settings, Inbox())
    connection.start()
    return connection


@pytest.mark.parametrize("refusal", [[REFUSED_V5], [REFUSED_V3], []], ids=["says so", "says so in 3.1.1", "hangs up"])
def test_mqtt_3_1_1_is_tried_at_once(refusal: list[bytes]) -> None:
    """However the broker shows that it does not know MQTT 5."""
    with scripted_broker([refusal, [ACCEPTED_V3]]) as (port, versions):
        connection = connection_to(port)
        wait_until(lambda: connection.is_online, "connected")
        assert versions == [5, 4]
        connection.stop()


def test_a_refused_subscription_is_visible(caplog: pytest.LogCaptureFixture) -> None:
    """A gateway that hears nothing must say why."""
    with scripted_broker([[ACCEPTED_V5, NOT_AUTHORISED_SUBACK]]) as (port, _):
        connection = connection_to(port, "devices/#")
        wait_until(lambda: connection.is_online, "connected")
        assert connection.refused_topics == ("devices/#",)
        assert "refuses our subscription to devices/#" in caplog.text
        connection.stop()


def test_a_second_gateway_with_the_same_id_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """The broker says why it hangs up, in MQTT 5."""
    with scripted_broker([[ACCEPTED_V5 + SESSION_TAKEN_OVER]]) as (port, _):
        connection = connection_to(port)
        wait_until(lambda: "same client id" in caplog.text, "it is logged")
        connection.stop()
