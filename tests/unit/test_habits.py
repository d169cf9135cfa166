"""How long states last, and when in the week they change."""

from collections.abc import Sequence

import numpy as np
import pytest
from readings import START, Row, batch

from gateway.records import SECOND, Feedback, Incident, Kind, Maintenance, Nature, Resume, State, Tick, Verdict
from gateway.shard import Rules, Shard

HOUR_S, DAY_S = 3600, 86_400
MIDNIGHT = START - START % (DAY_S * SECOND)
DAYS = 22
"""Days in which doors live as they usually do, from a Tuesday on; the one after them is a Wednesday."""

DOORS = ("healthy", "open", "away", "night", "ajar")


def at(day: int, hour: float) -> int:
    """Return a moment of one of those days."""
    return MIDNIGHT + int((day * DAY_S + hour * HOUR_S) * SECOND)


def stirs(draw: np.random.RandomState, door: str, day: int) -> list[Row]:
    """Return how a door is opened and closed again in a day: some 25 times, for some seconds, never at night."""
    is_weekend = (day + 1) % 7 in {5, 6}
    hours = np.sort(draw.uniform(9.0 if is_weekend else 6.5, 22.5, draw.poisson(25)))
    rows: list[Row] = []
    for hour, following in zip(hours, [*hours[1:], 24.0], strict=True):
        length = min(draw.lognormal(3.0, 0.7) / HOUR_S, (following - hour) / 2)
        rows += [(door, "contact", at(day, hour), 1.0), (door, "contact", at(day, hour + length), 0.0)]
    return rows


@pytest.fixture(scope="module")
def past() -> tuple[dict[str, bytes], list[Incident]]:
    """Return the state of a shard in which every door lived so for `DAYS`, and what it told."""
    shard, draw, told = Shard(Rules()), np.random.RandomState(1), list[Incident]()
    for day in range(DAYS):
        told += play(shard, [row for door in DOORS for row in stirs(draw, door, day)], at(day + 1, 0))
    return shard.dumps(), told


def play(shard: Shard, rows: Sequence[Row], until: int, step_s: int = 6 * HOUR_S) -> list[Incident]:
    """Feed rows, and the clock every `step_s` until then; return what is told."""
    told, left = list[Incident](), sorted(rows, key=lambda row: row[2])
    start = min((row[2] for row in left), default=until)
    for now in range(start + step_s * SECOND, until + step_s * SECOND, step_s * SECOND):
        fed, left = [row for row in left if row[2] < now], [row for row in left if row[2] >= now]
        if fed:
            told += [change.incident for change in shard.apply(batch(shard.directory, fed)).changes]
        told += [change.incident for change in shard.apply(Tick(now)).changes]
    return told


def test_what_is_beyond_the_states_that_are_known_apart_changes_all_the_same() -> None:
    """A machine of 24 programs, another every few minutes, at last only the last six: none of them lasts."""
    shard, draw, hour = Shard(Rules()), np.random.RandomState(1), 0.0
    rows: list[Row] = []
    for number in range(4300):
        program = number % 24 if number < 4000 else 18 + number % 6
        rows.append(("washer", "program", at(0, hour), f"program {program}"))
        hour += draw.uniform(200, 400) / HOUR_S if number < 4000 else 240 / HOUR_S
    assert [each for each in play(shard, rows, at(0, hour), step_s=HOUR_S) if each.sensor == "program"] == []


def lived(past: tuple[dict[str, bytes], list[Incident]]) -> Shard:
    """Return a shard with that past."""
    shard = Shard(Rules())
    shard.loads(past[0])
    return shard


def test_a_door_is_a_state(past: tuple[dict[str, bytes], list[Incident]]) -> None:
    """What for a day shows nothing but 0 and 1 is known as such, and of healthy ones hardly anything is told."""
    shard = lived(past)
    natures = shard.fleet.streams.prospects.natures.arrays["nature"]
    assert set(natures[: len(DOORS)].tolist()) == {Nature.STATE}
    assert len([one for one in past[1] if one.state is State.OPEN]) <= 2


