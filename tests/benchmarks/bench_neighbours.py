"""NAB with the constants of the learner a little off: how much of a score is luck with these recordings?

Run it as `python tests/benchmarks/bench_neighbours.py --nab DIR --nab-score FILE`; `--draws` for more. In each draw but
the first every constant is another by some `OFF`; scored at 0.5. Two forms of the learner are to be compared by the
mean of the same draws: single ones lie up to 5 points apart, and which form has the best of them is chance.
"""

import argparse
import functools
import io
import multiprocessing
import tempfile
from contextlib import redirect_stderr
from pathlib import Path

import numpy as np
from bench_nab import ours, score, write

from gateway import recordings
from gateway.learning import evidence, gate, patience, tails, weighing

OFF = 0.12
"""The standard deviation of the logarithm of each constant."""

CONSTANTS = (
    (tails, ("_PRIOR_SHARE", "_SLACK", "_TAKEN_BACK")),
    (weighing, ("_SECOND_OPINION",)),
    (patience, ("_TRIALS",)),
    (gate, ("_STRICTER", "_HYSTERESIS")),
    (evidence, ("_FAST", "_POWER", "_WEEKLY", "_USUAL", "_SPREAD")),
)


def drawn(nab: Path, program: Path, seed: int) -> tuple[float, int, float]:
    """Score, windows found and false points per 1,000 of one draw; it spoils the constants of its process."""
    draw = np.random.RandomState(seed)
    for module, names in CONSTANTS if seed else ():
        for name in names:
            setattr(module, name, getattr(module, name) * np.exp(OFF * draw.standard_normal()))
    loaded = [recordings.read(path, relative) for path, relative in recordings.find(nab)]
    with redirect_stderr(io.StringIO()), tempfile.TemporaryDirectory() as folder:
        write(loaded, ours(loaded), Path(folder))
        value, rest = score(program, Path(folder), "--threshold", "0.5")
    words = rest.split()
    return float(value), int(words[words.index("windows") + 1].partition("/")[0]), float(words[-1])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nab", type=Path, required=True)
    parser.add_argument("--nab-score", type=Path, required=True)
    parser.add_argument("--draws", type=int, default=10)
    options = parser.parse_args()
    one = functools.partial(drawn, options.nab, options.nab_score)
    with multiprocessing.Pool(2, maxtasksperchild=1) as workers:
        found = []
        for seed, result in enumerate(workers.imap(one, range(options.draws), chunksize=1)):
            print(f"draw {seed}: {result[0]:.2f}, {result[1]} windows, {result[2]:.2f} false per 1,000", flush=True)
            found.append(result)
    scores, windows, false = np.array(found).T
    print(f"mean {scores.mean():.2f}, deviation {scores.std():.2f}, as shipped {scores[0]:.2f}; ", end="")
    print(f"{windows.mean():.1f} windows, {false.mean():.2f} false per 1,000")


if __name__ == "__main__":
    main()
