"""False incidents on healthy devices, as a ratio to the budget: one per device in 30 days.

Run it as `python tests/benchmarks/bench_clean.py`; `--count` and `--seed` for more. Every device carries
four sensors of one kind, which know nothing of each other. Counted is what opens on a device after the warm-up, on its
sensors and on all of them together (joint). The goal is 0.3 to 1.5 times the budget.
"""

import argparse
from collections import Counter

import numpy as np
from signals import DAY_S, Replay, Signals

from gateway.records import State

SENSORS = 4
BUDGET_DAYS = 30
SAMPLINGS = {"1 minute": (60, 60, 14), "5 minutes": (300, 60, 14), "1 hour": (3600, 240, 30)}
"""Step in seconds, days simulated, days of warm-up that are not counted."""


def measure(step_s: int, days: int, warm_up: int, count: int, seed: int) -> dict[str, tuple[float, float, float]]:
    """By kind: incidents per device and 30 days after the warm-up, during it, and how many of the former are joint."""
    kinds = Signals(days, step_s, count, seed).kinds()
    replay = Replay([name for name in kinds for _ in range(count)], step_s, SENSORS)
    opened: Counter[tuple[str, str]] = Counter()
    for number, incident in replay.play(np.concatenate(list(kinds.values()), axis=1)):
        if incident.state is State.OPEN:
            phase = "young" if number * step_s < warm_up * DAY_S else "grown" if incident.sensor else "joint"
            opened[incident.device.partition("/")[0], phase] += 1
    devices = count / SENSORS
    per_device = BUDGET_DAYS / (days - warm_up) / devices
    return {
        kind: (
            (opened[kind, "grown"] + opened[kind, "joint"]) * per_device,
            opened[kind, "young"] * BUDGET_DAYS / warm_up / devices,
            opened[kind, "joint"] * per_device,
        )
        for kind in kinds
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=16, help="streams per kind, a multiple of four")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    for name, (step_s, days, warm_up) in SAMPLINGS.items():
        found = measure(step_s, days, warm_up, options.count, options.seed)
        grown, young, joint = (np.array(column) for column in zip(*found.values(), strict=True))
        print(f"every {name}, {days} days, incidents by kind as ratio to the budget of 1 per device and 30 days:")
        print("  " + ", ".join(f"{kind} {rate:.2f}" for kind, rate in zip(found, grown, strict=True)))
        print(f"  mean {grown.mean():.2f}, median {np.median(grown):.2f}, worst {grown.max():.2f}; ", end="")
        print(f"first {warm_up} days {young.mean():.2f}; joint {joint.mean():.2f}, worst {joint.max():.2f}")


if __name__ == "__main__":
    main()
