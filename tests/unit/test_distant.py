"""Forecasts farther ahead."""

import numpy as np
import pytest
from readings import START
from series import columns, noise

from gateway.learning.distant import STEPS
from gateway.learning.streams import Streams
from gateway.records import SECOND, Floats

STEP_S = 60
HORIZONS = np.array([2, 6, 12, 24, 60]) * float(STEP_S)
READINGS, SINCE = 2000, 1200
KINDS = ("white", "walk", "heavy", "ramp", "beat")


@pytest.fixture(scope="module")
def far() -> dict[str, tuple[Floats, Floats]]:
    """Return errors and half the widths of the intervals for two of each kind: (reading, stream, horizon)."""
    white, time = noise(READINGS, 10), np.arange(READINGS)[:, None]
    values = {
        "white": white[:, :2],
        "walk": np.cumsum(white[:, 2:4], axis=0),
        "heavy": np.random.RandomState(2).standard_t(3, (READINGS, 2)),
        "ramp": 0.1 * time + 0.05 * white[:, 6:8],
        "beat": 4.0 * (time % 37 < 15) + 0.2 * white[:, 8:],
    }
    error, half = lived(np.concatenate([values[kind] for kind in KINDS], axis=1))
    return {kind: (error[:, 2 * n : 2 * n + 2], half[:, 2 * n : 2 * n + 2]) for n, kind in enumerate(KINDS)}


def lived(values: Floats) -> tuple[Floats, Floats]:
    """Return errors of forecasts and half their intervals."""
    streams, count = Streams(), values.shape[1]
    streams.grow(count)
    streams.learn_many(columns(values[:SINCE], STEP_S))
    said, half = [], []
    for number in range(SINCE, READINGS):
        expected, lower, upper = streams.forecast(np.arange(count), np.tile(HORIZONS, (count, 1)))
        said.append(expected)
        half.append((upper - lower) / 2)
        streams.learn_many(columns(values[number : number + 1], STEP_S, START + number * STEP_S * SECOND))
    steps = (HORIZONS / STEP_S).astype(int)
    usable = len(said) - int(steps.max())
    came = np.stack([values[SINCE - 1 + step : SINCE - 1 + step + usable] for step in steps], axis=2)
    return np.abs(came - np.array(said[:usable])), np.array(half[:usable])


@pytest.mark.parametrize("kind", ["white", "walk", "heavy"])
def test_each_distance_holds_its_own_interval(far: dict[str, tuple[Floats, Floats]], kind: str) -> None:
    """Nine in ten values fall into the interval at every horizon, on noise, on a random walk, and with heavy tails."""
    error, half = far[kind]
    assert (error <= half).mean(axis=(0, 1)) == pytest.approx(np.full(len(HORIZONS), 0.9), abs=0.08)


def test_intervals_grow_where_the_future_is_open(far: dict[str, tuple[Floats, Floats]]) -> None:
    """A random walk is less and less certain, noise is not."""
    growth = {kind: np.median(far[kind][1][..., -1] / far[kind][1][..., 0]) for kind in ("white", "walk")}
    assert growth["white"] < 1.3
    assert growth["walk"] > 3.0


def test_a_ramp_is_carried_on(far: dict[str, tuple[Floats, Floats]]) -> None:
    """A freezer that warms steadily is foretold to go on, an hour ahead to a third of what it climbs."""
    assert np.median(far["ramp"][0][..., -1]) < 0.1 * HORIZONS[-1] / STEP_S / 3


def test_a_beat_is_foretold(far: dict[str, tuple[Floats, Floats]]) -> None:
    """A compressor's cycle of 37 readings is known a third of it ahead: errors stay near those of its noise."""
    assert (np.median(far["beat"][0][..., :3], axis=(0, 1)) < 0.4).all()


def test_a_pause_teaches_nothing() -> None:
    """What comes after an outage is not what was forecast before it."""
    streams = Streams()
    streams.grow(1)
    streams.learn_many(columns(noise(500, 1), STEP_S))
    seen = streams.dumps()["distant/seen"]
    later = int(columns(noise(500, 1), STEP_S).observed_at[-1]) + 10 * int(STEPS[-1]) * STEP_S * SECOND
    streams.learn_many(columns(noise(1, 1), STEP_S, later))
    assert (streams.dumps()["distant/seen"] == seen).all()
