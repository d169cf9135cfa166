"""Columns put aside when incidents open."""

import numpy as np

from gateway.learning.pool import Pool
from gateway.learning.rows import Rows
from gateway.learning.shelf import FORECAST, Shelf
from gateway.records import Floats

WEIGHED, SAID = ("regret", "square", "loss", "width"), ("slow", "ar")


def shelf(streams: int = 5) -> tuple[Rows, Shelf]:
    """Return one part of some streams, of which each knows its own number, and a shelf for it."""
    part = Rows({"level": ((), np.float64, 0.0), "lags": ((2,), np.float32, 0.0)})
    part.grow(streams)
    part.arrays["level"][:] = np.arange(streams)
    part.arrays["lags"][:] = np.arange(streams)
    return part, Shelf({"pool": part}, 2)


def levels(part: Rows) -> Floats:
    """Return what the streams know now."""
    return part.arrays["level"]


def test_what_was_put_aside_comes_back() -> None:
    """Only the streams asked for, and only the arrays that are not left out, are what they were."""
    part, kept = shelf()
    kept.keep(np.array([3, 1]))
    part.arrays["level"][:] = 9.0
    part.arrays["lags"][:] = 9.0
    kept.put_back(np.array([3]), "pool", frozenset({"lags"}))
    assert levels(part).tolist() == [9.0, 9.0, 9.0, 3.0, 9.0]
    assert (part.arrays["lags"] == 9.0).all()
    kept.put_back(np.array([1, 3]), "pool")
    assert part.arrays["lags"][:, [1, 3]].tolist() == [[1.0, 3.0], [1.0, 3.0]]


def test_who_forecasts_well_is_not_forgotten() -> None:
    """By what the forecasters are weighed and intervals held stays when an incident ends, what they say falls back."""
    pool = Pool()
    pool.grow(1)
    kept, row = Shelf({"pool": pool}, 2), np.zeros(1, np.int64)
    kept.keep(row)
    for name in WEIGHED + SAID:
        pool.arrays[name][:] = 1.0
    kept.put_back(row, "pool", FORECAST["pool"])
    weighed, said = (np.concatenate([pool.arrays[name].ravel() for name in names]) for names in (WEIGHED, SAID))
    assert (weighed == 1.0).all()
    assert (said == 0.0).all()


def test_there_is_one_copy_of_a_stream() -> None:
    """A second incident takes the place of the first; what is dropped is gone."""
    part, kept = shelf()
    kept.keep(np.array([3, 1]))
    part.arrays["level"][3] = 7.0
    kept.keep(np.array([3]))
    assert kept.holds(np.array([0, 1, 3, 4])).tolist() == [False, True, True, False]
    part.arrays["level"][:] = 0.0
    kept.put_back(np.array([3]), "pool")
    assert levels(part)[3] == 7.0
    kept.drop(np.array([1, 3, 4]))
    assert not len(kept)


def test_the_most_extreme_is_remembered() -> None:
    """Of each side of each statistic since the copy was made, for streams that have one."""
    _, kept = shelf()
    kept.keep(np.array([1, 3]))
    for value in (4.0, 2.0):
        kept.note(np.array([3]), np.array([[-np.inf], [value]], np.float32))
    assert kept.extremes(np.array([3])).tolist() == [[-np.inf], [4.0]]


def test_the_order_of_incidents_leaves_no_trace() -> None:
    """However they came about, the same copies are saved as the same bytes, and loaded copies are as good."""
    part, one = shelf()
    other = Shelf({"pool": part}, 2)
    one.keep(np.array([1, 4]))
    other.keep(np.array([4]))
    other.keep(np.array([1]))
    saved = one.dumps()
    assert all(np.array_equal(array, saved[name]) for name, array in other.dumps().items())
    fresh = Shelf({"pool": part}, 2)
    fresh.loads(saved)
    part.arrays["level"][:] = 0.0
    fresh.put_back(np.array([1, 4]), "pool")
    assert levels(part).tolist() == [0.0, 1.0, 0.0, 0.0, 4.0]


def test_copies_move_with_their_streams() -> None:
    """On another shard a stream has another row, and what was put aside for it comes back there."""
    _, there = shelf()
    there.keep(np.array([1, 4]))
    part, here = shelf()
    here.keep(np.array([2]))
    here.adopt(there, np.array([3, 4]), np.array([0, 1]))
    assert here.dumps()["rows"].tolist() == [1, 2]
    here.put_back(np.array([1, 2]), "pool")
    assert levels(part).tolist() == [0.0, 4.0, 2.0, 3.0, 4.0]
