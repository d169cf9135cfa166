"""The default learners pass River's own checks, seen through River's two interfaces."""

import copy
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from readings import START
from river import base, checks, metrics, time_series
from river.checks import common

from gateway.records import SECOND, Batch
from gateway.shard import Rules, Shard

STEP_S = 60.0
ODD = range(300, 320)
"""Rows of the sensors' life in which they are not themselves."""


def fold(shard: Shard, features: Mapping[Any, float], number: int, step_s: float) -> float:
    """Let the shard judge and learn one round of a device's sensors; returns the highest score."""
    names = sorted(features)
    at = np.full(len(names), START + round(number * step_s * SECOND))
    stream = np.array([shard.directory.add("pump", name) for name in names], dtype=np.int64)
    verdicts = shard.apply(Batch(stream, at, at, np.array([float(features[name]) for name in names]))).verdicts
    assert verdicts is not None
    return float(np.fmax(verdicts.score, verdicts.joint).max(initial=0.0))


GOOD = 0.8
"""Of the area under the curve; by chance it is 0.5."""


class Detector(base.AnomalyDetector):
    """One device and all its sensors, which report together every `step_s` seconds."""

    def __init__(self, step_s: float = STEP_S) -> None:
        self.step_s = step_s
        self.shard = Shard(Rules())
        self.rounds = 0

    def learn_one(self, x: dict[Hashable, Any]) -> None:
        """Take in what all sensors say."""
        fold(self.shard, x, self.rounds, self.step_s)
        self.rounds += 1

    def score_one(self, x: dict[Hashable, Any]) -> float:
        """Say how odd it would be, without learning it."""
        return fold(copy.deepcopy(self.shard), x, self.rounds, self.step_s)


class Forecaster(time_series.base.Forecaster):
    """One sensor, which reports every `step_s` seconds."""

    def __init__(self, step_s: float = STEP_S) -> None:
        self.step_s = step_s
        self.shard = Shard(Rules())
        self.rounds = 0

    def learn_one(self, y: float, x: Mapping[str, float] | None = None) -> None:
        """Take a value in; what else is known of it is not used."""
        fold(self.shard, {"value": y}, self.rounds, self.step_s)
        self.rounds += 1

    def forecast(self, horizon: int, xs: Sequence[Mapping[str, float]] | None = None) -> list[float]:
        """Say the next values."""
        ahead = [self.step_s * step for step in range(2, horizon + 1)]
        return [told.expected for told in self.shard.fleet.forecast([0], ahead, 0.9)]


class Life:
    """Three sensors of a pump, which go mad for a while; labelled, and the same each time."""

    def __init__(self, rows: int) -> None:
        self.rows = rows

    def __iter__(self) -> Iterator[tuple[dict[Hashable, Any], bool]]:
        draw = np.random.RandomState(7)
        for row in range(self.rows):
            noise = draw.standard_normal(3) * (8.0 if row in ODD else 1.0)
            named = zip(("flow", "heat", "power"), np.array([10.0, 60.0, 400.0]) + noise, strict=True)
            yield {name: round(float(value), 3) for name, value in named}, row in ODD


ALWAYS = (
    common.check_repr,
    common.check_str,
    common.check_tags,
    common.check_clone_same_class,
    common.check_clone_is_idempotent,
    common.check_init_has_default_params_for_tests,
    common.check_init_default_params_are_not_mutable,
    common.check_clone_changes_memory_addresses,
    common.check_mutate_can_be_idempotent,
    common.check_pickling_supports_roundtrip,
    common.check_repr_roundtrips_clone,
    common.check_clone_with_new_params_applies,
    common.check_get_params_matches_signature,
)


@pytest.mark.parametrize("model", [Detector(), Forecaster()], ids=lambda model: type(model).__name__)
@pytest.mark.parametrize("check", ALWAYS, ids=lambda check: check.__name__)
def test_it_is_an_estimator(check: Callable[[base.Estimator], None], model: base.Estimator) -> None:
    """River can show it, copy it, save it and set its parameters."""
    check(model.clone())


@pytest.mark.parametrize("check", [checks.time_series.check_learn_one, checks.time_series.check_forecast])
def test_the_forecaster_passes_rivers_checks(check: Callable[[base.Estimator, Iterable[Any]], None]) -> None:
    """It learns without changing what it is given, and says as many values as it is asked for."""
    check(Forecaster(), [({"hour": float(row % 24)}, 10.0 + row % 3) for row in range(30)])


@pytest.mark.parametrize(
    ("check", "rows"),
    [
        (common.check_learn_one, 30),
        (common.check_predict_one_pure, 30),
        (common.check_predict_one_before_any_learn, 1),
        (common.check_shuffle_features_no_impact, 60),
        (common.check_emerging_features, 30),
        (common.check_disappearing_features, 30),
        (common.check_radically_disappearing_features, 30),
        (common.check_clone_is_independent, 30),
        (common.check_no_state_aliasing_with_input, 2),
        (common.check_bounded_memory_growth, 200),
    ],
)
def test_the_detector_passes_rivers_checks(check: Callable[[base.Estimator, Life], None], rows: int) -> None:
    """Those for anomaly detectors; `check_estimator` runs them on a file from the web, with scikit-learn."""
    check(Detector(), Life(rows))


def test_the_detector_ranks_what_is_odd_above_what_is_not() -> None:
    """As River's `check_roc_auc` asks, scored before it is learned; better than by chance is not enough here."""
    detector, found = Detector(), metrics.RollingROCAUC(window_size=340)
    for features, is_odd in Life(340):
        found.update(is_odd, detector.score_one(features))
        detector.learn_one(features)
    assert found.get() > GOOD
