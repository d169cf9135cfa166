"""A cursor on the log, beside the one who writes it."""

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from readings import START, batch, life, logged, verdicts

from gateway.errors import JournalError
from gateway.journal import Follower, Forgetting, History, Journal, follower
from gateway.journal.minutes import STREAMS, forget
from gateway.journal.rollup import EVERY
from gateway.learning.directory import Directory
from gateway.passages import DeadLetter, Foreseen, Health, Minutes
from gateway.records import SECOND, Incident, Kind, Resume, Span, State, Tick


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the log is."""
    return tmp_path / "gateway.db"


@pytest.fixture
def influx(path: Path, journal: Journal) -> Iterator[Follower]:
    """Give an open cursor on that log."""
    cursor = Follower(path, "influx")
    assert cursor.open() == 0
    yield cursor
    cursor.close()


def foreseen(at: int) -> Foreseen:
    """Return one forecast of the first stream."""
    return Foreseen(np.array([0]), np.array([at]), np.array([at + 600 * SECOND]), *(np.array([1.0]) for _ in range(3)))


def incident(at: int) -> Incident:
    """Return an incident that opens."""
    return Incident(
        "i", State.OPEN, "pump", "a", Kind.SPIKE, "high", 0.6, START, at, 9.0, 1.0, 0.5, 1.5, 'odd, "very" odd'
    )


def damage(path: Path, script: str) -> None:
    """Change the file behind the journal's back."""
    other = sqlite3.connect(path)
    other.executescript(script)
    other.close()


def live(journal: Journal, rounds: int = 3) -> Directory:
    """Write one commit a round, each with readings, and with the first an incident and what changes no state."""
    directory = Directory()
    for number in range(rounds):
        given = batch(directory, life(rounds)[4 * number : 4 * number + 4])
        at = int(given.received_at[0])
        told = [incident(at)] if number == 0 else []
        journal.append(
            directory,
            [(given, verdicts(4)), Resume(at)],
            told,
            [foreseen(at), Health(at, {"readings": 4.0})] if number == 0 else [],
        )
    return directory


def test_a_passage_holds_everything_in_order(journal: Journal, influx: Follower) -> None:
    """Readings with names, incidents, forecasts, health; and nothing follows it."""
    directory = live(journal)
    passage = influx.take(0, 1000)
    assert passage
    assert (passage.size, passage.at, passage.streams) == (12, START, directory.streams)
    assert [list(given.value) for given, _ in passage.readings] == [
        [row[3] for row in life(3)[4 * number : 4 * number + 4]] for number in range(3)
    ]
    assert passage.incidents == [incident(START)]
    assert [type(note) for note in passage.notes] == [Foreseen, Health]
    assert influx.take(passage.seq, 1000) is None


def test_passages_cut_the_log_without_gap_or_repeat(journal: Journal, influx: Follower) -> None:
    """However small they are, every reading, incident and note is in exactly one."""
    live(journal, 5)
    seq, readings, told, kept = 0, 0, 0, 0
    while passage := influx.take(seq, 1):
        seq, readings = passage.seq, readings + passage.size
        told, kept = told + len(passage.incidents), kept + len(passage.notes)
    assert (readings, told, kept) == (20, 1, 2)


def test_notes_change_no_state(journal: Journal) -> None:
    """They are not among the entries that the state is folded from."""
    live(journal)
    assert [seq for seq, _ in logged(journal)] == [1, 2, 5, 6, 7, 8]


def test_the_cursor_is_where_it_was_left(path: Path, journal: Journal, influx: Follower) -> None:
    """A restart goes on behind what was told."""
    live(journal)
    influx.move(5)
    again = Follower(path, "influx")
    assert again.open() == 5
    assert again.unsent(5) == 4
    assert again.unsent(0) == 12
    again.close()


def test_minutes_are_passed_with_the_readings_they_were_written_with(journal: Journal, influx: Follower) -> None:
    """A cursor that has passed all there was finds the block that is written next."""
    directory, rows = Directory(), life(30)
    journal.append(directory, [(batch(directory, rows[:40]), verdicts(40))], [])
    first = influx.take(0, 1000)
    assert first
    assert not first.notes
    journal.append(directory, [(batch(directory, rows[40:]), verdicts(80))], [])
    second = influx.take(first.seq, 1000)
    assert second
    (minutes,) = second.notes
    assert isinstance(minutes, Minutes)
    assert minutes.count.sum() == 120


def test_minutes_are_kept_as_long_as_is_said(journal: Journal, path: Path) -> None:
    """By their own time: longer than the readings they come from."""
    directory, rows = Directory(), life(60)
    for first in (0, 120):
        journal.append(directory, [(batch(directory, rows[first : first + 120]), verdicts(120))], [])
    middle = rows[120][2]
    journal.append(directory, [Tick(rows[-1][2] + 1)], [])  # the newest stays
    journal.checkpoint("rules", {})
    journal.retain(rows[-1][2] + 1, 2**40, middle)
    with History(path) as history:
        kept = list(history.minutes(np.arange(4), 0, 2**62))
        assert [entry for _, entry in history.entries(0) if isinstance(entry, tuple)] == []
    assert sum(int(each.count.sum()) for each in kept) == 120
    assert min(int(each.minute.min()) for each in kept) >= middle - 60 * SECOND


