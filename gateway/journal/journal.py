"""The log in one SQLite file."""

import fcntl
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO, TYPE_CHECKING

from gateway.codecs.outgoing import encode_incident
from gateway.errors import JournalError
from gateway.journal import blocks, events, finder, forgetting, minutes, names, notes, retention, room, states
from gateway.journal.door import Door, refuse_other, version
from gateway.journal.reader import Entered
from gateway.journal.schema import PAGE, SCHEMA, VERSION
from gateway.learning.directory import Directory
from gateway.passages import Foreseen, Health
from gateway.records import Batch, Incident, Ints, Renewed, Undone, Verdicts

if TYPE_CHECKING:
    from gateway.journal.rollup import Rollup

NUMBERED = dict.fromkeys(("log", "quarantine", "whereabouts", "incidents", "cursors", "checkpoints"), "max(seq)")
NUMBERED["minutes"] = minutes.NEWEST
"""Tables that speak of entries of the log by their numbers: what any of them has named is not given out again."""


class Journal(Door):
    """Used by one thread at a time; a second gateway on the same file is refused."""

    def __init__(self, path: Path, *, is_durable: bool = True) -> None:
        super().__init__(path)
        self._is_durable = is_durable
        self._lock: IO[str] | None = None
        self._last: int | None = None
        self._names: names.Names | None = None
        self._rollup: Rollup | None = None
        self._going = 0
        """What stands before this number is to make way for what comes."""

    def open(self) -> None:
        """Open or create the file; raises `JournalError` where it is in use, not ours, or of another format."""
        self._lock = self._acquire()
        try:
            with self._threshold():
                self._database = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
                self._prepare(self._database)
        except JournalError:
            self.close()
            raise

    def _acquire(self) -> IO[str]:
        try:
            lock = self.path.with_name(self.path.name + ".lock").open("w")
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.close()
            message = f"{self.path} is in use by another gateway"
            raise JournalError(message) from error
        except OSError as error:
            message = f"{self.path}: {error.strerror or error}"
            raise JournalError(message) from error
        return lock

    def _prepare(self, database: sqlite3.Connection) -> None:
        is_new = version(database) == 0
        if is_new and database.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone():
            message = f"{self.path} is a database of another program"
            raise JournalError(message)
        if not is_new:
            refuse_other(self.path, database)
        pragmas = {"page_size": PAGE, "journal_mode": "WAL", "synchronous": "FULL" if self._is_durable else "NORMAL"}
        pragmas |= {"secure_delete": "ON", "wal_autocheckpoint": room.WAL_BYTES // PAGE}
        for name, value in pragmas.items():
            database.execute(f"PRAGMA {name}={value}")
        if is_new:
            database.executescript(f"BEGIN; {SCHEMA} PRAGMA user_version={VERSION}; COMMIT;")
        self._last = self._names = self._rollup = None

    def close(self) -> None:
        """Release the file; may be called twice."""
        super().close()
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def streams(self) -> list[tuple[str, str]]:
        """Device and sensor of every stream, by number; empty where it was forgotten."""
        with self._threshold():
            return names.listed(self._open)

    def append(
        self,
        directory: Directory,
        entries: Sequence[Entered],
        incidents: Sequence[Incident],
        told: Sequence[Foreseen | Health] = (),
        receipts: bytes = b"",
    ) -> None:
        """Write all in one durable transaction: new streams, entries, changes of incidents, what changes no state.

        `receipts` is what the messages behind it will be known by, should they come again.
        """
        known, self._names = self._names, None  # to be read from the log again, should this fail
        rollup = self._rollup.copy() if self._rollup else None  # to go on from, should this fail: to read it takes long
        with self._transaction() as database:
            known, rollup = known or names.Names(database), rollup or minutes.resumed(database)
            numbers = known.numbers(database, directory)
            entries = [(_numbered(each[0], numbers), each[1]) if isinstance(each, tuple) else each for each in entries]
            told = [replace(each, stream=numbers[each.stream]) if isinstance(each, Foreseen) else each for each in told]
            rows = [*_rows(entries), *map(notes.encode, told)]
            retention.make_way(database, self._going, sum(len(body or b"") for _, _, body in rows))
            last = self._insert(rows, receipts)
            _tell(database, incidents, last)
            minutes.sum_up(database, rollup, (entry for entry in entries if isinstance(entry, tuple)), last)
        self._names, self._rollup = known, rollup

    def _insert(self, rows: Sequence[tuple[str, int, bytes | None]], receipts: bytes = b"") -> int:
        """Within a transaction, write these entries, the receipts with the last of them; returns its number."""
        last, self._last = self._last, None
        if last is None:
            named = " UNION ALL ".join(f"SELECT {newest} AS seq FROM {table}" for table, newest in NUMBERED.items())  # noqa: S608 - constants
            last = int(self._open.execute(f"SELECT coalesce(max(seq), 0) FROM ({named})").fetchone()[0])  # noqa: S608
        ends = [None] * (len(rows) - 1) + [receipts or None]
        numbered = [(last + place, *row, end) for place, (row, end) in enumerate(zip(rows, ends, strict=False), 1)]
        self._open.executemany("INSERT INTO log VALUES (?, ?, ?, ?, ?)", numbered)
        self._last = last + len(rows)
        return self._last

    def reached(self, history: str) -> int:
        """Until when (ns) a history of this name was read into the log, 0 where it was not."""
        with self._threshold():
            found = self._open.execute("SELECT until FROM histories WHERE name = ?", (history,)).fetchone()
        return int(found[0]) if found else 0

    def reach(self, history: str, until: int) -> None:
        """Remember until when (ns) it was read."""
        with self._transaction() as database:
            database.execute("INSERT OR REPLACE INTO histories VALUES (?, ?)", (history, until))

    def receipts(self, commits: int) -> list[bytes]:
        """What the messages of the newest commits are known by, oldest first."""
        query = "SELECT receipts FROM log WHERE receipts IS NOT NULL ORDER BY seq DESC LIMIT ?"
        with self._threshold():
            return [body for (body,) in self._open.execute(query, (commits,))][::-1]

    def last(self) -> int:
        """The newest sequence number, 0 in an empty log."""
        with self._threshold():
            return int(self._open.execute("SELECT coalesce(max(seq), 0) FROM log").fetchone()[0])

    def last_at(self) -> int:
        """What our clock read (ns) when the newest entry was made, 0 in an empty log."""
        query = f"SELECT at FROM log WHERE kind <> '{notes.FORESEEN}' ORDER BY seq DESC LIMIT 1"  # noqa: S608 - a constant
        with self._threshold():
            return next((int(at) for (at,) in self._open.execute(query)), 0)

    def checkpoint(self, rules: str, parts: Mapping[str, bytes]) -> int:
        """Save the state as of the newest entry; `rules` says under which settings it was folded.

        Returns how many bytes it takes.
        """
        with self._transaction() as database:
            finder.extend(database)
            return states.save(database, self.last(), rules, parts)

    def forget(self, order: forgetting.Forgetting, rules: str, parts: Mapping[str, bytes]) -> None:
        """In one transaction take all that is to go out of the file, and save the state without it.

        `parts` is empty where the state cannot be saved.
        """
        self._last = self._names = self._rollup = None
        with self._transaction() as database:
            forgetting.forget(database, order)
            self._replace_states(rules, parts)

    def restart(
        self, entry: Undone | Renewed, rules: str, parts: Mapping[str, bytes], incidents: Sequence[Incident]
    ) -> None:
        """In one transaction enter what changes what is learned of the log so far, and save the state that follows."""
        with self._transaction() as database:
            _tell(database, incidents, self._insert([events.encode(entry)]))
            self._replace_states(rules, parts)

    def _replace_states(self, rules: str, parts: Mapping[str, bytes]) -> None:
        """Older ones must not be gone back to: they do not know of what was changed."""
        self._going = 0
        self._open.execute("DELETE FROM checkpoints")
        if parts:
            states.save(self._open, self.last(), rules, parts)

    def empty_the_wal(self) -> bool:
        """Bring everything into the file itself and leave nothing beside it; False while somebody reads on."""
        with self._threshold():
            return not self._open.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]

    def quarantine(self, damaged: Mapping[int, str]) -> None:
        """Put entries that cannot be read aside, with the reason."""
        if not damaged:
            return
        with self._transaction() as database:
            query = "INSERT OR REPLACE INTO quarantine SELECT seq, kind, at, body, ? FROM log WHERE seq = ?"
            database.executemany(query, [(words, seq) for seq, words in damaged.items()])
            database.executemany("DELETE FROM log WHERE seq = ?", [(seq,) for seq in damaged])

    def marks(self) -> list[str]:
        """The rules under which there are checkpoints, those of the newest first."""
        with self._threshold():
            found = self._open.execute("SELECT rules FROM checkpoints ORDER BY seq DESC").fetchall()
        return list(dict.fromkeys(rules for (rules,) in found))

    def checkpoints(self, rules: str) -> Iterator[tuple[int, dict[str, bytes]]]:
        """Undamaged checkpoints made under `rules`, newest first, with their sequence number."""
        with self._threshold():
            yield from states.undamaged(self._open, rules)

    def retain(self, since: int | None, most_bytes: int, minutes_since: int = 0, *, at_leisure: bool = False) -> None:
        """Drop the oldest entries that every checkpoint holds: those before `since` (ns), and beyond `most_bytes`.

        And minutes older than `minutes_since`. Without a `since` age counts for nothing. At leisure entries go as
        others come that take their place, and the rest when this is asked the next time.
        """
        with self._transaction() as database:
            retention.drop(database, self._going)
            self._going = retention.first_kept(database, since, most_bytes)
            if since is not None:
                retention.drop_beside(database, since, minutes_since)
            if not at_leisure:
                retention.drop(database, self._going)

    def make_room(self) -> bool:
        """On a full disk, take the oldest out until there is room to write; False where nothing is left to go.

        The reserve is given up first: taking out needs room itself.
        """
        with self._threshold():
            room.give_up(self.path, self._open)
        with self._transaction() as database:
            has_gone = retention.make_room(database)
        self.empty_the_wal()
        return has_gone

    def keep_reserve(self) -> None:
        """Set room aside for the day when the disk is full; without effect where there is none."""
        with self._threshold():
            room.keep(self.path, self._open)


def _tell(database: sqlite3.Connection, incidents: Sequence[Incident], seq: int) -> None:
    """Write down what was told with this entry: of one moment the last word; a repeat after a crash is the same."""
    rows = [(each.id, each.state, each.at, each.device, encode_incident(each), seq) for each in incidents]
    query = "INSERT INTO incidents VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET body = excluded.body"
    database.executemany(query, rows)


def _numbered(batch: Batch, numbers: Ints) -> Batch:
    return replace(batch, stream=numbers[batch.stream])


def _rows(entries: Sequence[Entered]) -> Iterator[tuple[str, int, bytes | None]]:
    waiting: list[tuple[Batch, Verdicts]] = []
    for entry in entries:
        if isinstance(entry, tuple):
            waiting.append(entry)
            continue
        yield from _block(waiting)
        waiting = []
        yield events.encode(entry)
    yield from _block(waiting)


def _block(waiting: Sequence[tuple[Batch, Verdicts]]) -> Iterator[tuple[str, int, bytes]]:
    if waiting:
        batch, verdicts = blocks.join(waiting)
        for places in blocks.cut(len(batch)):
            part = batch.at(places)
            yield "readings", int(part.received_at[0]), blocks.encode(part, verdicts.at(places))
