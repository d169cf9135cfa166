"""The log: what was accepted, in order, durable; checkpoints and cursors over it. sqlite3 lives here alone."""

from gateway.journal.follower import Follower
from gateway.journal.forgetting import Forgetting
from gateway.journal.health import FileHealth, examine, sqlite_version
from gateway.journal.history import History
from gateway.journal.journal import Journal
from gateway.journal.reader import Entered, Reader
from gateway.journal.search import files_with

__all__ = [
    "Entered",
    "FileHealth",
    "Follower",
    "Forgetting",
    "History",
    "Journal",
    "Reader",
    "examine",
    "files_with",
    "sqlite_version",
]
