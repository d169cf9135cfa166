"""Arrays of those streams alone that need a column."""

import numpy as np
import pytest

from gateway.learning.sparse import Sparse


def made(streams: int, *seated: int) -> Sparse:
    """Return an array of numbers; each of `seated`, one after the other, has a column, in which stands its own."""
    sparse = Sparse({"level": ((), np.float64, 7.0), "at": ((2,), np.int64, 0)})
    sparse.grow(streams)
    for row in seated:
        sparse.sit(np.array([row]))
        sparse.arrays["level"][sparse.seats(np.array([row]))] = row
    return sparse


def level(sparse: Sparse, *rows: int) -> list[float]:
    """Return what stands in the columns of these streams."""
    return list(sparse.arrays["level"][sparse.seats(np.array(rows))])


def test_who_has_no_column_reads_what_is_known_at_birth() -> None:
    """And what is done to it changes nothing for others."""
    sparse = made(4, 2)
    rows = np.array([0, 1, 3])
    sparse.renew(rows)
    sparse.rewind(-(10**18), rows, "at")
    sparse.hold_before(-1, rows, "at")
    assert level(sparse, 0, 1, 2, 3) == [7.0, 7.0, 2.0, 7.0]
    assert not sparse.arrays["at"].any()
    sparse.renew(np.array([2]))
    assert level(sparse, 2) == [7.0]


def test_columns_are_taken_and_put_back() -> None:
    """Whoever is put back to what is known at birth needs no column for it."""
    sparse = made(4, 1, 2)
    rows = np.array([0, 1, 2])
    taken = sparse.taken("level", rows)
    assert taken.tolist() == [7.0, 1.0, 2.0]
    sparse.put("level", np.array([0, 1, 3]), np.array([7.0, 5.0, 6.0]))
    assert level(sparse, 0, 1, 2, 3) == [7.0, 5.0, 2.0, 6.0]
    assert sparse.seated().tolist() == [1, 2, 3]
    sparse.put("level", rows, taken)
    assert level(sparse, 0, 1, 2) == [7.0, 1.0, 2.0]


def test_sitting_down_twice_is_sitting_down_once() -> None:
    """A column is kept."""
    sparse = made(3, 1)
    sparse.sit(np.array([0, 1]))
    assert level(sparse, 0, 1) == [7.0, 1.0]
    assert sparse.seated().tolist() == [0, 1]


def test_who_is_named_twice_sits_down_once() -> None:
    """A person's word may be on a stream twice; the state does not grow for that."""
    sparse = made(3)
    sparse.sit(np.array([2, 1, 2]))
    assert sparse.count == 3
    assert sparse.seated().tolist() == [1, 2]


def test_in_which_order_they_sat_down_is_not_saved() -> None:
    """Equal states are equal bytes, and come back."""
    one, other = made(5, 4, 1, 2), made(5, 1, 2, 4)
    assert {name: array.tobytes() for name, array in one.dumps().items()} == {
        name: array.tobytes() for name, array in other.dumps().items()
    }
    again = made(0)
    again.loads(one.dumps())
    assert level(again, 0, 1, 2, 3, 4) == [7.0, 1.0, 2.0, 7.0, 4.0]
    again.sit(np.array([3]))
    assert level(again, 3, 4) == [7.0, 4.0]


def test_what_does_not_fit_is_refused() -> None:
    """So many streams have so many columns."""
    saved = made(3, 0, 1).dumps()
    with pytest.raises(ValueError, match="1 streams, but 2 columns"):
        made(3).loads({**saved, "is_seated": np.array([True, False, False])})


def test_columns_are_handed_over() -> None:
    """Of those that have one."""
    ours = made(4, 3)
    ours.adopt(made(3, 1), np.array([0, 1]), np.array([0, 1]))
    assert level(ours, 0, 1, 2, 3) == [7.0, 1.0, 7.0, 3.0]


def test_memory_is_for_those_who_sit() -> None:
    """A thousand who do not cost four bytes each."""
    assert made(1000, 1, 2).bytes_per_stream < 4.2
