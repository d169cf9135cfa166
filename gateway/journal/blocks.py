"""One batch with its verdicts as one compressed block of columns, and back: readings exactly."""

import struct
import zlib
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from gateway.errors import JournalError
from gateway.journal import bands
from gateway.journal.columns import Column, Packed, pack
from gateway.records import Batch, Floats, Verdicts, blank_verdicts

HEADER = struct.Struct("<BIBq")
VERSION = 2

PLACES = 7
"""Decimal places that are looked for: what sensors send has few, and 21.4 takes two bytes as 214 and eight as a float.
"""


def encode(batch: Batch, verdicts: Verdicts) -> bytes:
    """The rows that were not stale; readings are kept exactly, verdicts as `bands` says."""
    fresh = np.flatnonzero(~verdicts.is_stale)
    batch, verdicts = batch.at(fresh), verdicts.at(fresh)
    first = int(batch.received_at[0]) if len(batch) else 0
    places, whole, is_plain = _decimals(batch.value)
    columns: list[Column] = [
        np.diff(batch.stream, prepend=np.int64(0)),
        np.diff(batch.received_at, prepend=np.int64(first)),
        batch.observed_at - batch.received_at,  # constant or small, so it compresses
        whole,
        ~is_plain,
        batch.value[~is_plain],
        verdicts.kind,
        *bands.encode(batch.value, verdicts),
    ]
    return HEADER.pack(VERSION, len(batch), places, first) + pack(columns)


def decode(block: bytes) -> tuple[Batch, Verdicts]:
    """What `encode` was given, but for what an incident's own record says; `JournalError` for a damaged block."""
    try:
        version, count, places, first = HEADER.unpack_from(block)
        if version != VERSION:
            message = "a block of the log is damaged or of another version"
            raise JournalError(message)
        packed = Packed(block[HEADER.size :])
        stream, deltas, offsets, whole, is_plain = (packed.whole(count) for _ in range(5))
        value = whole / 10.0**places
        value[is_plain == 1] = packed.floats(int(is_plain.sum()))
        kind = packed.whole(count).astype(np.uint8)
        said = bands.decode(packed, value)
        packed.end()
    except (struct.error, ValueError, zlib.error) as error:
        message = f"a block of the log is damaged: {error}"
        raise JournalError(message) from error
    received_at = np.int64(first) + np.cumsum(deltas)
    batch = Batch(np.cumsum(stream), received_at + offsets, received_at, value)
    return batch, replace(blank_verdicts(count), kind=kind, **said)


def _decimals(value: Floats) -> tuple[int, Column, Column]:
    """With how many places the most of them are whole; those, and which they are: which come back bit for bit."""
    best = (-1, 0, np.zeros(len(value), np.int64), np.zeros(len(value), np.bool_))
    for places in range(PLACES):
        with np.errstate(over="ignore", invalid="ignore"):
            scaled = np.round(value * 10.0**places)
            whole = np.where(np.abs(scaled) < 2.0**53, scaled, 0.0).astype(np.int64)
        is_whole = (whole / 10.0**places).view(np.int64) == value.view(np.int64)
        if (found := int(is_whole.sum())) > best[0]:
            best = (found, places, np.where(is_whole, whole, 0), is_whole)
        if found == len(value):
            break
    return best[1:]


def count(head: bytes) -> int:
    """How many readings a block holds, told by its first `HEADER.size` bytes."""
    return int(HEADER.unpack(head)[1])


def join(parts: Sequence[tuple[Batch, Verdicts]]) -> tuple[Batch, Verdicts]:
    """Several batches as one; by law this changes no result."""
    if len(parts) == 1:
        return parts[0]
    batches, verdicts = zip(*parts, strict=True)
    return (
        join_batches(batches),
        Verdicts(*(np.concatenate([getattr(verdict, name) for verdict in verdicts]) for name in Verdicts.__slots__)),
    )


def join_batches(batches: Sequence[Batch]) -> Batch:
    """The same, of readings without verdicts."""
    return Batch(*(np.concatenate([getattr(batch, name) for batch in batches]) for name in Batch.__slots__))
