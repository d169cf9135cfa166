"""Retained messages of one subject: each device's stands at the broker in its newest form; sent when it changed."""

from collections.abc import Callable, Iterable
from itertools import islice
from typing import NamedTuple, Protocol

from gateway.records import SECOND


class Link(Protocol):
    """What a notice asks of the connection to the broker."""

    is_online: bool

    @property
    def generation(self) -> int:
        """How many connections there were."""
        ...

    def publish(self, topic: str, payload: bytes, qos: int = 1, *, retain: bool = False) -> bool:
        """Send, or keep to be sent; False where it was dropped."""
        ...


class Notice(NamedTuple):
    """What stands on a topic; an empty payload takes it off."""

    topic: str
    payload: bytes


class Notices:
    """Sends what was marked, `per_s` a second at most, and not what stands there already.

    While away everything waits, and after each reconnect all is sent again: the broker may have lost it. What waits
    is a device's name once, so there is no more of it than devices.
    """

    def __init__(
        self,
        link: Link,
        devices: Callable[[], Iterable[str]],
        write: Callable[[str, int], Notice | None],
        *,
        per_s: int,
        delay: int = 0,
    ) -> None:
        self._link, self._devices, self._write = link, devices, write
        self._per_s, self._delay = per_s, delay
        self._marked: dict[str, int] = {}
        self._posted: dict[str, int] = {}
        self._generation = -1
        self._allowed = 0.0
        self._settled_at = 0

    def mark(self, device: str) -> None:
        """What is said of a device may have changed; what comes within `delay` ns is one change."""
        self._marked.setdefault(device, self._settled_at)

    def hurry(self, devices: Iterable[str]) -> None:
        """What is said of these may have to go: they come first, without delay."""
        first = dict.fromkeys(devices, 0)
        self._marked = first | {device: since for device, since in self._marked.items() if device not in first}

    def renew(self) -> None:
        """Send everything again, also what did not change."""
        self._posted.clear()
        for device in self._devices():
            self.mark(device)

    def settle(self, now: int) -> None:
        """Send what is due."""
        if not self._link.is_online:
            return
        if self._link.generation != self._generation:
            self._generation = self._link.generation
            self.renew()
        passed = max(0, now - self._settled_at) / SECOND  # the clock may have been set back
        self._settled_at = now
        self._allowed = min(self._per_s, self._allowed + passed * self._per_s)
        for device in list(islice(self._marked, int(self._allowed))):
            if 0 <= now - self._marked[device] < self._delay or not self._post(device, now):
                return
            del self._marked[device]

    def _post(self, device: str, now: int) -> bool:
        """Send one notice, unless it stands there already; False where there was no room for it."""
        notice = self._write(device, now)
        digest = hash(notice)
        if notice is None or self._posted.get(device) == digest:
            return True
        self._allowed -= 1.0
        if not self._link.publish(notice.topic, notice.payload, retain=True):
            return False
        self._posted[device] = digest
        if not notice.payload:
            del self._posted[device]
        return True
