"""River's estimators as data: exact, complete, and never a way in."""

import json
import math
import random
from collections.abc import Callable
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest
from river import (
    anomaly,
    drift,
    ensemble,
    forest,
    linear_model,
    neighbors,
    preprocessing,
    rules,
    stats,
    time_series,
    tree,
)

from gateway.errors import StateError
from gateway.learning.frozen import freeze, thaw

Step = Callable[[Any, random.Random], object]


def scaled_trees() -> object:
    """Return a pipeline of two estimators."""
    return preprocessing.MinMaxScaler() | anomaly.HalfSpaceTrees(n_trees=3, height=4, window_size=20, seed=1)


def forecast(model: Any, draw: random.Random) -> object:  # noqa: ANN401 - any of River's estimators
    """Forecast two steps, then learn one number."""
    try:
        answer = model.forecast(2)
    except (IndexError, AttributeError):  # not warm yet
        answer = None
    model.learn_one(draw.random())
    return answer


def update(model: Any, draw: random.Random) -> object:  # noqa: ANN401 - any of River's estimators
    """Update a statistic or drift detector, then ask it."""
    model.update(draw.random())
    return model.get() if hasattr(model, "get") else (model.drift_detected, getattr(model, "estimation", None))


def score(model: Any, draw: random.Random) -> object:  # noqa: ANN401 - any of River's estimators
    """Score some features, then learn them."""
    features = {"a": draw.random(), "b": draw.random()}
    answer = model.score_one(features)
    model.learn_one(features)
    return answer


def score_supervised(model: Any, draw: random.Random) -> object:  # noqa: ANN401 - any of River's estimators
    """Score a number, then learn it."""
    number = draw.random()
    answer = model.score_one({}, number)
    model.learn_one({}, number)
    return answer


def predict(model: Any, draw: random.Random) -> object:  # noqa: ANN401 - any of River's estimators
    """Predict a number from features, then learn it."""
    features = {"a": draw.random(), "b": draw.random()}
    answer = model.predict_one(features)
    model.learn_one(features, features["a"] + draw.random())
    return answer


MODELS: list[tuple[Step, Callable[[], object]]] = [
    (forecast, lambda: time_series.HoltWinters(0.3, 0.1)),
    (forecast, lambda: time_series.HoltWinters(0.3, 0.1, 0.2, seasonality=7)),
    (forecast, lambda: time_series.SNARIMAX(2, 0, 1)),
    (update, lambda: stats.EWMean(0.1)),
    (update, lambda: stats.EWVar(0.1)),
    (update, lambda: stats.Quantile(0.9)),
    (update, lambda: stats.RollingQuantile(0.5, 10)),
    (update, drift.ADWIN),
    (update, lambda: drift.KSWIN(seed=1)),
    (update, drift.PageHinkley),
    (score, lambda: anomaly.HalfSpaceTrees(n_trees=3, height=4, window_size=20, seed=1)),
    (score, lambda: anomaly.LocalOutlierFactor(5)),
    (score, anomaly.OneClassSVM),
    (score, lambda: anomaly.LODA(seed=1)),
    (score, scaled_trees),
    (score_supervised, anomaly.GaussianScorer),
    (score_supervised, anomaly.StandardAbsoluteDeviation),
    (predict, lambda: preprocessing.StandardScaler() | linear_model.LinearRegression()),
    (predict, linear_model.BayesianLinearRegression),
    (predict, lambda: linear_model.PARegressor(mode=2)),
    (predict, lambda: neighbors.KNNRegressor(3)),
    (predict, lambda: tree.HoeffdingTreeRegressor(grace_period=10)),
    (predict, lambda: tree.HoeffdingAdaptiveTreeRegressor(grace_period=10, seed=1)),
    (predict, lambda: forest.ARFRegressor(n_models=2, seed=1)),
    (predict, lambda: forest.OXTRegressor(n_models=2, seed=1)),
    (predict, lambda: ensemble.SRPRegressor(n_models=2, seed=1)),
    (predict, lambda: rules.AMRules(n_min=20)),
]  # fmt: skip


@pytest.mark.parametrize(("step", "make"), MODELS, ids=[f"{type(make()).__name__}" for _, make in MODELS])
def test_a_restored_model_continues_identically(step: Step, make: Callable[[], object]) -> None:
    """Written down in the middle of its life and read back, it goes on to the last bit, and so does its copy."""
    draw, model = random.Random(1), make()
    for _ in range(60):
        step(model, draw)
    described = json.dumps(freeze(model))
    again = thaw(json.loads(described), make())
    assert json.dumps(freeze(again)) == described
    future = random.Random(2)
    expected = [step(model, future) for _ in range(60)]
    future = random.Random(2)
    assert repr([step(again, future) for _ in range(60)]) == repr(expected)


