"""What stands in the log and changes no state: what was foreseen, how the gateway was, the readings minute by minute.

They share the numbers of the log, so that one cursor passes over everything there is to tell.
"""

import json
import struct
import zlib
from collections.abc import Sequence

import numpy as np

from gateway.errors import JournalError
from gateway.journal import bands
from gateway.journal.columns import Packed, pack
from gateway.passages import Foreseen, Health, Minutes, Note
from gateway.records import Floats, Ints

FORESEEN, HEALTH, MINUTES = "foreseen", "health", "minutes"
KINDS = (FORESEEN, HEALTH)
"""As they are written in the log's column `kind`; minutes have a table of their own, which is kept longer."""

COUNT = struct.Struct("<I")

QUICK = 1
"""Of zlib: minutes of a fleet are large, and written again when one device is forgotten; 6 saves 1 to 5 % of them in
three times as long."""


def encode(note: Note) -> tuple[str, int, bytes]:
    """Kind, time and body of a note's row."""
    match note:
        case Foreseen():
            with np.errstate(over="ignore"):  # what float32 cannot hold is written as infinite
                band = [column.astype("<f4") for column in (note.expected, note.lower, note.upper)]
            columns = [note.stream, _steps(note.made_at), note.due_at - note.made_at, *band]
            return FORESEEN, int(note.made_at[0]), COUNT.pack(len(note)) + pack(columns)
        case Health():
            return HEALTH, note.at, json.dumps(note.numbers, separators=(",", ":")).encode()
        case Minutes():
            numbers = (note.mean, *_against(note.mean, (note.least, note.most, note.last)))
            columns = [note.stream, _steps(note.minute), note.count, *numbers, bands.score(note.worst)]
            return MINUTES, int(note.minute.min()), COUNT.pack(len(note)) + pack(columns, QUICK)


def decode(kind: str, at: int, body: bytes) -> Note:
    """What `encode` was given, forecasts as float32, scores as `bands` has them; raises `JournalError` for damage."""
    try:
        if kind == HEALTH:
            return Health(at, json.loads(body))
        (count,) = COUNT.unpack_from(body)
        packed = Packed(body[COUNT.size :])
        stream, when, third = packed.whole(count), np.cumsum(packed.whole(count)), packed.whole(count)
        if kind == FORESEEN:
            return Foreseen(stream, when, when + third, *(packed.floats(count) for _ in range(3)))
        mean, *others = (packed.floats(count) for _ in range(4))
        least, most, last = _against(mean, others)
        return Minutes(stream, when, third, mean, least, most, last, bands.scored(packed.whole(count)))
    except (ValueError, struct.error, zlib.error) as error:
        message = f"a note of the log is damaged: {error}"
        raise JournalError(message) from error


def _steps(times: Ints) -> Ints:
    return np.diff(times, prepend=np.int64(0))


def _against(mean: Floats, columns: Sequence[Floats]) -> list[Floats]:
    """Columns as what their bits differ from the mean's; applied twice, as they were.

    A sensor that reports once a minute has least, most and last like its mean: what is nothing takes no room.
    """
    return [(column.view(np.int64) ^ mean.view(np.int64)).view(np.float64) for column in columns]
