"""TLS and client certificates against a real mosquitto."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from brokers import ROOMY, Mosquitto, wait_until

from gateway.mqtt.connection import Connection
from gateway.mqtt.inbox import Inbox
from gateway.mqtt.settings import ConnectionSettings


def openssl(folder: Path, *arguments: str) -> None:
    """Run openssl in a folder."""
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


def sign(folder: Path, name: str, *extensions: str) -> None:
    """Make a key and a certificate signed by the authority in the folder."""
    openssl(folder, "req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-keyout", f"{name}.key",
            "-out", f"{name}.csr", *extensions)  # fmt: skip
    openssl(folder, "x509", "-req", "-in", f"{name}.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial",
            "-days", "1", "-copy_extensions", "copy", "-out", f"{name}.crt")  # fmt: skip


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make an authority, a broker's certificate for 127.0.0.1 and a client's."""
    folder = tmp_path_factory.mktemp("certificates")
    openssl(folder, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=authority", "-days", "1",
            "-keyout", "ca.key", "-out", "ca.crt", "-addext", "keyUsage=critical,keyCertSign,cRLSign")  # fmt: skip
    sign(folder, "broker", "-addext", "subjectAltName=IP:127.0.0.1")
    sign(folder, "client")
    return folder


@pytest.fixture
def broker(new_mosquitto: Callable[..., Mosquitto], certificates: Path) -> Mosquitto:
    """Give a broker that shows a certificate and asks for one."""
    files = (
        f"cafile {certificates}/ca.crt",
        f"certfile {certificates}/broker.crt",
        f"keyfile {certificates}/broker.key",
    )
    return new_mosquitto(*ROOMY, *files, "require_certificate true")


@pytest.mark.parametrize("is_verified", [True, False])
def test_both_sides_show_their_certificates(broker: Mosquitto, certificates: Path, is_verified: bool) -> None:  # noqa: FBT001
    """And buffered reading loses nothing of what TLS holds back in its own buffer."""
    settings = ConnectionSettings(
        "gateway",
        ("load",),
        port=broker.port,
        is_tls=True,
        is_verified=is_verified,
        ca_file=certificates / "ca.crt" if is_verified else None,
        certificate_file=certificates / "client.crt",
        key_file=certificates / "client.key",
    )
    inbox = Inbox()
    connection = Connection(settings, inbox)
    connection.start()
    try:
        wait_until(lambda: connection.is_online, "connected")
        for number in range(3_000):
            connection.publish("load", b"%d" % number + bytes(number % 200))
        received = 0
        while received < 3_000:
            messages = inbox.take(5)
            assert messages, f"only {received} arrived"
            connection.acknowledge(message.receipt for message in messages)
            received += len(messages)
        assert connection.generation == 1, broker.log[-3000:]
    finally:
        connection.stop()


# paho forgets the socket of a handshake that failed; Python closes it, with a warning.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_certificate_of_an_unknown_authority_is_refused(broker: Mosquitto) -> None:
    """Verification is on unless it is switched off."""
    connection = Connection(ConnectionSettings("gateway", port=broker.port, is_tls=True), Inbox())
    connection.start()
    try:
        wait_until(lambda: "certificate is not trusted" in connection.last_error, "it is told")
        assert not connection.is_online
    finally:
        connection.stop()
