"""The log: what is written is there, in order, once; what is not ours is refused."""

import random
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from readings import START, learn, life, logged, verdicts

from gateway.errors import JournalError
from gateway.journal import Entered, Journal
from gateway.learning.directory import Directory
from gateway.records import SECOND, Batch, Incident, Kind, Resume, State, Tick, Undone, Verdicts
from gateway.shard import Rules, Shard

RULES = "rules"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Give the path of a log that does not exist yet."""
    return tmp_path / "gateway.db"


def reading(value: float, at: int = START, row: int = 0) -> tuple[Batch, Verdicts]:
    """Return one reading with a verdict on it."""
    moment = np.array([at])
    return Batch(np.array([row]), moment, moment, np.array([value])), verdicts(1)


def told(entries: list[Entered]) -> list[object]:
    """Return entries in a form that can be compared."""
    return [entry[0].value.tolist() if isinstance(entry, tuple) else entry for entry in entries]


def written(journal: Journal, after: int = 0) -> list[object]:
    """Return what the log holds, in a form that can be compared."""
    return told([entry for _, entry in logged(journal, after)])


INCIDENT = Incident("i", State.OPEN, "d", "s", Kind.SPIKE, "high", 0.7, START, START, 1.0, None, None, None, "Why.")


def count(path: Path, table: str) -> int:
    """Return how many rows a table of the file has."""
    with sqlite3.connect(path) as database:
        number: int = database.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
    database.close()
    return number


def test_an_empty_log(journal: Journal) -> None:
    """A fresh log has nothing in it and says so."""
    assert (journal.last(), journal.streams(), written(journal), list(journal.checkpoints(RULES))) == (0, [], [], [])


def test_entries_come_back_in_order_over_a_restart(path: Path) -> None:
    """Readings, ticks and resumes are read back as they were written; neighbouring readings may come as one batch."""
    directory = Directory()
    directory.add("d", "s")
    entries: list[Entered] = [Resume(START), reading(1.0), reading(2.0), Tick(START + 5), reading(3.0), reading(4.0)]
    for part in (entries[:3], entries[3:]):
        journal = Journal(path)
        journal.open()
        journal.append(directory, part, [])
        journal.close()
    journal.open()
    assert written(journal) == [Resume(START), [1.0, 2.0], Tick(START + 5), [3.0, 4.0]]
    assert [seq for seq, _ in logged(journal, 2)] == [3, 4]
    assert journal.last() == 4
    journal.close()


def test_streams_keep_their_rows(journal: Journal) -> None:
    """Each stream is written once, in the row it has in the arrays."""
    directory = Directory()
    for sensor in "abc":
        directory.add("d", sensor)
        journal.append(directory, [], [])
    journal.append(directory, [], [])
    assert journal.streams() == [("d", "a"), ("d", "b"), ("d", "c")]


def test_a_stream_that_appears_while_we_write_is_not_lost(journal: Journal) -> None:
    """The loop goes on learning while the writer commits: what is new then is written with the next commit."""
    directory = Directory()
    directory.add("d", "a")

    class Busy(list[Entered]):
        def __iter__(self) -> Iterator[Entered]:
            directory.add("d", "b")
            return super().__iter__()

    journal.append(directory, Busy([Resume(START)]), [])
    journal.append(directory, [], [])
    assert journal.streams() == [("d", "a"), ("d", "b")]


def test_a_repeated_incident_is_the_same(path: Path, journal: Journal) -> None:
    """What is told again after a crash stands in the log once."""
    journal.append(Directory(), [], [INCIDENT, INCIDENT])
    journal.append(Directory(), [], [INCIDENT])
    assert count(path, "incidents") == 1


def test_a_failed_append_leaves_nothing(path: Path, journal: Journal) -> None:
    """A transaction is whole or not at all, its error is ours, and the log can be used afterwards."""
    directory = Directory()
    directory.add("d", "s")
    other = sqlite3.connect(path)
    other.executescript("CREATE TRIGGER full BEFORE INSERT ON log BEGIN SELECT RAISE(ABORT, 'disk full'); END;")
    with pytest.raises(JournalError, match="disk full"):
        journal.append(directory, [reading(1.0)], [INCIDENT])
    assert (written(journal), journal.streams(), count(path, "incidents")) == ([], [], 0)
    other.executescript("DROP TRIGGER full;")
    other.close()
    journal.append(directory, [reading(1.0)], [INCIDENT])
    assert (written(journal), journal.streams(), count(path, "incidents")) == ([[1.0]], [("d", "s")], 1)


def test_checkpoints_come_newest_first_and_only_those_of_the_same_rules(journal: Journal) -> None:
    """The two newest are kept; those folded under other rules mean nothing to us."""
    for number in range(4):
        journal.append(Directory(), [Resume(START + number)], [])
        journal.checkpoint(RULES, {"fleet": bytes([number]) * 1000, "directory": b""})
    assert list(journal.checkpoints(RULES)) == [
        (4, {"fleet": b"\3" * 1000, "directory": b""}),
        (3, {"fleet": b"\2" * 1000, "directory": b""}),
    ]
    assert list(journal.checkpoints("others")) == []


def test_a_damaged_checkpoint_is_passed_over(path: Path, journal: Journal) -> None:
    """Bit rot in the newest leaves the one before."""
    for number in range(2):
        journal.append(Directory(), [Resume(START + number)], [])
        journal.checkpoint(RULES, {"fleet": b"state"})
    other = sqlite3.connect(path)
    other.execute("UPDATE checkpoints SET body = zeroblob(length(body)) WHERE seq = 2")
    other.commit()
    other.close()
    assert [seq for seq, _ in journal.checkpoints(RULES)] == [1]


def test_a_checkpoint_at_the_same_entry_replaces(journal: Journal) -> None:
    """Saving twice without anything new in between is one checkpoint, the later."""
    journal.checkpoint(RULES, {"a": b"1"})
    journal.checkpoint(RULES, {"a": b"2"})
    assert list(journal.checkpoints(RULES)) == [(0, {"a": b"2"})]


def test_a_state_is_written_over_the_one_that_goes_for_it(path: Path, journal: Journal) -> None:
    """Each page of it once: else what goes is written, too, as zeros, and the file holds a third state, empty."""
    draw, lengths = random.Random(1), []
    for number in range(4):
        journal.append(Directory(), [Resume(START + number)], [])
        assert journal.empty_the_wal()
        length = journal.checkpoint(RULES, {"fleet": draw.randbytes(10**6)})
        lengths.append(path.with_name(path.name + "-wal").stat().st_size / length)
    assert max(lengths) < 1.2
    assert journal.empty_the_wal()
    assert path.stat().st_size < 2.2 * length


def test_retain_keeps_what_no_checkpoint_holds(journal: Journal) -> None:
    """Old entries go only once the oldest kept checkpoint has them in it."""
    directory = Directory()
    directory.add("d", "s")
    journal.append(directory, [Resume(START), reading(1.0, START + SECOND), Tick(START + 2 * SECOND)], [])
    journal.retain(START + 100 * SECOND, 2**40)
    assert journal.last() == 3
    assert len(written(journal)) == 3
    journal.checkpoint(RULES, {})
    journal.append(directory, [reading(2.0, START + 3 * SECOND)], [])
    journal.checkpoint(RULES, {})
    journal.retain(START + 2 * SECOND, 2**40)
    assert written(journal) == [Tick(START + 2 * SECOND), [2.0]]
    journal.retain(START + 3 * SECOND, 2**40)
    assert written(journal) == [[2.0]]
    journal.append(directory, [reading(3.0)], [])
    assert journal.last() == 5


def random_readings(number: int) -> list[Entered]:
    """Return what is committed at once, in 14 entries that take some 12 kB."""
    stream, at = np.zeros(200, dtype=np.int64), START + number * SECOND + np.arange(200)
    draw = np.random.default_rng(number)
    readings = ((Batch(stream, at, at, draw.normal(size=200)), verdicts(200)) for _ in range(7))
    return [each for reading in readings for each in (reading, Tick(int(at[0])))]


def full_of(journal: Journal, commits: int) -> Directory:
    """Fill a log with so many commits of random readings, all of which its state holds."""
    directory = Directory()
    directory.add("d", "s")
    for number in range(commits):
        journal.append(directory, random_readings(number), [])
    journal.checkpoint(RULES, {})
    assert journal.empty_the_wal()
    return directory


def test_what_is_to_go_makes_way_for_what_comes_and_goes_the_next_time_at_the_latest(
    path: Path, journal: Journal
) -> None:
    """Its room is taken in the same transaction: the file does not grow, and next to nothing more is written."""
    directory, found = full_of(journal, 60), list[tuple[int, int, int]]()
    for start in (60, 70):
        for number in range(start, start + 10):
            journal.append(directory, random_readings(number), [])
        length = path.with_name(path.name + "-wal").stat().st_size
        assert journal.empty_the_wal()
        found.append((logged(journal)[0][0], path.stat().st_size, length))
        if start == 60:
            journal.retain(START + 30 * SECOND, 2**40, at_leisure=True)
    (before, size, plain), (first, same, length) = found
    assert before == 1 < first <= 1 + 10 * 14
    assert same == pytest.approx(size, rel=0.01)
    assert length < 1.2 * plain
    journal.retain(START + 30 * SECOND, 2**40, at_leisure=True)
    assert logged(journal)[0][0] == 1 + 30 * 14


def test_a_log_whose_states_are_gone_makes_way_for_nothing(journal: Journal) -> None:
    """What was to go is all there is to learn from."""
    directory = full_of(journal, 4)
    journal.retain(START + 3 * SECOND, 2**40, at_leisure=True)
    journal.restart(Undone(START + 4 * SECOND, None, 0, 1), RULES, {}, [])
    journal.append(directory, random_readings(4), [])
    assert logged(journal)[0][0] == 1


def test_a_clock_that_went_wrong_for_a_while_takes_nothing_with_it(journal: Journal) -> None:
    """What was written in 1970 stays as long as its neighbours, and years ahead drop nothing that is not old."""
    directory = Directory()
    directory.add("d", "s")
    journal.append(directory, [reading(1.0, START), reading(2.0, 1), Tick(2), reading(3.0, START + SECOND)], [])
    for _ in range(2):
        journal.append(directory, [Tick(START + 2 * SECOND)], [])
        journal.checkpoint(RULES, {})
    before = written(journal)
    journal.retain(START, 2**40)
    journal.retain(START + 10**18, 2**40)
    assert written(journal) == before


def test_the_oldest_goes_where_the_file_is_too_large(journal: Journal) -> None:
    """As much as is needed, and never the newest entry nor what no checkpoint holds."""
    directory = Directory()
    directory.add("d", "s")
    for number in range(300):
        journal.append(directory, [reading(float(number), START + number * SECOND)], [])
        if number in {200, 250}:
            journal.checkpoint(RULES, {})
    journal.retain(None, 0)
    assert written(journal)[0] == [201.0]
    assert written(journal)[-1] == [299.0]


def test_a_second_gateway_is_refused(path: Path, journal: Journal) -> None:
    """Two writers would ruin the log; the message says what is wrong, and the first goes on."""
    second = Journal(path)
    with pytest.raises(JournalError, match="in use by another gateway"):
        second.open()
    second.close()
    journal.append(Directory(), [Resume(START)], [])
    journal.close()
    second.open()
    assert written(second) == [Resume(START)]
    second.close()


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("PRAGMA user_version = 99;", "a log of format 99; this version of the gateway reads and writes 9 alone"),
        ("CREATE TABLE states (x);", "another program"),
        ("CREATE TABLE states (x); PRAGMA user_version = 1;", "a log of format 1;"),
    ],
)
def test_a_database_that_is_not_ours_is_refused_and_left_alone(path: Path, script: str, words: str) -> None:
    """The log of an older or newer gateway, or another program's database, is not written to."""
    other = sqlite3.connect(path)
    other.executescript(script)
    before = list(other.iterdump())
    other.close()
    journal = Journal(path)
    with pytest.raises(JournalError, match=words):
        journal.open()
    other = sqlite3.connect(path)
    assert list(other.iterdump()) == before
    other.close()
    with pytest.raises(JournalError, match="is not open"):
        journal.last()


