"""What comes in: messages, readings, and why something is not accepted."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from gateway.records.texts import Names, is_event

Floats: TypeAlias = npt.NDArray[np.float64]
Ints: TypeAlias = npt.NDArray[np.int64]
Mask: TypeAlias = npt.NDArray[np.bool_]

SECOND = 1_000_000_000
"""One second in the unit of every `*_at`."""


class Reason(StrEnum):
    """Why something a device sent was not accepted; the name under which it is counted."""

    TOPIC = "topic"
    EMPTY = "empty"
    TOO_LARGE = "too_large"
    MALFORMED = "malformed"
    BINARY = "binary"
    """Written in bytes (Protobuf, encrypted) where text is read: its sender has to be set to JSON."""
    TYPE = "type"
    NOT_FINITE = "not_finite"
    TIME = "time"
    NAME = "name"
    TOO_MANY_SENSORS = "too_many_sensors"
    TOO_MANY_STREAMS = "too_many_streams"
    STALE = "stale"
    RETAINED = "retained"
    FEEDBACK = "feedback"
    REPEATED = "repeated"
    """Said again without being measured again."""
    NOT_LIVE = "not_live"
    """Simulated, or of a past that the device had stored."""
    QUALITY = "quality"
    """The device says itself that the value is bad or stale."""
    IDENTITY = "identity"
    """The payload names another device than its topic."""
    BIRTH = "birth"
    """Its meaning was told when the device was born, and we were not listening."""
    MEMORY = "memory"
    """No room to remember what its dialect needs."""
    RATE = "rate"
    """More than one sender may take of us while others wait."""
    TOO_MANY_READINGS = "too_many_readings"
    """More in one message than is learned before it is acknowledged, and all after it."""
    TOO_MANY_NEW = "too_many_new"
    """More new streams within a minute than are let in."""
    TOO_MANY_TEXTS = "too_many_texts"
    """More different texts from one sensor than a sensor has states: free text, of which nothing can be learned."""


class Message(NamedTuple):
    """One MQTT message as it arrived.

    `receipt` identifies it to the connection for acknowledgement; None where none is due (QoS 0).
    """

    topic: str
    payload: bytes
    received_at: int
    receipt: tuple[int, int] | None = None
    is_retained: bool = False


class Reading(NamedTuple):
    """One value of one sensor, as decoded; `observed_at` and `unit` are None where the device sent none.

    Where the value is a `text`, the name of a state or of an event, the number is what stands for it.
    """

    device: str
    sensor: str
    value: float
    observed_at: int | None
    unit: str | None = None
    text: str | None = None

    @property
    def is_event(self) -> bool:
        """Whether it names something that happened, and not how something is."""
        return self.text is not None and bool(is_event(np.asarray(self.value)))


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Accepted readings in order of arrival, one per row of equally long columns.

    `stream` is the row number of the stream in its shard, `names` has the texts that stand among the values.
    """

    stream: Ints
    observed_at: Ints
    received_at: Ints
    value: Floats
    names: Names = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.stream)

    def at(self, places: Ints | slice) -> "Batch":
        """The readings at these positions."""
        columns = self.stream[places], self.observed_at[places], self.received_at[places], self.value[places]
        return Batch(*columns, self.names)


def joined(batches: Sequence[Batch]) -> Batch:
    """Several batches as one; by law this changes no result."""
    if len(batches) == 1:
        return batches[0]
    stream, observed_at, received_at, value = (
        np.concatenate([getattr(batch, name) for batch in batches])
        for name in ("stream", "observed_at", "received_at", "value")
    )
    names = {code: text for batch in batches for code, text in batch.names.items()}
    return Batch(stream, observed_at, received_at, value, names)
