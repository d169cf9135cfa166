"""What the default learner makes of healthy and of faulty sensors."""

import functools
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from readings import START
from series import DAY_S, columns, history, is_equal, joined, live, noise

from gateway.learning.calendar import SUNDAY, Almanac, Holidays, local_seconds
from gateway.learning.evidence import Statistic
from gateway.learning.patience import youth
from gateway.learning.pool import COVERAGE
from gateway.learning.streams import Policy, Streams
from gateway.records import ALARM, SECOND, Batch, Change, Floats, Kind, Verdict, Verdicts

STEP_S = 1800
DAY = DAY_S // STEP_S
DAYS, BEFORE = 30, 24
FAULT = BEFORE * DAY
HEALTHY = 12
FAULTS = ("spike", "shift", "stuck", "drift", "noise", "glitch")
WIDTH = len(FAULTS) + HEALTHY
ADOPTED_AFTER = DAY  # readings in 24 h
SATURDAY = 5
MONDAY = int(datetime(2025, 6, 2, tzinfo=UTC).timestamp()) * SECOND


@functools.cache
def life() -> tuple[Floats, Verdicts]:
    """Return what was read of and said about some sensors, half of them with a fault from `FAULT` on."""
    values = 20.0 + 0.5 * noise(DAYS * DAY, WIDTH, seed=11, memory=0.8)
    of = dict(zip(FAULTS, values.T, strict=False))
    of["spike"][FAULT] += 6.0
    of["shift"][FAULT:] += 80.0
    of["stuck"][FAULT:] = of["stuck"][FAULT]
    of["drift"][FAULT:] += np.minimum(np.arange(len(values) - FAULT) / DAY, 4.0)
    of["noise"][FAULT:] += 3.0 * noise(len(values) - FAULT, 1, seed=3)[:, 0]
    of["glitch"][FAULT] = 1e30
    return values, live(values, STEP_S)[1]


def told(fault: str) -> list[tuple[int, Change, Kind]]:
    """Return what was told of a sensor from its fault on, with the number of readings since."""
    return [(step.at - FAULT, step.change, step.kind) for step in history(life()[1], WIDTH, FAULTS.index(fault), FAULT)]


def test_a_spike_is_told_at_once_and_closed() -> None:
    """One reading of twelve sigma opens an incident with that reading; it closes within a day, and is not adopted."""
    found = told("spike")
    assert found[0][:2] == (0, Change.OPEN)
    assert found[1][1] is Change.CLOSED
    assert found[1][0] < ADOPTED_AFTER


def test_a_glitch_among_switches_is_told_when_the_next_reading_has_come() -> None:
    """What is always on or off makes nothing of a jump, but it does not go back at once; it is told what it was."""
    draw = np.random.RandomState(4)
    stays = draw.randint(5, 30, 200)
    values = (1000.0 * (np.repeat(np.arange(200) % 2, stays)))[:, None] + noise(stays.sum(), 1, seed=5)
    glitch = int(stays[:180].sum()) + 2
    values[glitch] += 200.0
    said = live(values, 60)[1]
    (opened,) = np.flatnonzero(said.change == Change.OPEN)
    assert opened == glitch + 1
    assert said.kind[opened] == Kind.SPIKE
    assert said.base[opened] == pytest.approx(values[glitch, 0])


def test_a_step_that_stays_is_one_incident_until_it_is_normal() -> None:
    """From 20 to 100 and there for good: opened at once, adopted after 24 h of its own time, then nothing more."""
    assert [step[:2] for step in told("shift")] == [(0, Change.OPEN), (ADOPTED_AFTER, Change.ADOPTED)]


def test_a_stuck_sensor_is_told_within_a_day() -> None:
    """A sensor that always moved and now repeats its value is called stuck."""
    at, change, kind = told("stuck")[0]
    assert (change, kind) == (Change.OPEN, Kind.STUCK)
    assert at <= DAY


def test_a_slow_drift_is_told() -> None:
    """Two sigma a day is found before the second day is over."""
    at, change, _ = told("drift")[0]
    assert change is Change.OPEN
    assert at <= 2 * DAY


