"""Laws of the default learners, on any readings."""

from datetime import UTC, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from readings import START, batch, verdicts
from series import columns, is_equal, joined, live

from gateway.alarms.incidents import Incidents
from gateway.learning.calendar import WEEK_S, Almanac, Holidays, local_seconds
from gateway.learning.directory import Directory
from gateway.learning.gate import Gate
from gateway.learning.heartbeat import Heartbeats
from gateway.learning.peaks import CLUSTER, Grid, Traits
from gateway.learning.rows import rounds
from gateway.learning.streams import Streams
from gateway.learning.tails import Tails
from gateway.records import SECOND, Batch, Change, Floats, State, Verdicts

BIG = 1e100
VALUES = st.one_of(
    st.floats(-BIG, BIG), st.floats(-10, 10), st.sampled_from([0.0, 1.0, 20.0, BIG, -BIG, 5e-324, 1.7e308, -1.7e308])
)
SERIES = arrays.arrays(np.float64, st.tuples(st.integers(1, 60), st.integers(1, 4)), elements=VALUES)
SOME = settings(max_examples=15, deadline=None, derandomize=True)
MANY = settings(max_examples=100, deadline=None, derandomize=True)


@MANY
@given(stream=st.lists(st.integers(0, 6), min_size=1, max_size=60))
def test_rounds_keep_every_streams_order(stream: list[int]) -> None:
    """Each position comes once; in a round no stream comes twice; over the rounds each keeps its order."""
    found = [turn.tolist() for turn in rounds(np.array(stream))]
    order = [position for turn in found for position in turn]
    assert sorted(order) == list(range(len(stream)))
    for turn in found:
        assert len({stream[position] for position in turn}) == len(turn)
    for one in set(stream):
        mine = [position for position in order if stream[position] == one]
        assert mine == sorted(mine)


@SOME
@given(values=SERIES, cuts=st.lists(st.integers(0, 240), max_size=8))
def test_streams_do_not_care_how_they_are_batched(values: Floats, cuts: list[int]) -> None:
    """Cut anywhere, with batches of nothing in between, verdicts and state are the same bit for bit."""
    whole, said = live(values, 60)
    parted, log = Streams(), columns(values, 60)
    parted.grow(values.shape[1])
    limits = sorted({0, len(log), *(cut for cut in cuts if cut < len(log))})
    other = joined([parted.learn_many(cut(log, slice(*limit))) for limit in pairwise(limits)])
    assert is_equal(said, other)
    assert all(array.tobytes() == parted.dumps()[name].tobytes() for name, array in whole.dumps().items())


def cut(log: Batch, rows: slice) -> Batch:
    """Return a part of a batch."""
    return Batch(log.stream[rows], log.observed_at[rows], log.received_at[rows], log.value[rows])


@SOME
@given(
    seed=st.integers(0, 99),
    odd=st.dictionaries(st.integers(0, 149), st.floats(-100, 100), max_size=3),
    cuts=st.lists(st.integers(0, 299), max_size=6),
)
def test_counters_do_not_care_how_they_are_batched(seed: int, odd: dict[int, float], cuts: list[int]) -> None:
    """What is taken for a counter on its way, falls, begins anew, and is none after all, is the same however batched.

    It is the same beside others, too, and after it was saved and loaded.
    """
    values: Floats = np.cumsum(np.random.RandomState(seed).poisson(2, (150, 2)), axis=0) * np.float64(0.1)
    for number, jump in odd.items():
        values[number:, 0] += jump
    values[:, 1] %= 20.0
    whole, said = live(values, 60)
    alone, apart = live(values[:, :1], 60)
    parted, log = Streams(), columns(values, 60)
    parted.grow(2)
    verdicts = []
    for limits in pairwise(sorted({0, len(log), *cuts})):
        verdicts.append(parted.learn_many(cut(log, slice(*limits))))
        state, parted = parted.dumps(), Streams()
        parted.loads(state)
    assert is_equal(said, joined(verdicts))
    assert is_equal(apart, Verdicts(*(column[::2] for _, column in said.columns())))
    assert all(array.tobytes() == parted.dumps()[name].tobytes() for name, array in whole.dumps().items())
    assert alone.dumps()["natures/climb"][0] == whole.dumps()["natures/climb"][0]


