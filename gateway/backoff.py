"""How long to wait before the next attempt."""

import random


def delay_s(failures: int, shortest_s: float, longest_s: float) -> float:
    """Return the pause after so many failures in a row: doubling, capped, and spread over a fleet.

    Half of it is jitter ("equal jitter", M. Brooker, Exponential Backoff and Jitter, AWS 2015).
    """
    full = min(longest_s, shortest_s * 2.0 ** min(failures, 30))
    return full * random.uniform(0.5, 1.0)  # noqa: S311 - not a secret
