"""The Numenta Anomaly Benchmark: what `gateway replay` says of it, beside stock River on the same files.

Run it as `python tests/benchmarks/bench_nab.py --nab DIR --nab-score FILE`. DIR holds NAB's streams as CSV files, FILE
is the scorer. Ours runs with the settings a user gets. Scored at 0.5, which is what a user gets, and at the best
threshold in hindsight, which is what NAB's leaderboard states (ARTime 74.9, Numenta HTM 70.1).
"""

import argparse
import functools
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from peers import Trees, ZScore

from gateway import recordings, replay
from gateway.recordings import Recording
from gateway.records import Floats
from gateway.shard import Rules


def ours(loaded: Sequence[Recording]) -> list[Floats]:
    """Score, alarm and incident of every row of every file."""
    return [sheet.told for sheet in replay.play(loaded, Rules())]


def zscore(loaded: Sequence[Recording]) -> list[Floats]:
    """EWMean and EWVar as in InfluxData's plugin with its defaults."""
    return [each(recording, ZScore().score_learn_one) for recording in loaded]


def zscore_and_adwin(loaded: Sequence[Recording]) -> list[Floats]:
    """The same with ADWIN, which the plugin offers."""
    return [each(recording, ZScore(is_drift_told=True).score_learn_one) for recording in loaded]


def of_value(model: Trees, value: float) -> float:
    """What the model says of one sensor's value, before it learns it."""
    return model.score_learn_one({"value": value})


def trees(loaded: Sequence[Recording]) -> list[Floats]:
    """MinMaxScaler and Half-Space Trees."""
    return [each(recording, functools.partial(of_value, Trees())) for recording in loaded]


def each(recording: Recording, score: Callable[[float], float]) -> Floats:
    """What a model of one stream says of each row."""
    column = np.array([score(value) for value in recording.values[:, 0].tolist()])
    return np.stack([column, column, np.zeros(len(column))], axis=1)


def write(loaded: Sequence[Recording], said: Sequence[Floats], folder: Path) -> None:
    """Leave what was said of every row for the scorer."""
    for recording, told in zip(loaded, said, strict=True):
        nothing = np.full((len(told), 3 * len(recording.sensors)), np.nan)
        recordings.write(folder / recording.path, recording, told, nothing)


def score(program: Path, folder: Path, *options: str) -> list[str]:
    """The scorer's standard profile: score, threshold, windows found, false points."""
    command = [sys.executable, str(program), str(folder), *options]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    return next(line for line in lines if line.startswith("standard")).split(maxsplit=2)[1:]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nab", type=Path, required=True)
    parser.add_argument("--nab-score", type=Path, required=True)
    options = parser.parse_args()
    loaded = [recordings.read(path, relative) for path, relative in recordings.find(options.nab)]
    best = {}
    for detector in (ours, zscore, zscore_and_adwin, trees):
        with tempfile.TemporaryDirectory() as folder:
            started = time.perf_counter()
            said = detector(loaded)
            spent = time.perf_counter() - started
            write(loaded, said, Path(folder))
            print(f"{detector.__name__} ({spent:.0f} s):")
            for name, more in (("at 0.5", ("--threshold", "0.5")), ("at its best", ())):
                value, rest = score(options.nab_score, Path(folder), *more)
                best[detector.__name__, name] = float(value)
                print(f"  {name:12s} {value:>6s}  {rest}")
    for peer in ("zscore", "zscore_and_adwin", "trees"):
        gains = (f"{name} {best['ours', name] - best[peer, name]:+.1f}" for name in ("at 0.5", "at its best"))
        print(f"points over {peer}: {', '.join(gains)}")


if __name__ == "__main__":
    main()
