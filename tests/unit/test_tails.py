"""How rare a number is under its own past."""

from itertools import pairwise

import numpy as np
import pytest

from gateway.learning.peaks import CLUSTER, Grid, Traits
from gateway.learning.tails import PEAKS, Tails
from gateway.records import Floats

ROWS = np.arange(1)
SENSOR = np.zeros(1, np.int64)
FEW = 8.0


def grid(step: float = 0.0, span: float = np.inf, streams: int = 1) -> Grid:
    """Return in which steps, and how far, the values of some streams go."""
    return Grid(np.full(streams, step), np.full(streams, span), np.ones((1, streams)))


def grown(streams: int = 1, least: float = 0.0, few: float = 0.0, moves: float = 1.0) -> Tails:
    """Return the tails of one statistic."""
    tails = Tails(Traits(np.array([least]), np.array([few]), np.array([moves]), np.array([CLUSTER]), SENSOR), 1)
    tails.grow(streams)
    return tails


def rarity(tails: Tails, value: Floats, *, is_learned: bool = True, grain: float = 0.0, span: float = np.inf) -> Floats:
    """Return the decades of one value of each stream, the larger of its two sides, and learn it."""
    rows = np.arange(len(value))
    found = tails.exceed(rows, value[None], grid(grain, span, len(value)))
    decades = np.zeros((2, len(value)))
    decades[found.side, found.place] = tails.decades(found)
    if is_learned:
        tails.learn(rows, found)
    return np.asarray(decades.max(axis=0))


@pytest.mark.parametrize("name", ["standard_normal", "standard_exponential", "standard_cauchy"])
def test_a_return_period_comes_as_rarely_as_it_says(name: str) -> None:
    """What should come once in a thousand readings does, within a factor of two, for light tails and for none."""
    draw = np.random.RandomState(4)
    streams, readings, told = 40, 4000, 0
    tails = grown(streams)
    for number in range(readings):
        decades = rarity(tails, getattr(draw, name)(streams))
        told += int((decades >= 3.0).sum()) if number >= readings // 2 else 0
    expected = 2 * streams * readings / 2 / 1000  # both sides are watched
    assert expected / 3 < told < 2 * expected


def test_a_young_tail_says_little() -> None:
    """With hardly any peaks nothing is rare; with half of them only what lies far beyond all that was seen."""
    tails, values = grown(), np.random.RandomState(5).uniform(0.0, 1.0, 12 * PEAKS)
    found = [float(rarity(tails, np.array([value]))[0]) for value in values]
    assert max(found[:60]) == 0.0
    assert max(found) < 2.5
    assert float(rarity(tails, np.array([10.0]))[0]) > 5.0


def test_farther_is_rarer_on_both_sides() -> None:
    """Rarity grows with distance, upwards and downwards alike, and looking changes nothing."""
    tails = grown()
    for value in np.random.RandomState(6).standard_normal(1000):
        rarity(tails, np.array([value]))
    before = tails.dumps()
    for sign in (1.0, -1.0):
        found = [float(rarity(tails, np.array([sign * far]), is_learned=False)[0]) for far in (0.0, 3.0, 4.0, 8.0, 1e6)]
        assert found == sorted(found)
        assert found[0] == 0.0
        assert found[3] > 4.0
    assert all(np.array_equal(array, before[name]) for name, array in tails.dumps().items())


def test_a_cluster_counts_once() -> None:
    """Ten high readings in a row are one event: only their highest is kept among the peaks."""
    tails = grown()
    for value in np.random.RandomState(7).standard_normal(1000):
        rarity(tails, np.array([value]))
    before = float(tails.arrays["top"][0, 0])
    for value in (50.0, 60.0, 55.0, 52.0, 58.0):
        rarity(tails, np.array([value]))
    assert before < 10.0 < float(tails.arrays["top"][0, 0])
    assert float(tails.arrays["between"][0, :, 0].max()) <= before


def test_one_glitch_does_not_blind() -> None:
    """After a reading of a million, one of fifty is still rarer than anything that should ever be told."""
    tails = grown()
    draw, span = np.random.RandomState(8), 7.0
    for value in draw.standard_normal(1000):
        rarity(tails, np.array([value]), span=span)
    rarity(tails, np.array([1e6]), span=span)
    for value in draw.standard_normal(1000):
        rarity(tails, np.array([value]), span=span)
    assert float(rarity(tails, np.array([50.0]))[0]) > 3.5


