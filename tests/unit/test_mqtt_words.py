"""What the operator reads when the broker cannot be used."""

import socket
import ssl

import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode

from gateway.mqtt.words import describe_error, describe_reason


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ConnectionRefusedError(111, "Connection refused"), "nothing listens there"),
        (socket.gaierror(-2, "Name or service not known"), "its name cannot be resolved"),
        (TimeoutError("timed out"), "no answer in time"),
        (ssl.SSLCertVerificationError(1, "self-signed"), "its certificate is not trusted"),
        (ssl.SSLError(1, "wrong version number"), "no TLS connection could be made"),
        (OSError(113, "No route to host"), "[Errno 113] No route to host"),
    ],
)
def test_errors_are_told_in_plain_words(error: OSError, words: str) -> None:
    """The words come first, the system's own behind them."""
    assert describe_error(error).startswith(words)


def test_reasons_are_told_in_plain_words() -> None:
    """Known ones say what it means for us, unknown ones what the broker said."""
    assert "user name or password" in describe_reason(ReasonCode(PacketTypes.CONNACK, identifier=135))
    assert "same client id" in describe_reason(ReasonCode(PacketTypes.DISCONNECT, identifier=142))
    assert describe_reason(ReasonCode(PacketTypes.CONNACK, identifier=136)) == "the broker says: Server unavailable"
