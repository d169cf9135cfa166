"""What was said of readings, as whole numbers and back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from readings import verdicts

from gateway.journal import bands
from gateway.journal.columns import Packed, pack
from gateway.records import Floats, Verdicts

NUMBER = st.floats(allow_nan=True, allow_infinity=True, width=64)


def back(value: Floats, said: Verdicts) -> Verdicts:
    """Return what comes out of the log."""
    rows = np.arange(len(value))
    packed = Packed(pack(rows, rows, bands.encode(value, said)), len(value))
    return verdicts(len(value), **bands.decode(packed, value))


def test_a_band_is_off_by_no_more_than_can_be_seen() -> None:
    """What was expected within a hundredth of the band's width, its limits within three."""
    draw = np.random.default_rng(1)
    value = draw.normal(0.0, 10.0, 1000) ** 3
    width = np.exp(draw.normal(0.0, 3.0, 1000))
    expected = value + width * draw.normal(0.0, 2.0, 1000)
    lower = expected - width * draw.random(1000)
    said = verdicts(1000, expected=expected, lower=lower, upper=lower + width)
    again = back(value, said)
    for name, most in (("expected", 0.01), ("lower", 0.03), ("upper", 0.03)):
        assert np.abs((getattr(again, name) - getattr(said, name)) / width).max() < most


@pytest.mark.parametrize("score", [0.0, 0.25, 0.4999999, 0.5, 0.63, 1.0])
def test_a_score_keeps_to_its_side_of_the_threshold(score: float) -> None:
    """0.5 stays 0.5, and nothing below it comes to look like an incident."""
    kept = back(np.ones(1), verdicts(1, score=np.array([score]))).score[0]
    assert score - 0.004 < kept <= score
    assert (kept >= 0.5) == (score >= 0.5)


@given(
    st.lists(st.tuples(st.floats(allow_nan=False, allow_infinity=False), NUMBER, NUMBER, NUMBER, NUMBER), max_size=9)
)
def test_what_was_read_from_the_log_is_written_again_as_it_was(rows: list[tuple[float, ...]]) -> None:
    """Forgetting one device writes what stays of others again: nothing of it moves, whatever was said."""
    columns = [np.array(column) for column in zip(*rows, strict=True)] or [np.zeros(0)] * 5
    names = ("score", "expected", "lower", "upper")
    once = back(columns[0], verdicts(len(rows), **dict(zip(names, columns[1:], strict=True))))
    twice = back(columns[0], once)
    for name in names:
        assert getattr(once, name).tobytes() == getattr(twice, name).tobytes()


def test_what_is_not_known_stays_unknown() -> None:
    """Bands of a sensor that was just met, of one that is constant, and of an absurd one."""
    said = verdicts(
        3,
        expected=np.array([np.nan, 5.0, 1e60]),
        lower=np.array([np.nan, 5.0, -np.inf]),
        upper=np.array([np.nan, 5.0, np.inf]),
    )
    again = back(np.array([1.0, 5.0, 2.0]), said)
    assert np.isnan(again.expected[0])
    assert (again.expected[1], again.lower[1], again.upper[1]) == (5.0, 5.0, 5.0)
    assert (again.expected[2], again.lower[2], again.upper[2]) == (np.inf, -np.inf, np.inf)
