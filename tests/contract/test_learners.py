"""Every learner a device can have, against every law of learning."""

import functools
from collections.abc import Sequence

import numpy as np
import pytest
from readings import START, Row, batch, pieces
from series import is_equal, joined

from gateway.learning.directory import Directory
from gateway.learning.fleet import Fleet
from gateway.learning.stock import ModelRule
from gateway.learning.streams import Policy
from gateway.records import SECOND, Verdicts

LEARNERS = {
    "default": None,
    "HoltWinters": ModelRule("river.time_series.HoltWinters", params={"alpha": 0.3}),
    "KNNRegressor": ModelRule("river.neighbors.KNNRegressor"),
    "GaussianScorer": ModelRule("river.anomaly.GaussianScorer"),
    "HalfSpaceTrees": ModelRule(
        "river.preprocessing.MinMaxScaler | river.anomaly.HalfSpaceTrees", params={"n_trees": 3, "window_size": 50}
    ),
    "LODA": ModelRule("river.preprocessing.StandardScaler | river.anomaly.LODA"),
}
PAST, ROUNDS = 205, 40
"""Rounds of readings before the laws are tried, so that every learner is warm, and in which they are."""

HALF = ROUNDS * 3 // 2
"""Readings: half of the log."""

every_learner = pytest.mark.parametrize("name", LEARNERS)


@functools.cache
def life() -> list[Row]:
    """Return the life of two devices, one of them with two sensors; with odd, stale and repeated readings in it."""
    draw = np.random.RandomState(1)
    rows = []
    for number in range(PAST + ROUNDS):
        at = START + number * 60 * SECOND
        value = 20 + np.sin(number / 9) + 0.1 * draw.standard_normal()
        rows += [
            ("pump", "a", at, value),
            ("pump", "b", at, round(2 * value)),
            ("room", "a", at, draw.standard_normal()),
        ]
    for place in range(50, len(rows), 17):
        device, sensor, at, value = rows[place]
        rows[place] = device, sensor, at - (place % 3) * 60 * SECOND, value if place % 4 else 50 * value
    return rows


def log() -> list[Row]:
    """Return the part of that life in which the laws are tried."""
    return life()[3 * PAST :]


def newborn(name: str) -> Fleet:
    """Return a fleet in which this learner is at work, and the default ones beside it."""
    rule = LEARNERS[name]
    fleet = Fleet(Directory(), Policy(budget_s=86_400.0), [] if rule is None else [rule])
    batch(fleet.directory, life())
    return fleet


@functools.cache
def past(name: str) -> bytes:
    """Return the state of a fleet that has lived."""
    fleet = newborn(name)
    feed(fleet, [life()[: 3 * PAST]])
    return fleet.dumps()


def grown(name: str, state: bytes | None = None) -> Fleet:
    """Return a fleet with that past, or with this one."""
    fleet = newborn(name)
    fleet.loads(state or past(name))
    return fleet


def feed(fleet: Fleet, parts: Sequence[Sequence[Row]]) -> Verdicts:
    """Feed parts as batches; return the verdicts as on one."""
    return joined([fleet.learn_many(batch(fleet.directory, part)) for part in parts])


@functools.cache
def reference(name: str) -> tuple[Verdicts, bytes, bytes]:
    """Return what the learner says of the log, its state in the middle and at the end."""
    fleet = grown(name)
    first = feed(fleet, [log()[:HALF]])
    middle = fleet.dumps()
    second = feed(fleet, [log()[HALF:]])
    assert fleet.failures() == {}
    return joined([first, second]), middle, fleet.dumps()


def part(verdicts: Verdicts, rows: slice | np.ndarray) -> Verdicts:
    """Return the verdicts on some readings."""
    return Verdicts(*(getattr(verdicts, name)[rows] for name in Verdicts.__slots__))


@every_learner
def test_batching_never_changes_a_result(name: str) -> None:
    """Verdicts and state are the same, bit for bit, in batches of any size."""
    verdicts, _, state = reference(name)
    fleet = grown(name)
    assert is_equal(verdicts, feed(fleet, list(pieces(log(), seed=3, largest=30))))
    assert fleet.dumps() == state


@every_learner
def test_the_future_changes_nothing(name: str) -> None:
    """Whatever follows, the verdicts on the past stay, and what is expected next was said before it was seen."""
    rows = log()
    rows[HALF:] = [(device, sensor, at, 1000.0 + float(value)) for device, sensor, at, value in rows[HALF:]]
    verdicts, other = reference(name)[0], feed(grown(name), [rows])
    assert is_equal(part(verdicts, slice(HALF)), part(other, slice(HALF)))
    assert verdicts.expected[HALF] == other.expected[HALF]
    assert verdicts.expected[-1] != other.expected[-1]


@every_learner
def test_a_copy_goes_on_bit_for_bit(name: str) -> None:
    """Saved and loaded in the middle, it says the same and becomes the same."""
    verdicts, middle, state = reference(name)
    fleet = grown(name, middle)
    assert fleet.dumps() == middle
    assert is_equal(part(verdicts, slice(HALF, None)), feed(fleet, [log()[HALF:]]))
    assert fleet.dumps() == state


@every_learner
def test_devices_do_not_influence_each_other(name: str) -> None:
    """A device alone is told exactly what it is told among others."""
    for device in ("pump", "room"):
        mine = [row for row in log() if row[0] == device]
        is_mine = np.array([row[0] == device for row in log()])
        assert is_equal(part(reference(name)[0], is_mine), feed(grown(name), [mine]))


@every_learner
def test_what_is_said_is_finite(name: str) -> None:
    """Scores are in [0, 1], intervals hold what was expected; only what cannot be known is not a number."""
    said = reference(name)[0]
    known = ~np.isnan(said.expected)
    assert ((said.score >= 0.0) & (said.score <= 1.0)).all()
    assert not (said.joint < 0.0).any()
    assert not (said.joint > 1.0).any()
    assert np.isfinite(said.period).all()
    assert known[~said.is_stale].mean() > 0.9
    assert np.isfinite([said.lower[known], said.upper[known]]).all()
    assert (said.lower[known] <= said.expected[known]).all()
    assert (said.expected[known] <= said.upper[known]).all()


@every_learner
def test_a_stale_reading_is_not_learned(name: str) -> None:
    """Delivered again, the whole log leaves no trace."""
    fleet = grown(name, reference(name)[2])
    assert feed(fleet, [log()]).is_stale.all()
    assert fleet.dumps() == reference(name)[2]