@pytest.mark.parametrize(
    ("content", "words"), [(b"not a database at all" * 100, "not a database"), (None, "unable to open|Is a directory")]
)
def test_a_file_that_is_no_log(path: Path, content: bytes | None, words: str) -> None:
    """Garbage and a folder are named, and the lock is released again."""
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
    for _ in range(2):
        with pytest.raises(JournalError, match=words) as caught:
            Journal(path).open()
        assert str(path) in str(caught.value)


def test_a_folder_that_does_not_exist(tmp_path: Path) -> None:
    """The operator reads which path is wrong."""
    with pytest.raises(JournalError, match="No such file or directory"):
        Journal(tmp_path / "nowhere" / "gateway.db").open()


def test_pages_that_rotted_are_told_as_our_error(path: Path) -> None:
    """A log whose pages are damaged ends in a message, not in a traceback of the database."""
    directory = Directory()
    directory.add("d", "s")
    journal = Journal(path)
    journal.open()
    shard = Shard(Rules())
    journal.append(shard.directory, learn(shard, life(300), seed=1), [])
    journal.close()
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xa5" * len(content[4096:])
    path.write_bytes(content)
    with pytest.raises(JournalError):
        [*_everything(Journal(path))]


def _everything(journal: Journal) -> Iterator[object]:
    try:
        journal.open()
        yield from journal.streams()
        yield from logged(journal)
    finally:
        journal.close()


