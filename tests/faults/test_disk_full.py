"""A real small disk that fills up: the newest always wins, learning and alarms go on."""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from readings import START, logged, verdicts

from gateway.errors import DiskError
from gateway.journal import Journal
from gateway.learning.directory import Directory
from gateway.records import SECOND, Batch

SIZE = 32 * 2**20


def mounted(*arguments: str) -> bool:
    """Mount something; False where that is not allowed."""
    return subprocess.run(["mount", *arguments], capture_output=True, check=False).returncode == 0


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Give a disk of 32 megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.geteuid() != 0 or not mounted("-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder)):
        pytest.skip("mounting needs root, and a container that allows it")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture
def journal(disk: Path) -> Iterator[Journal]:
    """Give a log on it, with its reserve."""
    journal = Journal(disk / "gateway.db")
    journal.open()
    journal.keep_reserve()
    yield journal
    journal.close()


READINGS = 2000
"""In one commit."""


def write(journal: Journal, directory: Directory, number: int) -> None:
    """Append so many readings that do not compress."""
    row = directory.add("pump", "a")
    at = np.full(READINGS, START + number * SECOND)
    value = np.random.default_rng(number).normal(size=READINGS)
    journal.append(directory, [(Batch(np.full(READINGS, row), at, at, value), verdicts(READINGS))], [])


def kept(journal: Journal) -> int:
    """Return how many readings are in the log."""
    return sum(len(entry[0]) for _, entry in logged(journal) if isinstance(entry, tuple))


def fill(journal: Journal, directory: Directory, save: Callable[[int], None] = lambda _: None) -> int:
    """Write until the disk is full; return how many entries there are."""
    for number in range(100_000):
        try:
            write(journal, directory, number)
            save(number)
        except DiskError:
            return number
    pytest.fail("the disk never filled")


def fill_to_the_brim(journal: Journal, directory: Directory) -> None:
    """Write more than can find a place."""
    for number in range(1, 1000):
        write(journal, directory, number)


def test_on_a_full_disk_the_oldest_makes_room_for_the_newest(journal: Journal) -> None:
    """What every checkpoint holds goes, a little at a time; hundreds of entries more find their place."""
    directory = Directory()

    def save(number: int) -> None:
        if number % 50 == 0:
            journal.checkpoint("rules", {"state": b"x"})

    full = fill(journal, directory, save)
    for number in range(full, full + 3000):
        for _ in range(10):
            try:
                write(journal, directory, number)
                break
            except DiskError:
                assert journal.make_room()
        if number % 50 == 0:
            journal.checkpoint("rules", {"state": b"x"})
    found = logged(journal)
    assert found[-1][1][0].observed_at[0] == START + (full + 2999) * SECOND  # type: ignore[index]
    assert found[0][0] > 1
    assert len(list(journal.checkpoints("rules"))) == 2


def test_what_no_checkpoint_holds_is_not_given_up(journal: Journal) -> None:
    """Without a state that knows it, a reading stays: then the disk is simply full, and the file is whole."""
    directory = Directory()
    full = fill(journal, directory)
    while journal.make_room():  # summaries may go
        pass
    assert kept(journal) >= full * READINGS


def test_a_disk_filled_by_others_is_said_so_and_comes_back(journal: Journal, disk: Path) -> None:
    """No bytes are torn; when it can be written again, writing goes on."""
    directory = Directory()
    write(journal, directory, 0)
    filler = disk / "filler"
    filler.write_bytes(bytes(os.statvfs(disk).f_bavail * os.statvfs(disk).f_bsize))
    with pytest.raises(DiskError):
        fill_to_the_brim(journal, directory)
    written = kept(journal)
    filler.unlink()
    write(journal, directory, 1000)
    assert kept(journal) == written + READINGS
