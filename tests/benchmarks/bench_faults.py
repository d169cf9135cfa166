"""Recall by kind of fault and median delay, at the default budget: what `bench_clean.py` pays for.

Run it as `python tests/benchmarks/bench_faults.py`; `--count` and `--seed` for more. The faults strike healthy sensors
of four kinds after 30 days of a reading every five minutes; sigma is what cannot be foretold of the sensor from its
hour of the day. A spike is found when it is told at once, the others when told within two days. The peer is the rule
of InfluxData's River plugin (EWMean and EWVar, fading 0.3), its threshold raised until it tells healthy sensors no
more often than we do: as shipped it tells so much that it hits every fault by chance.
"""

import argparse
import math
from collections.abc import Iterable

import numpy as np
from peers import SIGMAS as SIGMAS_TOLD
from peers import ZScore
from signals import DAY_S, Replay, Signals

from gateway.records import Floats, State

STEP_S = 300
DAY = DAY_S // STEP_S
AT = 30 * DAY + 100
SIGMAS = {"white": 1.0, "ar.9": 1.0, "daily": 0.5, "Student t4": 1.41}
GOALS = {"spike": 0.95, "shift": 0.95, "stuck": 0.95, "drift": 0.8, "noise": 0.8, "quiet": 0.8, "rhythm": 0.8}
SPIKE_WITHIN, WITHIN = 3, 2 * DAY
BEFORE = slice(20 * DAY, AT)
"""Where false alarms are counted."""


def inject(fault: str, healthy: Floats, sigma: float, draw: np.random.RandomState) -> Floats:
    """The sensors of one kind, (reading, sensor), with this fault from `AT` on."""
    out = healthy.copy()
    after = slice(AT, AT + WITHIN)
    match fault:
        case "spike":
            out[AT] += 6 * sigma
        case "shift":
            out[after] += 3 * sigma
        case "stuck":
            out[after] = out[AT]
        case "drift":
            out[after] += np.linspace(0, 6, WITHIN)[:, None] * sigma
        case "noise":
            out[after] += 3 * sigma * draw.standard_normal((WITHIN, out.shape[1]))
        case "quiet":
            out[after] = out[:AT].mean(0) + 0.2 * (out[after] - out[:AT].mean(0))
        case "rhythm":
            out[after] = out[AT + DAY // 3 : AT + DAY // 3 + WITHIN]
    return out


def ours(names: list[str], values: Floats) -> list[list[int]]:
    """For each stream the readings with which an incident was opened or grew."""
    told: list[list[int]] = [[] for _ in names]
    for number, incident in Replay(names, STEP_S).play(values):
        if incident.state is not State.CLOSED:
            told[int(incident.device.rpartition("/")[2])].append(number)
    return told


def theirs(values: Floats, per_stream: float) -> list[list[int]]:
    """The same of the peer, held to this many readings told per stream in the days before the fault."""
    score = np.zeros_like(values)
    for column, its in zip(values.T.tolist(), score.T, strict=True):
        its[:] = list(map(ZScore().score_learn_one, column))
    count = max(round(per_stream * values.shape[1]), 1)
    threshold = np.partition(score[BEFORE].reshape(-1), -count)[-count]
    print(f"the peer is told to wait for {SIGMAS_TOLD * threshold / (1 - threshold):.1f} sigma")
    return [np.flatnonzero(its >= threshold).tolist() for its in score.T]


def summary(fault: str, told: Iterable[list[int]]) -> tuple[float, float]:
    """Recall and median delay in readings."""
    within = SPIKE_WITHIN if fault == "spike" else WITHIN
    delays = [next((number - AT for number in stream if AT <= number < AT + within), None) for stream in told]
    found = [delay for delay in delays if delay is not None]
    return len(found) / len(delays), float(np.median(found)) if found else math.nan


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10, help="streams per fault and kind")
    parser.add_argument("--seed", type=int, default=5)
    options = parser.parse_args()
    healthy = Signals(33, STEP_S, options.count, options.seed).kinds()
    draw = np.random.RandomState(options.seed + 1)
    cells = [(fault, kind) for fault in GOALS for kind in SIGMAS if fault != "rhythm" or kind == "daily"]
    values = np.concatenate([inject(fault, healthy[kind], SIGMAS[kind], draw) for fault, kind in cells], axis=1)
    told = ours([f"{fault}/{kind}" for fault, kind in cells for _ in range(options.count)], values)
    per_stream = sum(BEFORE.start <= number < AT for stream in told for number in stream) / len(told)
    peer = theirs(values, per_stream)
    recalls = []
    for place, (fault, kind) in enumerate(cells):
        mine = slice(place * options.count, (place + 1) * options.count)
        (recall, delay), (other, wait) = summary(fault, told[mine]), summary(fault, peer[mine])
        print(
            f"{fault:6s} {kind:10s} recall {recall:.2f} (goal {GOALS[fault]:.2f}), median delay {delay:3.0f} readings; "
            f"peer {other:.2f}, {wait:3.0f}"
        )
        recalls.append((recall, other))
    mean, theirs_mean = np.mean(recalls, axis=0)
    print(f"mean recall {mean:.2f}, of the peer {theirs_mean:.2f}, ratio {mean / theirs_mean:.1f}; ", end="")
    print(f"told before the fault, per stream and 30 days: {per_stream * 30 * DAY / (AT - BEFORE.start):.2f}")


if __name__ == "__main__":
    main()
