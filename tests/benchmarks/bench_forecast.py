"""How good the forecasts are on real recordings: beside every member of the pool, persistence, and River's models.

Run it as `python tests/benchmarks/bench_forecast.py --nab DIR`. DIR holds NAB's streams; used are the real ones, 47 of
servers, machines, weather, traffic, taxis, advertisements and tweets. Errors are MASE: the mean absolute error over
that of "the same as now", one step ahead, on the same file (Hyndman and Koehler 2006), after the first 200 readings.
Horizons are the defaults of `[predictions]`; what came true is the first reading at or after the time forecast. The
coverage of the 90 % interval is held online: 88 to 92 % is the goal for each file and horizon. River's models run with
the parameters of its documentation, or six lags as ours; beyond one step they are asked every `EVERY` readings.
"""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from river import time_series

from gateway import recordings
from gateway.learning.pool import COVERAGE, EXPERTS, Outlook
from gateway.learning.streams import Streams
from gateway.recordings import Recording
from gateway.records import SECOND, Batch, Floats, Ints
from gateway.shard import Rules

YOUTH = 200
ENOUGH, TOLERANCE = 1.02, 0.02
EVERY = 10
WILD = 1e12
"""River's SNARIMAX diverges on some files; what it says is held within this many times the largest value."""

PEERS: dict[str, Callable[[], Any]] = {
    "SNARIMAX": lambda: time_series.SNARIMAX(p=6, d=0, q=0),
    "HoltWinters": lambda: time_series.HoltWinters(alpha=0.3, beta=0.1),
}


class Said(NamedTuple):
    """What was forecast of one file after each reading: (reading, horizon), the first being the next reading."""

    expected: Floats
    half: Floats
    members: Floats  # (reading, member), of the next reading


class Watch:
    """Takes down what every member of the pool said of a round, before the pool learned it."""

    def __init__(self, streams: Streams) -> None:
        self._pool = streams.prospects.pool
        self._learn, self.experts = self._pool.learn, np.zeros((len(EXPERTS), 0))
        self._pool.learn = self  # type: ignore[method-assign,assignment]

    def __call__(self, rows: Ints, outlook: Outlook, value: Floats) -> None:
        """Stand in for `Pool.learn`."""
        self.experts = outlook.experts
        self._learn(rows, outlook, value)


def ours(loaded: Sequence[Recording]) -> list[Said]:
    """What the default learner forecasts of all files, as one fleet."""
    streams, horizons_s = Streams(), np.array(Rules().horizons_s)
    streams.grow(len(loaded))
    watch, columns = Watch(streams), 1 + len(horizons_s)
    said = [Said(*(np.full((len(one), each), np.nan) for each in (columns, columns, len(EXPERTS)))) for one in loaded]
    for number in range(max(map(len, loaded))):
        rows = np.array([row for row, one in enumerate(loaded) if number < len(one)])
        at = np.array([loaded[row].observed_at[number] for row in rows])
        value = np.array([loaded[row].values[number, 0] for row in rows])
        stale = streams.learn_many(Batch(rows, at, at, value)).is_stale
        origin = streams.prospects.clock.arrays["origin"][rows]
        ahead = np.column_stack([streams.prospects.pace(rows)[1], np.tile(horizons_s, (len(rows), 1))])
        expected, lower, upper = streams.forecast(rows, ahead)
        fresh = np.flatnonzero(~stale)
        for place, row in enumerate(rows):
            said[row].expected[number] = expected[place]
            said[row].half[number] = (upper - lower)[place] / 2
        for place, members in zip(fresh.tolist(), watch.experts.T, strict=True):
            said[rows[place]].members[number] = members + origin[place]
    return said


def theirs(make: Callable[[], Any], one: Recording, steps: Sequence[int]) -> Floats:
    """What a River model forecasts after each reading, so many steps ahead; NaN where it is not asked."""
    model, bound = make(), WILD * np.abs(one.values[:, 0]).max()
    out = np.full((len(one), len(steps)), np.nan)
    for number, value in enumerate(one.values[:, 0].tolist()):
        model.learn_one(value)
        asked = [] if number < YOUTH else steps[:1] if number % EVERY else steps
        if asked:
            path = np.clip(np.nan_to_num(model.forecast(horizon=max(asked))), -bound, bound)
            out[number, : len(asked)] = path[np.array(asked) - 1]
    return out


