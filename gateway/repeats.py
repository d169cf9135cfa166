"""Which messages the broker sends again, so that none is learned twice. Pure.

A broker sends again what was not acknowledged to it, under the same packet ids and before anything new (MQTT 5.0, 4.4
and 4.6). So after a reconnect some of what was received before may come again, and once enough has come that is new the
uncertainty is over. In which order it was taken from the inbox says nothing: senders take turns there. Nor does the DUP
flag: it was seen set on messages never received before.
"""

import zlib
from collections import Counter, deque
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from gateway.records import Message

COMMITS = 2
"""Learned and not acknowledged is what waits for the next commit and what the last one is writing."""


class Mark(NamedTuple):
    """What a message is known by: its packet id, and 16 bits of what it said."""

    packet: int
    digest: int


def mark(message: Message) -> Mark:
    """How this message would be known again; it must have a receipt."""
    assert message.receipt is not None  # noqa: S101 - the caller asked for those that have
    return Mark(message.receipt[1], zlib.crc32(message.payload, zlib.crc32(message.topic.encode())) & 0xFFFF)


OVER = 100
"""New messages one after the other that end the wait: far more than senders' turns mix."""


class Repeats:
    """Remembers what was received, and waits after each reconnect for what of it comes again.

    `window` is how many may have been learned and not acknowledged: no more come again that are known.

    `recognised` counts what came again. Of these `ambiguous` counts those that came after a new one: brokers that use
    few ids may have given one to a new message that says the same.
    """

    def __init__(self, window: int) -> None:
        self.recognised = self.ambiguous = 0
        self._received: deque[Mark] = deque(maxlen=window)
        self._awaited: Counter[Mark] = Counter()
        self._generation = self._new = 0
        self._has_news = False

    def resume(self, marks: Iterable[Mark]) -> None:
        """Take over what was received, and is safe, before this process began."""
        self._received.extend(marks)

    def is_repeat(self, message: Message, anew: int) -> bool:
        """Whether this message was received before; `anew` is the newest connection that began without a past."""
        assert message.receipt is not None  # noqa: S101 - the caller asked for those that have
        generation, its = message.receipt[0], mark(message)
        if generation != self._generation:
            is_continued = not self._generation < anew <= generation
            self._awaited = Counter(self._received if is_continued else ())
            self._generation, self._new, self._has_news = generation, 0, False
        if self._awaited[its] <= 0:
            self._received.append(its)
            self._new, self._has_news = self._new + 1, True
            if self._new >= OVER:
                self._awaited.clear()
            return False
        self._awaited[its] -= 1
        self._new = 0
        self.recognised += 1
        self.ambiguous += self._has_news
        return True


def pack(marks: Iterable[Mark]) -> bytes:
    """As few bytes as they take, ids that follow each other as one run."""
    packets, digests = np.array(list(marks), dtype=np.int64).reshape(-1, 2).T
    starts = np.flatnonzero(np.append(True, np.diff(packets) != 1))[: len(packets)]
    runs = np.stack([packets[starts], np.diff(np.append(starts, len(packets)))], axis=1)
    return len(runs).to_bytes(2, "little") + runs.astype("<u2").tobytes() + digests.astype("<u2").tobytes()


def unpack(body: bytes) -> list[Mark]:
    """What `pack` was given."""
    end = 2 + 4 * int.from_bytes(body[:2], "little")
    runs = np.frombuffer(body[2:end], "<u2").astype(np.int64).reshape(-1, 2)
    packets = [packet for first, count in runs.tolist() for packet in range(first, first + count)]
    return [Mark(*pair) for pair in zip(packets, np.frombuffer(body[end:], "<u2").tolist(), strict=True)]
