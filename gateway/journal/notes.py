"""What stands in the log and changes no state: what was foreseen, how the gateway was, the readings minute by minute.

They share the numbers of the log, so that one cursor passes over everything there is to tell.
"""

import json
import struct
import zlib
from collections.abc import Sequence

import numpy as np

from gateway.errors import JournalError
from gateway.journal.blocks import LEVEL, Column, shuffled, unshuffled
from gateway.passages import Foreseen, Health, Minutes, Note

FORESEEN, HEALTH, MINUTES = "foreseen", "health", "minutes"
KINDS = (FORESEEN, HEALTH)
"""As they are written in the log's column `kind`; minutes have a table of their own, which is kept longer."""

COUNT = struct.Struct("<I")

TYPES = {
    Foreseen: ("<i4", "<i8", "<i8", "<f4", "<f4", "<f4"),
    Minutes: ("<i4", "<i8", "<i4", "<f8", "<f8", "<f8", "<f8", "<f4"),
}
"""Forecasts need no more than their intervals say; the least, the most and the last are readings, kept exactly."""


def encode(note: Note) -> tuple[str, int, bytes]:
    """Kind, time and body of a note's row."""
    match note:
        case Foreseen():
            columns = (note.stream, note.made_at, note.due_at - note.made_at, note.expected, note.lower, note.upper)
            return FORESEEN, int(note.made_at[0]), _pack(columns, TYPES[Foreseen])
        case Health():
            return HEALTH, note.at, json.dumps(note.numbers, separators=(",", ":")).encode()
        case Minutes():
            return MINUTES, int(note.minute.min()), _pack(_against_mean(_columns(note)), TYPES[Minutes])


def decode(kind: str, at: int, body: bytes) -> Note:
    """What `encode` was given, forecasts as float32; raises `JournalError` for a damaged body."""
    try:
        if kind == HEALTH:
            return Health(at, json.loads(body))
        if kind == FORESEEN:
            stream, made_at, ahead, *band = _unpack(body, TYPES[Foreseen])
            return Foreseen(_long(stream), made_at, made_at + ahead, *(column.astype(np.float64) for column in band))
        stream, minute, count, mean, least, most, last, worst = _against_mean(_unpack(body, TYPES[Minutes]))
        return Minutes(_long(stream), minute, _long(count), mean, least, most, last, worst.astype(np.float64))
    except (ValueError, struct.error, zlib.error) as error:
        message = f"a note of the log is damaged: {error}"
        raise JournalError(message) from error


def _columns(note: Minutes) -> list[Column]:
    return [getattr(note, name) for name in Minutes.__slots__]


def _against_mean(columns: Sequence[Column]) -> list[Column]:
    """Least, most and last as what their bits differ from the mean's; applied twice, as they were.

    A sensor that reports once a minute has all four alike: what is nothing takes no room.
    """
    mean = columns[3].view(np.int64)
    return [*columns[:4], *((column.view(np.int64) ^ mean).view(np.float64) for column in columns[4:7]), columns[7]]


def _pack(columns: Sequence[Column], types: Sequence[str]) -> bytes:
    with np.errstate(over="ignore"):  # what float32 cannot hold is written as infinite
        body = b"".join(shuffled(column.astype(kind)) for column, kind in zip(columns, types, strict=True))
    return COUNT.pack(len(columns[0])) + zlib.compress(body, LEVEL)


def _unpack(body: bytes, types: Sequence[str]) -> list[Column]:
    (count,) = COUNT.unpack_from(body)
    plain, columns = memoryview(zlib.decompress(body[COUNT.size :])), []
    if len(plain) != count * sum(np.dtype(kind).itemsize for kind in types):
        message = "its length is wrong"
        raise ValueError(message)
    for kind in types:
        size = np.dtype(kind).itemsize * count
        columns.append(unshuffled(plain[:size], kind, count))
        plain = plain[size:]
    return columns


def _long(column: Column) -> Column:
    return column.astype(np.int64)
