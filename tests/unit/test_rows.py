"""Arrays of many streams, and how a batch is split so that batching cannot matter."""

import numpy as np
import pytest
from river import stats

from gateway.learning.rows import Rows, ewma_rate, rounds


def made(streams: int) -> Rows:
    """Return rows of two arrays."""
    rows = Rows({"level": ((), np.float64, 7.0), "ring": ((3,), np.float32, 0.0)})
    rows.grow(streams)
    return rows


def test_growing_keeps_what_is_known() -> None:
    """New streams are born with the stated value, old ones keep theirs, and nothing ever shrinks."""
    rows = made(2)
    rows.arrays["level"][0] = 1.0
    rows.grow(5)
    rows.grow(1)
    assert rows.dumps()["level"].tolist() == [1.0, 7.0, 7.0, 7.0, 7.0]
    assert rows.dumps()["ring"].shape == (3, 5)


def test_streams_that_come_one_by_one_cost_few_copies() -> None:
    """Room grows by shares: a thousand streams, added singly, move the arrays a few dozen times."""
    rows, seen = made(0), set()
    for streams in range(1, 1001):
        rows.grow(streams)
        seen.add(rows.arrays["level"].shape)
    assert len(seen) < 30
    assert rows.dumps()["level"].shape == (1000,)


def test_what_is_saved_is_a_copy() -> None:
    """Saving is a picture of the moment, and loading does not tie two learners together."""
    rows, other = made(3), made(0)
    saved = rows.dumps()
    other.loads(saved)
    rows.arrays["level"][:] = 0.0
    saved["level"][:] = 1.0
    assert other.dumps()["level"].tolist() == [7.0, 7.0, 7.0]


def test_loading_refuses_another_shape() -> None:
    """State of another version is not squeezed into this one."""
    rows = made(1)
    with pytest.raises(ValueError, match="ring: saved with shape"):
        rows.loads({"level": np.zeros(1), "ring": np.zeros((4, 1))})
    with pytest.raises(KeyError):
        rows.loads({"level": np.zeros(1)})


def test_the_size_of_the_state_is_known() -> None:
    """One float64 and three float32 are 20 bytes per stream, whatever their number."""
    assert made(4).bytes_per_stream == made(400).bytes_per_stream == 20.0


def test_a_round_holds_a_stream_once_and_keeps_its_order() -> None:
    """The second reading of a stream waits for the second round."""
    found = [turn.tolist() for turn in rounds(np.array([4, 2, 4, 4, 2, 9]))]
    assert [sorted(turn) for turn in found] == [[0, 1, 5], [2, 4], [3]]
    assert [turn.tolist() for turn in rounds(np.array([3]))] == [[0]]
    assert [sorted(turn.tolist()) for turn in rounds(np.array([3, 1, 2]))] == [[0, 1, 2]]


def test_a_young_mean_is_the_plain_one() -> None:
    """Until the rate reaches its floor, the mean is River's `Mean`, then it follows River's `EWMean`."""
    values = np.random.RandomState(1).standard_normal(200)
    plain, fading, mean = stats.Mean(), stats.EWMean(0.05), 0.0
    for seen, value in enumerate(values, 1):
        mean += float(ewma_rate(0.05, np.array(float(seen)))) * (value - mean)
        if seen <= 20:
            plain.update(value)
            assert mean == pytest.approx(plain.get(), abs=1e-12)
    start = float(np.mean(values[:20]))
    fading.update(start)
    for value in values[20:]:
        fading.update(value)
    assert mean == pytest.approx(fading.get(), abs=1e-9)
