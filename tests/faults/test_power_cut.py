"""The power fails while the log is written: what a real run wrote is recorded, and the disk made as it may be then.

Between a write and the sync of its file the disk may do as it likes: what was written may be there, be missing, or be
there in part, sector by sector, in any order. So the calls of a real run are recorded with strace; for many moments of
it files are made of what was synced and of some of what was not; and the log in them is opened.
"""

import os
import random
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from readings import START, logged, verdicts

from gateway.errors import JournalError
from gateway.journal import Journal, room
from gateway.learning.directory import Directory
from gateway.records import SECOND, Batch

MODES = ("full", "relaxed", "off")
COMMITS = 40
SECTOR = 512
BESIDE = ("-shm", ".lock", ".reserve")
"""What a power cut may do anything to: made anew, or empty."""

FOLDER = "."
CALLS = "pwrite64,write,fsync,fdatasync,ftruncate,unlink"
CALL = re.compile(r'(\w+)\((?:(\d+)<([^>]*)>|"([^"]*)")(?:, "((?:\\x..)*)", \d+)?(?:, (\d+))?\) = (\d+)')


def can_record() -> bool:
    """Whether strace is there and allowed to look."""
    program = shutil.which("strace")
    return bool(program) and subprocess.run([str(program), "-o", "/dev/null", "true"], check=False).returncode == 0


class Call(NamedTuple):
    """One call of the run: `file` says on which, `FOLDER` or none, where a commit was told."""

    name: str
    file: str
    content: bytes
    number: int


@dataclass
class Disk:
    """Files as they are for good, and what was done to them since and may be lost."""

    kept: dict[str, bytearray] = field(default_factory=dict)
    waiting: dict[str, list[Call]] = field(default_factory=dict)
    committed: int = 0

    def take(self, call: Call) -> None:
        """Do what the run did."""
        if not call.file:
            self.committed += 1
        elif call.name not in {"fsync", "fdatasync"}:
            self.waiting.setdefault(call.file, []).append(call)
        elif call.file == FOLDER:  # what was taken out of it is out for good
            for name, calls in self.waiting.items():
                self._keep(name, [each for each in calls if each.name == "unlink"])
        else:
            self._keep(call.file, self.waiting.get(call.file, []))

    def _keep(self, name: str, calls: Sequence[Call]) -> None:
        for call in calls:
            self._apply(self.kept, name, call, call.content)
        self.waiting[name] = [each for each in self.waiting.get(name, []) if each not in calls]

    def cut(self, folder: Path, draw: random.Random) -> None:
        """Write into a folder what may be there when the power fails now."""
        files = {name: bytearray(content) for name, content in self.kept.items()}
        for name, calls in self.waiting.items():
            for call in calls:
                if (fate := draw.randrange(3)) == 0:
                    continue
                if fate == 1 or call.name != "pwrite64":
                    self._apply(files, name, call, call.content)
                    continue
                first = call.number // SECTOR * SECTOR
                for start in range(first, call.number + len(call.content), SECTOR):
                    if draw.random() < 0.5:
                        begin, end = max(start, call.number), start + SECTOR
                        part = call.content[begin - call.number : end - call.number]
                        self._apply(files, name, call._replace(number=begin), part)
        for name, content in files.items():
            (folder / name).write_bytes(content)

    @staticmethod
    def _apply(files: dict[str, bytearray], name: str, call: Call, content: bytes) -> None:
        if call.name == "unlink":
            files.pop(name, None)
            return
        file = files.setdefault(name, bytearray())
        if call.name == "ftruncate":
            del file[call.number :]
            file.extend(bytes(call.number - len(file)))
        else:
            file.extend(bytes(max(0, call.number - len(file))))
            file[call.number : call.number + len(content)] = content


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Call]]:
    """Give what `write` did to its files, in order, by the mode in which they were synced."""
    if not can_record():
        pytest.skip("needs strace, and leave to use it")
    folder = tmp_path_factory.mktemp("recorded")
    trace = folder / "trace"
    watch = ["strace", "--seccomp-bpf", "-f", "-y", "-xx", "-s", "10000000", "-e", f"trace={CALLS}", "-o", str(trace)]
    where = os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent)}
    subprocess.run([*watch, sys.executable, __file__, str(folder)], check=True, env=where, stdout=subprocess.PIPE)
    calls: dict[str, list[Call]] = {mode: [] for mode in MODES}
    for name, number, path, named, content, last, _ in CALL.findall(trace.read_text()):
        file = Path(plain(path or named).decode())
        if number == "1":
            calls[plain(content).decode().strip()].append(Call(name, "", b"", 0))
        elif folder in file.parents and file.parent.name in MODES and not file.name.endswith(BESIDE):
            calls[file.parent.name].append(Call(name, file.name, plain(content), int(last or 0)))
        elif file.parent == folder and file.name in MODES:
            calls[file.name].append(Call(name, FOLDER, b"", 0))
    return calls


