"""What a sensor is, and what is learned of a counter."""

from collections.abc import Sequence

import numpy as np
import pytest
from readings import START
from series import Step, columns, history, live

from gateway.learning.nature import KindRule, Natures, Scale
from gateway.learning.streams import Policy, Streams
from gateway.records import SECOND, Batch, Change, Floats, Nature, Verdicts

STEP_S = 600
DAY = 144
LATER = 7 * DAY
"""A reading every ten minutes, and the reading with which something happens to a counter."""

ROW = np.zeros(1, np.int64)
NOBODY = np.zeros(1, np.bool_)


def meter(draw: np.random.RandomState) -> Floats:
    """Return what an electricity meter shows for nine days: some 0.3 kWh an hour by night, twice that by day."""
    is_day = np.arange(9 * DAY) % DAY >= DAY // 2
    return np.asarray(15_168.0 + np.cumsum(draw.poisson(np.where(is_day, 100, 50))) / 1000.0)


def nature(streams: Streams, row: int = 0) -> Nature:
    """Return what a stream is."""
    return Nature(int(streams.dumps()["natures/nature"][row]))


def found(values: Floats) -> list[Nature]:
    """Return what a sensor is taken for after each of these values."""
    natures = Natures()
    natures.grow(1)
    kinds = []
    for number, value in enumerate(values):
        natures.observe(ROW, np.array([value]), np.array([60.0 * number]), ~NOBODY)
        natures.learn(ROW, np.array([value]))
        kinds.append(Nature(int(natures.arrays["nature"][0])))
    return kinds


def test_what_only_rises_is_a_counter() -> None:
    """After sixty rises a sensor that never fell is one; repeating itself in between speaks neither for nor against."""
    kinds = found(np.repeat(np.arange(100.0), 2))
    assert kinds.index(Nature.COUNTER) == 2 * 60
    assert kinds[-1] is Nature.COUNTER


@pytest.mark.parametrize(
    "values",
    [
        np.random.RandomState(1).standard_normal(2000),
        np.arange(2000) % 2 * 1.0,
        np.round(20 + np.sin(np.arange(2000) / 300) * 5, 1),
        np.full(2000, 7.0),
        -np.arange(2000.0),
        20 + np.abs(np.arange(2000) % 100 - 50.0),
    ],
    ids=["noise", "switch", "slow wave", "constant", "falling", "boiler"],
)
def test_what_falls_is_none(values: Floats) -> None:
    """A sensor that has come down before is not taken for a counter when it rises for long."""
    assert found(values)[-1] is Nature.VALUE


def test_a_mistake_is_mended_at_the_first_fall() -> None:
    """A tank that was filled and then is emptied is a value again at once, and takes longer to convince next time."""
    up, down = np.linspace(10, 90, 100), np.linspace(90, 10, 100)
    kinds = found(np.concatenate([up, down, up]))
    assert kinds[99] is Nature.COUNTER
    assert set(kinds[101:]) == {Nature.VALUE}


COUNTERS = ("healthy", "reset", "fallen", "stopped", "runaway", "steady")


@pytest.fixture(scope="module")
def lives() -> tuple[Streams, Verdicts, Floats]:
    """Return streams that lived through what each of `COUNTERS` shows, those values, and what was said of them."""
    draw = np.random.RandomState(1)
    shown = {name: meter(draw) for name in COUNTERS}
    shown["reset"] = shown["reset"] % 10.0
    shown["fallen"][LATER:] -= 0.5
    shown["stopped"][LATER:] = shown["stopped"][LATER]
    shown["runaway"][LATER:] += np.arange(2 * DAY)
    shown["steady"] = 1e6 + 0.1 * np.arange(9 * DAY, dtype=np.float64)
    values = np.column_stack(list(shown.values()))
    return *live(values, STEP_S), values


def told(lives: tuple[Streams, Verdicts, Floats], name: str) -> Sequence[Step]:
    """Return every change of the incident of one of them."""
    return history(lives[1], len(COUNTERS), COUNTERS.index(name))


