"""Which readings of a batch are whole messages of their devices, to be taken in at once."""

from collections.abc import Callable
from typing import NamedTuple, Self

import numpy as np

from gateway.learning.rows import positions
from gateway.records import Floats, Ints, Mask


class Readings(NamedTuple):
    """Readings of devices that have a seat, by columns."""

    stream: Ints
    seat: Ints
    observed_at: Ints
    value: Floats
    is_rate: Mask

    def at(self, places: Ints) -> Self:
        """Those at these places."""
        stream, seat, observed_at, value, is_rate = self
        return type(self)(stream[places], seat[places], observed_at[places], value[places], is_rate[places])


def split(
    readings: Readings, places: Ints, known: Ints, is_whole: Callable[[Readings, Ints], Mask]
) -> tuple[Ints, Ints, Ints]:
    """Of `places`, device by device: those of one message each, what follows on it, and all of the other devices.

    A message has as many readings as its device has `known` sensors, by seat; `is_whole` says of readings and where
    the messages among them begin which of these are.
    """
    if len(places) == 1:  # no message: those have a reading of each of several sensors
        return places[:0], places[:0], places
    seat = readings.seat[places]
    is_other = np.ones(len(seat), bool)
    np.not_equal(seat[1:], seat[:-1], out=is_other[1:])
    starts = positions(is_other)
    lengths, sizes = known[seat[starts]], np.diff(np.append(starts, len(seat)))
    taken = (lengths > 1) & (sizes >= lengths)
    if not taken.any():
        return places[:0], places[:0], places
    is_head = np.arange(len(seat)) - np.repeat(starts, sizes) < np.repeat(lengths, sizes)
    heads, lengths = places[is_head & np.repeat(taken, sizes)], lengths[taken]
    whole = is_whole(readings.at(heads), np.cumsum(lengths) - lengths)
    taken[taken] = whole
    is_on = np.repeat(taken, sizes)
    return heads[np.repeat(whole, lengths)], places[is_on & ~is_head], places[~is_on]