def test_a_door_that_is_left_open_is_told_while_it_is(past: tuple[dict[str, bytes], list[Incident]]) -> None:
    """Without any reading it is told within the hour, once, with its habit; closing the door ends it."""
    shard = lived(past)
    told = play(shard, [("open", "contact", at(DAYS, 10), 1.0)], at(DAYS, 13), 300)
    (opened,) = [one for one in told if one.device == "open"]
    assert (opened.state, opened.kind, opened.sensor, opened.value) == (State.OPEN, Kind.STUCK, "contact", 1.0)
    assert opened.at < at(DAYS, 11)
    assert opened.reason.startswith("contact has been on for ")
    closed = play(shard, [("open", "contact", at(DAYS, 13.5), 0.0)], at(DAYS, 13.6), 300)
    assert [(one.id, one.state) for one in closed if one.device == "open"] == [(opened.id, State.CLOSED)]


def test_what_usually_happens_by_now_is_missed(past: tuple[dict[str, bytes], list[Incident]]) -> None:
    """A door that nobody opens on a workday is told by the afternoon, not for its night; the first stir ends it."""
    shard = lived(past)
    others = [row for door in DOORS if door != "away" for row in stirs(np.random.RandomState(5), door, DAYS)]
    (opened,) = [one for one in play(shard, others, at(DAYS, 16), 900) if one.device == "away"]
    assert (opened.state, opened.kind) == (State.OPEN, Kind.SILENT)
    assert at(DAYS, 8) < opened.at < at(DAYS, 16)
    assert "has not changed for " in opened.reason
    stir = [("away", "contact", at(DAYS, 16.5), 1.0), ("away", "contact", at(DAYS, 16.501), 0.0)]
    ended = play(shard, stir, at(DAYS, 16.6), 300)
    assert [(one.id, one.state) for one in ended if one.device == "away"] == [(opened.id, State.CLOSED)]


def test_a_stir_at_night_is_told_at_once(past: tuple[dict[str, bytes], list[Incident]]) -> None:
    """What never happened at this hour is told with its first reading; by day the same is nothing."""
    shard = lived(past)
    fed = [("night", "contact", at(DAYS, 3.2), 1.0), ("night", "contact", at(DAYS, 3.3), 0.0)]
    opened, closed = [one for one in play(shard, fed, at(DAYS, 4)) if one.device == "night"]
    assert (opened.state, opened.kind, opened.at) == (State.OPEN, Kind.SPIKE, at(DAYS, 3.2))
    assert opened.reason.startswith("contact is on now; at this hour of the week it is usually off.")
    assert (closed.state, closed.at) == (State.CLOSED, at(DAYS, 3.3))


def test_what_a_person_called_fine_is_not_told_again(past: tuple[dict[str, bytes], list[Incident]]) -> None:
    """A door that was left open on purpose closes its incident at once, and may be so again."""
    shard = lived(past)
    told = play(shard, [("ajar", "contact", at(DAYS, 10), 1.0)], at(DAYS, 11), 300)
    (opened,) = [one for one in told if one.device == "ajar"]
    (closed,) = shard.apply(Feedback(at(DAYS, 11), "ajar", opened.id, Verdict.FALSE_ALARM)).changes
    assert closed.incident.state is State.CLOSED
    assert not [
        one for one in play(shard, [("ajar", "contact", at(DAYS, 14), 0.0)], at(DAYS, 14.2)) if one.device == "ajar"
    ]
    again = play(shard, [("ajar", "contact", at(DAYS, 15), 1.0)], at(DAYS, 15.9), 300)
    assert not [one for one in again if one.device == "ajar"]


def test_nothing_lasts_too_long_while_work_is_done_or_nobody_listens(
    past: tuple[dict[str, bytes], list[Incident]],
) -> None:
    """What lies before the end of work on a door, and before the gateway listened again, does not count."""
    for entry in (Maintenance(at(DAYS, 10.1), "open", at(DAYS, 13)), Resume(at(DAYS, 13))):
        shard = lived(past)
        play(shard, [("open", "contact", at(DAYS, 10), 1.0)], at(DAYS, 10) + SECOND, 60)
        shard.apply(entry)
        told = play(shard, [("ajar", "contact", at(DAYS, 10.2), 0.0)], at(DAYS, 13.05), 60)
        assert not [one for one in told if one.device == "open" and one.at < at(DAYS, 13)]
