"""Any stock River model, chosen by name in the settings, put to work on a stream or a device.

Only River's own public classes can be named; nothing else can be imported by configuration.
"""

import importlib
import inspect
import math
import random
import zlib
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Protocol

from river.base import AnomalyDetector, Base, Estimator, MultiTargetRegressor, Regressor, SupervisedAnomalyDetector
from river.time_series.base import Forecaster

MODULES = frozenset(
    {"anomaly", "ensemble", "forest", "linear_model", "neighbors", "preprocessing", "rules", "time_series", "tree"}
)
"""River's modules whose classes may be named in the settings: models and what prepares their features."""

LAGS = 8
"""Past values a regressor is given as features to forecast the next one."""

REHEARSED = 3 * LAGS
"""Values that a model must live through before its rule is believed: River checks few parameters itself."""

LARGEST = 1e100
"""A model that says more than this has diverged."""


@dataclass(frozen=True, slots=True)
class ModelRule:
    """A stock model and the devices and sensors (shell patterns) it works on; raises `ValueError` if it cannot."""

    model: str
    devices: str = "*"
    sensors: str = "*"
    params: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        made = self.make()
        role = kind(made)
        _, failure = quarantined(lambda: _rehearse(made, role))
        if failure is not None:
            message = f"{self.model}: {failure}"
            raise ValueError(message)

    def fits(self, device: str, sensor: str) -> bool:
        """Whether the rule is for this stream."""
        return fnmatchcase(device, self.devices) and fnmatchcase(sensor, self.sensors)

    def make(self) -> Any:  # noqa: ANN401 - any of River's estimators
        """A fresh model; steps of a pipeline are joined by `|`, the parameters belong to the last."""
        *steps, last = (step.strip() for step in self.model.split("|"))
        made: Any = None
        for step in steps:
            made = _construct(step, {}) if made is None else made | _construct(step, {})
        final = _construct(last, self.params)
        return final if made is None else made | final


def _construct(path: str, params: Mapping[str, object]) -> Any:  # noqa: ANN401
    parts = path.split(".")
    if len(parts) != 3 or parts[0] != "river" or parts[1] not in MODULES:  # noqa: PLR2004 - river.module.Class
        message = f"{path!r} is not river.<module>.<Class> with a module of {', '.join(sorted(MODULES))}"
        raise ValueError(message)
    found = getattr(importlib.import_module(f"river.{parts[1]}"), parts[2], None)
    if not (inspect.isclass(found) and issubclass(found, Estimator)):
        message = f"River has no estimator {path!r}"
        raise ValueError(message)
    seed = zlib.crc32(path.encode())  # of its own, so that folding the log again gives the same model
    seeded = {"seed": seed} if "seed" in inspect.signature(found).parameters else {}
    try:
        made = found(**{**seeded, **params})
    except (TypeError, ValueError, AttributeError, LookupError, ArithmeticError) as error:  # River checks few of them
        message = f"{path}: {error}"
        raise ValueError(message) from error
    if not seeded:
        _sow(made, seed)
    return made


def _sow(part: object, seed: int) -> None:
    """Seed the generators inside a model that takes no seed itself (KNNRegressor, GaussianScorer)."""
    for value in list(vars(part).values()):
        if isinstance(value, random.Random):
            value.seed(seed)
        elif isinstance(value, Base):
            _sow(value, seed)


def kind(model: object) -> str:
    """`forecaster`, `scorer` (of one stream) or `detector` (of a whole device); `ValueError` for other models."""
    final = model[-1] if hasattr(model, "steps") else model  # type: ignore[index]
    if isinstance(final, (Forecaster, Regressor)) and not isinstance(final, MultiTargetRegressor):
        return "forecaster"
    if isinstance(final, SupervisedAnomalyDetector):
        return "scorer"
    if isinstance(final, AnomalyDetector):
        return "detector"
    message = f"{type(final).__name__} neither forecasts a number nor scores an anomaly"
    raise ValueError(message)


def _rehearse(model: Any, role: str) -> None:  # noqa: ANN401 - any of River's estimators
    """Let it do for a few values what it will do for years."""
    stream = forecaster(model) if role == "forecaster" else None
    for number in range(REHEARSED):
        value = 1.0 + number % 3  # no 0: a multiplicative season divides by it
        if stream is not None:
            stream.predict_one()
            stream.learn_one(value)
        else:
            asked = ({}, value) if role == "scorer" else ({"a": value, "b": -value},)
            float(model.score_one(*asked))
            model.learn_one(*asked)


class StreamForecaster(Protocol):
    """What a stream's learner asks of its model."""

    def predict_one(self) -> float | None:
        """The next value, None while nothing can be said."""
        ...

    def learn_one(self, value: float) -> None:
        """Take a value in."""
        ...


class SeriesForecaster:
    """A River time-series model."""

    def __init__(self, model: Any) -> None:  # noqa: ANN401
        self.model = model

    def predict_one(self) -> float | None:
        """The model's own forecast."""
        try:
            return _finite(self.model.forecast(horizon=1)[-1])
        except (IndexError, AttributeError):  # River's models raise these, undocumented, until they have warmed up
            return None

    def learn_one(self, value: float) -> None:
        """Take a value in."""
        self.model.learn_one(value)


class LagForecaster:
    """A River regressor on the last `LAGS` values, relative to the newest so that any level suits it."""

    def __init__(self, model: Any) -> None:  # noqa: ANN401
        self.model = model
        self.past: deque[float] = deque(maxlen=LAGS)

    def predict_one(self) -> float | None:
        """The last value, and what the model says is added to it."""
        change = self.model.predict_one(_features(self.past)) if len(self.past) == LAGS else None
        return None if change is None else self.past[-1] + _finite(change)  # some say None until they have learned

    def learn_one(self, value: float) -> None:
        """Take a value in."""
        if len(self.past) == LAGS:
            self.model.learn_one(_features(self.past), value - self.past[-1])
        self.past.append(value)


def _features(past: "deque[float]") -> dict[str, float]:
    return {f"lag_{lag}": value - past[-1] for lag, value in enumerate(past)}


def _finite(number: float) -> float:
    if not math.isfinite(number) or abs(number) > LARGEST:
        message = "the model's answer is not finite: it has diverged"
        raise ValueError(message)
    return float(number)


def forecaster(model: object) -> StreamForecaster:
    """The adapter that fits a model of kind `forecaster`."""
    final = model[-1] if hasattr(model, "steps") else model  # type: ignore[index]
    return SeriesForecaster(model) if isinstance(final, Forecaster) else LagForecaster(model)


def quarantined(call: Callable[[], Any]) -> tuple[Any, str | None]:
    """What a user-chosen model returns, or None and what went wrong inside it.

    The only broad `except` in the tree: a bug in one device's chosen model must not end the others' service, and some
    of River's Rust parts raise outside `Exception`.
    """
    try:
        return call(), None
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # noqa: BLE001 - see above
        return None, f"{type(error).__name__}: {error}"[:200]
