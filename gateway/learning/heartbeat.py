"""Each device's reporting habit, and when its silence is longer than it allows."""

from dataclasses import dataclass

from gateway.records import SECOND

BEATS = 20
"""Messages before a habit is known."""

DECAY = 0.999
"""How slowly the longest gap is forgotten: half in about 700 messages."""

GAPS = 3.0
"""Longest known gaps that may pass before a device counts as silent."""


@dataclass(slots=True)
class Heartbeat:
    """The gaps between a device's messages, by the gateway's clock, in ns."""

    beats: int = 0
    last_at: int = 0
    heard_from: int = 0
    longest: float = 0.0
    is_silent: bool = False

    def learn_one(self, at: int) -> None:
        """A message arrived."""
        if self.beats and at > self.last_at and self.heard_from <= self.last_at and not self.is_silent:
            self.longest = max(self.longest * DECAY, float(at - self.last_at))
        if at > self.last_at:
            self.beats += 1
        self.last_at = max(at, self.last_at)
        self.is_silent = False

    def resume(self, at: int) -> None:
        """The gateway was deaf until `at`: a gap across it proves nothing."""
        self.heard_from = at

    def score_one(self, at: int, floor_s: float) -> float:
        """How silent the device is at `at`, in [0, 1]; 0.5 at `GAPS` times its longest gap and at least `floor_s`."""
        if self.beats < BEATS:
            return 0.0
        limit = max(GAPS * self.longest, floor_s * SECOND)
        elapsed = max(at - max(self.last_at, self.heard_from), 0)
        return elapsed / (elapsed + limit)
