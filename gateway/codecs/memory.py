"""What a dialect must remember between messages: bounded, not evicted by floods, counted where it finds no room."""

from typing import Generic, TypeVar

from gateway.codecs.codec import Decoded
from gateway.records import SECOND, Reason

ROOM = 20_000
"""Things remembered by one source of each sort: as many as there may be streams (`limits.streams`)."""

LONGEST_KEY = 512
"""Characters of a key worth remembering: topics may have 65,535, and `ROOM` of those would be 3 GB."""

V = TypeVar("V")


class Memory(Generic[V]):
    """Values by name; when it is full new names are refused, so that invented ones cannot push out those in use."""

    def __init__(self, room: int = ROOM) -> None:
        self._room = room
        self._values: dict[str, V] = {}

    def __len__(self) -> int:
        return len(self._values)

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def get(self, name: str) -> V | None:
        """What is remembered under this name."""
        return self._values.get(name)

    def put(self, name: str, value: V) -> bool:
        """Remember; False where there is no room."""
        if name not in self._values and (len(self._values) >= self._room or len(name) > LONGEST_KEY):
            return False
        self._values[name] = value
        return True

    def pop(self, name: str) -> None:
        """Forget."""
        self._values.pop(name, None)

    def names(self) -> list[str]:
        """All names, in the order in which they came."""
        return list(self._values)


class Repeats:
    """Tells a value that was only said again from a new sample of the same value."""

    def __init__(self, after_s: float) -> None:
        self._after = round(after_s * SECOND)
        self._last: Memory[tuple[float, int]] = Memory()

    def drop(self, decoded: Decoded, at: int) -> None:
        """Turn what was taken less than `after_s` before `at` and has not changed into rejections.

        A value that finds no room in memory is taken, and counted as such. The same event twice is two.
        """
        fresh = []
        for reading in decoded.readings:
            if reading.is_event:
                fresh.append(reading)
                continue
            name = f"{reading.device}/{reading.sensor}"
            last = self._last.get(name)
            if last is not None and last[0] == reading.value and 0 <= at - last[1] < self._after:
                decoded.reject(reading.device, Reason.REPEATED, reading.sensor)
                continue
            if not self._last.put(name, (reading.value, at)):
                decoded.reject(reading.device, Reason.MEMORY, reading.sensor)
            fresh.append(reading)
        decoded.readings = fresh