def test_restlessness_is_told_within_hours() -> None:
    """Noise that became six times as large is told before half a day is over."""
    at, change, _ = told("noise")[0]
    assert change is Change.OPEN
    assert at <= DAY / 2


def test_a_glitch_of_any_size_is_forgotten() -> None:
    """One reading of 1e30 is told once; the next day forecast and interval are as they were, and nothing is told."""
    values, verdicts = life()
    place = FAULTS.index("glitch")
    expected, lower, upper = (
        column.reshape(-1, WIDTH)[:, place] for column in (verdicts.expected, verdicts.lower, verdicts.upper)
    )
    opened, ended = (step[1] for step in told("glitch") if step[0] < 2 * DAY)
    assert opened is Change.OPEN
    assert ended in {Change.CLOSED, Change.ADOPTED}
    nextday = slice(FAULT + DAY, FAULT + 2 * DAY)
    assert np.abs(values[nextday, place] - expected[nextday]).mean() < 1.0
    assert (upper - lower)[nextday].max() < 2 * (upper - lower)[FAULT - 1]


def test_healthy_sensors_stay_within_the_budget() -> None:
    """Autoregressive Gaussian sensors raise, all together, at most thrice the incidents asked for in their first month.

    Each makes its stream stricter; in their second month there are half as many.
    """
    opened = life()[1].change.reshape(-1, WIDTH)[:, len(FAULTS) :] == Change.OPEN
    assert opened.sum() <= 3 * HEALTHY * DAYS / 30


def test_the_first_day_is_nobodys_fault() -> None:
    """A newborn stream says nothing of what it cannot know."""
    assert (life()[1].change.reshape(-1, WIDTH)[:DAY] < Change.OPEN).all()


