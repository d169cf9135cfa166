"""The yardstick of the plain learners."""

import random

import pytest

from gateway.learning.surprise import SIGMAS_TO_ALARM, Surprise, score_of


def test_the_score_is_half_at_the_threshold() -> None:
    """0 for nothing odd, 0.5 at the threshold, never 1."""
    assert score_of(0.0) == 0.0
    assert score_of(SIGMAS_TO_ALARM) == 0.5
    assert score_of(1e6) < 1.0


def test_distance_is_measured_in_its_own_deviations() -> None:
    """Of Gaussian numbers around 5 with deviation 2, the number 17 is six deviations away."""
    draw, surprise = random.Random(1), Surprise(10)
    for _ in range(2000):
        surprise.learn_one(draw.gauss(5.0, 2.0))
    assert surprise.sigmas(17.0) == pytest.approx(6.0, rel=0.3)
    assert surprise.sigmas(-7.0) == pytest.approx(-6.0, rel=0.3)


def test_a_number_far_outside_does_not_blind_it() -> None:
    """After one of 1e100 the next that is odd is odd, and a new level is usual soon."""
    draw, surprise = random.Random(1), Surprise(10)
    for _ in range(2000):
        surprise.learn_one(draw.gauss(5.0, 2.0))
    surprise.learn_one(1e100)
    assert surprise.sigmas(29.0) > 1.0
    for _ in range(200):
        surprise.learn_one(draw.gauss(5000.0, 2.0))
    assert surprise.sigmas(5001.0) < 1.0


def test_it_is_warm_when_it_has_seen_enough() -> None:
    """Before that its answers mean nothing."""
    surprise = Surprise(2)
    surprise.learn_one(1.0)
    assert not surprise.is_warm
    surprise.learn_one(1.0)
    assert surprise.is_warm


def test_without_deviation_the_floor_holds() -> None:
    """Numbers that are all the same have a scale all the same."""
    surprise = Surprise(2)
    for _ in range(50):
        surprise.learn_one(3.0)
    assert surprise.scale(0.5) == 0.5
    assert surprise.sigmas(3.0) == 0.0
    assert surprise.sigmas(4.0, floor=0.5) == 2.0
