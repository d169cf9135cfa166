"""What is usual at this hour."""

import numpy as np
import pytest

from gateway.learning.calendar import DAY_S, WEEK_S
from gateway.learning.clock import LARGEST
from gateway.learning.profile import Profile, hour_of
from gateway.records import Floats

ROW = np.array([0])
UNKNOWN = np.zeros((2, 1))  # what was expected there


def lived(days: int, value_at: dict[int, float]) -> Profile:
    """Return the profile of a stream that showed these values at these hours, every day from a Monday on."""
    profile = Profile()
    profile.grow(1)
    for day in range(days):
        for hour, value in value_at.items():
            learn(profile, day * DAY_S + hour * 3600, value)
    return profile


def learn(profile: Profile, second: int, value: float, expected: Floats = UNKNOWN, interval_s: float = 3600.0) -> None:
    """Let the stream show a value at a second of the week."""
    profile.learn(ROW, hour_of(np.array([second])), np.array([value]), expected, np.array([interval_s]))


def usual(profile: Profile, second: int, base: float = 0.0) -> tuple[float, float, float]:
    """Return the expectation, the mean of this hour of the week, and how often that was seen."""
    expected, weekly, seen = profile.expect(ROW, hour_of(np.array([second])), np.array([base]))
    return float(expected[0]), float(weekly[0]), float(seen[0])


def test_before_anything_was_seen_the_mean_is_expected() -> None:
    """A newborn profile says what it is given."""
    assert usual(lived(0, {}), 12 * 3600, 21.5) == (21.5, 0.0, 0.0)


def test_each_hour_has_its_own_expectation() -> None:
    """After two weeks the morning and the evening are told apart, and an hour never seen is expected at the mean."""
    profile = lived(14, {8: 10.0, 20: 30.0})
    morning, evening, night = (usual(profile, 14 * DAY_S + hour * 3600, 20.0)[0] for hour in (8, 20, 3))
    assert morning == pytest.approx(10.0, abs=0.5)
    assert evening == pytest.approx(30.0, abs=0.5)
    assert night == 20.0


def test_a_weekday_may_differ_from_the_others() -> None:
    """An hour of the week that was seen often outweighs the same hour of other days."""
    profile = Profile()
    profile.grow(1)
    for day in range(70):
        learn(profile, day * DAY_S + 8 * 3600, 0.0 if day % 7 == 6 else 50.0)
    sunday, weekly, seen = usual(profile, 6 * DAY_S + 8 * 3600)
    assert (weekly, seen) == (0.0, 10.0)
    assert sunday < 12.0
    assert usual(profile, WEEK_S + 8 * 3600)[0] > 45.0


def test_old_habits_fade() -> None:
    """A rhythm of readings every five minutes that changed is followed within a month, however long the old lasted."""
    profile = lived(1000, {8: 10.0})
    for day in range(30):
        for minute in range(0, 60, 5):
            learn(profile, day * DAY_S + 8 * 3600 + minute * 60, 40.0, interval_s=300.0)
    assert usual(profile, 31 * DAY_S + 8 * 3600)[0] > 25.0


def test_an_hour_read_often_is_remembered_from_day_to_day() -> None:
    """Of a sensor that reads every minute the day before counts too, though that was sixty readings ago."""
    profile = Profile()
    profile.grow(1)
    for day, value in enumerate((50.0, 50.0, 50.0, 0.0)):
        for minute in range(60):
            learn(profile, day * DAY_S + 8 * 3600 + minute * 60, value, interval_s=60.0)
    assert 25.0 < usual(profile, WEEK_S + 4 * DAY_S + 8 * 3600)[0] < 37.5


def test_how_far_off_it_is_is_kept_by_the_hour() -> None:
    """A sensor that is restless by day and still by night is known as both, and so is how well it was forecast."""
    profile = Profile()
    profile.grow(1)
    for day in range(20):
        for hour, swing in ((3, 0.1), (15, 10.0)):
            value, expected = 20.0 + swing * (-1) ** day, np.array([[20.0], [20.0 + 0.5 * swing * (-1) ** day]])
            learn(profile, day * DAY_S + hour * 3600, value, expected)
    (night, nights), (noon, _) = (profile.off(ROW, hour_of(np.array([hour * 3600]))) for hour in (3, 15))
    assert night[:, 0] == pytest.approx([0.1, 0.05], rel=0.01)
    assert noon[:, 0] == pytest.approx([10.0, 5.0], rel=0.01)
    assert nights == 20.0


@pytest.mark.parametrize("size", [1e-15, 1e18])
def test_how_far_off_it_is_may_be_of_any_size(size: float) -> None:
    """A sensor may read in farads or in bits."""
    profile = Profile()
    profile.grow(1)
    for _ in range(3):
        learn(profile, 0, size)
    off, _ = profile.off(ROW, hour_of(np.array([0])))
    assert off[:, 0] == pytest.approx([size, size], rel=0.01)


def test_how_far_off_it_is_is_bounded() -> None:
    """The largest value there may be makes nothing infinite."""
    profile = Profile()
    profile.grow(1)
    learn(profile, 0, LARGEST)
    off, _ = profile.off(ROW, hour_of(np.array([0])))
    assert np.isfinite(off).all()
