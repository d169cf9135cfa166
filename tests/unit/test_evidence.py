"""The statistics in which a fault can show itself."""

import numpy as np
import pytest
from series import UNKNOWN, Known, seen

from gateway.learning.clock import LARGEST
from gateway.learning.evidence import BLOCK, BLOCKS, KINDS, Evidence, Statistic
from gateway.learning.pool import LAGS, Outlook
from gateway.learning.prospects import RECENT
from gateway.records import Floats

ROW = np.array([0])


def observed(
    values: list[float], evidence: Evidence | None = None, known: Known = UNKNOWN, *, is_counter: bool = False
) -> Floats:
    """Return all statistics of one stream, (reading, statistic), with forecasts of 0."""
    evidence = evidence or Evidence()
    evidence.grow(1)
    lags, rows = np.zeros((LAGS, 1)), []
    zero = np.zeros(1)
    for number, value in enumerate(values):
        outlook = Outlook(np.zeros((7, 1)), zero, zero, zero, np.array([known.off]), zero, lags)
        view = seen(value, outlook, values[:number], known, is_counter=is_counter)
        statistics, memory, _ = evidence.observe(view)
        evidence.learn(view, memory)
        rows.append(statistics[:, 0])
        lags = np.concatenate([[[value]], lags[:-1]])
    return np.array(rows)


def test_every_statistic_speaks_of_one_kind() -> None:
    """What is told of a reading is the kind of its strongest statistic, so each has one."""
    assert set(KINDS) == set(Statistic)


def test_extremes_are_those_of_the_last_readings() -> None:
    """The highest and lowest value are forgotten when they leave the window."""
    found = observed([5.0, -5.0, *[0.0] * (RECENT + 5)])[:, [Statistic.HIGHEST, Statistic.LOWEST]]
    assert found[:2].tolist() == [[5.0, 5.0], [5.0, -5.0]]
    assert found[RECENT].tolist() == [5.0, -5.0]
    assert found[RECENT + 2].tolist() == [0.0, 0.0]


def test_a_run_counts_repeats() -> None:
    """The first reading repeats nothing; every equal one after it adds one, a change begins anew."""
    found = observed([3.0, 3.0, 3.0, 4.0, 4.0, 3.0])
    assert found[:, Statistic.RUN] == pytest.approx([0.0, 1.0, 2.0, 0.0, 1.0, 0.0], rel=0.05)


def test_a_long_run_grows_by_its_logarithm() -> None:
    """Ten times as long is not ten times as odd where a sensor rests for hours."""
    found = observed([3.0] * 10_001)[:, Statistic.RUN]
    assert found[10] > 8.0
    assert found[10_000] < 2.0 * found[1000]


def test_a_counter_is_stuck_when_it_stands_still() -> None:
    """Of a counter the rate is looked at: the same rate again is a steady meter, and none at all one that stands."""
    found = observed([2.0, 2.0, 2.0, 0.0, 0.0, 0.0, 2.0], is_counter=True)
    assert found[:, Statistic.RUN] == pytest.approx([0.0, 0.0, 0.0, 1.0, 2.0, 3.0, 0.0], rel=0.05)


def test_the_grain_is_the_least_change() -> None:
    """A sensor that moves in steps of 0.5 has that grain; one that never moved has none."""
    evidence = Evidence()
    observed([1.0, 1.0], evidence)
    assert evidence.grain(ROW).tolist() == [0.0]
    observed([1.5, 1.5, 3.0, 2.5], evidence)
    assert evidence.grain(ROW).tolist() == [0.5]


def test_a_step_of_the_level_is_seen_as_such() -> None:
    """Half of the memory at 0 and half at 8 is a step of 8; before the memory is full nothing is said."""
    half = BLOCK * BLOCKS // 2
    found = observed([*[0.0] * (BLOCK + half), *[8.0] * half, 0.0])[:, Statistic.STEP]
    assert np.isnan(found[: BLOCK * (BLOCKS + 1) - 1]).all()
    assert found[-2] == pytest.approx(8.0)


def test_the_hour_of_the_week_is_no_evidence_until_it_was_seen() -> None:
    """An unknown hour gives no number, which no tail will look at."""
    assert np.isnan(observed([1.0, 2.0])[:, Statistic.WEEKLY]).all()
    assert observed([1.0, 2.0], known=Known(weekly=-1.0))[-1, Statistic.WEEKLY] == pytest.approx(3.0 - 1.0 / 2)