@pytest.mark.parametrize(
    "value",
    [
        *(None, True, 3, 2**70, -0.0, 0.1, math.inf, math.nan, 5e-324, "text", b"\0\xff", (1, (2.5,)), [1, [2]]),
        *({1, 2}, frozenset("a"), {"a": {1: 2}}, {(1, 2): 3.0}, np.float64(0.1), np.int32(3), np.bool_(1)),
        *(np.str_("x"), NormalDist(1.5, 0.1)),
    ],
    ids=repr,
)  # fmt: skip
def test_plain_values_come_back_as_what_they_were(value: object) -> None:
    """Of the same type, numpy's included, for they behave differently."""
    again = thaw(json.loads(json.dumps(freeze(value))), None)
    assert type(again) is type(value)
    assert repr(again) == repr(value)


@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_keep_layout_and_bits(order: str) -> None:
    """The layout decides how sums are rounded."""
    array = np.array(np.random.default_rng(1).normal(size=(3, 4)), order=order)  # type: ignore[call-overload]
    again = thaw(json.loads(json.dumps(freeze(array))), None)
    assert again.tobytes() == array.tobytes()
    assert again.strides == array.strides
    again[0, 0] = 1.0  # it can be learned on


def test_shared_objects_stay_shared() -> None:
    """One random generator in all trees of a forest is one afterwards."""
    generator = random.Random(1)
    first, second = thaw(json.loads(json.dumps(freeze([generator, {"rng": generator}]))), None)
    assert first is second["rng"]
    assert first.random() == random.Random(1).random()


def test_a_list_that_holds_itself() -> None:
    """Circles end."""
    circle: list[object] = [1]
    circle.append(circle)
    again = thaw(json.loads(json.dumps(freeze(circle))), None)
    assert again[1] is again


@pytest.mark.parametrize("value", [object(), np.array([object()]), 1j], ids=["object", "array of objects", "complex"])
def test_what_cannot_be_data_is_said_to_be_so(value: object) -> None:
    """Better no checkpoint than a wrong one."""
    with pytest.raises(StateError, match="cannot freeze"):
        freeze(value)


def instance(name: str, *arguments: object) -> list[object]:
    """Return the description of an object that would call `name` when it is made."""
    return ["instance", 0, name, False, list(arguments), None, [], [], []]


@pytest.mark.parametrize(
    "hostile",
    [
        instance("os:system", "touch /tmp/owned"),
        instance("subprocess:Popen", ["list", 1, ["true"]]),
        instance("builtins:eval", "1"),
        instance("river.stream.iter_csv:os.system", "true"),
        instance("river.anomaly.hst:HalfSpaceTrees.__init__"),
        instance("river:os.system", "true"),
        instance("river.datasets.base:pathlib.Path", "/"),
        instance("river.checks.common:pickle.Pickler"),
        instance("river.metrics.multioutput.macro:partial", ["function", 1, "river.datasets.base:os.system"]),
        ["function", 0, "river.datasets.base:os.system"],
        instance("riverside:x"),
        instance("river."),
        ["function", 0, "os:system"],
        ["function", 0, "river.base.base:importlib.import_module"],
        ["import_module", 0, "os"],
        ["_init__", 0],
        ["same", -1, 99],
        ["sequence", 0, "list", []],
        ["mapping", 0, "OSError", [], []],
        ["array", 0, "O", [1], "C", "", False],
        ["array", 0, "<f8", [10**9], "C", "", False],
        ["random", 0, 5],
        ["float", -1, "zz"],
        ["float", -1, 1],
        ["float"],
        [],
        [[]],
    ],
    ids=repr,
)
def test_a_hostile_description_is_refused(hostile: object) -> None:
    """Whatever a file claims to hold, nothing but River's own classes is ever made, and the error is ours."""
    with pytest.raises(StateError):
        thaw(hostile, None)


def test_a_very_deep_description_is_refused() -> None:
    """Depth alone does not end the process."""
    deep: list[object] = ["list", 0, []]
    for number in range(1, 5000):
        deep = ["list", number, [deep]]
    with pytest.raises(StateError):
        thaw(deep, None)
