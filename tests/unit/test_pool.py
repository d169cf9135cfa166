"""The pool of forecasters."""

import numpy as np
import pytest

from gateway.learning.pool import COVERAGE, EXPERTS, Outlook, Pool
from gateway.records import Floats, Ints


def predicted(pool: Pool, rows: Ints, seasonal: Floats | None = None) -> Outlook:
    """Return what the pool says where nothing is known of a beat, and of the hour only what is given."""
    slow = pool.arrays["slow"][rows]
    return pool.predict(rows, slow if seasonal is None else seasonal, slow)


def lived(values: Floats, seasonal: Floats | None = None) -> tuple[Pool, Floats, Floats]:
    """Return a pool that saw `values` (reading, stream), its errors, and those of each of its members."""
    pool, rows = Pool(), np.arange(values.shape[1])
    pool.grow(values.shape[1])
    errors, members = np.empty_like(values), np.empty((len(values), len(EXPERTS), values.shape[1]))
    for number, value in enumerate(values):
        outlook = predicted(pool, rows, None if seasonal is None else seasonal[number])
        errors[number], members[number] = value - outlook.expected, value - outlook.experts
        pool.learn(rows, outlook, value)
    return pool, np.abs(errors), np.abs(members)


def signals(readings: int) -> dict[str, Floats]:
    """Return signals that each favour another member of the pool."""
    draw, time = np.random.RandomState(1), np.arange(readings)
    noise = draw.standard_normal(readings)
    moving = np.zeros(readings)
    for now in range(2, readings):
        moving[now] = 1.2 * moving[now - 1] - 0.7 * moving[now - 2] + noise[now]
    return {
        "white": noise,
        "walk": np.cumsum(noise),
        "trend": 0.5 * time + 0.1 * noise,
        "wave": moving,
        "rhythm": 5 * np.sin(2 * np.pi * time / 24) + 0.5 * noise,
    }


def test_the_pool_is_about_as_good_as_its_best_member() -> None:
    """On each signal the pool, which knows nothing of it, comes within 5 % of the member that suits it best."""
    found = signals(2000)
    seasonal = np.zeros((2000, len(found)))
    seasonal[:, -1] = 5 * np.sin(2 * np.pi * np.arange(2000) / 24)
    _, errors, members = lived(np.column_stack(list(found.values())), seasonal)
    ratio = errors[200:].mean(axis=0) / members[200:].mean(axis=0).min(axis=0)
    assert {name: each for name, each in zip(found, ratio.tolist(), strict=True) if each > 1.05} == {}


@pytest.mark.parametrize(("loss", "trust"), [(4.9, 0.0), (5.0, 0.0), (5.05, 0.5), (5.1, 1.0), (50.0, 1.0)])
def test_who_is_ahead_of_the_mixture_is_followed_instead(loss: float, trust: float) -> None:
    """The farther the best of the forecasters is ahead, the more, and at 2 % it alone."""
    pool, rows, median = lived(signals(50)["walk"][:, None])[0], np.zeros(1, np.int64), EXPERTS.index("median")
    pool.arrays["loss"][:, 0] = 10.0
    pool.arrays["loss"][[median, -1], 0] = 5.0, loss
    outlook = predicted(pool, rows)
    alone = outlook.experts[median]
    assert abs(alone - outlook.mixed) > 0.01
    assert outlook.expected == pytest.approx(trust * alone + (1.0 - trust) * outlook.mixed, rel=1e-5)


def test_the_interval_holds_what_it_promises() -> None:
    """Nine in ten values fall into the interval, for light and for heavy tails."""
    draw = np.random.RandomState(2)
    values = np.column_stack([draw.standard_normal(4000), draw.standard_t(3, 4000), draw.exponential(1.0, 4000)])
    pool, rows, hits = Pool(), np.arange(3), np.zeros(3)
    pool.grow(3)
    for number, value in enumerate(values):
        outlook = predicted(pool, rows)
        if number >= 500:
            hits += np.abs(value - outlook.expected) <= pool.interval(rows, outlook)
        pool.learn(rows, outlook, value)
    assert hits / 3500 == pytest.approx(np.full(3, COVERAGE), abs=0.02)


def test_a_step_is_followed_at_once() -> None:
    """Ten readings after a step of 100 sigma the forecasts are as good as ever, and a hundred after so is the width."""
    noise = np.random.RandomState(3).standard_normal((1200, 40))
    values = noise + 100.0 * (np.arange(1200) >= 1000)[:, None]
    pool, errors, _ = lived(values)
    assert np.median(errors[1010:1020]) < 2 * np.median(errors[800:1000])
    assert np.median(pool.arrays["width"] * pool.arrays["scale"]) < 2.5


def test_rare_bursts_do_not_undo_the_interval() -> None:
    """A stream that rests for nine readings of ten and bursts in between keeps its coverage too."""
    draw = np.random.RandomState(4)
    is_burst = np.repeat(draw.uniform(size=(1000, 10)) < 0.1, 4, axis=0)
    values = is_burst * draw.exponential(1e8, is_burst.shape)
    pool, rows, hits = Pool(), np.arange(10), np.zeros(10)
    pool.grow(10)
    for number, value in enumerate(values):
        outlook = predicted(pool, rows)
        hits += (number >= 500) * (np.abs(value - outlook.expected) <= pool.interval(rows, outlook))
        pool.learn(rows, outlook, value)
    assert hits / 3500 == pytest.approx(np.full(10, COVERAGE), abs=0.02)
