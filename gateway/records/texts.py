"""Text that a sensor sends, such as "heating" or "single", as a number that stands for it in columns of numbers."""

import math
from collections.abc import Mapping
from hashlib import blake2b

import numpy as np
import numpy.typing as npt

FIRST = math.ldexp(1.0, 352)
"""The least number that stands for a text, 9e105: beyond all that is accepted of sensors as a number (1e100)."""

_EVENTS = 2.0 * FIRST
"""From here on stand the texts that name an event, which is over when it is told: a button was pushed."""

_BYTES = 6
"""Of a text's hash, which a double holds exactly. That two of the 32 texts of one sensor share it: once in 10^11."""

Names = Mapping[float, str]
"""Texts by their code."""


def code_of(text: str, *, is_event: bool = False) -> float:
    """The number that stands for this text, on every machine and in every log: nothing that came before it counts.

    So what is forgotten leaves no gap in the numbering of what stays. As an event it is another than as a state.
    """
    code = FIRST + math.ldexp(int.from_bytes(blake2b(text.encode(), digest_size=_BYTES).digest(), "big"), 300)
    return 2.0 * code if is_event else code


def is_text(value: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Which of the numbers stand for a text; what is beyond them, at the ends of float64, is a number."""
    return np.asarray((value >= FIRST) & (value < 2.0 * _EVENTS))


def is_event(value: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Which of the numbers stand for a text that names an event."""
    return np.asarray((value >= _EVENTS) & (value < 2.0 * _EVENTS))
