"""What the gateway's own clock is worth: whether it was set, by how much, and for how long it has not been."""

import logging
from collections.abc import Callable

from gateway.records import SECOND

logger = logging.getLogger(__name__)

CLOCK_SET = 2 * SECOND
"""Between two looks the clock and the monotonic clock part by less, unless somebody sets the clock."""

STEADY = 3600 * SECOND
"""How long a clock must have run without being set before the age of entries is judged by it."""


class Timekeeping:
    """Holds the clock against one that nobody sets; all in ns."""

    def __init__(self, clock: Callable[[], int], monotonic: Callable[[], int]) -> None:
        self.now, self.monotonic = clock, monotonic
        self._offset: int | None = None
        self._set_back = 0
        self._steady_since = monotonic()

    @property
    def is_sure(self) -> bool:
        """Whether ages may be judged by the clock."""
        return self.monotonic() - self._steady_since >= STEADY

    def begin(self, last_at: int) -> None:
        """A clock that reads earlier than what was written last was set back while we were away: so far is sure."""
        self._set_back = min(self.now() - last_at, 0)
        if self._set_back:
            logger.warning("the clock reads earlier than when the log was last written")

    def was_set(self, now: int) -> int:
        """By how much the clock was set since the last look, or how long the machine slept; 0 for neither."""
        offset = now - self.monotonic()
        before, self._offset = self._offset, offset
        leap = 0 if before is None else offset - before
        if abs(leap) <= CLOCK_SET:
            return 0
        logger.warning("the clock was set, or the machine slept")
        self._steady_since = self.monotonic()
        return leap

    def set_back(self) -> int:
        """By how much it was set back while we were away; said once."""
        leap, self._set_back = self._set_back, 0
        return leap
