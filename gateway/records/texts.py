"""Text that a sensor sends, such as "heating" or "error", as a number that stands for it in columns of numbers."""

import math
from collections.abc import Mapping
from hashlib import blake2b

import numpy as np
import numpy.typing as npt

FIRST = math.ldexp(1.0, 352)
"""The least number that stands for a text, 9e105: beyond all that is accepted of sensors as a number (1e100)."""

_BYTES = 6
"""Of a text's hash, which a double holds exactly. That two of the 32 texts of one sensor share it: once in 10^11."""

Names = Mapping[float, str]
"""Texts by their code."""


def code_of(text: str) -> float:
    """The number that stands for this text, on every machine and in every log: nothing that came before it counts.

    So what is forgotten leaves no gap in the numbering of what stays.
    """
    return FIRST + math.ldexp(int.from_bytes(blake2b(text.encode(), digest_size=_BYTES).digest(), "big"), 300)


def is_text(value: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Which of the numbers stand for a text; what is beyond them, at the ends of float64, is a number."""
    return np.asarray((value >= FIRST) & (value < 2.0 * FIRST))