def test_what_lies_within_the_range_of_the_sensor_is_learned_whole() -> None:
    """The minimum of a window that was always low may be as high as the sensor goes; what lies beyond is a glitch."""
    tops = []
    for span in (7.0, 85.0):
        tails, draw = grown(), np.random.RandomState(8)
        for value in 0.3 * draw.standard_normal(1000):
            rarity(tails, np.array([value]), span=span)
        rarity(tails, np.array([82.0]), span=span)
        tops.append(float(tails.arrays["top"][0, 0]))
    assert tops[0] < 20.0
    assert tops[1] == 82.0


def test_a_coarse_sensor_tells_as_much() -> None:
    """Where more was seen of a tail than a step of the sensor, that adds little: six sigma are as rare as they are."""
    streams, far, draw = 20, {}, np.random.RandomState(3)
    values = draw.standard_normal((4000, streams))
    for step in (1e-6, 1.0):
        tails = grown(streams)
        for value in values:
            rarity(tails, step * np.round(value / step), grain=step)
        far[step] = rarity(tails, np.full(streams, 6.0), grain=step).mean()
    assert far[1.0] > far[1e-6]


def test_a_statistic_without_range_has_a_least_scale() -> None:
    """A run that was never longer than 0 becomes rare by the decade about every `least` mean excesses, not at once."""
    tails = grown(least=10.0)
    for _ in range(500):
        rarity(tails, np.zeros(1))
    found = [float(rarity(tails, np.array([run]), is_learned=False)[0]) for run in (1.0, 10.0, 20.0)]
    assert 0.0 < found[0] < 2.0 < found[1] < found[2]


def test_the_everyday_band_holds_nearly_all() -> None:
    """Between the edges of both sides lies what is everyday."""
    tails = grown()
    values = np.random.RandomState(9).standard_normal(2000)
    for value in values:
        rarity(tails, np.array([value]))
    low, high = (float(edge[0]) for edge in tails.band(ROWS, 0))
    assert low < 0.0 < high
    assert 0.97 < ((values >= low) & (values <= high)).mean() < 1.0


def test_what_does_not_exist_is_not_rare() -> None:
    """NaN, which a statistic is until its window is full, exceeds nothing and leaves no trace."""
    tails = grown()
    for _ in range(50):
        assert float(rarity(tails, np.array([np.nan]))[0]) == 0.0
    assert np.isneginf(tails.arrays["top"]).all()


@pytest.mark.parametrize("grain", [0.1, 0.5])
def test_the_next_step_of_a_sensor_is_no_news(grain: float) -> None:
    """Of what reads in steps the next beyond the highest is as rare as the highest; two further on is news."""
    tails, highest = grown(few=FEW), -np.inf
    for value in np.random.RandomState(9).standard_normal(3000):
        step = grain * round(value / grain)
        rarity(tails, np.array([step]), grain=grain)
        highest = max(highest, step)
    found = [float(rarity(tails, np.array([highest + n * grain]), is_learned=False, grain=grain)[0]) for n in range(4)]
    assert found[0] == found[1] < found[2] < found[3]


def test_what_was_seen_before_is_not_called_unheard_of() -> None:
    """A kettle among what is always on: the first is as rare as can be, the next of its size has been seen by then."""
    tails, draw = grown(), np.random.RandomState(14)
    for value in draw.standard_normal(2000):
        rarity(tails, np.array([value]))
    first = rarity(tails, np.array([12.0]))[0]
    for value in draw.standard_normal(2000):
        rarity(tails, np.array([value]))
    again, other = (rarity(tails, np.array([size]), is_learned=False)[0] for size in (12.0, 60.0))
    assert again < 0.6 * first
    assert other > again + 3.0


def test_a_sensor_that_knows_few_values_has_only_others_to_tell() -> None:
    """Of one that is coarse neither what it has shown, rare as it was, nor the next step says anything; two do."""
    tails, coarse = grown(few=FEW), grid(1.0, span=1.0)
    for value in np.random.RandomState(13).uniform(size=3000) > 0.998:
        tails.learn(ROWS, tails.exceed(ROWS, np.array([[float(value)]]), coarse))
    assert tails.arrays["edge"][0, 0] < tails.arrays["top"][0, 0]
    found = [tails.exceed(ROWS, np.array([[level]]), coarse) for level in (1.0, 2.0, 3.0)]
    assert [tails.decades(each).max() > 0.0 for each in found] == [False, False, True]


