"""In which order streams were learned first: it gives each its place in its device, and each device its seat.

The order in which names became known would not do: a reading that is refused, or is sent while its device is worked on,
makes a name known and must leave no other trace.
"""

from collections.abc import Container, Iterable, Sequence

import numpy as np

from gateway.learning.rows import Rows
from gateway.records import Ints

NOBODY = -1
"""The place of a stream of which nothing was learned, and the seat of a device of less than two others."""


class Roster:
    """The streams of which something was learned, as they came (`order`), and the devices by seat (`seated`)."""

    def __init__(self) -> None:
        self.order: list[int] = []
        self.seated: list[int] = []
        self._places = Rows({"place": ((), np.int64, NOBODY)})
        self._devices = Rows({"sensors": ((), np.int64, 0), "seat": ((), np.int64, NOBODY)})

    def grow(self, streams: int, devices: int) -> None:
        """Make room for so many streams and devices in all."""
        self._places.grow(streams)
        self._devices.grow(devices)

    def meet(self, streams: Iterable[int], device_of: Sequence[int], apart: Container[int]) -> None:
        """Something is learned of these streams for the first time, in this order; devices `apart` get no seat."""
        places, a = self._places.arrays["place"], self._devices.arrays
        for row in streams:
            device = device_of[row]
            self.order.append(row)
            places[row] = a["sensors"][device]
            a["sensors"][device] += 1
            if places[row] == 1 and device not in apart:
                a["seat"][device] = len(self.seated)
                self.seated.append(device)

    def place(self) -> Ints:
        """The place of every stream among the sensors of its device."""
        return self._places.arrays["place"][: self._places.count]

    def seat(self, devices: Ints) -> Ints:
        """The seat of each of these devices."""
        return np.asarray(self._devices.arrays["seat"][devices])
