"""The beat of a stream."""

import numpy as np
import pytest

from gateway.learning.rhythm import KEPT, LONGEST, Rhythm
from gateway.records import Floats

ROW = np.array([0])


def lived(values: Floats) -> Rhythm:
    """Return what was learned of one stream."""
    rhythm = Rhythm()
    rhythm.grow(1)
    for value in values:
        rhythm.learn(ROW, np.array([value]))
    return rhythm


@pytest.mark.parametrize("period", [2, 7, 37, LONGEST])
def test_a_beat_is_found_and_foretold(period: int) -> None:
    """A noisy compressor's cycle is found in its own length, not a multiple, and every step ahead follows it."""
    time = np.arange(3 * KEPT + 5)
    beat = np.where(np.arange(400) % period < period / 2, 5.0, 0.0)
    rhythm = lived(beat[time] + 0.2 * np.random.RandomState(period).standard_normal(len(time)))
    assert rhythm.arrays["period"][0] == period
    for steps in (1, 2, period, period + 1, 100):
        assert rhythm.expect(ROW, np.array([steps]))[0] == pytest.approx(beat[len(time) - 1 + steps], abs=0.7)


def test_without_a_beat_the_last_two_values_are_expected() -> None:
    """A stream too young to have one, and one that never changes, are expected to go on as they are."""
    assert lived(np.array([3.0, 4.0])).expect(ROW, np.array([17]))[0] == 3.5
    assert lived(np.full(500, 21.5)).expect(ROW, np.array([1]))[0] == 21.5


def test_the_extremes_are_those_of_the_last_values() -> None:
    """What has left the window is no extreme any more; before the first value there was no other."""
    rhythm = lived(np.array([9.0, *np.zeros(KEPT), 1.0, -2.0, 3.0]))
    assert [float(side[0]) for side in rhythm.extremes(ROW, 3)] == [-2.0, 3.0]
    assert [float(side[0]) for side in rhythm.extremes(ROW, KEPT)] == [-2.0, 3.0]
    rhythm.begin(ROW, np.array([4.0]))
    assert [float(side[0]) for side in rhythm.extremes(ROW, KEPT)] == [4.0, 4.0]


def test_a_new_beat_replaces_the_old() -> None:
    """After twice what is kept, the period is that of the new rhythm."""
    time = np.arange(1000)
    values = np.where(time < 600, np.sin(2 * np.pi * time / 12), np.sin(2 * np.pi * time / 20))
    assert lived(values[:600]).arrays["period"][0] == 12
    assert lived(values[: 600 + 2 * KEPT]).arrays["period"][0] == 20


def test_streams_do_not_hear_each_other() -> None:
    """Learned side by side or alone, at another pace, each stream has the same state to the last bit."""
    values = np.random.RandomState(5).standard_normal((3 * KEPT, 7))
    together = Rhythm()
    together.grow(7)
    for row in values:
        together.learn(np.arange(7), row)
    for stream in range(7):
        alone = lived(values[:, stream])
        assert all((array[..., 0] == together.arrays[name][..., stream]).all() for name, array in alone.arrays.items())
