"""What a person called fine: it says nothing any more."""

import numpy as np

from gateway.learning.sparse import Sparse
from gateway.records import Floats, Ints


class Allowed(Sparse):
    """Up to which value each side of each statistic is fine, of the few streams of which somebody said so."""

    def __init__(self, sides: int) -> None:
        super().__init__({"most": ((sides,), np.float32, -np.inf)})

    def of(self, side: Ints, rows: Ints) -> Floats:
        """Up to which value each of these sides of `rows` is fine, -inf where none was called so."""
        return self.arrays["most"][side, self.seats(rows)].astype(np.float64)

    def allow(self, rows: Ints, extremes: Floats) -> None:
        """A person said that values up to these (side, row) are fine."""
        self.sit(rows)
        seats, most = self.seats(rows), self.arrays["most"]
        allowed = np.nextafter(extremes.astype(np.float32), np.float32(np.inf))  # rounded, they must not be left out
        most[:, seats] = np.maximum(most[:, seats], allowed)
