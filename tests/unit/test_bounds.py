"""Time to a limit."""

import json
import re

import numpy as np
import pytest
from readings import START
from series import columns, noise

from gateway.codecs.outgoing import encode_prediction
from gateway.learning.bounds import Bound, approach
from gateway.learning.clock import RECENT
from gateway.records import SECOND, Batch, Crossing, Floats
from gateway.shard import Rules, Shard

COLD = Bound("freezer*", "temperature", below=-25.0, above=-10.0)
STEP_S = 300
AGES_S = STEP_S * np.arange(RECENT - 1.0, -1.0, -1.0)


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


def crossing(values: Floats, gaps_s: Floats) -> list[tuple[float, Crossing]]:
    """Return what is told with each reading of a freezer, beside when that came (s)."""
    shard, count = Shard(Rules(bounds=(COLD,))), len(values)
    row, at = shard.directory.add("freezer-2", "temperature"), START + (np.cumsum(gaps_s) * SECOND).astype(np.int64)
    found = []
    for place in range(count):
        one = slice(place, place + 1)
        shard.apply(Batch(np.array([row]), at[one], at[one], values[one]))
        found += [((at[place] - START) / SECOND, told) for told in shard.crossings([0])]
    return found


@pytest.mark.parametrize("days", [1, 3, 7])
def test_a_young_freezer_that_warms_is_foretold_until_it_is_there(days: int) -> None:
    """What it has learned of these hours is this climb: no reason to take it for what every day does."""
    calm = days * 288
    told = crossing(warming(36, 0.2)[2016 - calm :], np.full(calm + 36, float(STEP_S)))
    at = [round(at_s / STEP_S) - calm for at_s, _ in told]
    assert at == [*range(at[0], 37)]
    assert at[0] <= RECENT


def test_one_that_reports_as_it_moves_is_foretold_by_the_clock() -> None:
    """Gaps of one to nine minutes while it warms by a steady 0.04 degrees a minute."""
    draw = np.random.default_rng(5)
    gaps_s = np.append(np.full(2016, float(STEP_S)), draw.uniform(60.0, 540.0, 36))
    level = -18.0 + 0.04 / 60.0 * np.maximum(np.cumsum(gaps_s) - 2016 * STEP_S, 0.0)
    told = [each for _, each in crossing(level + 0.05 * draw.standard_normal(len(gaps_s)), gaps_s)][-12:]
    truly = START + int((2016 * STEP_S + 8.0 / 0.04 * 60.0) * SECOND)
    assert all(each.earliest <= truly <= each.latest for each in told)
    assert [each.reached_at for each in told] == pytest.approx([truly] * 12, abs=120 * SECOND)


@pytest.mark.parametrize("fast_s", [5.0, 1500.0])
def test_none_is_foretold_wrongly_just_after_its_pace_has_changed(fast_s: float) -> None:
    """It warms at one pace by the clock, and reports of that every few minutes, then ever more often, or seldom."""
    gaps_s = np.concatenate([np.full(2016, float(STEP_S)), np.full(30, float(STEP_S)), np.full(40, fast_s)])
    level = -18.0 + 0.02 / 60.0 * np.maximum(np.cumsum(gaps_s) - 2016 * STEP_S, 0.0)
    level = level[: np.searchsorted(level, -10.0)]
    told = crossing(level + 0.01 * noise(len(level), 1)[:, 0], gaps_s[: len(level)])
    since = [each for at_s, each in told if at_s > 2046 * STEP_S]
    truly = START + int((2016 * STEP_S + 8.0 / 0.02 * 60.0) * SECOND)
    assert len(since) > 6
    assert [each.reached_at for each in since] == pytest.approx([truly] * len(since), abs=150 * SECOND)


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
    found = approach(np.linspace(100.0, 102.0 - 2.0 * RECENT, RECENT), AGES_S, 0.0, Bound(below=10.0))
    assert found is not None
    assert found.limit == 10.0
    assert found.in_s == pytest.approx(STEP_S * (54.0 - 10.0) / 2.0)
    assert found.earliest_s == pytest.approx(found.latest_s)


@pytest.mark.parametrize("values", [np.zeros(RECENT), np.full(RECENT, 1e30), np.linspace(-1e30, 1e30, RECENT)])
def test_extremes_are_no_danger(values: Floats) -> None:
    """A constant and the ends of what values may be lead nowhere, or to a number."""
    found = approach(values, AGES_S, 0.0, Bound(below=-1.0, above=2e30))
    assert found is None or np.isfinite(found).all()


def test_the_first_bound_that_fits_counts() -> None:
    """Names are matched by shell pattern; a sensor without a bound is never told."""
    shard = lived(warming(RECENT, 0.2), Bound("fridge*", above=-10.0))
    assert shard.crossings([0]) == []
