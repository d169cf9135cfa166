"""Time to a limit."""

import json
import re

import numpy as np
import pytest
from readings import START
from series import columns, noise

from gateway.codecs.outgoing import encode_prediction
from gateway.learning.bounds import RECENT, Bound, approach
from gateway.records import SECOND, Batch, Floats
from gateway.shard import Rules, Shard

COLD = Bound("freezer*", "temperature", below=-25.0, above=-10.0)
STEP_S = 300


def lived(values: Floats, bound: Bound = COLD) -> Shard:
    """Return a freezer that showed these temperatures, one every five minutes."""
    shard = Shard(Rules(bounds=(bound,)))
    shard.directory.add("freezer-2", "temperature")
    log = columns(values[:, None], STEP_S)
    shard.apply(Batch(log.stream, log.observed_at, log.received_at, log.value))
    return shard


def warming(readings: int, per_reading: float) -> Floats:
    """Return a week of a freezer at -18 degrees that then warms for so many readings."""
    healthy = -18.0 + 0.1 * noise(2016, 1)[:, 0]
    return np.concatenate([healthy, -18.0 + per_reading * np.arange(1, readings + 1) + 0.1 * noise(readings, 1)[:, 0]])


def test_a_freezer_that_warms_reaches_its_limit() -> None:
    """At a fifth of a degree per reading it is at -10 degrees when it says, within its own bounds, and in words."""
    shard = lived(warming(RECENT, 0.2))
    (told,) = shard.crossings([0])
    truly = START + (2016 + 40) * STEP_S * SECOND
    assert (told.device, told.sensor, told.limit) == ("freezer-2", "temperature", -10.0)
    assert told.earliest <= truly <= told.latest
    assert told.reached_at == pytest.approx(truly, abs=600 * SECOND)
    words = r"temperature reaches -10 in about \d+ min if it goes on like this, between \d+ min and \d+ min\."
    assert re.fullmatch(words, told.reason)


@pytest.mark.parametrize("fast_s", [5, 1500])
def test_who_reports_at_another_pace_while_it_warms_is_foretold_by_that(fast_s: int) -> None:
    """A freezer of every five minutes that says every five seconds that it warms, or only every 25 minutes."""
    shard, values = Shard(Rules(bounds=(COLD,))), warming(40, 0.1)
    row, count = shard.directory.add("freezer-2", "temperature"), len(values)
    at = START + np.cumsum(np.where(np.arange(count) < 2016, STEP_S, fast_s)) * SECOND
    shard.apply(Batch(np.full(count, row), at, at, values))
    (told,) = shard.crossings([0])
    truly = int(at[2015]) + 80 * fast_s * SECOND
    assert told.reached_at == pytest.approx(truly, abs=4 * fast_s * SECOND)


def test_the_prediction_message_carries_it() -> None:
    """Under `limits`, by sensor; a device of which nothing moves has no such key."""
    shard = lived(warming(RECENT, 0.2))
    message = json.loads(encode_prediction(shard.forecast([0]), shard.crossings([0])))
    assert set(message["limits"]["temperature"]) == {"limit", "reached_at", "earliest", "latest", "reason"}
    assert "limits" not in json.loads(encode_prediction(shard.forecast([0])))


@pytest.mark.parametrize(
    "values",
    [
        warming(0, 0.0),  # nothing moves
        warming(RECENT, 0.01),  # slower than its noise
        warming(RECENT, 0.002),  # too far away
        warming(RECENT, 0.4),  # it is there already
        warming(RECENT, 0.2)[:10],  # too young
    ],
)
def test_nothing_is_told_without_evidence(values: Floats) -> None:
    """A limit is told only while a steady line leads there, and not from afar."""
    assert lived(values).crossings([0]) == []


def test_what_every_day_does_is_no_approach() -> None:
    """A room that warms every morning as usual is not told to reach 30 degrees at noon; out of turn it is."""
    day = 288
    usual = 20.0 + 4.0 * np.sin(2 * np.pi * np.arange(14 * day + 40) / day)
    bound = Bound(above=30.0)
    assert lived(usual, bound).crossings([0]) == []
    out_of_turn = np.concatenate([usual[: 14 * day], np.linspace(20.0, 28.0, 40)])
    assert [told.limit for told in lived(out_of_turn, bound).crossings([0])] == [30.0]


def test_a_straight_fall_is_told_to_the_step() -> None:
    """Without noise there is no doubt: earliest and latest are the same."""
    found = approach(np.linspace(100.0, 102.0 - 2.0 * RECENT, RECENT), 0.0, Bound(below=10.0))
    assert found is not None
    assert found.limit == 10.0
    assert found.steps == pytest.approx((54.0 - 10.0) / 2.0)
    assert found.earliest == pytest.approx(found.latest)


@pytest.mark.parametrize("values", [np.zeros(RECENT), np.full(RECENT, 1e30), np.linspace(-1e30, 1e30, RECENT)])
def test_extremes_are_no_danger(values: Floats) -> None:
    """A constant and the ends of what values may be lead nowhere, or to a number."""
    found = approach(values, 0.0, Bound(below=-1.0, above=2e30))
    assert found is None or np.isfinite(found).all()


def test_the_first_bound_that_fits_counts() -> None:
    """Names are matched by shell pattern; a sensor without a bound is never told."""
    shard = lived(warming(RECENT, 0.2), Bound("fridge*", above=-10.0))
    assert shard.crossings([0]) == []
