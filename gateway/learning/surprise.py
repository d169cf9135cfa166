"""How surprising a number is among its own past: the yardstick of the detectors a user chose."""

import math

from river import stats

SIGMAS_TO_ALARM = 6.0
"""Standard deviations at which the score is 0.5. A detector's scores are heavier-tailed than a Gaussian: at 4 a healthy
one-minute sensor would alarm every few days."""

FADING = 0.02
"""Weight of the newest number in the mean and variance: a memory of about 50 readings."""


_REACH = 2.0 * SIGMAS_TO_ALARM
"""Sigmas that a number may lie off and still count whole: one far beyond them must not blind the yardstick for long."""


def score_of(sigmas: float) -> float:
    """A score in [0, 1] that is 0.5 at `SIGMAS_TO_ALARM`."""
    return sigmas / (sigmas + SIGMAS_TO_ALARM)


class Surprise:
    """Running mean, variance and 95 % quantile of a number, and how far a new one lies outside of them."""

    def __init__(self, warm_up: int) -> None:
        self.warm_up = warm_up
        self.seen = 0
        self.mean = stats.EWMean(FADING)
        self.variance = stats.EWVar(FADING)
        self.tail = stats.Quantile(0.95)

    @property
    def is_warm(self) -> bool:
        """Whether enough was seen to judge."""
        return self.seen >= self.warm_up

    def scale(self, floor: float) -> float:
        """The larger of the standard deviation and what the 95 % quantile says it would be, at least `floor`."""
        deviation = math.sqrt(max(self.variance.get(), 0.0))
        return max(deviation, (self.tail.get() or 0.0) / 1.96, floor)  # 95 % of a Gaussian lie within 1.96 sigma

    def sigmas(self, number: float, floor: float = 1e-9) -> float:
        """Signed distance of `number` from the mean in units of `scale`."""
        return (number - float(self.mean.get())) / self.scale(floor)

    def learn_one(self, number: float, floor: float = 1e-9) -> None:
        """Take `number` in; one far outside counts as if it were less so, once enough was seen to judge."""
        if self.is_warm:
            reach, mean = _REACH * self.scale(floor), float(self.mean.get())
            number = min(max(number, mean - reach), mean + reach)
        self.seen += 1
        self.tail.update(abs(number - self.mean.get()) if self.seen > 1 else 0.0)
        self.mean.update(number)
        self.variance.update(number)
