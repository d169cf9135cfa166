"""Why the broker cannot be reached or refuses us, in words for the person who can change it."""

import socket
import ssl

from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.reasoncodes import ReasonCode

UNSUPPORTED_VERSION = 132
BAD_CREDENTIALS = 134
NOT_AUTHORISED = 135
FELL_SILENT = 141
TAKEN_OVER = 142

_REASONS = {
    BAD_CREDENTIALS: "the broker refuses the user name or password",
    NOT_AUTHORISED: "the broker refuses the user name or password, or does not allow this client",
    FELL_SILENT: "the broker fell silent",
    TAKEN_OVER: "another client has connected with the same client id",
}

_ERRORS: tuple[tuple[type[OSError], str], ...] = (
    (ConnectionRefusedError, "nothing listens there"),
    (socket.gaierror, "its name cannot be resolved"),
    (TimeoutError, "no answer in time"),
    (ssl.SSLCertVerificationError, "its certificate is not trusted"),
    (ssl.SSLError, "no TLS connection could be made"),
)


def describe_code(code: MQTTErrorCode) -> str:
    """Return why paho ended a connection."""
    is_nonsense = code == MQTTErrorCode.MQTT_ERR_PROTOCOL
    return "the broker sent what is not MQTT" if is_nonsense else "the broker hung up"


def describe_reason(reason: ReasonCode) -> str:
    """Return what a reason code of the broker means for us."""
    return _REASONS.get(reason.value, f"the broker says: {reason}")


def describe_error(error: OSError) -> str:
    """Return what kept us from connecting, with the system's own words behind it."""
    for kind, words in _ERRORS:
        if isinstance(error, kind):
            return f"{words} ({error})"
    return str(error)
