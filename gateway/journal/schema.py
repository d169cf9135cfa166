"""The tables of the log's file."""

SCHEMAS = (
    """
CREATE TABLE streams (row INTEGER PRIMARY KEY, device TEXT NOT NULL, sensor TEXT NOT NULL) STRICT;
CREATE TABLE log (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, at INTEGER NOT NULL, body BLOB
) STRICT;
CREATE TABLE incidents (
    id TEXT NOT NULL, state TEXT NOT NULL, at INTEGER NOT NULL, device TEXT NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (id, state, at)
) STRICT, WITHOUT ROWID;
CREATE TABLE cursors (name TEXT PRIMARY KEY, seq INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE checkpoints (
    seq INTEGER PRIMARY KEY, rules TEXT NOT NULL, digest BLOB NOT NULL, body BLOB NOT NULL
) STRICT;
""",
    """
ALTER TABLE incidents ADD COLUMN seq INTEGER NOT NULL DEFAULT 0;
CREATE INDEX incidents_by_seq ON incidents (seq);
CREATE TABLE minutes (
    id INTEGER PRIMARY KEY, seq INTEGER NOT NULL, since INTEGER NOT NULL, until INTEGER NOT NULL, body BLOB NOT NULL
) STRICT;
CREATE INDEX minutes_by_seq ON minutes (seq);
CREATE INDEX minutes_by_time ON minutes (until, since);
CREATE TABLE dead_letters (line TEXT PRIMARY KEY, at INTEGER NOT NULL, words TEXT NOT NULL) STRICT, WITHOUT ROWID;
""",
    """
ALTER TABLE log ADD COLUMN receipts BLOB;
CREATE TABLE whereabouts (seq INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;
CREATE INDEX log_without_readings ON log (seq) WHERE kind <> 'readings';
CREATE TABLE quarantine (
    seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, at INTEGER NOT NULL, body BLOB, words TEXT NOT NULL
) STRICT;
""",
)
"""What each version added to the one before.

The `seq` of an incident and of a block of minutes is the newest of the log when it was written, in one transaction with
it: a cursor that passes that number passes them.
"""