@SOME
@given(values=SERIES, step_s=st.sampled_from([1e-9, 0.001, 1.0, 300.0, 1e8]))
def test_no_value_poisons_a_stream(values: Floats, step_s: float) -> None:
    """After readings of any size nothing in the state or the verdicts is infinite or not a number but by design."""
    streams, said = live(values, step_s)
    for name, array in streams.dumps().items():
        assert not np.isnan(array).any(), name
        if not name.startswith("tails/") and name not in {"evidence/grain", "natures/unit", "habits/values"}:
            assert np.isfinite(array).all(), name
    assert np.isfinite([said.score, said.period]).all()
    first = values.shape[1]
    assert np.isfinite([said.expected[first:], said.lower[first:], said.upper[first:]]).all()


@SOME
@given(values=SERIES, glitch=VALUES)
def test_after_any_value_a_stream_recovers(values: Floats, glitch: float) -> None:
    """However it began, forty equal readings later a stream expects what it sees, to a hundredth of what it saw."""
    series = np.concatenate([values[:, :1], [[glitch]], np.full((40, 1), 20.0)])
    said = live(series, 60)[1]
    largest = min(float(np.abs(series).max()), 1e30)
    assert abs(said.expected[-1] - 20.0) <= 0.01 * max(largest, 20.0)


@SOME
@given(values=SERIES, other=VALUES)
def test_streams_do_not_influence_each_other(values: Floats, other: float) -> None:
    """Beside a stream that shows anything, the first one is told the same."""
    alone = live(values[:, :1], 60)[1]
    beside = live(np.column_stack([values[:, 0], np.full(len(values), other)]), 60)[1]
    assert np.array_equal(alone.score, beside.score[::2])
    assert np.array_equal(alone.expected, beside.expected[::2], equal_nan=True)


@MANY
@given(
    second=st.integers(-(10**9), 4 * 10**9), name=st.sampled_from(["Europe/Berlin", "America/New_York", "Asia/Kolkata"])
)
def test_local_time_is_the_calendars(second: int, name: str) -> None:
    """For any instant, weekday and time of day are those of the zone."""
    zone = ZoneInfo(name)
    wall = datetime.fromtimestamp(second, UTC).astimezone(zone)
    found = int(local_seconds(np.array([second * SECOND]), zone)[0]) % WEEK_S
    assert found == wall.weekday() * 86_400 + wall.hour * 3600 + wall.minute * 60 + wall.second


