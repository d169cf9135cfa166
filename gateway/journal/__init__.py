"""The log: what was accepted, in order, durable; checkpoints and cursors over it. sqlite3 lives here alone."""

from gateway.journal.follower import Follower
from gateway.journal.journal import Entered, Journal

__all__ = ["Entered", "Follower", "Journal"]