def test_closing_twice_is_harmless(journal: Journal) -> None:
    """Every way out may close."""
    journal.close()
    journal.close()


def test_a_shard_that_becomes_another_is_logged_under_the_right_names(journal: Journal) -> None:
    """After an undo its rows stand in another order, in the same directory: what it hears then is not another's."""
    shard, other = Shard(Rules()), Shard(Rules())
    for name in ("pump", "room"):
        learn(shard, [(name, "a", START, 1.0)])
    journal.append(shard.directory, learn(shard, [("room", "a", START + 1, 2.0)]), [])
    other.adopt(shard, {"room"})
    other.adopt(shard, {"pump"})
    shard.become(other)
    journal.append(shard.directory, learn(shard, [("room", "a", START + 2, 3.0)]), [])
    names = journal.streams()
    found = [entry[0].stream.tolist() for _, entry in logged(journal) if isinstance(entry, tuple)]
    assert [[names[number] for number in numbers] for numbers in found] == [[("room", "a")], [("room", "a")]]


def test_how_far_a_history_was_read_is_no_number_of_the_log(path: Path, journal: Journal) -> None:
    """It is a time: entries numbered on from it would soon leave what SQLite can hold."""
    assert journal.reached("attic") == 0
    journal.reach("attic", START)
    journal.append(Directory(), [Tick(START)], [])
    assert (journal.reached("attic"), journal.last()) == (START, 1)
