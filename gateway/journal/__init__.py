"""The log: what was accepted, in order, durable; checkpoints and cursors over it. sqlite3 lives here alone."""

from gateway.journal.journal import Entered, Journal

__all__ = ["Entered", "Journal"]
