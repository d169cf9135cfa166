"""One batch with its verdicts as one compressed block of columns, and back: readings exactly."""

import struct
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from gateway.journal import bands
from gateway.journal.columns import Column, Packed, damage_told, pack
from gateway.records import (
    Batch,
    Floats,
    Ints,
    Mask,
    Names,
    Verdicts,
    blank_verdicts,
    code_of,
    is_event,
    is_text,
    joined,
)

HEADER = struct.Struct("<BIBI")
"""Version, how many readings, with how many places, and how many bytes of texts follow before the readings."""

VERSION = 4

KINDS = 16
"""Of evidence there is room for so many; beyond, one number says the nature of the stream, too."""

EVENT = "\t"
"""What stands before a text that names an event: no text of a sensor has it in it."""

PLACES = 7
"""Decimal places that are looked for: what sensors send has few, and 21.4 takes two bytes as 214 and eight as a float.
"""

ROWS = 250
"""Readings of a block at least where a batch holds more, so that forgetting a device does not mean unpacking those of
all others that were heard at the time. At 100 a second such blocks cost 3 bytes a reading more to write than whole
batches, half as large ones 6 more; at 10 a second no batch holds as many as two.
"""


def cut(count: int) -> list[Ints]:
    """The positions of each part of so many rows, in order: of at least `ROWS`, where there are so many."""
    return np.array_split(np.arange(count), max(1, count // ROWS))


def encode(batch: Batch, verdicts: Verdicts) -> bytes:
    """The rows that were not stale; readings are kept exactly, verdicts as `bands` says."""
    fresh = np.flatnonzero(~verdicts.is_stale)
    batch, verdicts = batch.at(fresh), verdicts.at(fresh)
    places, whole, is_plain = _decimals(batch.value)
    columns: list[Column] = [
        batch.observed_at - batch.received_at,  # constant or small, so it compresses
        whole,
        np.where(is_plain, 0.0, batch.value),
        verdicts.kind + KINDS * verdicts.nature,
        *bands.encode(batch.value, verdicts),
    ]
    return _put(places, _texts(batch.value, batch.names), pack(batch.stream, batch.received_at, columns), len(batch))


def decode(block: bytes) -> tuple[Batch, Verdicts]:
    """What `encode` was given, but for what an incident's own record says; `JournalError` for a damaged block."""
    with damage_told("a block"):
        places, texts, packed = _opened(block)
        offsets, value = _read(places, packed)
        nature, kind = (each.astype(np.uint8) for each in np.divmod(packed.whole(), KINDS))
        said = bands.decode(packed, value)
        packed.end()
        batch = Batch(packed.stream, packed.when + offsets, packed.when, value, _names(texts))
    return batch, replace(blank_verdicts(len(batch)), kind=kind, nature=nature, **said)


def _read(places: int, packed: Packed) -> tuple[Ints, Floats]:
    """How much earlier than received each reading was observed, and its value."""
    offsets, whole, odd = packed.whole(), packed.whole(), packed.floats()
    return offsets, np.where(odd.view(np.int64) != 0, odd, whole / 10.0**places)


def streams(block: bytes) -> Ints:
    """Whose readings there are in a block; `JournalError` for a damaged one."""
    with damage_told("a block"):
        return _opened(block)[2].stream


def without(block: bytes, is_gone: Mask) -> tuple[bytes, int]:
    """A block that never held readings of these streams, by number, and how many those are.

    It is empty if it held no others. Raises `JournalError` where it is damaged. What is said of the readings that stay
    is not looked at.
    """
    with damage_told("a block"):
        places, texts, packed = _opened(block)
        body, count = packed.without(is_gone)
        if texts:
            texts = _texts(_read(places, Packed(body, count))[1], _names(texts))
    return _put(places, texts, body, count) if count else b"", len(packed.stream) - count


def _put(places: int, texts: bytes, body: bytes, count: int) -> bytes:
    return HEADER.pack(VERSION, count, places, len(texts)) + texts + body


def _opened(block: bytes) -> tuple[int, bytes, Packed]:
    """The decimal places of its readings, their texts, and its columns."""
    version, count, places, length = HEADER.unpack_from(block)
    if version != VERSION:
        message = "of another version"
        raise ValueError(message)
    start = HEADER.size + length
    return places, block[HEADER.size : start], Packed(block[start:], count)


def _texts(value: Floats, names: Names) -> bytes:
    """The texts among the values: they go with the last reading that says them."""
    codes = dict.fromkeys(value[is_text(value)].tolist()) if names else {}
    marks = (EVENT if one else "" for one in is_event(np.array([*codes])).tolist())
    return "\n".join(mark + names[code] for mark, code in zip(marks, codes, strict=True)).encode()


def _names(texts: bytes) -> Names:
    found = ((text.removeprefix(EVENT), text.startswith(EVENT)) for text in texts.decode().split("\n") if texts)
    return {code_of(text, is_event=is_one): text for text, is_one in found}


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
        joined(batches),
        Verdicts(*(np.concatenate([getattr(verdict, name) for verdict in verdicts]) for name in Verdicts.__slots__)),
    )
