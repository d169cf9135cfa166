"""What is said of the future of some streams, by name: the next values, and when a limit is reached."""

from collections.abc import Sequence

import numpy as np

from gateway.learning.bounds import Approach, Bound, approach
from gateway.learning.clock import RECENT
from gateway.learning.directory import Directory
from gateway.learning.pool import COVERAGE
from gateway.learning.prospects import Prospects
from gateway.learning.streams import Streams
from gateway.records import SECOND, Forecast, Ints

SIGMAS = {0.5: 0.674, 0.8: 1.282, 0.9: 1.645, 0.95: 1.96, 0.99: 2.576}
"""Half-widths of a Gaussian's central intervals, to widen or narrow the learned one to another coverage."""


def forecasts(
    directory: Directory, streams: Streams, rows: Ints, horizons_s: Sequence[float], coverage: float
) -> list[Forecast]:
    """The next value of each of `rows`, and the value after each horizon; none while nothing can be said.

    Nor of a time that has passed by the clock of the device: of a sensor that does not come any more.
    """
    prospects = streams.prospects
    ready = rows[prospects.is_ready(rows)]
    if not len(ready):
        return []
    last_at, interval_s = prospects.pace(ready)
    horizons = np.column_stack([interval_s, *(np.full(len(ready), horizon_s) for horizon_s in horizons_s)])
    expected, lower, upper = streams.forecast(ready, horizons)
    half = np.interp(coverage, list(SIGMAS), list(SIGMAS.values())) / SIGMAS[COVERAGE] * (upper - lower) / 2
    due_at = last_at[:, None] + (horizons * SECOND).astype(np.int64)
    least = prospects.least(ready)[:, None, None]
    table = np.maximum(np.stack([expected, expected - half, expected + half], axis=2), least)
    found = []
    for place, row in enumerate(ready.tolist()):
        device, sensor = directory.streams[row]
        made_at = int(last_at[place])
        for due, (middle, low, high) in zip(due_at[place].tolist(), table[place].tolist(), strict=True):
            found.append(Forecast(device, sensor, made_at, due, middle, low, high, coverage))
    newest = dict[str, int]()
    for each in found:
        newest[each.device] = max(newest.get(each.device, each.made_at), each.made_at)
    return [each for each in found if each.due_at >= newest[each.device]]


def approaches(
    directory: Directory, prospects: Prospects, rows: Ints, bounds: Sequence[Bound]
) -> list[tuple[int, int, Approach]]:
    """Which of `rows` move towards a bound: row, time (ns) of its last reading, when it is reached from then on."""
    bound_of = {row: bound for row in rows.tolist() if (bound := _bound(directory.streams[row], bounds)) is not None}
    bounded = np.array(list(bound_of), dtype=np.int64)
    bounded = bounded[prospects.is_ready(bounded) & (prospects.seen(bounded) >= RECENT)]
    if not len(bounded):
        return []
    last_at = prospects.clock.arrays["last_at"][bounded]
    found = []
    columns = bounded.tolist(), last_at.tolist(), *prospects.recent(bounded)
    for row, at, values, ages_s, drift in zip(*columns, strict=True):
        if (reached := approach(values, ages_s, float(drift), bound_of[row])) is not None:
            found.append((row, at, reached))
    return found


def _bound(name: tuple[str, str], bounds: Sequence[Bound]) -> Bound | None:
    return next((bound for bound in bounds if bound.fits(*name)), None)