def test_how_far_off_counts_in_what_is_so_at_this_hour() -> None:
    """Where a sensor is hardly ever off, a little is as odd as much is where it always is."""
    seldom, often = (
        observed([0.0, 0.1, 0.0, 4.0], known=Known(off=off, hours=1e6))[-1, Statistic.USUAL] for off in (0.5, 5.0)
    )
    assert seldom > 5.0 * often
    assert np.isnan(observed([0.0, 4.0])[:, Statistic.USUAL]).all()


def test_a_step_of_a_coarse_sensor_is_not_far_off() -> None:
    """What is read in steps of 1 may be one off, however still it is at that hour; the average of these is less."""
    found = observed([0.0, 1.0, 0.0, 1.0], known=Known(off=0.001, hours=1e6))[:, Statistic.USUAL]
    assert 0.0 < found[-1] < 1.0


def test_the_residual_is_what_was_not_foretold() -> None:
    """Against a forecast of 0 it is the value, in how far off forecasts are at this hour."""
    found = observed([1.0, 2.0, -10.0], known=Known(off=2.0, hours=1e6))[:, Statistic.RESIDUAL]
    assert found == pytest.approx([0.5, 1.0, -5.0], rel=1e-5)


def test_a_residual_is_finite_where_forecasts_were_never_off() -> None:
    """However far the first move goes, and however small one was before."""
    found = observed([0.0, 1e-20, LARGEST])[:, Statistic.RESIDUAL].astype(np.float32)
    assert np.isfinite(found).all()


def test_an_impulse_stands_out_of_both_its_neighbours() -> None:
    """By as much as of the nearer; what rises, falls or stays away does not."""
    found = observed([0.0, 1.0, 2.0, 12.0, 4.0, 4.0, -6.0, -6.0, 0.0, -3.0, 0.0])
    stood_out = [np.nan, np.nan, 0.0, 0.0, 8.0, 0.0, 0.0, 0.0, 0.0, 3.0, 3.0]
    assert found[:, Statistic.IMPULSE] == pytest.approx(stood_out, nan_ok=True)


def test_an_edge_is_between_the_last_three_readings_and_the_three_before() -> None:
    """A shift is whole with its third reading, up or down; of one glitch no more than a third is seen."""
    found = observed([1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 5.0, 5.0, 5.0, -4.0, -4.0, -4.0])[:, Statistic.EDGE]
    assert found == pytest.approx([*[np.nan] * 5, 0.0, 4.0, 8.0, 12.0, 1.0, 14.0, 27.0], nan_ok=True)
    assert observed([*[1.0] * 6, 13.0, *[1.0] * 6])[6:, Statistic.EDGE].max() == pytest.approx(12.0)


def test_spread_is_of_the_moves_and_not_of_the_level() -> None:
    """Ten times as large moves are as far off as a tenth of them; a shift is one move, and a repeat is none."""
    quiet, loud = [1.0, -1.0] * 100, [10.0, -10.0] * 100
    found = observed([*quiet, *loud, *quiet, *[1.0] * 100, *np.add(quiet, 500.0)])[:, Statistic.SPREAD]
    assert np.isnan(found[0])
    first, second, third, still, shifted = found[[199, 399, 599, 699, -1]]
    assert second - first == pytest.approx(np.log(10.0), abs=0.01)
    assert third == pytest.approx(first, abs=0.01)
    assert still == pytest.approx(third, abs=0.01)
    assert shifted == pytest.approx(first, abs=0.1)


def test_what_begins_to_move_late_is_not_restless() -> None:
    """The first move of a sensor counts whole, however long it has rested: the next of its size is as usual."""
    found = observed([*[21.0] * 500, *[21.0, 21.5] * 50])[:, Statistic.SPREAD]
    assert np.isnan(found[499])
    assert found[501] == pytest.approx(found[-1]) == pytest.approx(np.log(0.5))


def test_what_rests_on_a_step_is_not_quiet() -> None:
    """Spread never falls below a part of the least change the sensor has shown."""
    found = observed([*[0.0, 8.0] * 50, *[0.0, 0.5] * 500])[:, Statistic.SPREAD]
    assert found[-1] == pytest.approx(np.log(0.5), abs=0.01)
