"""The tables of the log's file."""

VERSION = 9
"""Of the format: of these tables and of what stands in them. It is raised with every change, there or here."""

PAGE = 512
"""Bytes of a page."""

SAID = "kind IN ('undone', 'maintenance', 'described')"
"""What is looked for across the whole log. It is rare, and has an index."""

SCHEMA = f"""
CREATE TABLE streams (row INTEGER PRIMARY KEY, device TEXT NOT NULL, sensor TEXT NOT NULL) STRICT;
CREATE TABLE log (
    seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, at INTEGER NOT NULL, body BLOB, receipts BLOB
) STRICT;
CREATE INDEX log_said ON log (seq) WHERE {SAID};
CREATE TABLE quarantine (
    seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, at INTEGER NOT NULL, body BLOB, words TEXT NOT NULL
) STRICT;
CREATE TABLE whereabouts (seq INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;
CREATE TABLE incidents (
    id TEXT NOT NULL, state TEXT NOT NULL, at INTEGER NOT NULL, device TEXT NOT NULL, body BLOB NOT NULL,
    seq INTEGER NOT NULL, PRIMARY KEY (id, state, at)
) STRICT, WITHOUT ROWID;
CREATE INDEX incidents_by_seq ON incidents (seq);
CREATE TABLE minutes (
    place INTEGER PRIMARY KEY, since INTEGER NOT NULL, until INTEGER NOT NULL, body BLOB NOT NULL
) STRICT;
CREATE INDEX minutes_by_time ON minutes (until, since);
CREATE TABLE cursors (name TEXT PRIMARY KEY, seq INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE histories (name TEXT PRIMARY KEY, until INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE dead_letters (line TEXT PRIMARY KEY, at INTEGER NOT NULL, words TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE checkpoints (
    seq INTEGER PRIMARY KEY, rules TEXT NOT NULL, digest BLOB NOT NULL, body BLOB NOT NULL
) STRICT;
"""
"""The log's own table has no second index that its every entry goes into, and numbers entries without SQLite's counter:
each of these would be one page more to write with every commit.

The `seq` of an incident is the newest of the log when it was written, in one transaction with it: a cursor that passes
that number passes it. The same holds of that in the `place` of minutes.
"""
