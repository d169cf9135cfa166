"""Sensors of one device together, seen through the fleet's verdicts."""

import functools

import numpy as np
from readings import START, batch
from series import columns, noise

from gateway.learning.directory import Directory
from gateway.learning.fleet import Fleet
from gateway.learning.streams import Policy
from gateway.records import SECOND, Change, Floats, Verdict

STEP_S = 1800
DAY = 48
BROKEN = 18 * DAY
"""Readings before one of the sensors goes its own way."""


def fleet(*devices: str) -> Fleet:
    """Return a fleet whose devices have two sensors each."""
    directory = Directory()
    for device in devices:
        for sensor in ("a", "b"):
            directory.add(device, sensor)
    return Fleet(directory, Policy())


@functools.cache
def said(*steps: float) -> Floats:
    """Return the joint score of each round of two devices, whose sensors share a cause; in the first they part.

    With `steps` the two sensors of each read in these.
    """
    readings = BROKEN + 4 * DAY
    cause, own = noise(readings, 1, 4, 0.8)[:, 0], noise(readings, 4, 5, 0.5)
    values = np.column_stack([20 + cause, 50 + 3 * cause, 20 + cause, 50 + 3 * cause]) + own * [0.2, 0.6, 0.2, 0.6]
    values[BROKEN:, 1] = 50 + 3 * noise(readings, 1, 9, 0.8)[BROKEN:, 0]
    if steps:
        values = np.round(values / np.tile(steps, 2)) * np.tile(steps, 2)
    joint = fleet("broken", "whole").learn_many(columns(values, STEP_S)).joint.reshape(-1, 2, 2)
    assert np.isnan(joint[:, :, 0]).all()
    return joint[:, :, 1]


def test_a_broken_correlation_is_told_within_a_day() -> None:
    """Each sensor stays within its own habits, but they no longer go together: the score passes 0.5."""
    broken = said()[BROKEN:, 0]
    assert broken[:DAY].max() >= 0.5
    assert broken.mean() > 1.5 * np.nanmean(said()[8 * DAY : BROKEN, 0])


def test_a_coarse_sensor_is_judged_beside_a_fine_one() -> None:
    """One that reads in halves, and shows some ten values, goes with one that shows any."""
    assert said(0.5, 0.01)[BROKEN : BROKEN + DAY, 0].max() >= 0.5


def test_of_coarse_sensors_alone_nothing_is_said() -> None:
    """Where all of them show few values, which come together hangs on how they are rounded."""
    assert (said(0.5, 1.0)[150:] == 0.0).all()


def test_an_unbroken_correlation_is_not() -> None:
    """A device whose sensors go on together stays below 0.5 all the while."""
    assert said()[BROKEN:, 1].max() < 0.5


def test_a_round_is_judged_with_the_reading_that_completes_it() -> None:
    """The first sensor of a message waits for the second; scores are in [0, 1], and 0 while nothing is known."""
    scores = said()[1:]
    assert np.isfinite(scores).all()
    assert ((scores >= 0.0) & (scores <= 1.0)).all()
    assert (scores[:150] == 0.0).all()


def test_one_sensor_alone_is_no_company() -> None:
    """A device with a single sensor has no joint score."""
    of = fleet()
    rows = [("lone", "a", START + number * SECOND, float(number % 3)) for number in range(400)]
    assert np.isnan(of.learn_many(batch(of.directory, rows)).joint).all()


def test_a_sensor_that_left_is_not_waited_for_for_ever() -> None:
    """When one of three sensors falls silent the other two are judged again within two days."""
    of = fleet()
    rows = [
        ("pump", sensor, START + number * STEP_S * SECOND, float(number % 5))
        for number in range(4 * DAY)
        for sensor in ("abc" if number < DAY else "ab")
    ]
    joint = of.learn_many(batch(of.directory, rows)).joint
    assert np.isfinite(joint[-2 * DAY :]).sum() == DAY


def test_what_a_person_calls_fine_is_told_no_more() -> None:
    """Closed by that word, it stays closed: the next rounds like it say nothing."""
    readings = BROKEN + 4 * DAY
    cause = noise(readings, 1, 4, 0.8)[:, 0]
    values = np.column_stack([20 + cause, 50 + 3 * cause]) + noise(readings, 2, 5, 0.5) * [0.2, 0.6]
    values[BROKEN:, 1] = 50 + 3 * noise(readings, 1, 9, 0.8)[BROKEN:, 0]
    pump = fleet("pump")
    said = pump.learn_many(columns(values[: BROKEN + DAY], STEP_S))
    assert Change.OPEN in said.joint_change
    assert Change.CLOSED not in said.joint_change
    pump.judge_together(0, Verdict.FALSE_ALARM)
    rest = pump.learn_many(columns(values[BROKEN + DAY :], STEP_S, START + (BROKEN + DAY) * STEP_S * SECOND))
    assert (rest.joint_change[:8] == Change.NONE).all()
    assert np.nanmax(rest.joint[:8]) < 0.5
