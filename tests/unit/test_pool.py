"""The pool of forecasters."""

import numpy as np
import pytest

from gateway.learning.pool import COVERAGE, EXPERTS, Pool
from gateway.records import Floats


def lived(values: Floats, seasonal: Floats | None = None) -> tuple[Pool, Floats, Floats]:
    """Return a pool that saw `values` (reading, stream), its errors, and those of each of its members."""
    pool, rows = Pool(), np.arange(values.shape[1])
    pool.grow(values.shape[1])
    errors, members = np.empty_like(values), np.empty((len(values), len(EXPERTS), values.shape[1]))
    for number, value in enumerate(values):
        outlook = pool.predict(rows, pool.arrays["slow"][rows] if seasonal is None else seasonal[number])
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
    """On each signal the pool, which knows nothing of it, comes within 7 % of the member that suits it best."""
    found = signals(2000)
    seasonal = np.zeros((2000, len(found)))
    seasonal[:, -1] = 5 * np.sin(2 * np.pi * np.arange(2000) / 24)
    _, errors, members = lived(np.column_stack(list(found.values())), seasonal)
    ratio = errors[200:].mean(axis=0) / members[200:].mean(axis=0).min(axis=0)
    assert dict(zip(found, ratio, strict=True)) == pytest.approx(dict.fromkeys(found, 1.0), abs=0.07)


def test_the_interval_holds_what_it_promises() -> None:
    """Nine in ten values fall into the interval, for light and for heavy tails."""
    draw = np.random.RandomState(2)
    values = np.column_stack([draw.standard_normal(4000), draw.standard_t(3, 4000), draw.exponential(1.0, 4000)])
    pool, rows, hits = Pool(), np.arange(3), np.zeros(3)
    pool.grow(3)
    for number, value in enumerate(values):
        outlook = pool.predict(rows, pool.arrays["slow"][rows])
        if number >= 500:
            hits += np.abs(value - outlook.expected) <= pool.interval(rows, outlook)
        pool.learn(rows, outlook, value)
    assert hits / 3500 == pytest.approx(np.full(3, COVERAGE), abs=0.02)
