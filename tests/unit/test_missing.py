"""Sensors that do not come any more while their device is heard: told, closed when they are back, and not for ever."""

import functools
import math
import random
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest
from readings import START, Row, batch

from gateway.records import SECOND, Feedback, Incident, Kind, Maintenance, Resume, State, Tick, Verdict
from gateway.shard import Rules, Shard

STEP = 600 * SECOND
HOUR, DAY = 3600 * SECOND, 86_400 * SECOND
DEATH = START + 10 * DAY


def reading(sensor: str, at: int) -> Row:
    """Return what a sensor of a room shows: a quiet day of it."""
    draw = random.Random(f"{sensor}{at}")
    return "room", sensor, at, 20.0 + math.sin((at - START) / DAY * 2 * math.pi) + draw.gauss(0, 0.2)


def live(shard: Shard, since: int, until: int, *sensors: str) -> list[Incident]:
    """Return what is told while these sensors report every ten minutes, and the clock ticks."""
    told = []
    for at in range(since, until, STEP):
        rows = [reading(sensor, at) for sensor in sensors]
        for entry in (batch(shard.directory, rows), Tick(at + SECOND)):
            told += [each.incident for each in shard.apply(entry).changes]
    return [each for each in told if each.kind is Kind.SILENT]


@functools.cache
def saved() -> dict[str, bytes]:
    """Return the state of a room of three sensors that has lived for ten days."""
    shard = Shard(Rules())
    assert live(shard, START, DEATH, "a", "b", "c") == []
    return shard.dumps()


@pytest.fixture
def shard() -> Shard:
    """Give that room."""
    shard = Shard(Rules())
    shard.loads(saved())
    return shard


def test_a_sensor_that_does_not_come_any_more_is_told_and_ends_as_it_is_back(shard: Shard) -> None:
    """After five of its usual pauses, in a sentence; and it is over with the reading by which it is back."""
    (told,) = live(shard, DEATH, DEATH + 6 * HOUR, "a", "c")
    assert (told.state, told.device, told.sensor, told.severity) == (State.OPEN, "room", "b", "medium")
    assert told.reason == (
        "b has not come for 50 min in which its device was heard; usually it pauses for 10 min at most."
    )
    assert told.at - DEATH <= HOUR
    (over,) = live(shard, DEATH + 6 * HOUR, DEATH + 6 * HOUR + 1, "a", "b", "c")
    assert (over.state, over.reason) == (State.CLOSED, "b is back to what is usual for it.")
    assert live(shard, DEATH + 6 * HOUR + STEP, DEATH + 9 * HOUR, "a", "b", "c") == []


def test_what_comes_once_a_day_is_missed_within_a_week() -> None:
    """A battery level, say, beside what comes every ten minutes; twenty messages of it are enough."""
    shard, told = Shard(Rules()), list[Incident]()
    for at in range(START, START + 40 * DAY, HOUR):
        rows = [reading("a", at), *([reading("level", at)] if at % DAY < HOUR and at < START + 30 * DAY else [])]
        for entry in (batch(shard.directory, rows), Tick(at + SECOND)):
            told += [each.incident for each in shard.apply(entry).changes]
    missed = [each for each in told if each.kind is Kind.SILENT and each.state is State.OPEN]
    assert [each.sensor for each in missed] == ["level"]
    assert START + 34 * DAY <= missed[0].at <= START + 36 * DAY


def test_what_stays_away_is_taken_for_gone(shard: Shard) -> None:
    """A sensor that was unplugged, or has another name now, is told for a day and no more; nothing is foretold."""
    told = live(shard, DEATH, DEATH + 3 * DAY, "a", "c", "d")
    assert [each.state for each in told] == [State.OPEN, State.UPDATE, State.CLOSED]
    assert told[-1].reason == "b has not come for 25 h in which its device was heard: it is taken for gone."
    assert {each.sensor for each in shard.forecast([0])} == {"a", "c", "d"}
    assert not shard.incidents.streams


def test_an_incident_of_a_sensor_that_went_away_amid_it_does_not_last_for_ever(shard: Shard) -> None:
    """Nothing will ever be heard of it that could end it."""
    for at in (DEATH, DEATH + STEP):
        shard.apply(batch(shard.directory, [reading("a", at), ("room", "b", at, 500.0)]))
    assert shard.incidents.streams
    live(shard, DEATH + 2 * STEP, DEATH + 2 * DAY, "a", "c")
    assert not shard.incidents.streams


def test_a_person_can_say_that_such_a_pause_is_fine(shard: Shard) -> None:
    """Then, and when it has come again, another of that length is not told."""
    (told,) = live(shard, DEATH, DEATH + 5 * HOUR, "a", "c")
    assert shard.apply(Feedback(DEATH + 5 * HOUR, "room", told.id, Verdict.FALSE_ALARM)).is_understood
    assert live(shard, DEATH + 5 * HOUR, DEATH + 8 * HOUR, "a", "c") == []
    assert live(shard, DEATH + 8 * HOUR, DEATH + 14 * HOUR, "a", "b", "c") == []
    assert live(shard, DEATH + 14 * HOUR, DEATH + 22 * HOUR, "a", "c") == []


