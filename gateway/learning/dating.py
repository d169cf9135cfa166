"""Whose clock dates the readings of a stream: its device's own, or the gateway's, which may be set."""

import numpy as np

from gateway.learning.rows import SET_BACK, Rows, positions
from gateway.records import Batch, Ints, Mask


class Dating(Rows):
    """Per stream who dated its last reading, and whether that date lies beyond what our clock says since it was set.

    Then either our clock is wrong now, and the next reading is later still; or it was wrong before, and the device's
    with it: then the next reading agrees with ours, and is earlier.
    """

    def __init__(self) -> None:
        super().__init__({"is_ours": ((), np.bool_, False), "is_doubtful": ((), np.bool_, False)})

    def note(self, rows: Ints, observed_at: Ints, received_at: Ints) -> None:
        """A reading without a time of its own is dated by its arrival."""
        self.arrays["is_ours"][rows] = observed_at == received_at

    def ours(self) -> Ints:
        """The streams that we date."""
        return positions(self.arrays["is_ours"][: self.count])

    def doubt(self, last_at: Ints, at: int) -> None:
        """Our clock reads `at`: which dates of devices are to be doubted."""
        is_beyond = last_at[: self.count] > at + SET_BACK
        self.arrays["is_doubtful"][: self.count] = is_beyond & ~self.arrays["is_ours"][: self.count]

    @property
    def has_doubts(self) -> bool:
        """Whether the date of any stream is to be doubted."""
        return bool(self.arrays["is_doubtful"].any())

    def is_set_back(self, batch: Batch, last_at: Ints) -> Mask:
        """Which of these readings, one of a stream, say that their device's clock was set back, too."""
        is_doubtful = self.arrays["is_doubtful"][batch.stream]
        agrees = np.abs(batch.observed_at - batch.received_at) <= SET_BACK
        return np.asarray(is_doubtful & agrees & (batch.observed_at < last_at - SET_BACK))
