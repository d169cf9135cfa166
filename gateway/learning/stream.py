"""What is learned of one stream: a forecast, how far off a reading is, its level, and its habit of repeating itself."""

import math
from typing import NamedTuple

from river import drift, time_series

from gateway.learning import stock
from gateway.learning.surprise import SIGMAS_TO_ALARM, Surprise, score_of
from gateway.records import Kind

WARM_UP = 60
"""Readings before a stream is judged: an hour of a one-minute sensor."""

PATIENCE = 120
"""Readings in a row that may look wrong before they are taken for the new behaviour and learned."""

STUCK_RUNS = 4
"""A value repeated this many times as often as ever before is stuck, if `STUCK_LEAST` readings long."""
STUCK_LEAST = 40


DRIFT_SCORE = 0.55
"""What ADWIN's word that residuals have grown is worth: just an alarm, for it gives no probability."""


class Verdict(NamedTuple):
    """One reading judged; see `Verdicts`."""

    score: float
    expected: float
    lower: float
    upper: float
    kind: Kind


class StreamLearner:
    """Holt's forecast, the residual's spread, ADWIN on its size; all stock River."""

    def __init__(self, chosen: stock.StreamForecaster | None = None, scorer: object = None) -> None:
        self.default = stock.SeriesForecaster(time_series.HoltWinters(alpha=0.3, beta=0.02))
        self.chosen = chosen
        self.scorer = scorer
        self.failure: str | None = None
        self.residual = Surprise(WARM_UP)
        self.own_score = Surprise(WARM_UP)
        self.drift = drift.ADWIN(delta=1e-6)
        self.step = math.inf  # the smallest change ever seen: the sensor's resolution
        self.last: float | None = None
        self.run = 0
        self.longest_run = 1
        self.has_grown = False
        self.wrong_in_a_row = 0

    def predict_one(self, steps: int = 1) -> float | None:
        """The value `steps` readings ahead."""
        if self.chosen is not None:
            chosen = self.chosen
            value, self.failure = stock.quarantined(lambda: chosen.predict_one(steps))
            if self.failure is None:
                return value  # type: ignore[no-any-return]
            self.chosen = None
        return self.default.predict_one(steps)

    def half_width(self) -> float:
        """Half the width of the interval that holds 95 % of one-step residuals."""
        return 1.96 * self.residual.scale(self._floor())

    def _floor(self) -> float:
        return self.step / 2 if math.isfinite(self.step) else 1e-9 + 1e-6 * abs(self.last or 0.0)

    def score_one(self, value: float) -> Verdict:
        """Judge a reading before it is learned; changes nothing."""
        expected = self.predict_one()
        if expected is None or not self.residual.is_warm:
            return Verdict(0.0, math.nan, math.nan, math.nan, Kind.NONE)
        found = max(self._evidence(value, value - expected))
        width = self.half_width()
        return Verdict(found[0], expected, expected - width, expected + width, Kind(found[1]))

    def _evidence(self, value: float, residual: float) -> "list[tuple[float, int]]":
        off = score_of(self.residual.sigmas(residual, self._floor()))
        run = self.run + 1 if value == self.last else 1
        limit = max(STUCK_RUNS * self.longest_run, STUCK_LEAST)
        found = [
            (off, Kind.SHIFT if self.wrong_in_a_row else Kind.SPIKE),
            (DRIFT_SCORE if self.drift.drift_detected and self.has_grown else 0.0, Kind.SPREAD),
            (run / (run + limit) if self.longest_run < STUCK_LEAST else 0.0, Kind.STUCK),
        ]
        if self.scorer is not None:
            raw = self._own(value)
            found.append((score_of(self.own_score.sigmas(raw)) if self.own_score.is_warm else 0.0, Kind.SPIKE))
        return [(score, int(kind)) for score, kind in found]

    def _own(self, value: float) -> float:
        scorer = self.scorer
        raw, failure = stock.quarantined(lambda: float(scorer.score_one({}, value)))  # type: ignore[attr-defined]
        if failure is not None or not math.isfinite(raw):
            self.failure, self.scorer = failure or "the model's answer is not finite", None
            return float(self.own_score.mean.get())
        return float(raw)

    def learn_one(self, value: float, verdict: Verdict) -> None:
        """Take a reading in, unless it looks wrong and has not looked so for long."""
        self._learn_run(value)
        is_wrong = verdict.score >= 0.5 and verdict.kind != Kind.STUCK  # noqa: PLR2004 - the alarm threshold
        self.wrong_in_a_row = self.wrong_in_a_row + 1 if is_wrong else 0
        if is_wrong and self.wrong_in_a_row < PATIENCE:
            return
        expected = self.predict_one()
        if expected is not None:
            residual = value - expected
            bound = SIGMAS_TO_ALARM * self.residual.scale(self._floor())
            self.residual.learn_one(max(-bound, min(bound, residual)) if self.residual.is_warm else residual)
            before = self.drift.estimation
            self.drift.update(abs(residual))
            self.has_grown = self.drift.estimation > 2 * before
        self._learn_models(value)

    def _learn_run(self, value: float) -> None:
        if self.last is not None and value != self.last:
            self.step = min(self.step, abs(value - self.last))
            self.longest_run = max(self.longest_run, min(self.run, STUCK_LEAST))
            self.run = 0
        self.run += 1
        self.last = value

    def _learn_models(self, value: float) -> None:
        self.default.learn_one(value)
        if self.chosen is not None:
            chosen = self.chosen
            _, self.failure = stock.quarantined(lambda: chosen.learn_one(value))
            self.chosen = None if self.failure else chosen
        if self.scorer is not None:
            self.own_score.learn_one(self._own(value))
            scorer = self.scorer
            stock.quarantined(lambda: scorer and scorer.learn_one({}, value))  # type: ignore[attr-defined]