@pytest.mark.parametrize("name", COUNTERS)
def test_a_counter_stays_one(lives: tuple[Streams, Verdicts, Floats], name: str) -> None:
    """Whatever happens to it once, a counter is not taken for something else."""
    assert nature(lives[0], COUNTERS.index(name)) is Nature.COUNTER


@pytest.mark.parametrize("name", ["healthy", "reset", "steady"])
def test_a_healthy_counter_is_not_told(lives: tuple[Streams, Verdicts, Floats], name: str) -> None:
    """Days and nights, falls to nothing where it begins anew, and a rate that never changes are nothing odd."""
    assert not told(lives, name)


def test_a_counter_that_begins_anew_is_expected_to_go_on(lives: tuple[Streams, Verdicts, Floats]) -> None:
    """After a reset the next value is foretold from the new one."""
    place = COUNTERS.index("reset")
    values, expected = lives[2][:, place], lives[1].expected.reshape(-1, len(COUNTERS))[:, place]
    falls = np.flatnonzero(np.diff(values) < 0)[1:] + 1
    assert len(falls) > 5
    assert np.abs(expected[falls + 1] - values[falls + 1]).max() < 0.1


def test_a_value_is_learned_alike_beside_a_counter() -> None:
    """To the last bit, also where it and its origin are as large as can be."""
    value, base = np.array([-1e30, 5.0]), np.array([70368744177665.0, 3.0])
    alone = Scale(base, np.ones(2), np.array([False, False]), has_counters=False)
    beside = Scale(base, np.ones(2), np.array([False, True]), has_counters=True)
    assert alone.learned(value)[0] == beside.learned(value)[0]


def test_equal_rises_are_equal_rates(lives: tuple[Streams, Verdicts, Floats]) -> None:
    """What large numbers lose in their difference is no change of the rate."""
    assert len(np.unique(lives[0].dumps()["pool/lags"][:, COUNTERS.index("steady")])) == 1


@pytest.mark.parametrize(("name", "within"), [("fallen", 1), ("stopped", 18), ("runaway", 2)])
def test_a_counter_is_judged_by_its_rate(lives: tuple[Streams, Verdicts, Floats], name: str, within: int) -> None:
    """A small fall and a leak are told at once, one that stands still within three hours."""
    (opened, *_) = told(lives, name)
    assert opened.change is Change.OPEN
    assert LATER <= opened.at < LATER + within


def test_what_comes_is_told_in_the_counters_own_unit(lives: tuple[Streams, Verdicts, Floats]) -> None:
    """The next value and the one six hours ahead are the meter's own, and never below what it shows."""
    streams, _, values = lives
    expected, lower, _ = streams.forecast(ROW, np.array([[STEP_S, 6 * 3600.0]]))
    assert np.abs(expected[0] - values[-1, 0] - [0.1, 2.5]).max() < 1.0
    assert (streams.prospects.least(ROW) == values[-1, 0]).all()
    assert lower.max() < values[-1, 0] + 3


def test_messages_that_come_in_pairs_are_no_higher_rate() -> None:
    """A counter sent twice within a second, some energy apart, does not run a thousand times as fast."""
    values = np.repeat(meter(np.random.RandomState(2)), 2)[: 6 * DAY]
    values[1::2] += 0.01
    at = START + np.repeat(np.arange(3 * DAY) * STEP_S, 2) * SECOND
    at[1::2] += SECOND // 2
    streams = Streams()
    streams.grow(1)
    said = streams.learn_many(Batch(np.zeros(len(at), np.int64), at, at, values))
    assert nature(streams) is Nature.COUNTER
    assert not history(said, 1, 0)


@pytest.mark.parametrize("told", list(Nature))
def test_the_user_knows_better(told: Nature) -> None:
    """What a person says a sensor is, it is from its first reading on, and stays."""
    streams = Streams(Policy(kinds=[KindRule("m*", "energy", told)]))
    streams.grow(2)
    streams.name(0, "meter", "energy")
    streams.name(1, "meter", "power")
    assert streams.dumps()["natures/nature"].tolist() == [told, Nature.VALUE]
    falling = np.append(np.arange(100.0), [99.0, 98.0, 97.0, 0.0])
    streams.learn_many(columns(np.repeat(falling[:, None], 2, axis=1), STEP_S))
    assert nature(streams) is told
