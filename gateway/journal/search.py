"""Which files of the log hold some bytes, looked through by a process of its own.

Whoever opens and closes a database beside SQLite in one process takes away SQLite's locks on it (POSIX; "How To Corrupt
An SQLite Database File", 2.2): another process then believes that nobody has it open, and cuts what they share.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from gateway.errors import JournalError

ENDS = ("", "-wal", "-shm")
"""Of the names of the files that SQLite keeps a log in."""

SCRIPT = """
import json, mmap, os, sys
asked = json.load(sys.stdin)
spellings = [bytes.fromhex(each) for each in asked["spellings"]]
found = []
for path in asked["files"]:
    if os.path.exists(path) and os.path.getsize(path):
        with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as view:
            if any(view.find(each) >= 0 for each in spellings):
                found.append(os.path.basename(path))
json.dump(found, sys.stdout)
"""


def files_with(path: Path, spellings: Sequence[bytes], slice_s: float) -> Iterator[list[str] | None]:
    """The names of the log's files that hold any of these bytes; None after each slice until that is known.

    Raises `JournalError` where they cannot be looked through.
    """
    files = [str(path.with_name(path.name + end)) for end in ENDS]
    asked = json.dumps({"files": files, "spellings": [each.hex() for each in spellings]})
    command = [sys.executable, "-I", "-c", SCRIPT]
    with subprocess.Popen(  # noqa: S603 - our own script
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            said: str | None = None
            given: str | None = asked
            while said is None:
                try:
                    said, _ = process.communicate(given, timeout=slice_s)
                except subprocess.TimeoutExpired:
                    given = None
                    yield None
        finally:
            process.kill()
    if process.returncode:
        message = f"the files of the log could not be looked through: exit code {process.returncode}"
        raise JournalError(message)
    yield json.loads(said)