def truths(one: Recording, horizons_s: Sequence[float]) -> Floats:
    """What came true of a forecast after each reading; NaN where the file has ended, or paused for as long again."""
    at, value = one.observed_at, one.values[:, 0]
    out = np.full((len(one), 1 + len(horizons_s)), np.nan)
    out[:-1, 0] = value[1:]
    for column, horizon_s in enumerate(horizons_s, 1):
        length = round(horizon_s * SECOND)
        place = np.maximum(np.searchsorted(np.maximum.accumulate(at), at + length), np.arange(len(at)) + 1)
        known = np.flatnonzero(place < len(at))
        arrived = at[place[known]] - at[known]
        known = known[arrived <= np.maximum(2 * length, 2 * np.median(np.diff(at)))]
        out[known, column] = value[place[known]]
    out[:YOUTH] = np.nan
    return out


def error(truth: Floats, said: Floats) -> Floats:
    """Mean absolute error of each column where there is anything to compare."""
    return np.asarray(np.nanmean(np.abs(truth - said), axis=0))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nab", type=Path, required=True)
    options = parser.parse_args()
    loaded = [
        recordings.read(path, relative)
        for path, relative in recordings.find(options.nab)
        if relative.parts[0].startswith("real")
    ]
    rows = [measure(one, said) for one, said in zip(loaded, ours(loaded), strict=True)]
    summary(np.array(rows))


def measure(one: Recording, said: Said) -> list[float]:
    """Print and return the ratios of one file: by horizon to the best member, to persistence, to each peer."""
    horizons_s, value = Rules().horizons_s, one.values[:, 0]
    truth, naive = truths(one, horizons_s), np.abs(np.diff(value)).mean()
    usual_s = float(np.median(np.diff(one.observed_at))) / SECOND
    steps = [1, *(max(1, -int(-horizon_s // usual_s)) for horizon_s in horizons_s)]
    pool, last = error(truth, said.expected), error(truth, np.tile(value[:, None], len(steps)))
    asked = np.where((np.arange(len(one)) % EVERY == 0)[:, None] | (np.arange(len(steps)) == 0), truth, np.nan)
    members = error(truth[:-1, :1], said.members[1:])
    pools = error(asked, said.expected)
    peers = [pools / error(asked, theirs(make, one, steps)) for make in PEERS.values()]
    held = np.nanmean(np.where(np.isnan(truth), np.nan, np.abs(truth - said.expected) <= said.half), axis=0)
    best = int(np.argmin(members))
    print(
        f"{one.device[4:44]:40s} MASE {pool[0] / naive:5.3f}; best member {EXPERTS[best]:14s} "
        f"ratio {pool[0] / members[best]:5.3f}; ahead {_row(pool / naive)}; to persistence {_row(pool / last)}; "
        + "; ".join(f"to {name} {_row(ratios)}" for name, ratios in zip(PEERS, peers, strict=True))
        + f"; coverage {_row(held)}"
    )
    return [pool[0] / members[best], *(pool / last), *np.concatenate(peers), *held]


def _row(numbers: Floats) -> str:
    return " ".join(f"{number:.3f}" for number in numbers)


def summary(rows: Floats) -> None:
    """Print the means over all files."""
    best = rows[:, 0]
    print(f"pool to its best member: median {_middle(best)}, worst {best.max():.3f}, ", end="")
    print(f"{(best > ENOUGH).sum()} of {len(rows)} files above {ENOUGH}")
    *ratios, held = np.split(rows[:, 1:], 2 + len(PEERS), axis=1)
    for name, each in zip(("persistence", *PEERS), ratios, strict=True):
        print(f"pool to {name}, by horizon: median {_middle(each)}, worst {_row(each.max(axis=0))}")
    inside = (np.abs(held - COVERAGE) <= TOLERANCE).mean(axis=0)
    print(f"coverage by horizon: mean {_row(held.mean(axis=0))}, least {_row(held.min(axis=0))}, ", end="")
    print(f"most {_row(held.max(axis=0))}, share of files within 88 to 92 %: {_row(inside)}")


def _middle(ratios: Floats) -> str:
    """The median: River's SNARIMAX diverges on most files, where the ratio says nothing."""
    return _row(np.atleast_1d(np.median(ratios, axis=0)))


if __name__ == "__main__":
    main()
