"""A pool of forecasters for every stream, weighed by how well they have been doing on it.

The weights follow Bernstein online aggregation (Wintenberger, "Optimal learning with Bernstein online aggregation",
Machine Learning 106, 2017): regret against the best forecaster is bounded, whatever the stream does. Losses and
regrets are discounted so that the pool follows a stream that changes its nature.
"""

from typing import NamedTuple

import numpy as np

from gateway.learning.rows import Rows, ewma_rate
from gateway.records import Floats, Ints

LAGS = 6
EXPERTS = ("last", "fast", "level", "seasonal", "seasonal_level", "holt", "autoregression")
_FAST, _LEVEL, _OFFSET, _SLOW = 0.3, 0.05, 0.1, 0.002
_HOLT_LEVEL, _HOLT_TREND, _DAMPING = 0.3, 0.05, 0.9
_TREND_FROM = 2.0  # readings; one difference is no trend
_NLMS_RATE = 0.05
_DISCOUNT = 0.995  # of old losses: a memory of 200 readings
_SCALE_RATE = 0.01
COVERAGE = 0.9
_CONFORMAL_RATE = 0.03
_CLIP = 4.0  # scales; a residual beyond this counts as this much, in losses and in learning
_FLOOR_SCALE = 1e-9  # of the value's own size: rounding of float64 arithmetic is not a deviation
TINY = 1e-30


class Outlook(NamedTuple):
    """What the pool said before it saw the value, kept for learning from it."""

    experts: Floats  # (forecaster, row)
    expected: Floats
    scale: Floats
    seasonal: Floats  # what is usual at this hour
    lags: Floats


