"""Events: when in the week they come, which are missing, which are odd."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pytest
from readings import START, Happening, Row, batch

from gateway.learning.calendar import Almanac, Holidays
from gateway.learning.record import Record
from gateway.records import SECOND, Feedback, Incident, Kind, Nature, Resume, State, Tick, Verdict
from gateway.shard import Rules, Shard

if TYPE_CHECKING:
    from collections.abc import Callable

HOUR_S, DAY_S = 3600, 86_400
MIDNIGHT = START - START % (DAY_S * SECOND)
DAYS = 24
HALF_HOUR = 1800
MONDAY = 3  # days that local time counts more than 1970 has


def at(day: int, hour: float) -> int:
    """Return a moment of one of those days."""
    return MIDNIGHT + int((day * DAY_S + hour * HOUR_S) * SECOND)


def live(shard: Shard, rows: list[Row], start: int, until: int) -> list[Incident]:
    """Feed rows, and the clock every half hour until then; return what is told."""
    told, left = list[Incident](), sorted(rows, key=lambda row: row[2])
    for now in range(start, until, HALF_HOUR * SECOND):
        fed, left = [row for row in left if row[2] < now], [row for row in left if row[2] >= now]
        if fed:
            told += [change.incident for change in shard.apply(batch(shard.directory, fed)).changes]
        told += [change.incident for change in shard.apply(Tick(now)).changes]
    return told


def day_of(draw: np.random.RandomState, day: int) -> list[Row]:
    """Return a day of a medicine box, of a bell, and of a button that is seldom pushed."""
    rows: list[Row] = [("box", "lid", at(day, 8.0 + draw.uniform(-0.4, 0.4)), Happening("open"))]
    rows += [("bell", "action", at(day, hour), Happening("press")) for hour in draw.uniform(9, 20, 4)]
    if draw.uniform() < 0.3:
        rows.append(("remote", "action", at(day, draw.uniform(8, 22)), Happening("single")))
    return rows


@pytest.fixture(scope="module")
def past() -> tuple[dict[str, bytes], list[Incident]]:
    """Return the state of a shard in which all lived so for `DAYS`, and what it told."""
    shard, draw = Shard(Rules()), np.random.RandomState(3)
    told = live(shard, [row for day in range(DAYS) for row in day_of(draw, day)], at(0, 0), at(DAYS, 0))
    return shard.dumps(), told


@pytest.fixture
def shard(past: tuple[dict[str, bytes], list[Incident]]) -> Shard:
    """Return a shard with that past."""
    lived = Shard(Rules())
    lived.loads(past[0])
    return lived


def test_events_are_told_by_what_they_are_named(past: tuple[dict[str, bytes], list[Incident]], shard: Shard) -> None:
    """They are events, without a forecast, and healthy ones tell nothing: each is another, nothing is stuck."""
    assert [shard.fleet.nature(row) for row in range(3)] == [Nature.EVENT] * 3
    assert shard.forecast(range(3)) == []
    assert past[1] == []


def test_a_tick_that_says_so_changed_nothing(shard: Shard) -> None:
    """Only the others stand in the log, two in an hour here, and what is folded from it must be the same."""
    folded, kept = Shard(Rules()), 0
    folded.loads(shard.dumps())
    for minute in range(12 * 60):
        tick = Tick(at(DAYS, 0) + minute * 60 * SECOND)
        before = shard.dumps() if minute % 50 == 0 else None
        outcome = shard.apply(tick)
        assert outcome.has_changed or not outcome.changes
        assert outcome.has_changed or before is None or shard.dumps() == before
        if outcome.has_changed:
            folded.apply(tick)
            kept += 1
    assert 24 <= kept <= 30
    assert folded.dumps() == shard.dumps()


def test_what_comes_every_morning_is_missed_when_it_does_not(shard: Shard) -> None:
    """Told within two hours, once, in one sentence; the box that is opened late ends it."""
    (opened,) = live(shard, [], at(DAYS, 0), at(DAYS, 11))
    assert (opened.device, opened.sensor, opened.kind, opened.state) == ("box", "lid", Kind.SILENT, State.OPEN)
    assert at(DAYS, 8.5) < opened.at <= at(DAYS, 9.6)
    assert opened.reason.startswith("lid: nothing for 25 h; by this time of the day it had come on ")
    (closed,) = live(shard, [("box", "lid", at(DAYS, 11.2), Happening("open"))], at(DAYS, 11.5), at(DAYS, 14))
    assert (closed.id, closed.state) == (opened.id, State.CLOSED)


def test_what_a_person_called_fine_is_not_missed_the_next_day(shard: Shard) -> None:
    """A day without is known from then on, where else it would not count."""
    (opened,) = live(shard, [], at(DAYS, 0), at(DAYS, 11))
    shard.apply(Feedback(at(DAYS, 11), "box", opened.id, Verdict.FALSE_ALARM))
    told = live(shard, [("box", "lid", at(DAYS + 1, 8), Happening("open"))], at(DAYS, 11.5), at(DAYS + 2, 11))
    assert "box" not in {incident.device for incident in told}


def test_nothing_is_missed_that_may_have_come_while_nobody_listened(shard: Shard) -> None:
    """What lies before the gateway listened again does not count, neither then nor as a day without."""
    shard.apply(Resume(at(DAYS, 9)))
    assert "box" not in {told.device for told in live(shard, [], at(DAYS, 9), at(DAYS, 16))}
    live(shard, [("box", "lid", at(DAYS + 1, 8), Happening("open"))], at(DAYS, 16), at(DAYS + 2, 0))
    assert "box" in {told.device for told in live(shard, [], at(DAYS + 2, 0), at(DAYS + 2, 11))}


@pytest.mark.parametrize(
    ("rows", "kind", "reason"),
    [
        ([("press", 3.2)], Kind.SPIKE, 'action: "press" now; at this hour of the week hardly anything ever comes.'),
        ([("held", 12.0)], Kind.RANGE, 'action: "held"; it has never said that before.'),
        ([("press", 12.0 + 0.001 * push) for push in range(30)], Kind.SPREAD, "action: "),
    ],
)
def test_odd_events_are_told_at_once_and_pass(
    shard: Shard, rows: list[tuple[str, float]], kind: Kind, reason: str
) -> None:
    """At an hour that has none, of a name that never came, far too many in a row; an hour later it is over."""
    opened_box: list[Row] = [("box", "lid", at(DAYS, 8), Happening("open"))]
    fed: list[Row] = [("bell", "action", at(DAYS, hour), Happening(name)) for name, hour in rows]
    opened, *updated, closed = live(shard, opened_box + fed, at(DAYS, 0), at(DAYS, 15))
    assert (opened.device, opened.kind, opened.state) == ("bell", kind, State.OPEN)
    assert opened.reason.startswith(reason)
    assert {told.state for told in updated} <= {State.UPDATE}
    assert (closed.id, closed.state) == (opened.id, State.CLOSED)
    assert closed.at - fed[-1][2] <= (HOUR_S + HALF_HOUR) * SECOND


def test_the_clocks_change_and_nothing_is_missed(shard: Shard) -> None:
    """A saved record goes on bit for bit, also where the clock was set back by years and the days begin anew."""
    copy = Shard(Rules())
    copy.loads(shard.dumps())
    entries: list[Callable[[Shard], object]] = [
        lambda one: live(one, day_of(np.random.RandomState(9), DAYS), at(DAYS, 0), at(DAYS, 12)),
        lambda one: one.apply(Resume(at(-700, 0), at(-700, 0) - at(DAYS, 12))),
        lambda one: live(one, day_of(np.random.RandomState(8), -699), at(-700, 0), at(-698, 0)),
    ]
    assert [repr(entry(shard)) for entry in entries] == [repr(entry(copy)) for entry in entries]
    assert shard.dumps() == copy.dumps()


def gaps(lives: list[list[float]], days: int, ask_from: float, holidays: Sequence[int] = ()) -> dict[int, np.ndarray]:
    """Return for each hour from then on in how many days such a gap comes; `lives` are the hours things happen."""
    almanac = Almanac(None, Holidays([day - MONDAY for day in holidays]))
    record, rows, nobody = Record(almanac), np.arange(len(lives)), np.zeros(len(lives), np.bool_)
    record.grow(len(lives))
    record.sit(rows)
    last, periods = np.zeros(len(lives), np.int64), dict[int, np.ndarray]()
    happened = sorted((int(hour * HOUR_S), row) for row, hours in enumerate(lives) for hour in hours)
    for now in range(0, days * DAY_S, HALF_HOUR):
        while happened and happened[0][0] <= now:
            local_s, row = happened.pop(0)
            record.learn(np.array([row]), np.array([local_s * SECOND]), np.array([local_s]))
            last[row] = local_s
        local = np.full(len(lives), now)
        record.attend(rows, local, nobody)
        if now >= ask_from * DAY_S and now % HOUR_S == 0:
            periods[now] = record.gap(rows, local, (now - last).astype(np.float64))[0] / DAY_S
    return periods


def test_what_comes_irregularly_is_as_seldom_missed_as_is_said() -> None:
    """Washing machines that run up to three times a day, or on none: once in 100 days is no more often than that."""
    draw, days, count, period = np.random.RandomState(5), 28, 48, 100.0
    starts = [
        (8.0 + draw.uniform(0, 1.5, (days, 3)) + [0, 5, 10] + 24 * np.arange(days)[:, None]) for _ in range(count)
    ]
    asked = gaps([each[draw.uniform(size=each.shape) < 0.6].tolist() for each in starts], days, 14)
    told = {(row, now // DAY_S) for now, each in asked.items() for row in np.flatnonzero(each >= period).tolist()}
    assert len(told) <= 2 * count * 14 / period


def test_what_comes_often_is_missed_when_it_ceases_and_not_when_it_pauses() -> None:
    """Eight times a day: longer than ever at its hour is nothing, longer than ever at any hour by far is told."""
    draw, days = np.random.RandomState(6), 26
    often = [np.sort(draw.uniform(7, 22, 8)) + 24 * day for day in range(days - 2)]
    asked = gaps([np.concatenate(often).tolist()], days, 14)
    assert max(each[0] for now, each in asked.items() if now < (days - 2) * DAY_S) < 100.0
    assert max(each[0] for each in asked.values()) > 200.0


def test_what_came_earlier_than_ever_today_is_not_missed() -> None:
    """A box that is opened by half past eight, today soon after seven: at nine the gap is a bit long."""
    draw, days = np.random.RandomState(7), 24
    usual = [24 * day + draw.uniform(7.6, 8.4) for day in range(days)]
    asked = gaps([[*usual, 24 * days + 7.05]], days + 1, days)
    assert max(each[0] for now, each in asked.items() if now < days * DAY_S + 12 * HOUR_S) < 100.0


def test_what_comes_on_workdays_is_not_missed_on_a_holiday() -> None:
    """A box that is opened on workdays alone: on the fifth Wednesday it is not, which is odd if that is a workday."""
    draw, wednesday = np.random.RandomState(8), 30
    opened = [24 * day + draw.uniform(7.6, 8.4) for day in range(wednesday) if day % 7 < 5]
    odd, free = (
        max(each[0] for each in gaps([opened], wednesday + 1, wednesday, holidays).values())
        for holidays in ((), (wednesday,))
    )
    assert odd > 100.0
    assert free < 30.0
