"""Sensors that turn into something else in the middle of an incident, or begin as what they are not."""

import random

import numpy as np
import pytest
from readings import START, Happening, Row, batch, life

from gateway.learning.nature import KindRule
from gateway.learning.streams import Policy
from gateway.records import SECOND, Feedback, Incident, Maintenance, Nature, Reason, State, Tick, Verdict
from gateway.shard import Rules, Shard

MINUTE = 60 * SECOND
SWITCHES = 2200  # 15 days of a mode that changes every ten minutes


def told(shard: Shard, rows: list[Row]) -> list[Incident]:
    """Return what is told of these readings."""
    return [each.incident for each in shard.apply(batch(shard.directory, rows)).changes]


def broken() -> tuple[Shard, int]:
    """Return a shard with an open incident on a mode that said what it never had, and the time of that."""
    shard, draw, at = Shard(Rules()), random.Random(1), START
    rows: list[Row] = []
    for number in range(SWITCHES):
        at += draw.randint(500, 700) * SECOND
        rows.append(("pump", "mode", at, ("idle", "heating")[number % 2]))
    told(shard, rows)
    at += 10 * MINUTE
    assert [each.state for each in told(shard, [("pump", "mode", at, "broken")])] == [State.OPEN]
    return shard, at


def test_the_incident_of_a_state_is_over_when_that_turns_into_events() -> None:
    """Nothing can come of it any more, and no clock settles what is not there."""
    shard, at = broken()
    (over,) = told(shard, [("pump", "mode", at + MINUTE, Happening("single"))])
    assert over.state is State.CLOSED
    assert over.reason == "mode sends something of another kind now, of which nothing is known yet."
    for hour in range(1, 48):
        assert all(each.incident.sensor is None for each in shard.apply(Tick(at + hour * 60 * MINUTE)).changes)


def test_what_another_device_knew_before_its_incident_stays_its_own() -> None:
    """The copy on the shelf is of the other, whatever becomes of this one."""
    shard, at = broken()
    draw = random.Random(2)
    told(shard, [("room", "t", at + number * SECOND, 20.0 + draw.gauss(0, 1)) for number in range(2000)])
    at += 2000 * SECOND
    assert told(shard, [("room", "t", at, 90.0)])[0].state is State.OPEN
    told(shard, [("pump", "mode", at + MINUTE, Happening("single"))])
    shard.apply(Tick(at + 120 * MINUTE))
    slow = shard.fleet.streams.prospects.pool.arrays["slow"]
    assert slow[0] == 0.0
    assert slow[1] != 0.0


@pytest.mark.parametrize("level", [20.0, -1000.0])
def test_the_incident_of_a_state_is_over_when_that_turns_into_numbers(level: float) -> None:
    """It is told to be over by the reading with which it turns, and its band is no band of these."""
    shard, at = broken()
    draw = random.Random(3)
    states = [
        each.state
        for number in range(400)
        for each in told(shard, [("pump", "mode", at + (number + 1) * MINUTE, level + draw.gauss(0, 1))])
    ]
    assert states[-1] is State.CLOSED
    assert shard.fleet.nature(0) is Nature.VALUE
    assert not shard.incidents.streams


@pytest.mark.parametrize("phase", range(6))
@pytest.mark.parametrize("first", [21.0, -18.0])
def test_a_fault_that_was_confirmed_ends_wherever_the_sensor_began(first: float, phase: int) -> None:
    """A freezer that was switched on in a warm room, and whichever reading of a block its fault began with."""
    shard, draw, count = Shard(Rules()), random.Random(7), 1000 + phase

    def rows(level: float, start: int, end: int) -> list[Row]:
        return [("freezer", "t", START + n * 10 * MINUTE, level + draw.gauss(0, 0.3)) for n in range(start, end)]

    told(shard, [("freezer", "t", START, first), *rows(-18.0, 1, count)])
    assert told(shard, rows(5.0, count, count + 1))[0].state is State.OPEN
    shard.apply(Feedback(START + count * 10 * MINUTE + SECOND, "freezer", None, Verdict.FAULT))
    told(shard, rows(5.0, count + 1, count + 32))
    after = [each.state for each in told(shard, rows(-18.0, count + 32, count + 132))]
    assert after[-1] is State.CLOSED
    assert not told(shard, rows(-18.0, count + 132, count + 432))