def test_a_fault_stays_open(shard: Shard) -> None:
    """A sensor of which a person said that this is a fault is not taken for gone."""
    (told,) = live(shard, DEATH, DEATH + 5 * HOUR, "a", "c")
    assert shard.apply(Feedback(DEATH + 5 * HOUR, "room", told.id, Verdict.FAULT)).is_understood
    assert all(each.state is State.UPDATE for each in live(shard, DEATH + 5 * HOUR, DEATH + 3 * DAY, "a", "c"))
    assert shard.incidents.streams


@pytest.mark.parametrize("is_fault", [False, True])
@pytest.mark.parametrize("hours", [1, 5, 100])
def test_who_is_back_first_does_not_tell_of_the_rest(shard: Shard, hours: int, *, is_fault: bool) -> None:
    """A device that was off for longer than its sensors ever paused, and is heard again one by one."""
    for hour in range(1, hours):
        shard.apply(Tick(DEATH + hour * HOUR))
    if is_fault:
        shard.apply(Feedback(DEATH + hours * HOUR - SECOND, "room", None, Verdict.FAULT))
    back = DEATH + hours * HOUR
    assert all(each.sensor is None for each in live(shard, back, back + 4 * STEP, "a"))
    assert live(shard, back + 4 * STEP, back + 5 * HOUR, "a", "b", "c") == []


def test_of_a_device_that_is_not_heard_no_sensor_is_missed(shard: Shard) -> None:
    """Nor after the gateway was deaf, or the device worked on: those who come first would tell of the rest."""
    told = [each.incident for hour in range(1, 48) for each in shard.apply(Tick(DEATH + hour * HOUR)).changes]
    assert {each.sensor for each in told} == {None}
    shard.apply(Resume(DEATH + 48 * HOUR))
    assert all(each.sensor is None for each in live(shard, DEATH + 48 * HOUR, DEATH + 48 * HOUR + 4 * STEP, "a", "c"))
    assert live(shard, DEATH + 48 * HOUR + 4 * STEP, DEATH + 50 * HOUR, "a", "b", "c") == []
    shard.apply(Maintenance(DEATH + 50 * HOUR, "room", DEATH + 60 * HOUR))
    assert live(shard, DEATH + 50 * HOUR, DEATH + 60 * HOUR + 4 * STEP, "a") == []


def now_and_then(draw: random.Random) -> Iterator[int]:
    """When a plug reports that its machine runs: every five seconds, for half an hour, some times a week."""
    at = START
    while at < START + 40 * DAY:
        at += int(draw.expovariate(1.0) * 2 * DAY)
        for _ in range(400):
            at += 5 * SECOND
            yield at


