"""Stock River models chosen in the settings: which are let in, and what becomes of those that fail."""

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import pytest
from readings import START, batch, learn, life
from river import forest, linear_model

from gateway.learning import stock
from gateway.learning.stock import LagForecaster, ModelRule, SeriesForecaster
from gateway.records import SECOND
from gateway.shard import Rules, Shard


@pytest.mark.parametrize(
    ("model", "params", "kind"),
    [
        ("river.time_series.HoltWinters", {"alpha": 0.3}, "forecaster"),
        ("river.time_series.SNARIMAX", {"p": 2, "d": 0, "q": 0}, "forecaster"),
        ("river.linear_model.LinearRegression", {"l2": 0.1}, "forecaster"),
        ("river.preprocessing.StandardScaler | river.linear_model.LinearRegression", {"l2": 0.1}, "forecaster"),
        ("river.anomaly.GaussianScorer", {}, "scorer"),
        ("river.anomaly.HalfSpaceTrees", {"n_trees": 5}, "detector"),
        (" river.preprocessing.MinMaxScaler|river.anomaly.HalfSpaceTrees ", {}, "detector"),
    ],
)
def test_models_of_every_kind_are_let_in(model: str, params: Mapping[str, object], kind: str) -> None:
    """A dotted name of River's, steps joined by a bar, parameters for the last."""
    made = ModelRule(model, params=params).make()
    assert stock.kind(made) == kind
    final = made[-1] if kind == "forecaster" and "|" in model else made
    assert all(getattr(final, name, value) == value for name, value in params.items())


@pytest.mark.parametrize(
    ("model", "params"),
    [
        ("os.system", {}),
        ("subprocess.Popen", {}),
        ("builtins.eval", {}),
        ("river.utils.Rolling", {}),
        ("river.compose.FuncTransformer", {"func": "print"}),
        ("river.datasets.WaterFlow", {}),
        ("river.anomaly.base.AnomalyDetector", {}),
        ("river.anomaly.hst.HalfSpaceTrees", {}),
        ("river.anomaly.__builtins__", {}),
        ("river.time_series.evaluate", {}),
        ("river.anomaly", {}),
        ("HalfSpaceTrees", {}),
        ("", {}),
        ("|", {}),
        ("river.anomaly.HalfSpaceTrees |", {}),
        ("river.preprocessing.StandardScaler", {}),
        ("river.linear_model.LogisticRegression", {}),
        ("river.anomaly.HalfSpaceTrees", {"trees": 5}),
        ("river.anomaly.HalfSpaceTrees", {"limits": "x"}),
        ("river.anomaly.GaussianScorer", {"window_size": -1}),
        ("river.ensemble.BaggingRegressor", {"model": "x"}),
        ("river.time_series.SNARIMAX", {"p": "a", "d": 0, "q": 0}),
    ],
)
def test_everything_else_is_refused(model: str, params: Mapping[str, object]) -> None:
    """Nothing but River's models, and only with parameters they take; the message is for the operator."""
    with pytest.raises(ValueError, match=r"\S") as caught:
        ModelRule(model, params=params)
    assert type(caught.value) is ValueError
    assert "\n" not in str(caught.value)


def test_rules_fit_by_shell_patterns() -> None:
    """Case matters, as it does in MQTT."""
    rule = ModelRule("river.anomaly.LODA", "pump-*", "vib?")
    assert rule.fits("pump-1", "vib1")
    assert not rule.fits("Pump-1", "vib1")
    assert not rule.fits("pump-1", "vib")


def test_a_model_without_a_seed_is_the_same_every_time() -> None:
    """Folding the log again must grow the same trees."""
    rows = [{"a": number % 7 / 7, "b": number % 5 / 5} for number in range(600)]
    first, second = (ModelRule("river.anomaly.HalfSpaceTrees").make() for _ in range(2))
    for row in rows:
        first.learn_one(row)
        second.learn_one(row)
    assert [first.score_one(row) for row in rows] == [second.score_one(row) for row in rows]
    assert ModelRule("river.anomaly.HalfSpaceTrees", params={"seed": 3}).make().seed == 3


