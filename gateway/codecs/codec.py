"""The shape of every dialect: bytes in, readings and rejections out; pure."""

from typing import NamedTuple, Protocol

from gateway.records import Reading, Reason


class Rejection(NamedTuple):
    """One value that was not accepted, beside those of the same payload that were."""

    device: str
    sensor: str
    reason: Reason


class Decoded(NamedTuple):
    """What one payload held."""

    readings: list[Reading]
    rejections: list[Rejection]


class Codec(Protocol):
    """A dialect. Implementations keep no state between payloads that changes what a payload means."""

    def decode(self, device: str, sensor: str | None, payload: bytes) -> Decoded:
        """Decode one payload; `device` and `sensor` are what the topic named.

        Raises `PayloadError`, and nothing else, on any bytes.
        """
        ...
