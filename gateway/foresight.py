"""Which forecasts are kept, to be held against what came. Pure."""

from collections.abc import Iterable, Sequence

import numpy as np

from gateway.passages import Foreseen
from gateway.records import SECOND, Forecast
from gateway.shard import Shard

PER_HORIZON = 4
"""Forecasts kept of those whose horizons overlap. All that are told would take 26 bytes a reading of a sensor that
reports once a minute, beside 17 of the reading itself; these take 5, and draw the same line."""


class Foresight:
    """Keeps the forecasts of the horizons; what comes next is in the verdict on the next reading."""

    def __init__(self, shard: Shard, horizons_s: Sequence[float]) -> None:
        self._shard = shard
        self._every = {int(horizon_s * SECOND): int(horizon_s * SECOND) // PER_HORIZON for horizon_s in horizons_s}
        self._kept: dict[tuple[int, int], int] = {}

    def keep(self, forecasts: Iterable[Forecast]) -> Foreseen | None:
        """Those worth keeping, None where none is."""
        rows = [row for forecast in forecasts if (row := self._row(forecast))]
        if not rows:
            return None
        times, bands = np.array([row[:3] for row in rows], dtype=np.int64), np.array([row[3:] for row in rows])
        return Foreseen(*times.T, *bands.T)

    def _row(self, forecast: Forecast) -> tuple[int, int, int, float, float, float] | None:
        ahead = forecast.due_at - forecast.made_at
        stream = self._shard.directory.row(forecast.device, forecast.sensor)
        if ahead not in self._every or stream is None:
            return None
        last_at = self._kept.get((stream, ahead))
        if last_at is not None and 0 <= forecast.made_at - last_at < self._every[ahead]:
            return None
        self._kept[stream, ahead] = forecast.made_at
        return stream, forecast.made_at, forecast.due_at, forecast.expected, forecast.lower, forecast.upper
