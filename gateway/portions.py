"""Readings in portions: what one device sent at once does not keep the others waiting until all of it is learned.

Readings of one stream are learned one after the other, those of many streams together, so it is the longest row of
readings of one stream that takes time: a list of 10,000 would stop the loop for seconds.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from gateway.learning.directory import Directory
from gateway.records import Batch, Entry, Ints, Message, joined

ROUNDS = 1
"""Readings of one stream in one portion: 0.8 ms on one x86 core, where four in one take 4.6 ms: more gain nothing,
and keep waiting whoever comes meanwhile."""


class Portions:
    """Cuts what arrived into portions; each device's readings keep their order, devices do not wait for each other."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._rest: list[Batch] = []
        self._held: list[Message] = []
        self._begun: set[int] = set()
        """When messages without a time of their own were received of which a part is learned."""

    def __bool__(self) -> bool:
        return bool(self._rest)

    @property
    def held(self) -> list[Message]:
        """The messages whose readings are not all learned yet."""
        return self._held

    @property
    def is_torn(self) -> bool:
        """Whether of a message that may come again a part is learned that would then not be known by its time."""
        return any(message.receipt and message.received_at in self._begun for message in self._held)

    def next(self, entries: Sequence[Entry]) -> list[Entry]:
        """What to learn now, of what was left and of what is new."""
        waiting, self._rest = self._rest, []
        if waiting and entries and isinstance(entries[0], Batch):
            waiting, entries = [*waiting, entries[0]], entries[1:]
        held = np.zeros(len(self._directory.devices), bool)
        portion: list[Entry] = []
        for entry in [*([joined(waiting)] if waiting else []), *entries]:
            if not isinstance(entry, Batch):
                portion.append(entry)
                continue
            is_later = self._find_later(entry, held)
            if not is_later.any():
                portion.append(entry)
                continue
            self._rest.append(entry.at(np.flatnonzero(is_later)))
            if not is_later.all():
                portion.append(entry.at(np.flatnonzero(~is_later)))
        learned = (entry for entry in portion if isinstance(entry, Batch))
        self._begun = (self._begun | _timeless(learned)) & _timeless(self._rest) if self._rest else set()
        return portion

    def renumber(self, names: Sequence[tuple[str, str]]) -> None:
        """The directory has become another: what is left names its streams by their places in `names`."""
        for place, batch in enumerate(self._rest):
            rows = {row: self._directory.add(*names[row]) for row in dict.fromkeys(batch.stream.tolist())}
            stream = np.array([rows[row] for row in batch.stream.tolist()], dtype=np.int64)
            self._rest[place] = replace(batch, stream=stream)

    def _find_later(self, batch: Batch, held: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """Which rows wait for the next portion; `held` are the devices of which everything waits, more are added."""
        is_over = _turn(batch.stream) >= ROUNDS
        if not (is_over.any() or held.any()):
            return is_over
        device = np.array([self._directory.device_of[row] for row in batch.stream.tolist()], dtype=np.int64)
        first = np.where(held, 0, len(batch))
        np.minimum.at(first, device[is_over], np.flatnonzero(is_over))
        held |= first < len(batch)
        return np.arange(len(batch)) >= first[device]

    def release(self, messages: Iterable[Message]) -> list[Message]:
        """Those of the messages given now and before of which everything is learned."""
        unlearned = {at for batch in self._rest for at in np.unique(batch.received_at).tolist()}
        known = [*self._held, *messages]
        self._held = [message for message in known if message.received_at in unlearned]
        return [message for message in known if message.received_at not in unlearned]


def _timeless(batches: Iterable[Batch]) -> set[int]:
    """When those readings were received that say no time of their own."""
    return {at for batch in batches for at in batch.received_at[batch.observed_at == batch.received_at].tolist()}


def _turn(stream: Ints) -> Ints:
    """How many readings of the same stream stand before each."""
    order = np.argsort(stream, kind="stable")
    lined_up = stream[order]
    starts = np.flatnonzero(np.diff(lined_up, prepend=-1))
    lengths = np.diff(starts, append=len(stream))
    turn = np.empty(len(stream), dtype=np.int64)
    turn[order] = np.arange(len(stream)) - np.repeat(starts, lengths)
    return turn
