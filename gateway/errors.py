"""Every exception the gateway raises on purpose.

GatewayError
├── ConfigError      the operator's mistake: one line that names the key; exit code 2
├── InputError       recorded data that cannot be read, or written: one line that names file and row
├── PayloadError     bad data from a device: never leaves the pipeline, becomes a counted rejection
├── BrokerError      the embedded broker cannot start, or the broker refuses us for good
├── DatabaseError    InfluxDB could not be asked, or refused, when a person waits for the answer
├── JournalError     the log cannot be opened or is not ours
│   └── DiskError    the disk is full, or cannot be written for now: waiting may cure it
├── RequestError     what was asked of a running gateway cannot be done
└── StateError       a saved state does not fit this version: the log is folded again
"""

from gateway.records import Reason


class GatewayError(Exception):
    """Base of all errors the gateway raises on purpose."""


class ConfigError(GatewayError):
    """A setting is wrong; the message is one line that names the key."""


class InputError(GatewayError):
    """Recorded data cannot be read; the message names the file, and the row where there is one."""


class PayloadError(GatewayError):
    """A payload cannot be understood; `reason` says how it is counted."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else str(reason))
        self.reason = reason


class BrokerError(GatewayError):
    """The broker cannot be started, or refuses us for a reason that waiting does not cure."""


class DatabaseError(GatewayError):
    """InfluxDB is not there, or refused; the message is its own words."""


class JournalError(GatewayError):
    """The log cannot be opened, is held by another gateway, or was written by a newer version."""


class DiskError(JournalError):
    """The log cannot be written now: the disk is full, read-only or failing; it may be able to again."""


class RequestError(GatewayError):
    """What somebody asked of the gateway cannot be done; the message says why, in one line."""


class StateError(GatewayError):
    """A saved state does not fit this version or these settings; the log must be folded again."""
