"""Where River has the same model, the numbers of the arrays are River's, whatever the stream.

That is: the exponentially weighted means (`EWMean`, after a first phase of River's plain `Mean`) and, but for its
damping, Holt's method (`HoltWinters` without a season). There is no twin of `EWVar`: what varies is kept as the mean of
bounded squares, itself an `EWMean`. `HalfSpaceTrees` are River's own where a user chooses them.
"""

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from river import stats, time_series
from series import seen

from gateway.learning import pool
from gateway.learning.evidence import _FAST, _POWER, Evidence
from gateway.learning.pool import _HOLT, _HOLT_LEVEL, _HOLT_TREND, _LEVEL, Pool

if TYPE_CHECKING:
    from gateway.learning.rows import Rows

SERIES = st.lists(st.floats(-1e3, 1e3, allow_subnormal=False), min_size=30, max_size=80)
ROWS = np.arange(1)
CLOSE = 1e-9


class Twin:
    """River's plain mean while each value weighs no less than `fading`, and River's exponential one from then on."""

    def __init__(self, fading: float) -> None:
        self.fading, self.seen = fading, 0
        self.plain, self.lasting = stats.Mean(), stats.EWMean(fading)

    def update(self, value: float) -> float:
        """Learn a value; returns the mean."""
        self.seen += 1
        if self.seen * self.fading <= 1.0:
            self.plain.update(value)
            return self.plain.get()
        if self.seen - 1 <= 1.0 / self.fading:
            self.lasting.update(self.plain.get())
        self.lasting.update(value)
        return self.lasting.get()


def fed(learner: Pool, value: float, usual: float = 0.0) -> pool.Outlook:
    """Return what the pool said, which has then learned the value."""
    outlook = learner.predict(ROWS, np.array([usual]), np.zeros(1))
    learner.learn(ROWS, outlook, np.array([value]))
    return outlook


@settings(max_examples=20, deadline=None)
@given(SERIES)
def test_means_are_rivers(values: list[float]) -> None:
    """The level of the pool, and the mean and the mean square of the evidence."""
    learner, evidence = Pool(), Evidence()
    learner.grow(1)
    evidence.grow(1)
    ours: dict[str, tuple[Rows, float]] = {
        "level": (learner, _LEVEL),
        "fast": (evidence, _FAST),
    }
    twins = {name: Twin(fading) for name, (_, fading) in ours.items()}
    square = Twin(_POWER)
    for number, value in enumerate(values):
        view = seen(value, fed(learner, value), values[:number])
        evidence.learn(view, evidence.observe(view)[1])
        for name, (part, _) in ours.items():
            assert part.arrays[name][0] == pytest.approx(twins[name].update(value), rel=CLOSE, abs=CLOSE)
        assert evidence.arrays["power"][0] == pytest.approx(square.update(value * value), rel=CLOSE, abs=CLOSE)


@settings(max_examples=20, deadline=None)
@given(SERIES)
def test_holt_is_rivers_but_for_its_damping(values: list[float]) -> None:
    """Undamped, what the pool's Holt forecasts is what River's does from the same level and trend on."""
    learner = Pool()
    learner.grow(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pool, "_DAMPING", 1.0)
        begun = round(1.0 / _HOLT_LEVEL) + 1  # readings from which each weighs the same
        for value in values[:begun]:
            fed(learner, value)
        twin = time_series.HoltWinters(alpha=_HOLT_LEVEL, beta=_HOLT_TREND)
        twin.level.append(learner.arrays["holt"][0])
        assert twin.trend is not None
        twin.trend.append(learner.arrays["trend"][0])
        twin._initialized = True
        for value in values[begun:]:
            expected = float(fed(learner, value).experts[_HOLT][0])
            assert expected == pytest.approx(twin.forecast(1)[0], rel=CLOSE, abs=CLOSE)
            twin.learn_one(value)