def test_a_regressor_forecasts_from_lags() -> None:
    """It says nothing before it has seen enough."""
    adapter = stock.forecaster(linear_model.LinearRegression())
    assert isinstance(adapter, LagForecaster)
    assert adapter.predict_one() is None
    for number in range(50):
        adapter.learn_one(5.0 + number % 2)
    value = adapter.predict_one()
    assert value is not None
    assert 4 < value < 7


def test_a_regressor_that_has_learned_nothing_says_nothing() -> None:
    """Some say None until then: that is no failure, and the first value taught puts it to work."""
    model = LagForecaster(forest.AMFRegressor(seed=1))
    for number in range(stock.LAGS):
        model.learn_one(float(number))
    assert model.predict_one() is None
    model.learn_one(float(stock.LAGS))
    assert model.predict_one() is not None


def test_a_series_model_that_is_not_warm_says_nothing() -> None:
    """River raises then; a stream simply has no forecast yet."""
    adapter = stock.forecaster(ModelRule("river.time_series.HoltWinters", params={"alpha": 0.3}).make())
    assert isinstance(adapter, SeriesForecaster)
    assert adapter.predict_one() is None


@pytest.mark.parametrize(
    ("model", "params"),
    [
        ("river.time_series.HoltWinters", {"alpha": "x"}),
        ("river.time_series.HoltWinters", {"alpha": 0.3, "beta": "y"}),
        ("river.anomaly.HalfSpaceTrees", {"n_trees": "3"}),
        ("river.anomaly.GaussianScorer", {"grace_period": "x"}),
        ("river.linear_model.LinearRegression", {"l2": "x"}),
        ("river.tree.ISOUPTreeRegressor", {}),
    ],
)
def test_a_model_that_cannot_do_its_work_is_refused_in_the_settings(model: str, params: dict[str, object]) -> None:
    """River takes such parameters, and fails at the first value; one that foretells several at once is of no use."""
    with pytest.raises(ValueError, match=model.rpartition(".")[2]):
        ModelRule(model, params=params)


@pytest.mark.parametrize("error", [ValueError("x"), ZeroDivisionError(), AssertionError("a\nb"), GeneratorExit()])
def test_whatever_a_model_raises_is_caught(error: BaseException) -> None:
    """Also what does not derive from Exception, as the panics of River's Rust parts."""

    def fail() -> None:
        raise error

    value, failure = stock.quarantined(fail)
    assert value is None
    assert failure is not None
    assert failure.startswith(type(error).__name__)


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_the_users_wish_to_end_is_not_caught(error: type[BaseException]) -> None:
    """Ctrl-C inside a model ends the gateway."""

    def fail() -> None:
        raise error

    with pytest.raises(error):
        stock.quarantined(fail)


class Bomb(linear_model.LinearRegression):
    """A regressor that fails as it is told, after a while."""

    fuse = 100
    way = "predict"

    def predict_one(self, x: dict[Hashable, Any]) -> float:
        """Fail, or answer what no sensor measures, or what River would."""
        self.fuse -= 1
        if self.fuse < 0 and self.way == "predict":
            message = "boom"
            raise ZeroDivisionError(message)
        return float("nan") if self.fuse < 0 and self.way == "nan" else super().predict_one(x)  # type: ignore[no-untyped-call]

    def learn_one(self, x: dict[Hashable, Any], y: float, w: float = 1.0) -> None:
        """Fail, or learn."""
        if self.fuse < 0 and self.way == "learn":
            message = "boom"
            raise LookupError(message)
        super().learn_one(x, y, w)