@MANY
@given(holidays=st.lists(st.integers(-60, 60), max_size=30), like=st.integers(0, 6))
def test_days_of_weekends_are_counted_as_they_are_lived(holidays: list[int], like: int) -> None:
    """Whichever days are holidays, however many, on whatever day of the week and like which of them."""
    almanac, days = Almanac(None, Holidays(holidays, like)), np.arange(-70, 70)
    lived = (almanac.week_s(days * 86_400) // 86_400).tolist()
    expected = [like if day - 3 in holidays else day % 7 for day in days.tolist()]
    assert lived == expected
    assert almanac.is_weekend(days).tolist() == [day >= 5 for day in expected]
    assert np.diff(almanac.weekend_days(days)).tolist() == almanac.is_weekend(days[:-1]).astype(int).tolist()


@MANY
@given(holidays=st.lists(st.integers(-10, 10), max_size=8), begin=st.integers(-200, 200), hours=st.integers(0, 14 * 24))
def test_what_was_lived_alike_is_counted_by_days(holidays: list[int], begin: int, hours: int) -> None:
    """Whichever days are holidays, it is the hours before that lie on days of the kind of the last moment."""
    almanac, end = Almanac(None, Holidays(holidays)), begin + hours
    lived = almanac.is_weekend(np.arange(begin, end + 1) // 24 + 3)  # local time begins on a Monday
    since, at = (np.array([hour * 3600 * SECOND]) for hour in (begin, end))
    assert almanac.alike_s(since, at).tolist() == [3600.0 * (lived[:-1] == lived[-1]).sum()]


@SOME
@given(
    past=arrays.arrays(np.float64, st.integers(20, 400), elements=st.floats(-100, 100)),
    far=st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=8),
)
def test_rarity_grows_with_distance(past: Floats, far: list[float]) -> None:
    """Whatever was seen, of two values on the same side the farther is at least as rare."""
    row = np.zeros(1, np.int64)
    tails = Tails(Traits(np.zeros(1), np.zeros(1), np.ones(1), np.full(1, CLUSTER), row), 1)
    tails.grow(1)
    for value in past:
        tails.learn(row, tails.exceed(row, np.array([[value]]), Grid(np.zeros(1), np.zeros(1), np.ones((1, 1)))))
    decades = [upper_decades(tails, value) for value in sorted(far)]
    assert decades == sorted(decades)


def upper_decades(tails: Tails, value: float) -> float:
    """Return how rare a value is for lying high."""
    found = tails.exceed(np.zeros(1, np.int64), np.array([[value]]), Grid(np.zeros(1), np.zeros(1), np.ones((1, 1))))
    return float(sum(tails.decades(found)[found.side == 0]))


@MANY
@given(
    decades=st.lists(st.floats(0, 20), max_size=120), is_outside=st.booleans(), hours=st.sampled_from([0.1, 1.0, 12.0])
)
def test_incidents_of_a_gate_are_well_formed(decades: list[float], hours: float, *, is_outside: bool) -> None:
    """Nothing escalates, closes or is adopted that is not open, and nothing opens twice."""
    gate, is_open, row = Gate(86_400.0), False, np.zeros(1, np.int64)
    gate.grow(1)
    for number, one in enumerate(decades):
        at = np.array([int(number * hours * 3600) * SECOND])
        change = gate.step(row, at, np.array([one]), np.array([4.0]), np.array([is_outside]))[0]
        assert is_open == (change in {Change.ESCALATE, Change.CLOSED, Change.ADOPTED}) or change in {
            Change.NONE, Change.NOTICE if not is_open else Change.NONE, Change.OPEN if not is_open else Change.NONE,
        }  # fmt: skip
        is_open = change == Change.OPEN or (is_open and change not in {Change.CLOSED, Change.ADOPTED})
        assert bool(gate.is_open(row)[0]) == is_open


@MANY
@given(changes=st.lists(st.sampled_from(list(Change)), max_size=60), size=st.integers(1, 20))
def test_incidents_of_devices_are_told_in_order(changes: list[Change], size: int) -> None:
    """However batched, each id is opened, then perhaps updated, then closed, and never heard of again."""
    directory = Directory()
    directory.add("pump", "a")
    incidents, whole, stories = Incidents(directory), Incidents(directory), dict[str, list[State]]()
    log = batch(directory, [("pump", "a", START + number, 1.0) for number in range(len(changes))])
    told = []
    for first in range(0, len(changes), size):
        rows = slice(first, first + size)
        said = verdicts(len(changes[rows]), joint_change=np.array(changes[rows], np.uint8))
        told += [one.incident for one in incidents.learn_many(cut(log, rows), said)]
    for incident in told:
        stories.setdefault(incident.id, []).append(incident.state)
    for story in stories.values():
        assert story[0] is State.OPEN
        assert story.count(State.OPEN) == 1
        assert State.CLOSED not in story[:-1]
    assert told == [
        one.incident for one in whole.learn_many(log, verdicts(len(changes), joint_change=np.array(changes, np.uint8)))
    ]
    assert incidents.dumps() == whole.dumps()


@MANY
@given(
    beats=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 400)), min_size=1, max_size=60),
    size=st.integers(1, 30),
)
def test_a_habit_does_not_depend_on_batches(beats: list[tuple[int, int]], size: int) -> None:
    """Messages of several devices, some at the same moment or out of order, are learned the same however batched."""
    whole, parted = Heartbeats(10.0), Heartbeats(10.0)
    devices, at = (np.array(column, np.int64) for column in zip(*beats, strict=True))
    columns = devices, START + at * SECOND, START + (at // 100 * 100 - 1) * SECOND
    for hearts in (whole, parted):
        hearts.grow(3)
    whole.learn_many(*columns)
    for first in range(0, len(beats), size):
        parted.learn_many(*(column[first : first + size] for column in columns))
    assert all(np.array_equal(array, parted.dumps()[name]) for name, array in whole.dumps().items())
