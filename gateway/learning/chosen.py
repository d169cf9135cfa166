"""Stock River models that the user chose for some streams and devices, beside the default learners.

A chosen forecaster's word replaces the pool's for its stream; a chosen anomaly detector adds its own evidence. A
model that fails is put in quarantine: its stream goes on with the defaults.
"""

import copy
import math
from typing import TYPE_CHECKING, Any

from gateway.learning import stock
from gateway.learning.seats import PATIENCE
from gateway.learning.surprise import Surprise, score_of
from gateway.records import ALARM, Change

if TYPE_CHECKING:
    from collections.abc import Sequence

WARM_UP = 200
"""Scores of a detector seen before a new one is judged among them."""

LEAST_SCALE = 1e-3
"""Of a detector's scores, most of which are in [0, 1]: one that always says the same is no more certain than this."""

CALM_BELOW = 0.4
"""Lower than `ALARM`, so that a score around the threshold does not open and close by turns."""

CALM_ROUNDS = 10
"""Scores as expected before an incident is over."""

ESCALATES_BY = 0.1
"""An incident is told again when its score has grown by this much."""


class ChosenForecaster:
    """A forecaster or regressor on one stream.

    It is asked once with each value that it learns: some models fill a cache when they are asked, and what is asked in
    between must change nothing. While an incident is open, what it knew `before` goes on beside it: it learns what it
    says itself, so that it keeps its place in a season.
    """

    def __init__(self, model: object) -> None:
        self.model = stock.forecaster(model)
        self.before: stock.StreamForecaster | None = None
        self.failure: str | None = None
        self.next: float | None = None

    def predict_one(self) -> float | None:
        """The next value; None while the model cannot say, and where it has learned nothing yet."""
        return self.next if self.failure is None else None

    def _look_ahead(self) -> None:
        if self.failure is None:
            self.next, self.failure = stock.quarantined(self.model.predict_one)

    def learn_one(self, value: float, *, is_faulty: bool = False) -> None:
        """Take a value in, or, where it belongs to a fault, what the model says itself."""
        if self.failure is None:
            _, self.failure = stock.quarantined(lambda: self._learn_one(value, is_faulty=is_faulty))
            self._look_ahead()

    def _learn_one(self, value: float, *, is_faulty: bool) -> None:
        if self.before is not None:
            _go_on(self.before)
        if is_faulty:
            _go_on(self.model)
        else:
            self.model.learn_one(value)

    def keep(self) -> None:
        """An incident has opened: put aside what is known."""
        if self.failure is None:
            self.before, self.failure = stock.quarantined(lambda: copy.deepcopy(self.model))

    def fall_back(self) -> None:
        """What was learned since then does not count."""
        if self.before is not None:
            self.model, self.before = self.before, None
            self._look_ahead()

    def drop(self) -> None:
        """What was learned since then counts."""
        self.before = None


def _go_on(model: stock.StreamForecaster) -> None:
    """Let a model live through a reading that is not for it."""
    value = model.predict_one()
    if value is not None:
        model.learn_one(value)


class ChosenDetector:
    """An anomaly detector; its scores are judged among their own past, whatever their range."""

    def __init__(self, model: Any, *, is_supervised: bool) -> None:  # noqa: ANN401 - any of River's detectors
        self.model = model
        self.is_supervised = is_supervised
        self.failure: str | None = None
        self.own = Surprise(WARM_UP)
        self.is_odd = False
        self.is_settled = False
        self.told = 0.0
        self.calm = 0

    def score_learn_one(self, features: dict[str, float], value: float) -> float:
        """The score in [0, 1] of these features (a supervised detector also looks at `value`), then learn them."""
        if self.failure is not None:
            return 0.0
        arguments: Sequence[object] = (features, value) if self.is_supervised else (features,)
        raw, self.failure = stock.quarantined(lambda: float(self.model.score_one(*arguments)))
        if self.failure is None and not math.isfinite(raw):
            self.failure = "the model's answer is not finite"
        if self.failure is not None:
            return 0.0
        _, self.failure = stock.quarantined(lambda: self.model.learn_one(*arguments))
        raw = min(max(raw, -stock.LARGEST), stock.LARGEST)
        score = score_of(max(self.own.sigmas(raw, LEAST_SCALE), 0.0)) if self.own.is_warm else 0.0
        self.own.learn_one(raw, LEAST_SCALE)
        return score

    def follow(self, score: float) -> Change:
        """What the latest score does to the incident that this detector may have open."""
        self.calm = self.calm + 1 if score < CALM_BELOW else 0
        if not self.is_odd:
            self.is_odd = score >= ALARM
            self.told = score
            return Change.OPEN if self.is_odd else Change.NONE
        if self.calm >= CALM_ROUNDS:
            was_settled, self.is_odd, self.is_settled = self.is_settled, False, False
            return Change.NONE if was_settled else Change.CLOSED
        if score < self.told + ESCALATES_BY or self.is_settled:
            return Change.NONE
        self.told = score
        return Change.ESCALATE

    def settle(self) -> None:
        """A person said that what is open is fine: nothing more of it until it has calmed down."""
        self.is_settled = self.is_odd


class ChosenJoint:
    """A detector of the user's choice over all sensors of a device: an object, given the values of a round.

    Who has not been heard for `PATIENCE` since a round began is no longer waited for.
    """

    def __init__(self, model: Any) -> None:  # noqa: ANN401 - any of River's detectors
        self.detector = ChosenDetector(model, is_supervised=False)
        self.sensors: list[str] = []
        self.features: dict[str, float] = {}
        self.begun_at = 0

    def score_learn_one(self, sensor: str, value: float, at: int, *, is_first: bool) -> float | None:
        """The score of the round that this reading, observed at a moment in ns, completes; None where it is none."""
        if sensor not in self.sensors:
            self.sensors.append(sensor)
        if not self.features or at < self.begun_at:
            self.begun_at = at
        if not is_first:
            self.features[sensor] = value
        if at - self.begun_at > PATIENCE:
            self.sensors = [each for each in self.sensors if each in self.features]
        if not self.features or len(self.features) < len(self.sensors):
            return None
        features, self.features = self.features, {}
        return self.detector.score_learn_one(dict(sorted(features.items())), value)