def test_the_first_weekend_is_nobodys_fault() -> None:
    """A machine that rests on weekends, heard from a Monday on: neither its first Saturday is told nor what follows."""
    minute = np.arange(8 * 1440)
    is_on = (minute // 1440 % 7 < SATURDAY) & (minute % 1440 > 6 * 60) & (minute % 1440 < 22 * 60)
    values = np.where(is_on, 1000.0, 0.0)[:, None] + 10.0 * noise(len(minute), 2, seed=1)
    _, said = live(values, 60.0, start=MONDAY)
    opened = (said.change == Change.OPEN).reshape(values.shape)
    assert opened[:1440].any()  # it first went on
    assert not opened[4 * 1440 :].any()


def test_who_has_lived_no_weekend_is_young_again_on_the_first() -> None:
    """Two days are enough to know workdays, or weekends; what began on a Sunday lacks a Saturday."""
    almanac, day = Almanac(), DAY_S * SECOND
    ages = np.array([0.0, 1.0, 2.0, 4.9, 5.0, 6.0, 6.9, 7.0, 12.0]) * day
    found = youth(almanac, np.full(len(ages), MONDAY), MONDAY + ages.astype(np.int64))
    assert found == pytest.approx([1.0, 0.5, 0.0, 0.0, 1.0, 0.5, 0.05, 0.0, 0.0])
    ages = np.array([0.9, 1.1, 3.1, 6.1]) * day
    found = youth(almanac, np.full(len(ages), MONDAY - day), MONDAY - day + ages.astype(np.int64))
    assert found == pytest.approx([0.55, 0.95, 0.0, 0.45])


def test_a_larger_budget_tells_more() -> None:
    """Who accepts a false alarm a day hears of more than who accepts one a month."""
    values = noise(450, 32, seed=2)
    often, seldom = (live(values, 300, Policy(budget_s=budget))[1] for budget in (DAY_S, 300 * DAY_S))
    assert (often.change == Change.OPEN).sum() > (seldom.change == Change.OPEN).sum()


def test_a_constant_sensor_is_never_told() -> None:
    """What never changes is forecast exactly and is not stuck, however long it lasts."""
    _, verdicts = live(np.full((400, 2), 21.5), 300)
    assert (verdicts.change == Change.NONE).all()
    assert (verdicts.expected[2:] == 21.5).all()
    assert (verdicts.upper[2:] == verdicts.lower[2:]).all()


@pytest.mark.parametrize("low", [21.0, 21.4])
def test_a_sensor_of_two_values_is_never_told(low: float) -> None:
    """One that is at 21.5 for hours now and then shows nothing new, and is not stuck on one of them for days.

    A tenth, by which it may move, is no number of float64.
    """
    warmth = noise(120 * DAY, 16, seed=4, memory=0.995)
    _, verdicts = live(np.where(warmth > 1.5 * warmth.std(), 21.5, low), STEP_S)
    assert not (verdicts.change == Change.OPEN).any()


def test_a_level_far_from_zero_loses_no_digits() -> None:
    """What is said of a sensor at 1,000,000 is what is said of the same sensor at 0, to single precision."""
    values = np.round(noise(320, 2, seed=5), 2)
    values[300] += 8.0
    near, far = live(values, 300)[1], live(values + 1e6, 300)[1]
    assert far.score == pytest.approx(near.score, abs=0.01)
    assert far.change.tolist() == near.change.tolist()


SPRING, AUTUMN = datetime(2025, 3, 30, 1, tzinfo=UTC), datetime(2025, 10, 26, 1, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
USED_TO = 7
"""Days before the clocks change."""


def household(*changes: datetime) -> tuple[Batch, int]:
    """Return two sensors per change of the clocks, which live by them, every five minutes, until a day after it.

    The number is where that day begins.
    """
    readings, streams = (USED_TO + 1) * 288, 2 * len(changes)
    first = [int(change.timestamp()) * SECOND - USED_TO * DAY_S * SECOND for change in changes for _ in range(2)]
    at = (np.array(first) + np.arange(readings)[:, None] * 300 * SECOND).reshape(-1)
    hour = local_seconds(at, BERLIN) % DAY_S / 3600
    value = 20 + 5.0 * ((hour >= 6) & (hour < 22)) + 2 * np.sin(2 * np.pi * hour / 24)
    value += 0.3 * noise(readings, streams, 1, 0.9).reshape(-1)
    return Batch(np.tile(np.arange(streams), readings), at, at, value), USED_TO * 288 * streams


def opened(policy: Policy, *changes: datetime) -> int:
    """Return how many incidents these households open in the twelve hours after the change."""
    batch, morning = household(*changes)
    streams = Streams(policy)
    streams.grow(2 * len(changes))
    noon = morning + 2 * len(changes) * 12 * 12
    return int((streams.learn_many(batch).change[morning:noon] == Change.OPEN).sum())


def test_the_morning_the_clocks_change_is_like_any_other() -> None:
    """Households with a strong daily rhythm open no incident that morning, in spring and in autumn."""
    assert opened(Policy(zone=BERLIN), SPRING, AUTUMN) == 0


def test_without_the_time_zone_that_morning_is_odd() -> None:
    """The same households watched in UTC wake up an hour early: it is the zone that keeps the gateway calm."""
    assert opened(Policy(), SPRING) >= 2


HOLIDAY = 38
"""A Thursday, in days from the Monday on which offices are opened."""


def office() -> Batch:
    """Return an office's power every half hour; on the holiday, the last day, nobody comes."""
    monday, number = START // SECOND // DAY_S - 1, np.arange((HOLIDAY + 1) * DAY)
    day, hour = number // DAY, number % DAY / 2
    is_busy = (day % 7 < 5) & (day != HOLIDAY) & (hour >= 8) & (hour < 18)
    at = monday * DAY_S * SECOND + number * STEP_S * SECOND
    return Batch(np.zeros(len(at), np.int64), at, at, 10.0 + 50.0 * is_busy + noise(len(at), 1, seed=4)[:, 0])


@pytest.mark.parametrize("is_known", [False, True])
def test_a_holiday_is_like_a_sunday_to_who_knows_of_it(is_known: bool) -> None:  # noqa: FBT001 - a case
    """That nobody comes on a Thursday is odd, and expected where that is a holiday."""
    batch = office()
    holiday, morning = int(batch.observed_at[-1]) // SECOND // DAY_S, HOLIDAY * DAY
    streams = Streams(Policy(holidays=Holidays((holiday,), SUNDAY) if is_known else Holidays()))
    streams.grow(1)
    said = streams.learn_many(batch)
    noon = slice(morning + 17, morning + 20)
    assert (said.change[morning:] == Change.OPEN).any() != is_known
    assert (np.abs(said.expected[noon] - 10.0) < 10.0).all() == is_known


def test_a_span_is_what_was_lived_through_and_is_foretold() -> None:
    """Of who was never heard nothing; after that from the first reading to the farthest forecast on its way."""
    assert Streams().span() == (0, 0)
    streams = live(noise(200, 2), 60)[0]
    streams.grow(5)
    since, until = streams.span()
    assert since == START
    assert START + 200 * 60 * SECOND < until <= START + 3800 * 60 * SECOND


@pytest.mark.parametrize("readings", [500, pytest.param(10_000, marks=pytest.mark.soak)])
def test_the_state_does_not_grow(readings: int) -> None:
    """After many readings a stream takes as many bytes as after 10, 4 KB, and twice that around an incident."""
    streams = live(noise(10, 1), 60)[0]
    young = sum(array.nbytes for array in streams.dumps().values())
    streams.learn_many(columns(noise(readings, 1), 60, START + 3600 * SECOND))
    old = {name: array.nbytes for name, array in streams.dumps().items()}
    assert sum(size for name, size in old.items() if not name.startswith("shelf/")) == young <= 4096
    assert sum(old.values()) <= 2 * 5000


def test_a_copy_goes_on_bit_for_bit() -> None:
    """What was saved and loaded says of the rest of the story exactly what the original says."""
    values = noise(500, 3, seed=8, memory=0.9)
    values[300:, 0] += 10.0
    whole = live(values, 60)[1]
    first, early = live(values[:320], 60)
    copy = Streams()
    copy.loads(first.dumps())
    late = copy.learn_many(columns(values[320:], 60, START + 320 * 60 * SECOND))
    assert is_equal(whole, joined([early, late]))


LIFE, ODD = 400, 12


def accused(*verdicts: Verdict, again: float = 30.0) -> tuple[Streams, Floats, Verdicts, Verdicts]:
    """Return a sensor that is off by 30 for some readings, is judged, comes back, and is off by `again` once more.

    With it what it was before, what was said of it up to the return, and what of the repetition.
    """
    values = 20.0 + noise(LIFE + 200, 1, seed=21)
    values[LIFE : LIFE + ODD] += 30.0
    values[LIFE + 100 : LIFE + 100 + ODD] += again
    streams, _ = live(values[:LIFE], STEP_S)
    before = streams.dumps()["profile/day"].copy()
    parts = [columns(values[first:last], STEP_S, START + first * STEP_S * SECOND) for first, last in PARTS]
    said = [streams.learn_many(parts[0])]
    for verdict in verdicts:
        streams.judge(np.zeros(1, np.int64), verdict)
    said += [streams.learn_many(part) for part in parts[1:]]
    return streams, before, joined(said[:2]), said[2]


PARTS = ((LIFE, LIFE + ODD), (LIFE + ODD, LIFE + 100), (LIFE + 100, LIFE + 200))


def test_what_was_not_adopted_was_never_learned() -> None:
    """When an incident ends by itself, the habits of the stream are those of before, but for what came since."""
    streams, before, said, _ = accused()
    assert {Change.OPEN, Change.CLOSED} <= set(said.change.tolist())
    assert np.abs(streams.dumps()["profile/day"] - before).max() < 5.0


def test_what_was_called_fine_is_not_told_again() -> None:
    """The same again says nothing, much more does; without that word, or once it was taken back, it is told again."""
    fine = Verdict.FALSE_ALARM
    for verdicts, again, is_told in (
        ((fine,), 30.0, False),
        ((fine,), 300.0, True),
        ((fine, Verdict.FAULT), 30.0, True),
        ((), 30.0, True),
    ):
        assert (Change.OPEN in accused(*verdicts, again=again)[3].change) == is_told, (verdicts, again)


def test_a_fault_leaves_nothing_behind() -> None:
    """All that was learned of it is dropped at once, it stays open while it lasts, and the same is told again."""
    streams, before, said, later = accused(Verdict.FAULT)
    assert said.change.tolist().count(Change.OPEN) == 1
    assert Change.CLOSED in said.change
    assert Change.OPEN in later.change
    assert np.abs(streams.dumps()["profile/day"] - before).max() < 5.0


def test_a_fault_stays_open_until_it_is_over() -> None:
    """However long it lasts it is never the new normal, and the tails never learn it."""
    values = 20.0 + noise(LIFE + 10 * DAY, 1, seed=22)
    values[LIFE : LIFE + 8 * DAY] += 30.0
    streams, _ = live(values[: LIFE + 2], STEP_S)
    streams.judge(np.zeros(1, np.int64), Verdict.FAULT)
    rest = streams.learn_many(columns(values[LIFE + 2 :], STEP_S, START + (LIFE + 2) * STEP_S * SECOND))
    (closed,) = np.flatnonzero(rest.change == Change.CLOSED)
    assert closed >= 8 * DAY - 2
    assert Change.ADOPTED not in rest.change


def test_an_adopted_fault_is_told_again_when_it_is_called_one() -> None:
    """A day later it was taken for the new normal; the word takes that back with the next reading."""
    values = 20.0 + noise(LIFE + 6 * DAY, 1, seed=23)
    values[LIFE:] += 30.0
    known = LIFE + 2 * DAY
    streams, said = live(values[:known], STEP_S)
    assert Change.ADOPTED in said.change
    streams.judge(np.zeros(1, np.int64), Verdict.FAULT)
    rest = streams.learn_many(columns(values[known:], STEP_S, START + known * STEP_S * SECOND))
    assert rest.change[0] == Change.OPEN
    assert Change.ADOPTED not in rest.change


def test_what_was_put_aside_is_not_kept_for_ever() -> None:
    """A week after an incident nothing of it takes room."""
    streams = accused()[0]
    assert streams.dumps()["shelf/rows"].tolist() == [0]
    later = columns(20.0 + noise(9 * DAY, 1, seed=2), STEP_S, START + (LIFE + 200) * STEP_S * SECOND)
    assert Change.OPEN not in streams.learn_many(later).change
    assert streams.dumps()["shelf/rows"].tolist() == []


def test_how_odd_a_young_stream_is_shows_before_it_may_be_told() -> None:
    """In its first minutes nothing but spikes and stills is told, and yet the score says which readings are odder."""
    values = noise(1200, 1, seed=24)
    values[900:920] += 4.0
    _, said = live(values, 1.0)
    assert Change.OPEN not in said.change
    assert said.score.max() < 0.5
    assert said.score[900:920].min() > np.quantile(said.score[300:900], 0.99)


def test_what_belongs_to_an_incident_scores_as_an_alarm() -> None:
    """A shift of twelve sigma becomes familiar within hours; while it lasts each reading is part of what is open."""
    values = 20.0 + noise(10 * DAY, 1, seed=27)
    values[8 * DAY : 8 * DAY + 30] += 12.0
    _, said = live(values, STEP_S)
    opened, closed = history(said, 1, 0, 7 * DAY)
    assert (opened.at, opened.change, closed.change) == (8 * DAY, Change.OPEN, Change.CLOSED)
    assert (said.score[8 * DAY : 8 * DAY + 30] >= ALARM).all()
    assert (said.score[closed.at :] < ALARM).all()


def test_what_sticks_in_its_first_minutes_is_told() -> None:
    """A reading a second, a quarter of an hour of past: three minutes of the same value are enough to say so."""
    values = noise(1200, 1, seed=26)
    values[900:] = values[900]
    _, said = live(values, 1.0)
    opened = np.flatnonzero(said.change == Change.OPEN)
    assert 900 < opened[0] < 1080
    assert said.kind[opened[0]] == Kind.STUCK


@pytest.mark.parametrize(("statistic", "days"), [(Statistic.WEEKLY, 7.0), (Statistic.USUAL, 3.0)])
def test_an_hour_is_evidence_when_it_was_seen_before(statistic: Statistic, days: float) -> None:
    """Of the week from its second on, else it is compared with itself and the next called unheard of; of the day later.

    How far off what is usual readings of an hour are, a day or two do not say.
    """
    for more, is_known in ((-0.1, False), (0.1, True)):
        streams, _ = live(noise(int((days + more) * 288), 1, seed=28), 300.0)
        assert (streams.dumps()["tails/born_at"][statistic, 0] >= 0.0) == is_known


def test_how_restless_a_coarse_sensor_is_is_no_news_while_its_steps_say_it() -> None:
    """Half degrees that follow the day are not told for it in 240 days of a reading an hour, twelve sensors of them."""
    hour, draw = np.arange(240 * 24)[:, None], np.random.RandomState(31)
    wander = np.zeros((240 * 24, 12))
    for now in range(1, len(wander)):
        wander[now] = 0.9 * wander[now - 1] + 0.13 * draw.standard_normal(12)
    degrees = np.round((20.0 + 3.0 * np.sin(2 * np.pi * hour / 24 + np.arange(12)) + wander) * 2.0) / 2.0
    _, said = live(degrees, 3600.0)
    assert not ((said.change == Change.OPEN) & (said.kind == Kind.SPREAD)).any()


def lights(days: int, seed: int) -> Floats:
    """Return a reading each five minutes of a room: up to 800 lux by day, and dark by night; (reading, stream)."""
    hour = np.arange(days * 288) % 288 / 12.0
    draw = np.random.RandomState(seed)
    is_day = (hour > 7.0) & (hour < 19.0)
    values: Floats = np.where(is_day, draw.uniform(100.0, 800.0, hour.size), draw.uniform(0.0, 1.0, hour.size))
    return values[:, None]


def test_what_comes_at_the_wrong_hour_is_told() -> None:
    """Light in the middle of the night is told, little as it is by day."""
    values, night = lights(21, seed=29), 20 * 288 + 36
    values[night : night + 12] += 150.0
    _, said = live(values, 300.0)
    opened = np.flatnonzero(said.change == Change.OPEN)
    opened = opened[opened >= 20 * 288]
    assert opened.tolist() == [pytest.approx(night, abs=6)]
    assert said.kind[opened[0]] == Kind.SHIFT


def test_the_interval_is_that_of_the_hour() -> None:
    """A sensor that is restless by day and still by night has a wide and a narrow one, and each holds its share."""
    hour = np.arange(20 * 144) % 144 / 6.0
    is_day = (hour >= 6.0) & (hour < 18.0)
    values = noise(len(hour), 4, seed=31) * np.where(is_day, 1.0, 0.1)[:, None]
    _, verdicts = live(values, 600.0)
    width = (verdicts.upper - verdicts.lower).reshape(values.shape)
    is_held = (np.abs(values - verdicts.expected.reshape(values.shape)) <= width / 2)[1440:]
    day, night = is_day[1440:], ~is_day[1440:]
    assert np.median(width[1440:][day]) > 4.0 * np.median(width[1440:][night])
    assert is_held[day].mean() == pytest.approx(COVERAGE, abs=0.06)
    assert is_held[night].mean() == pytest.approx(COVERAGE, abs=0.06)


@pytest.mark.parametrize("unit", [2.0**-10, 2.0**10])
def test_the_unit_of_a_sensor_changes_nothing(unit: float) -> None:
    """Pascal or hectopascal, read in steps: the same is told, and as rare."""
    values = np.round(noise(4000, 3, seed=30, memory=0.8) * 8.0) / 8.0
    values[3000:3050] *= 6.0
    (_, ours), (_, theirs) = live(values, 300.0), live(values * unit, 300.0)
    assert ours.change.tolist() == theirs.change.tolist()
    assert Change.OPEN in ours.change
    assert ours.score == pytest.approx(theirs.score, rel=1e-3, abs=1e-3)
