"""Randomness that is a pure function of (seed, name, number).

A generator with a state would make what a device reads at noon depend on how often it was asked in the morning: a
dropout would change every later reading. Here the dice are hashed from their own number instead, so a fault changes
nothing but what it is meant to change.
"""

import math
import zlib
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b

_MASK = (1 << 64) - 1
_GOLDEN = 0x9E3779B97F4A7C15


@lru_cache(maxsize=1024)
def _stream(name: str) -> int:
    return zlib.crc32(name.encode()) * _GOLDEN


def _mixed(n: int) -> int:
    """Return 64 well-mixed bits of `n` (splitmix64: Steele, Lea and Flood, OOPSLA 2014)."""
    n &= _MASK
    n = ((n ^ (n >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    n = ((n ^ (n >> 27)) * 0x94D049BB133111EB) & _MASK
    return n ^ (n >> 31)


@dataclass(frozen=True, slots=True)
class Chance:
    """The dice of one device: the same name and number always fall the same way."""

    key: int

    @classmethod
    def of(cls, *names: object) -> "Chance":
        """Return the dice that belong to these names, e.g. a seed and a device."""
        return cls(int.from_bytes(blake2b(repr(names).encode(), digest_size=8).digest()))

    def bits(self, name: str, n: int) -> int:
        """Return 64 random bits."""
        return _mixed(self.key + _stream(name) + n * _GOLDEN)

    def unit(self, name: str, n: int = 0) -> float:
        """Return a number spread evenly over [0, 1)."""
        return (self.bits(name, n) >> 11) * 2.0**-53

    def gauss(self, name: str, n: int = 0) -> float:
        """Return a standard normal number, never beyond 6.7 (Box and Muller on two 32-bit halves)."""
        bits = self.bits(name, n)
        radius = math.sqrt(-2.0 * math.log(((bits >> 32) + 1) * 2.0**-32))
        return radius * math.cos(math.tau * (bits & 0xFFFFFFFF) * 2.0**-32)

    def wander(self, name: str, t: float, period_s: float) -> float:
        """Return slow weather: normal numbers every `period_s` of `t`, joined by cosines."""
        n, fraction = divmod(t / period_s, 1.0)
        weight = 0.5 - 0.5 * math.cos(math.pi * fraction)
        return (1.0 - weight) * self.gauss(name, int(n)) + weight * self.gauss(name, int(n) + 1)