def test_minutes_of_a_large_fleet_stand_apart_by_their_streams(journal: Journal, path: Path) -> None:
    """Those of one device are found without unpacking those of all, and taken out without touching them."""
    directory, times = Directory(), (START, START + EVERY)
    rows = [("fleet", f"s{number}", at, 1.0) for at in times for number in range(3 * STREAMS)]
    journal.append(directory, [(batch(directory, rows), verdicts(len(rows)))], [])
    with sqlite3.connect(path) as database:
        bodies = database.execute("SELECT body FROM minutes ORDER BY place").fetchall()
        with History(path) as history:
            (found,) = history.minutes(np.array([STREAMS]), 0, 2**62)
        assert found.stream.tolist() == [STREAMS, STREAMS]
        assert forget(database, np.arange(3 * STREAMS) == STREAMS, Span("fleet", f"s{STREAMS}")) == 2
        after = database.execute("SELECT body FROM minutes ORDER BY place").fetchall()
    database.close()
    assert [one == other for one, other in zip(bodies, after, strict=True)] == [True, False, True]


@pytest.mark.parametrize("is_covered", [False, True])
def test_forecasts_of_a_forgotten_device_go_wherever_they_stand(
    journal: Journal, influx: Follower, *, is_covered: bool
) -> None:
    """Also those beside which it sent nothing; what was foreseen of others stays."""
    directory = Directory()
    for device, at in (("gone", START), ("kept", START + SECOND)):
        given = batch(directory, [(device, "s", at, 1.0)])
        journal.append(directory, [(given, verdicts(1))], [], [replace(foreseen(at), stream=given.stream)])
    if is_covered:
        journal.checkpoint("rules", {})
    order = Forgetting(Span("gone"))
    journal.forget(order, "", {})
    assert (order.removed["readings"], order.removed["forecasts"]) == (1, 1)
    passage = influx.take(0, 1000)
    assert passage
    assert [note.stream.tolist() for note in passage.notes if isinstance(note, Foreseen)] == [[1]]


def test_minutes_go_on_after_a_restart(path: Path, journal: Journal, influx: Follower) -> None:
    """Readings that no block holds are read from the log again, and are in the next block once."""
    directory, rows = Directory(), life(30)
    assert rows[-1][2] - rows[0][2] > EVERY
    journal.append(directory, [(batch(directory, rows[:20]), verdicts(20))], [])
    journal.close()
    journal.open()
    journal.append(directory, [(batch(directory, rows[20:]), verdicts(100))], [])
    passage = influx.take(0, 1000)
    assert passage
    (minutes,) = passage.notes
    assert isinstance(minutes, Minutes)
    assert minutes.count.sum() == 120


def test_a_commit_that_failed_is_not_summed_up_twice(path: Path, journal: Journal, influx: Follower) -> None:
    """What is tried again after a full disk stands in the minutes once, as in the log."""
    directory, rows = Directory(), life(30)
    given = (batch(directory, rows), verdicts(120))
    damage(path, "CREATE TRIGGER full BEFORE INSERT ON minutes BEGIN SELECT raise(ABORT, 'disk full'); END")
    with pytest.raises(JournalError, match="disk full"):
        journal.append(directory, [given], [])
    damage(path, "DROP TRIGGER full")
    journal.append(directory, [given], [])
    passage = influx.take(0, 1000)
    assert passage
    (minutes,) = passage.notes
    assert isinstance(minutes, Minutes)
    assert minutes.count.sum() == 120


def test_minutes_that_were_taken_for_want_of_room_are_summed_up_again(
    path: Path, journal: Journal, influx: Follower
) -> None:
    """They come back with the next reading after a restart, as far as the readings are there."""
    directory, rows = Directory(), life(60)
    journal.append(directory, [(batch(directory, rows[:200]), verdicts(200))], [])
    journal.close()
    damage(path, "DELETE FROM minutes")
    journal.open()
    journal.append(directory, [(batch(directory, rows[200:]), verdicts(40))], [])
    passage = influx.take(0, 1000)
    assert passage
    found = [note for note in passage.notes if isinstance(note, Minutes)]
    assert sum(int(note.count.sum()) for note in found) == 200


def test_forecasts_already_passed_can_be_had_again(journal: Journal, influx: Follower) -> None:
    """A restart must know what is still to be held against what comes: the newest, not all of history."""
    directory = live(journal)
    for number in range(4):
        journal.append(directory, [], [], [foreseen(START + number * 3600 * SECOND)])
    found = influx.foreseen(1000, 2 * 3600 * SECOND)
    assert [int(each.made_at[0] - START) // SECOND for each in found] == [3600, 7200, 10800]


def test_damage_does_not_hold_the_cursor(path: Path, journal: Journal, influx: Follower) -> None:
    """One entry that the disk lost costs that entry."""
    live(journal)
    damage(path, "UPDATE log SET body = zeroblob(30) WHERE seq = 1")
    passage = influx.take(0, 1000)
    assert passage
    assert passage.size == 8


def test_dead_letters_are_kept_once_and_bounded(
    path: Path, journal: Journal, influx: Follower, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newest stay; the same line again is the same letter."""
    monkeypatch.setattr(follower, "DEAD_LETTERS", 3)
    influx.move(1, [DeadLetter(f"line {number}", number, "no") for number in (1, 1, 2, 3, 4)])
    other = sqlite3.connect(path)
    assert other.execute("SELECT line FROM dead_letters ORDER BY at").fetchall() == [
        ("line 2",),
        ("line 3",),
        ("line 4",),
    ]
    other.close()


def test_a_closed_cursor_says_so(path: Path) -> None:
    """Not an error of sqlite3."""
    with pytest.raises(JournalError, match="not open"):
        Follower(path, "influx").take(0, 1)
