"""What came at QoS 1 and is not acknowledged yet, in the order in which it must be. Pure."""

from collections import deque
from collections.abc import Iterable
from typing import TypeAlias

Receipt: TypeAlias = tuple[int, int]
"""Generation of the connection and packet id: ids are used again after a reconnect."""


class Receipts:
    """Packet ids of one connection as they came, and which of them are done with.

    They are acknowledged in that order (MQTT 5.0, 4.6), and some brokers insist: what is done with waits for what came
    before it.
    """

    def __init__(self) -> None:
        self.generation = 0
        self._arrived: deque[int] = deque()
        self._done: set[int] = set()

    def __len__(self) -> int:
        return len(self._arrived)

    @property
    def oldest(self) -> Receipt | None:
        """What all the others wait for."""
        return (self.generation, self._arrived[0]) if self._arrived else None

    def renew(self) -> None:
        """A connection begins, and with it the broker's count."""
        self.generation += 1
        self._arrived.clear()
        self._done.clear()

    def arrive(self, packet_id: int) -> Receipt:
        """A message came."""
        self._arrived.append(packet_id)
        return self.generation, packet_id

    def settle(self, receipts: Iterable[Receipt | None]) -> list[int]:
        """Note what is done with; return what is to be acknowledged now. Of earlier connections nothing is."""
        self._done.update(receipt[1] for receipt in receipts if receipt and receipt[0] == self.generation)
        packet_ids = []
        while self._arrived and self._arrived[0] in self._done:
            packet_ids.append(self._arrived.popleft())
            self._done.discard(packet_ids[-1])
        return packet_ids
