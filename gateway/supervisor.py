"""What systemd wants to hear: that we are ready, alive, stopping. Its protocol is one datagram (sd_notify(3))."""

import socket
from collections.abc import Callable, Mapping


class Supervisor:
    """Speaks to whoever started us as a service; says nothing where nobody asked."""

    def __init__(self, environment: Mapping[str, str], monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._address = environment.get("NOTIFY_SOCKET", "").replace("@", "\0", 1)
        watched_us = environment.get("WATCHDOG_USEC", "")
        # Twice in the time after which we would be taken for dead, as sd_watchdog_enabled(3) recommends.
        self._every_s = int(watched_us) / 2e6 if watched_us.isdecimal() else None
        self._due_at = 0.0

    def ready(self) -> None:
        """The start is over."""
        self._tell("READY=1")

    def alive(self) -> None:
        """The loop goes round; cheap enough to be called each time."""
        if self._every_s is not None and (now := self._monotonic()) >= self._due_at:
            self._due_at = now + self._every_s
            self._tell("WATCHDOG=1")

    def stopping(self) -> None:
        """The end has begun."""
        self._tell("STOPPING=1")

    def _tell(self, message: str) -> None:
        if self._address:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ours:
                ours.sendto(message.encode(), self._address)