def test_a_sum_of_readings_moves_by_more_than_one_step() -> None:
    """A sensor that knows few values moves a sum of three by three steps at once: that is no news of it, four are."""
    told = []
    for span in (1.0, 2.0 * FEW):
        tails, coarse = grown(few=FEW, moves=3.0), grid(1.0, span=span)
        for value in np.random.RandomState(13).uniform(size=3000) > 0.99:
            tails.learn(ROWS, tails.exceed(ROWS, np.array([[float(value)]]), coarse))
        found = [tails.exceed(ROWS, np.array([[1.0 + more]]), coarse) for more in (1.0, 3.0, 4.0)]
        told.append([bool(tails.decades(each).max() > 3.0) for each in found])
    assert told == [[False, False, True], [False, True, True]]


def test_what_is_everyday_is_learned_all_the_same() -> None:
    """Nothing is said of it, however rare it is, but it is among what was seen from then on."""
    tails = grown()
    for value in np.random.RandomState(15).standard_normal(1000):
        rarity(tails, np.array([value]))
    found = tails.exceed(ROWS, np.array([[30.0]]), grid())
    other, none = found.everyday(1, np.ones(1, np.bool_)), found.everyday(0, np.zeros(1, np.bool_))
    assert [tails.decades(each)[0] > 4.0 for each in (found, other, none)] == [True, True, True]
    everyday = found.everyday(0, np.ones(1, np.bool_))
    assert tails.decades(everyday)[0] == 0.0
    tails.learn(ROWS, everyday)
    assert tails.arrays["top"][0, 0] == 30.0


def test_clusters_are_as_long_after_years() -> None:
    """What 2^16 readings and more have counted is told apart as among the first thousand."""
    tails = [grown(), grown()]
    for readings, one in zip((0.0, 2.0**16 - 500.0), tails, strict=True):
        one.arrays["seen"][:] = readings
        for value in np.random.RandomState(10).standard_normal(1000):
            rarity(one, np.array([value]))
    for name in ("edge", "top", "between"):
        assert np.array_equal(tails[0].arrays[name], tails[1].arrays[name])


def test_a_run_that_goes_on_is_not_compared_with_itself() -> None:
    """A run grows by one with every reading: kept among what is usual, it would lift the mean as fast as itself."""
    habit, draw = np.array([1.0, 2.0, 3.0]), np.random.RandomState(7)
    tails = grown(least=1.0)
    for length in draw.choice(habit, 800):
        for run in np.arange(length + 1.0):
            rarity(tails, np.array([run]))
    found = [float(rarity(tails, np.array([run]))[0]) for run in np.arange(1.0, 61.0)]
    assert found[-1] > 8.0
    assert all(later >= earlier for earlier, later in pairwise(found))


def test_what_is_looked_at_upwards_only_has_one_tail() -> None:
    """Little of what is never negative is no news, and the range seen of it begins at 0."""
    tails = Tails(Traits(np.zeros(1), np.zeros(1), np.ones(1), np.array([CLUSTER]), SENSOR), 0)
    tails.grow(1)
    values = np.random.RandomState(11).standard_exponential(1000)
    for value in values:
        tails.learn(ROWS, tails.exceed(ROWS, np.array([[value]]), grid()))
    assert tails.sides == 1
    assert not len(tails.exceed(ROWS, np.zeros((1, 1)), grid()).side)
    assert tails.decades(tails.exceed(ROWS, np.full((1, 1), 30.0), grid()))[0] > 4.0
    low, high = tails.band(ROWS, 0)
    assert (low[0], high[0] > 1.0) == (-np.inf, True)


def test_how_long_a_state_lasts_is_read_in_no_steps() -> None:
    """Its length may stand among values that are, and half as long again as the longest is news there as elsewhere."""
    tails = grown(few=FEW)
    lengths = np.random.RandomState(12).standard_exponential(1000)
    for length in lengths:
        rarity(tails, np.array([length]), grain=0.3)
    found = tails.exceed(ROWS, np.array([[lengths.max() + 0.4]]), grid(0.3))
    in_steps, as_it_is = (tails.decades(each) for each in (found, found.as_they_are(np.ones(1, np.bool_))))
    assert in_steps[0] < as_it_is[0]
