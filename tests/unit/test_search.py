"""Bytes are found in the files of a log, and SQLite's locks on them stay."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from gateway.errors import JournalError
from gateway.journal import files_with
from gateway.journal import search as room

WRITE = "import sqlite3, sys; sqlite3.connect(sys.argv[1], timeout=0).execute('INSERT INTO names VALUES (1)')"


def found(path: Path, *spellings: bytes) -> list[str] | None:
    """Return what is known in the end."""
    return list(files_with(path, spellings, 0.01))[-1]


def test_a_name_is_found_in_every_file(tmp_path: Path) -> None:
    """In the database, and in what is written ahead of it; a file that is empty or missing holds nothing."""
    path = tmp_path / "log.db"
    path.write_bytes(b"pump-1 and the others")
    (tmp_path / "log.db-wal").write_bytes(b"\0" * 5000 + b"p\\u00fcmp")
    (tmp_path / "log.db-shm").touch()
    assert found(path, b"pump-1") == ["log.db"]
    assert found(path, b"pump-1", b"p\\u00fcmp") == ["log.db", "log.db-wal"]
    assert found(path, b"nobody") == []


def test_who_writes_keeps_the_lock(tmp_path: Path) -> None:
    """Another process finds the database as busy as before: opened and closed in this one, it would not be."""
    path = tmp_path / "log.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("CREATE TABLE names (name)")
        database.execute("BEGIN IMMEDIATE")
        assert found(path, b"names")
        wrote = subprocess.run([sys.executable, "-c", WRITE, str(path)], check=False, capture_output=True, text=True)
        assert "database is locked" in wrote.stderr


def test_what_cannot_be_looked_through_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A search that fails is no search that found nothing."""
    monkeypatch.setattr(room, "SCRIPT", "raise SystemExit(3)")
    with pytest.raises(JournalError, match="exit code 3"):
        found(tmp_path / "log.db", b"x")