class Pool(Rows):
    """Seven forecasters per stream and the weights of their mixture."""

    def __init__(self) -> None:
        many = (len(EXPERTS),)
        super().__init__(
            {
                "seen": ((), np.float64, 0.0),
                "lags": ((LAGS,), np.float64, 0.0),
                "fast": ((), np.float64, 0.0),
                "level": ((), np.float64, 0.0),
                "slow": ((), np.float64, 0.0),
                "offset": ((), np.float64, 0.0),
                "holt": ((), np.float64, 0.0),
                "trend": ((), np.float64, 0.0),
                "ar": ((LAGS,), np.float64, 0.0),
                "scale": ((), np.float64, 0.0),
                "width": ((), np.float64, 2.0),
                "regret": (many, np.float64, 0.0),
                "square": (many, np.float64, 0.0),
            }
        )

    def predict(self, rows: Ints, seasonal: Floats) -> Outlook:
        """One step ahead for each of `rows`; `seasonal` is what is usual at the hour of the coming reading."""
        a = self.arrays
        lags, slow = a["lags"][:, rows], a["slow"][rows]
        autoregression = lags[0] + a["ar"][0, rows] * (lags[0] - slow)
        for lag in range(1, LAGS):
            autoregression = autoregression + a["ar"][lag, rows] * (lags[lag] - slow)
        experts = np.stack(
            [
                lags[0],
                a["fast"][rows],
                a["level"][rows],
                seasonal,
                seasonal + a["offset"][rows],
                a["holt"][rows] + _DAMPING * a["trend"][rows],
                autoregression,
            ]
        )
        expected = _mix(experts, a["regret"][:, rows], a["square"][:, rows])
        return Outlook(experts, expected, a["scale"][rows], seasonal, lags)

    def learn(self, rows: Ints, outlook: Outlook, value: Floats) -> None:
        """Learn `value`, no farther from what was expected than `_CLIP` scales (bounded influence)."""
        a = self.arrays
        seen = a["seen"][rows] + 1.0
        a["seen"][rows] = seen
        residual = value - outlook.expected
        limit = np.where(outlook.scale > 0.0, _CLIP * outlook.scale, np.abs(residual))
        self._weigh(rows, outlook, value, limit)
        bounded = np.minimum(np.abs(residual), limit)
        self._calibrate(rows, outlook, residual)
        a["scale"][rows] = outlook.scale + ewma_rate(_SCALE_RATE, seen - 1.0) * (bounded - outlook.scale) * (seen > 1.0)
        self._follow(rows, outlook, value, seen)
        self._adapt(rows, outlook, value, limit, seen)
        lags = a["lags"]
        lags[1:, rows] = outlook.lags[:-1]
        lags[0, rows] = value

    def interval(self, rows: Ints, outlook: Outlook) -> Floats:
        """Half the width of the interval that holds the value with probability `COVERAGE`."""
        return self.arrays["width"][rows] * outlook.scale

    def _calibrate(self, rows: Ints, outlook: Outlook, residual: Floats) -> None:
        """Hold the coverage online, whatever the stream (adaptive conformal inference, Gibbs and Candès 2021)."""
        width = self.arrays["width"][rows]
        miss = np.abs(residual) > width * outlook.scale
        step = np.where(miss, np.exp(_CONFORMAL_RATE * COVERAGE), np.exp(_CONFORMAL_RATE * (COVERAGE - 1.0)))
        self.arrays["width"][rows] = np.clip(width * step, 1e-3, 1e3)

    def _weigh(self, rows: Ints, outlook: Outlook, value: Floats, limit: Floats) -> None:
        a = self.arrays
        loss = np.minimum(np.abs(value - outlook.experts), limit) / np.maximum(limit, TINY)
        pooled = np.minimum(np.abs(value - outlook.expected), limit) / np.maximum(limit, TINY)
        gain = pooled - loss
        a["regret"][:, rows] = _DISCOUNT * a["regret"][:, rows] + gain
        a["square"][:, rows] = _DISCOUNT * a["square"][:, rows] + gain * gain

    def _follow(self, rows: Ints, outlook: Outlook, value: Floats, seen: Floats) -> None:
        a = self.arrays
        for name, floor in (("fast", _FAST), ("level", _LEVEL), ("slow", _SLOW)):
            old = a[name][rows]
            a[name][rows] = old + ewma_rate(floor, seen) * (value - old)
        offset = a["offset"][rows]
        a["offset"][rows] = offset + ewma_rate(_OFFSET, seen) * (value - outlook.seasonal - offset)
        ahead = outlook.experts[5]
        trend = _DAMPING * a["trend"][rows]
        error = value - ahead
        a["holt"][rows] = ahead + ewma_rate(_HOLT_LEVEL, seen) * error
        a["trend"][rows] = np.where(seen > _TREND_FROM, trend + _HOLT_LEVEL * _HOLT_TREND * error, 0.0)

    def _adapt(self, rows: Ints, outlook: Outlook, value: Floats, limit: Floats, seen: Floats) -> None:
        """Normalised least mean squares (Nagumo and Noda 1967) on departures from the slow mean."""
        a = self.arrays
        regressors = outlook.lags - a["slow"][rows]
        power = regressors[0] * regressors[0]
        for lag in range(1, LAGS):
            power = power + regressors[lag] * regressors[lag]
        error = np.clip(value - outlook.experts[6], -limit, limit)
        step = np.where(seen > LAGS, _NLMS_RATE * error / np.maximum(power, TINY), 0.0)
        a["ar"][:, rows] = np.clip(a["ar"][:, rows] + step * regressors, -2.0, 2.0)


def _mix(experts: Floats, regret: Floats, square: Floats) -> Floats:
    """The mean of the forecasts, weighted by discounted regret at the adaptive rate of Bernstein aggregation."""
    rate = np.minimum(0.5, np.sqrt(np.log(len(experts)) / np.maximum(square, TINY)))
    power = rate * regret - rate * rate * square
    weight = rate * np.exp(power - np.maximum.reduce(list(power)))
    total, mixed = weight[0], weight[0] * experts[0]
    for forecast, share in zip(experts[1:], weight[1:], strict=True):
        total = total + share
        mixed = mixed + share * forecast
    return np.asarray(mixed / total)