def as_it_moves(draw: random.Random) -> Iterator[int]:
    """When a thermometer reports that has moved by half a degree: at most every minute, and seldom at night."""
    value, last = 0.0, 0.0
    for at in range(START, START + 40 * DAY, 60 * SECOND):
        value += draw.gauss(0, 0.1 if (at - START) % DAY < DAY // 2 else 0.005) - 0.01 * value
        if abs(value - last) >= 0.5:
            last = value
            yield at


@pytest.mark.parametrize("when", [now_and_then, as_it_moves])
def test_a_sensor_that_comes_as_something_happens_is_hardly_ever_missed(
    when: Callable[[random.Random], Iterator[int]],
) -> None:
    """In forty days at most once, beside a sensor of the same device that comes every ten minutes."""
    shard, draw, told = Shard(Rules()), random.Random(3), list[Incident]()
    rows = [("room", "b", at, draw.gauss(20, 1)) for at in when(draw)]
    rows += [("room", "a", at, draw.gauss(20, 1)) for at in range(START, START + 40 * DAY, STEP)]
    rows.sort(key=lambda row: row[2])
    first = 0
    for at in range(START, START + 40 * DAY, HOUR):
        last = next((place for place in range(first, len(rows)) if rows[place][2] >= at), len(rows))
        for entry in (batch(shard.directory, rows[first:last]), Tick(at)):
            told += [each.incident for each in shard.apply(entry).changes]
        first = last
    assert sum(each.state is State.OPEN and each.kind is Kind.SILENT for each in told) <= 1


def test_what_a_sensor_dates_its_readings_is_no_pause() -> None:
    """One whose clock, or zone, is five hours behind that of the others comes as they do."""
    shard, told = Shard(Rules()), list[Incident]()
    for at in range(START, START + 4 * DAY, STEP):
        entry = batch(shard.directory, [reading("a", at), reading("b", at), ("room", "late", at - 5 * HOUR, 20.0)])
        entry = replace(entry, received_at=np.full(3, at))
        for one in (entry, Tick(at + SECOND)):
            told += [each.incident for each in shard.apply(one).changes]
    assert all(each.kind is not Kind.SILENT for each in told)


def test_a_device_that_sends_an_hour_at_once_misses_none_of_its_sensors() -> None:
    """One message per sensor, and the clock ticks between them."""
    shard, told = Shard(Rules()), list[Incident]()
    for upload in range(START, START + 5 * DAY, HOUR):
        for number, sensor in enumerate("abc"):
            rows = [reading(sensor, upload - HOUR + minute * 60 * SECOND) for minute in range(60)]
            at = upload + number * SECOND
            entry = replace(batch(shard.directory, rows), received_at=np.full(60, at))
            for one in (entry, Tick(at + SECOND // 2)):
                told += [each.incident for each in shard.apply(one).changes]
    assert all(each.kind is not Kind.SILENT or each.sensor is None for each in told)


def test_a_device_whose_silence_was_called_fine_comes_back_sensor_by_sensor(shard: Shard) -> None:
    """It was not heard meanwhile: none of its sensors was missed."""
    for hour in range(1, 9):
        shard.apply(Tick(DEATH + hour * HOUR))
    assert shard.apply(Feedback(DEATH + 8 * HOUR, "room", None, Verdict.FALSE_ALARM)).is_understood
    back = DEATH + 8 * HOUR + STEP
    for number, sensor in enumerate("abc"):
        assert all(each.sensor is None for each in live(shard, back + number * STEP, back + number * STEP + 1, sensor))


def away(shard: Shard, since: int, hours: int, verdict: Verdict, *, is_back: bool) -> int:
    """Let a sensor be away for these hours, of which a person says this, then or when it is back; return when."""
    until = since + hours * HOUR
    opened = next(each for each in live(shard, since, until, "a", "c") if each.state is State.OPEN)
    word = Feedback(until, "room", opened.id, verdict)
    if not is_back:
        assert shard.apply(word).is_understood
    live(shard, until, until + 2 * HOUR, "a", "b", "c")
    if is_back:
        assert shard.apply(word).is_understood
    return until + 2 * HOUR


@pytest.mark.parametrize("is_back", [False, True])
def test_a_pause_that_was_fine_is_a_habit(shard: Shard, *, is_back: bool) -> None:
    """Said while it lasts or when it is over: as long a pause is not told again."""
    at = away(shard, DEATH, 8, Verdict.FALSE_ALARM, is_back=is_back)
    assert live(shard, at, at + 8 * HOUR, "a", "c") == []


@pytest.mark.parametrize("is_back", [False, True])
def test_a_pause_that_was_a_fault_is_none(shard: Shard, *, is_back: bool) -> None:
    """Said while it lasts or when it is over: the next is told as if it had not been."""
    at = away(shard, DEATH, 20, Verdict.FAULT, is_back=is_back)
    (told, *_) = live(shard, at, at + 2 * HOUR, "a", "c")
    assert told.state is State.OPEN
    assert told.at - at <= 2 * HOUR


def test_a_pause_of_the_gateway_is_no_habit_of_a_sensor() -> None:
    """It was away for ten hours on its first day: a sensor that dies later is missed as soon as any."""
    shard = Shard(Rules())
    live(shard, START, START + 12 * HOUR, "a", "b", "c")
    shard.apply(Resume(START + 22 * HOUR))
    live(shard, START + 22 * HOUR, DEATH, "a", "b", "c")
    (told,) = live(shard, DEATH, DEATH + 3 * HOUR, "a", "c")
    assert told.at - DEATH <= HOUR


@pytest.mark.parametrize("off", [0.0, 1.5, 300.0])
def test_the_reading_that_brings_it_back_ends_it_whatever_it_is(shard: Shard, off: float) -> None:
    """That it does not come is over; what is odd about what it says is another incident."""
    live(shard, DEATH, DEATH + 5 * HOUR, "a", "c")
    back = batch(shard.directory, [reading("b", DEATH + 5 * HOUR)])
    told = [each.incident for each in shard.apply(replace(back, value=back.value + off)).changes]
    assert [(each.state, each.kind) for each in told if each.sensor] == [(State.CLOSED, Kind.SILENT)]


def test_a_sensor_that_dies_after_its_incident_was_called_fine_is_missed(shard: Shard) -> None:
    """What is settling may go away as any; and the word on the one is none on the other."""
    rows = [reading("a", DEATH), ("room", "b", DEATH, 500.0), reading("c", DEATH)]
    shard.apply(batch(shard.directory, rows))
    (opened,) = shard.incidents.streams.values()
    shard.apply(Feedback(DEATH + SECOND, "room", None, Verdict.FALSE_ALARM))
    (told,) = live(shard, DEATH + STEP, DEATH + 3 * HOUR, "a", "c")
    assert (told.state, told.sensor) == (State.OPEN, "b")
    longest = shard.fleet.arrivals.arrays["longest_s"][1]
    assert not shard.apply(Feedback(DEATH + 4 * HOUR, "room", opened.id, Verdict.FALSE_ALARM)).changes
    assert shard.fleet.arrivals.arrays["longest_s"][1] == longest