def plain(text: str) -> bytes:
    """What strace wrote in hexadecimal digits."""
    return bytes.fromhex(text.replace("\\x", "")) if text.startswith("\\x") else text.encode()


def written(number: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """The values of one commit."""
    return np.random.default_rng(number).normal(20.0, 1.0, 1 + number % 40)


def write(path: Path, mode: str) -> None:
    """Be the gateway whose power fails: commit, and say so; save and drop now and then."""
    journal, directory = Journal(path, is_durable=mode == "full"), Directory()
    journal.open()
    if mode == "off":
        journal._open.execute("PRAGMA synchronous=OFF")
    directory.add("pump", "a")
    for number in range(COMMITS):
        values = written(number)
        at = np.full(len(values), START + number * SECOND)
        journal.append(directory, [(Batch(np.zeros(len(values), np.int64), at, at, values), verdicts(len(values)))], [])
        sys.stdout.write(f"{mode}\n")
        sys.stdout.flush()
        if number % 10 == 9:
            journal.checkpoint("rules", {"state": written(number).tobytes() * 50})
    journal.close()


def cuts(calls: Sequence[Call], folder: Path, count: int, seed: int) -> Iterator[tuple[Path, int]]:
    """Cut the power at so many moments; give the log's path, and how many commits had been told by then."""
    draw, disk = random.Random(seed), Disk()
    moments = set(draw.sample(range(len(calls)), min(count, len(calls))))
    for moment, call in enumerate(calls):
        disk.take(call)
        if moment in moments:
            place = folder / f"cut-{seed}-{moment}"
            place.mkdir()
            disk.cut(place, draw)
            yield place / "gateway.db", disk.committed
            shutil.rmtree(place)


def found(path: Path) -> int:
    """Open the log, and return how many commits are in it; they must be the first, whole, and the file undamaged."""
    journal = Journal(path)
    journal.open()
    try:
        entries = [entry for _, entry in logged(journal)]
        for number, entry in enumerate(entries):
            assert isinstance(entry, tuple)
            assert entry[0].value.tobytes() == written(number).tobytes()
        for seq, parts in journal.checkpoints("rules"):
            assert parts == {"state": written(seq - 1).tobytes() * 50}
    finally:
        journal.close()
    with sqlite3.connect(path) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    database.close()
    return len(entries)


@pytest.mark.parametrize("count", [20, pytest.param(400, marks=pytest.mark.soak)])
def test_no_power_cut_loses_a_commit(runs: dict[str, list[Call]], tmp_path: Path, count: int) -> None:
    """What was said to be committed is there, whole; what was not is there whole or not at all; the file is sound."""
    assert sum(not call.file for call in runs["full"]) == COMMITS
    for path, committed in cuts(runs["full"], tmp_path, count, seed=1):
        assert found(path) >= committed


@pytest.mark.parametrize("count", [10, pytest.param(200, marks=pytest.mark.soak)])
def test_the_relaxed_mode_may_lose_the_last_commits_and_nothing_else(
    runs: dict[str, list[Call]], tmp_path: Path, count: int
) -> None:
    """As the setting says: what is there are the first commits, and the file is sound."""
    for path, _ in cuts(runs["relaxed"], tmp_path, count, seed=2):
        assert found(path) <= COMMITS


def test_without_syncing_this_would_be_seen(runs: dict[str, list[Call]], tmp_path: Path) -> None:
    """The same run with `synchronous=OFF` does not pass: what these tests look for can be found."""
    lost = 0
    for path, committed in cuts(runs["off"], tmp_path, 10, seed=3):
        try:
            lost += found(path) < committed
        except (JournalError, AssertionError, sqlite3.Error):
            lost += 1
    assert lost > 5


if __name__ == "__main__":
    room.WAL_BYTES = 2**14  # so that it is emptied several times
    for each in MODES:
        (Path(sys.argv[1]) / each).mkdir()
        write(Path(sys.argv[1]) / each / "gateway.db", each)
