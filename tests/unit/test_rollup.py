"""Readings to minutes."""

import numpy as np
import pytest
from readings import START, batch, verdicts

from gateway.journal.rollup import EVERY, LARGEST, MINUTE, Rollup
from gateway.learning.directory import Directory
from gateway.passages import Minutes
from gateway.records import SECOND

BEGIN = START - START % MINUTE


def rows(minutes: Minutes) -> list[tuple[float, ...]]:
    """Return the rows as tuples, minutes counted from the beginning."""
    columns = [getattr(minutes, name).tolist() for name in Minutes.__slots__]
    return [(row[0], (row[1] - BEGIN) // MINUTE, *row[2:]) for row in zip(*columns, strict=True)]


def add(rollup: Rollup, *readings: tuple[str, float, float], score: float = 0.25) -> None:
    """Give readings: sensor, seconds from the beginning, value."""
    directory = Directory()
    for sensor in "abc":
        directory.add("d", sensor)
    given = batch(directory, [("d", sensor, BEGIN + round(at * SECOND), value) for sensor, at, value in readings])
    rollup.add(given, verdicts(len(given), score=np.full(len(given), score)))


def test_minutes_hold_what_the_readings_came_to() -> None:
    """Count, mean, least, most, last and the worst score, by stream and minute."""
    rollup = Rollup()
    add(rollup, ("b", 0, 5.0), ("a", 1, 1.0), ("a", 59.9, 3.0), ("a", 60, 7.0))
    add(rollup, ("a", 61, 2.0), score=0.75)
    assert rows(rollup.flush()) == [
        (0, 0, 2, 2.0, 1.0, 3.0, 3.0, 0.25),
        (0, 1, 2, 4.5, 2.0, 7.0, 2.0, 0.75),
        (1, 0, 1, 5.0, 5.0, 5.0, 5.0, 0.25),
    ]


def test_a_minute_that_goes_on_is_told_again_whole() -> None:
    """The later row says all that the earlier said, and what came since."""
    rollup = Rollup()
    add(rollup, ("a", 0, 1.0), ("a", 61, 4.0), ("b", 61, 9.0))
    rollup.flush()
    add(rollup, ("a", 62, 2.0), ("b", 121, 1.0))
    assert rows(rollup.flush()) == [(0, 1, 2, 3.0, 2.0, 4.0, 2.0, 0.25), (1, 2, 1, 1.0, 1.0, 1.0, 1.0, 0.25)]


def test_a_new_rollup_goes_on_from_the_last_block() -> None:
    """A restart in the middle of a minute loses nothing of it."""
    first, second = Rollup(), Rollup()
    add(first, ("a", 0, 1.0), ("a", 70, 3.0))
    second.resume(first.flush())
    add(second, ("a", 80, 5.0))
    assert rows(second.flush()) == [(0, 1, 2, 4.0, 3.0, 5.0, 5.0, 0.25)]


@pytest.mark.parametrize("seed", range(5))
def test_how_it_is_cut_into_blocks_changes_nothing(seed: int) -> None:
    """The later of two rows for a minute is what one block would have said."""
    draw = np.random.default_rng(seed)
    given = [("abc"[draw.integers(3)], at, float(draw.normal())) for at in np.cumsum(draw.exponential(7.0, 400))]
    whole, cut, found = Rollup(), Rollup(), dict[tuple[float, ...], tuple[float, ...]]()
    add(whole, *given)
    for reading in given:
        add(cut, reading)
        if draw.random() < 0.1:
            found |= {row[:2]: row[2:] for row in rows(cut.flush())}
    found |= {row[:2]: row[2:] for row in rows(cut.flush())}
    expected = {row[:2]: pytest.approx(row[2:]) for row in rows(whole.flush())}
    assert found == expected


def test_the_mean_of_very_large_readings_is_finite_and_between_them() -> None:
    """Nothing that a device may send makes a sum that is infinite."""
    rollup = Rollup()
    add(rollup, ("a", 0, 1.7e308), ("a", 1, 1.6e308), ("b", 0, 20.1), ("b", 1, 20.1), ("b", 2, 20.1))
    found = rollup.flush()
    assert (found.mean >= found.least).all()
    assert (found.mean <= found.most).all()


def test_a_block_is_due_by_time_or_number() -> None:
    """Ten minutes of the log's time, or as many readings as memory is meant for."""
    rollup = Rollup()
    assert not rollup.is_due
    add(rollup, ("a", 0, 1.0))
    assert not rollup.is_due
    add(rollup, ("b", EVERY / SECOND, 1.0))
    assert rollup.is_due
    rollup.flush()
    assert not rollup.is_due
    add(rollup, *(("a", number / 1000, 1.0) for number in range(LARGEST)))
    assert rollup.is_due


def test_what_is_stale_is_not_summed_up() -> None:
    """It is not in the log either."""
    rollup = Rollup()
    rollup.add(batch(Directory(), [("d", "a", BEGIN, 1.0)]), verdicts(1, is_stale=np.array([True])))
    assert len(rollup.flush()) == 0
