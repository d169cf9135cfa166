"""What was said of readings, as whole numbers: as finely as people look, and no finer.

What was expected is kept as how far the reading was off, in 64ths of the band's width, and the width to within 1.1 %.
For it is what nobody can foresee of these numbers that costs room: as floats of 32 bits they took 9 of the 14 bytes of
a reading, so they take 2 of 5. Nothing is learned from them: folding the log says them again, exactly.
"""

from collections.abc import Mapping

import numpy as np

from gateway.journal.columns import Column, Packed
from gateway.records import Floats, Ints, Verdicts

PARTS = 64
"""Of a band's width: the grain of what was expected, and of the limits about it."""

STEPS = 32
"""In which a width doubles."""

SCORES = 254
"""The grain of a score; an even number, for 0.5, where an incident opens, must stay what it is."""

FARTHEST = 2.0**31
"""Widths, in `PARTS`, that a reading may be off."""

NARROWEST = 2.0**-40
"""A band's width against its numbers: narrower ones are lost in the rounding of 64 bits when they are put together."""

ABSURD = 1000
"""Power of two beyond which a number is nothing that a sensor says, and would overflow when it is put together."""

NUMBERS = ("expected", "lower", "upper")


def encode(value: Floats, verdicts: Verdicts) -> list[Column]:
    """Columns of the score and the band; bands that are not known or have no width as floats of 32 bits."""
    expected, lower, upper = (getattr(verdicts, name) for name in NUMBERS)
    with np.errstate(all="ignore"):  # of a band without width nothing is taken
        width = np.round(np.log2(upper - lower) * STEPS)
        part = np.exp2(width / STEPS) / PARTS
        off, below = np.round((value - expected) / part), np.round((expected - lower) / part)
        largest = np.maximum(np.abs(value), np.maximum(np.abs(lower), np.abs(upper)))
        is_plain = (np.abs(off) < FARTHEST) & (np.abs(below) < FARTHEST) & (part * PARTS > largest * NARROWEST)
        is_plain &= (np.abs(width) < ABSURD * STEPS) & (largest < 2.0**ABSURD)
        odd = [np.where(is_plain, 0.0, getattr(verdicts, name)).astype("<f4") for name in NUMBERS]
    whole = [np.where(is_plain, column, 0.0).astype(np.int64) for column in (width, off, below)]
    return [score(verdicts.score), ~is_plain, *whole, *odd]


def score(scores: Floats) -> Ints:
    """Scores as whole numbers of one byte, never rounded up: what opens no incident must not look as if it did."""
    return (np.clip(np.nan_to_num(scores), 0.0, 1.0) * SCORES + 1e-9).astype(np.int64) - SCORES // 2


def scored(whole: Ints) -> Floats:
    """What `score` was given, as finely as it is kept."""
    return (whole + SCORES // 2) / SCORES


def decode(packed: Packed, value: Floats) -> Mapping[str, Column]:
    """Score, what was expected, and the band's lower and upper limit."""
    scores = scored(packed.whole())
    is_odd = packed.whole() == 1
    width, off, below = (packed.whole() for _ in range(3))
    part = np.exp2(width / STEPS) / PARTS
    with np.errstate(over="ignore", invalid="ignore"):
        expected = value - off * part
        lower = expected - below * part
        upper = lower + part * PARTS
    plain = zip(NUMBERS, (expected, lower, upper), strict=True)
    return {"score": scores} | {name: np.where(is_odd, packed.floats(), column) for name, column in plain}
