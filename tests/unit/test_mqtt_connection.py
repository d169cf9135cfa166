"""What the connection does without a broker."""

from pathlib import Path

import pytest

from gateway.errors import ConfigError
from gateway.mqtt.connection import Connection
from gateway.mqtt.inbox import Inbox
from gateway.mqtt.settings import ConnectionSettings


def test_what_cannot_be_sent_is_kept_up_to_a_bound_and_then_dropped_and_counted() -> None:
    """QoS 1 waits for the broker, QoS 0 does not."""
    connection = Connection(ConnectionSettings("gateway", max_outgoing=10), Inbox())
    assert not connection.publish("a", b"", 0)
    assert [connection.publish("a", b"", 1) for _ in range(12)] == [True] * 10 + [False] * 2
    assert (connection.published, connection.dropped) == (10, 3)


def test_acknowledging_while_away_does_nothing() -> None:
    """The broker sends the message again."""
    connection = Connection(ConnectionSettings("gateway"), Inbox())
    connection.acknowledge([(0, 1), None])
    assert connection._client.outgoing == 0


def test_an_unusable_certificate_is_the_operators_mistake(tmp_path: Path) -> None:
    """It is told at the start, with the file's name."""
    settings = ConnectionSettings("gateway", is_tls=True, ca_file=tmp_path / "none.crt")
    with pytest.raises(ConfigError, match=r"none\.crt"):
        Connection(settings, Inbox()).start()


def test_stopping_what_was_never_started_is_harmless() -> None:
    """Whatever failed before."""
    Connection(ConnectionSettings("gateway"), Inbox()).stop()


def test_the_password_is_not_shown() -> None:
    """Settings end up in logs."""
    assert "secret" not in repr(ConnectionSettings("gateway", password="secret"))
