"""What stands in the log and changes no state: what was foreseen, how the gateway was, the readings minute by minute.

They share the numbers of the log, so that one cursor passes over everything there is to tell.
"""

import json
import struct
from collections.abc import Sequence

import numpy as np

from gateway.journal import bands
from gateway.journal.columns import QUICK, Packed, damage_told, pack
from gateway.passages import Foreseen, Health, Minutes, Note
from gateway.records import Floats, Ints, Mask

FORESEEN, HEALTH, MINUTES = "foreseen", "health", "minutes"
KINDS = (FORESEEN, HEALTH)
"""As they are written in the log's column `kind`; minutes have a table of their own, which is kept longer."""

COUNT = struct.Struct("<I")


def encode(note: Note) -> tuple[str, int, bytes]:
    """Kind, time and body of a note's row."""
    match note:
        case Foreseen():
            with np.errstate(over="ignore"):  # what float32 cannot hold is written as infinite
                band = [column.astype("<f4") for column in (note.expected, note.lower, note.upper)]
            body = pack(note.stream, note.made_at, [note.due_at - note.made_at, *band])
            return FORESEEN, int(note.made_at[0]), COUNT.pack(len(note)) + body
        case Health():
            return HEALTH, note.at, json.dumps(note.numbers, separators=(",", ":")).encode()
        case Minutes():
            numbers = (note.mean, *_against(note.mean, (note.least, note.most, note.last)))
            body = pack(note.stream, note.minute, [note.count, *numbers, bands.score(note.worst)], QUICK)
            return MINUTES, int(note.minute.min()), COUNT.pack(len(note)) + body


def decode(kind: str, at: int, body: bytes) -> Note:
    """What `encode` was given, forecasts as float32, scores as `bands` has them; raises `JournalError` for damage."""
    with damage_told("a note"):
        if kind == HEALTH:
            return Health(at, json.loads(body))
        packed = _opened(body)
        stream, when, third = packed.stream, packed.when, packed.whole()
        if kind == FORESEEN:
            return Foreseen(stream, when, when + third, *(packed.floats() for _ in range(3)))
        mean, *others = (packed.floats() for _ in range(4))
        least, most, last = _against(mean, others)
        return Minutes(stream, when, third, mean, least, most, last, bands.scored(packed.whole()))


def streams(body: bytes) -> Ints:
    """Of whom something is said in the body of a note with columns; `JournalError` for a damaged one."""
    with damage_told("a note"):
        return _opened(body).stream


def without(body: bytes, is_gone: Mask) -> tuple[bytes, int]:
    """The body of a note that never said anything of these streams, by number, and how many rows that takes out.

    It is empty if nothing else was said. Raises `JournalError` where it is damaged.
    """
    with damage_told("a note"):
        packed = _opened(body)
        rest, count = packed.without(is_gone)
    return COUNT.pack(count) + rest if count else b"", len(packed.stream) - count


def _opened(body: bytes) -> Packed:
    return Packed(body[COUNT.size :], *COUNT.unpack_from(body))


def _against(mean: Floats, columns: Sequence[Floats]) -> list[Floats]:
    """Columns as what their bits differ from the mean's; applied twice, as they were.

    A sensor that reports once a minute has least, most and last like its mean: what is nothing takes no room.
    """
    return [(column.view(np.int64) ^ mean.view(np.int64)).view(np.float64) for column in columns]
