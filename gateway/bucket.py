"""So much at once, and so much lastingly: a token bucket; pure, time is given."""

from gateway.records import SECOND


class Bucket:
    """Holds `at_once` and fills by `per_s`.

    One that still holds something lets anything through, into debt, but no deeper than it is high.
    A clock that is set back fills nothing, and one that is set ahead fills it at most once.
    """

    def __init__(self, per_s: float, at_once: float) -> None:
        self._per_s, self._at_once = per_s, at_once
        self._level = at_once
        self._at: int | None = None

    def level(self, at: int) -> float:
        """How full it is at the time `at` (ns), from 0 to 1; below 0 in debt."""
        passed_s = 0.0 if self._at is None else max(0, at - self._at) / SECOND
        self._at = at
        self._level = min(self._at_once, self._level + self._per_s * passed_s)
        return self._level / self._at_once

    def take(self, at: int, amount: float = 1.0) -> bool:
        """Whether `amount` may pass at the time `at` (ns); if so, it is taken out."""
        if self.level(at) <= 0.0:
            return False
        self._level = max(self._level - amount, -self._at_once)
        return True