@pytest.mark.parametrize(
    ("way", "words"), [("predict", "ZeroDivisionError: boom"), ("learn", "LookupError: boom"), ("nan", "not finite")]
)
def test_a_model_that_fails_is_quarantined_and_the_others_learn_on(
    monkeypatch: pytest.MonkeyPatch, way: str, words: str
) -> None:
    """Its stream goes on with the defaults, the status says why, and no other device notices anything."""
    monkeypatch.setattr(linear_model, "LinearRegression", type("LinearRegression", (Bomb,), {"way": way}))
    rows = life(150, sensors=("a",))
    chosen = Shard(Rules(models=(ModelRule("river.linear_model.LinearRegression", "pump"),)))
    plain = Shard(Rules())
    ((fed, said),) = learn(chosen, rows)
    ((_, usual),) = learn(plain, rows)
    assert list(chosen.fleet.failures()) == ["pump/a"]
    assert words in chosen.fleet.failures()["pump/a"]
    others = fed.stream != chosen.directory.row("pump", "a")
    for name in said.__slots__:
        assert getattr(said, name)[others].tobytes() == getattr(usual, name)[others].tobytes()
    assert np.isfinite(said.expected[-4:]).all()


@pytest.mark.parametrize(
    ("model", "params", "devices"),
    [
        ("river.time_series.SNARIMAX", {"p": 3, "d": 0, "q": 0}, "pump"),
        ("river.preprocessing.StandardScaler | river.linear_model.LinearRegression", {}, "pump"),
        ("river.time_series.HoltWinters", {"alpha": 0.9}, "p*"),
        ("river.anomaly.GaussianScorer", {}, "pump"),
        ("river.preprocessing.MinMaxScaler | river.anomaly.HalfSpaceTrees", {"n_trees": 3, "window_size": 50}, "pump"),
    ],
)
def test_a_chosen_model_is_used_where_it_was_chosen_and_survives_a_restart(
    model: str, params: Mapping[str, object], devices: str
) -> None:
    """It changes what is said of its device and of no other, and is saved and restored like the rest."""
    rules = Rules(models=(ModelRule(model, devices, "*", params),))
    rows = life(350)
    rows[-4] = (*rows[-4][:3], 60.0)
    chosen, plain = Shard(rules), Shard(Rules())
    ((fed, said),) = learn(chosen, rows)
    ((_, usual),) = learn(plain, rows)
    assert chosen.fleet.failures() == {}
    mine = np.isin(fed.stream, [chosen.directory.add("pump", sensor) for sensor in "ab"])
    different = [getattr(said, name)[mine].tobytes() != getattr(usual, name)[mine].tobytes() for name in said.__slots__]
    assert any(different)
    for name in said.__slots__:
        assert getattr(said, name)[~mine].tobytes() == getattr(usual, name)[~mine].tobytes()
    again = Shard(rules)
    again.loads(chosen.dumps())
    more = [(device, sensor, at + 10**6 * SECOND, value) for device, sensor, at, value in life(30, seed=2)]
    ((_, expected),) = learn(chosen, more)
    ((_, found),) = learn(again, more)
    assert all(getattr(found, name).tobytes() == getattr(expected, name).tobytes() for name in found.__slots__)
    assert again.dumps() == chosen.dumps()


def test_a_diverging_model_is_reported_in_the_forecast_too() -> None:
    """Default SNARIMAX on large numbers diverges: its stream still has finite forecasts."""
    rules = Rules(models=(ModelRule("river.time_series.SNARIMAX", params={"p": 12, "d": 1, "q": 12}),))
    shard = Shard(rules)
    rows = [("pump", "a", START + number * 60 * SECOND, 1e6 * (number % 24)) for number in range(400)]
    learn(shard, rows)
    assert all(np.isfinite([each.expected, each.lower, each.upper]).all() for each in shard.forecast([0]))
    shard.apply(batch(shard.directory, [("pump", "a", START + 500 * 60 * SECOND, 1e6)]))
