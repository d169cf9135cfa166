"""Which number each stream has in the log: its own for good, whatever its row in the arrays of a shard."""

import sqlite3
from collections.abc import Sequence

import numpy as np

from gateway.learning.directory import Directory
from gateway.records import Ints

FORGOTTEN = ("", "")
"""The name of a stream that was forgotten: its number is not given out again."""


class Names:
    """The table of streams, and the numbers of one shard's rows in it."""

    def __init__(self, database: sqlite3.Connection) -> None:
        names = listed(database)
        self._next = len(names)
        self._numbers = {name: number for number, name in enumerate(names) if name != FORGOTTEN}
        self._streams: list[tuple[str, str]] | None = None
        self._rows: list[int] = []

    def numbers(self, database: sqlite3.Connection, directory: Directory) -> Ints:
        """The number of each row of the directory; within a transaction, for streams that are new are written."""
        if directory.streams is not self._streams:  # another directory, or one that has become another
            self._streams, self._rows = directory.streams, []
        for _, *name in directory.since(len(self._rows)):
            number = self._numbers.setdefault((name[0], name[1]), self._next)
            if number == self._next:
                database.execute("INSERT INTO streams VALUES (?, ?, ?)", (number, *name))
                self._next += 1
            self._rows.append(number)
        return np.array(self._rows, dtype=np.int64)


def listed(database: sqlite3.Connection) -> list[tuple[str, str]]:
    """Device and sensor of every stream, by number."""
    return database.execute("SELECT device, sensor FROM streams ORDER BY row").fetchall()


def forget(database: sqlite3.Connection, numbers: Sequence[int]) -> int:
    """Take away the names of these streams; how many that were."""
    return sum(
        database.execute("UPDATE streams SET device = '', sensor = '' WHERE row = ?", (number,)).rowcount
        for number in numbers
    )
