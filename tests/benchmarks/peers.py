"""What the benchmarks compare with: stock River as others run it, one object per stream."""

import math

from river import anomaly, compose, drift, preprocessing, stats

from gateway.records import ALARM

SIGMAS = 5.0
FADING = 0.3
WARM_UP = 10
"""Defaults of influxdata/river_anomaly_detector, InfluxData's plugin for InfluxDB 3."""

QUIET = 12
"""Readings after which the next told is another incident. The plugin tells readings; this is ours, in its favour."""


class ZScore:
    """That plugin's rule: beyond five sigma of an exponentially weighted mean, or (on request) when ADWIN drifts."""

    def __init__(self, *, is_drift_told: bool = False) -> None:
        self.mean, self.variance = stats.EWMean(FADING), stats.EWVar(FADING)
        self.adwin = drift.ADWIN(delta=0.002) if is_drift_told else None
        self.seen = 0

    def score_learn_one(self, value: float) -> float:
        """The score in [0, 1], 0.5 at the rule's threshold, then learn the value."""
        deviation = math.sqrt(max(self.variance.get(), 0.0))
        off = abs(value - self.mean.get()) / deviation if self.seen >= WARM_UP and deviation > 0.0 else 0.0
        self.seen += 1
        self.mean.update(value)
        self.variance.update(value)
        if self.adwin is not None:
            self.adwin.update(value)
            if self.adwin.drift_detected:
                return 1.0
        return off / (off + SIGMAS)


class Plugin:
    """Incidents of that rule on one sensor: one opens with a reading that is told after `QUIET` that are not."""

    def __init__(self) -> None:
        self.rule, self._quiet = ZScore(), 0

    def opens(self, value: float) -> bool:
        """Judge and learn the next value: whether an incident opens with it."""
        is_told = self.rule.score_learn_one(value) >= ALARM
        is_new = is_told and self._quiet <= 0
        self._quiet = QUIET if is_told else self._quiet - 1
        return is_new


class Trees:
    """Half-Space Trees on values scaled to what was seen, as River's documentation shows them."""

    def __init__(self, seed: int = 1) -> None:
        self.model = compose.Pipeline(preprocessing.MinMaxScaler(), anomaly.HalfSpaceTrees(seed=seed))

    def score_learn_one(self, features: dict[str, float]) -> float:
        """The score in [0, 1], then learn the features."""
        score = float(self.model.score_one(features))
        self.model.learn_one(features)
        return score