def test_texts_that_are_refused_are_no_sensor_yet() -> None:
    """A counter, as the user said, that is "unavailable" at first: the same of its device however it is batched."""
    rules = Rules(policy=Policy(kinds=(KindRule("*", "energy", Nature.COUNTER),)))
    draw = random.Random(1)
    rows: list[Row] = []
    for number in range(400):
        at = START + number * MINUTE
        rows.append(("plug", "power", at, 20.0 + draw.gauss(0, 1)))
        if number < 100:
            rows.append(("plug", "energy", at, "unavailable"))
    rows.append(("plug", "power", START + 400 * MINUTE, 40.0))
    at_once, each = Shard(rules), Shard(rules)
    whole = at_once.apply(batch(at_once.directory, rows)).verdicts
    single = [each.apply(batch(each.directory, [row])).verdicts for row in rows]
    assert whole is not None
    np.testing.assert_array_equal(whole.score, np.concatenate([one.score for one in single if one is not None]))
    assert at_once.digest("plug") == each.digest("plug")


def test_a_text_heard_during_maintenance_makes_no_speaker_of_a_sensor() -> None:
    """It is known by name, and nothing was learned of it: the next is refused for being one."""
    shard, at = Shard(Rules()), START + 30 * MINUTE
    told(shard, life(30, ("pump",)))
    shard.apply(Maintenance(at, "pump", at + 10 * MINUTE))
    told(shard, [("pump", "a", at + MINUTE, "unavailable")])
    fed = batch(shard.directory, [("pump", "a", at + 20 * MINUTE, "unavailable")])
    verdicts = shard.apply(fed).verdicts
    assert verdicts is not None
    assert verdicts.is_stale.all()
    assert shard.refusal(fed, 0) is Reason.TYPE


def test_what_comes_faster_than_usual_scores_no_less_than_nothing() -> None:
    """A state that changed slowly, and a button that is pressed 800 times in a row: scores are between 0 and 1."""
    shard, draw, at = Shard(Rules()), random.Random(5), START
    rows: list[Row] = []
    for number in range(1500):
        at += round((draw.uniform(1, 20) if number > 700 else draw.uniform(300, 5000)) * SECOND)
        rows.append(("pump", "mode", at, ("idle", "heating")[number % 2]))
        rows.append(("wall", "button", at, Happening("single")))
    verdicts = shard.apply(batch(shard.directory, rows)).verdicts
    assert verdicts is not None
    assert verdicts.score.min() >= 0.0
    assert np.isfinite(verdicts.score).all()


def test_a_fast_counter_may_show_the_end_of_float64() -> None:
    """Ten readings a second: what it rose by in a tenth of one is still a number."""
    shard = Shard(Rules())
    told(shard, [("meter", "energy", START + number * SECOND // 10, float(number)) for number in range(100)])
    assert shard.fleet.nature(0) is Nature.COUNTER
    fed = batch(shard.directory, [("meter", "energy", START + 10 * SECOND, 1.7e308)])
    verdicts = shard.apply(fed).verdicts
    assert verdicts is not None
    assert np.isfinite(verdicts.score).all()


def test_a_silence_begins_no_earlier_than_the_work_on_a_device_ended() -> None:
    """It was heard all the five hours of it, and falls silent at the end."""
    shard, draw = Shard(Rules()), random.Random(1)
    told(shard, [("pump", "t", START + n * MINUTE, 20.0 + draw.gauss(0, 1)) for n in range(600)])
    shard.apply(Maintenance(START + 600 * MINUTE, "pump", START + 900 * MINUTE))
    told(shard, [("pump", "t", START + n * MINUTE, 20.0 + draw.gauss(0, 1)) for n in range(601, 900)])
    changes = (each for n in range(900, 1000) for each in shard.apply(Tick(START + n * MINUTE)).changes)
    silent = next(changes).incident
    assert silent.started_at == START + 900 * MINUTE
    assert " h, " not in silent.reason
