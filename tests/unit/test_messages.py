"""Whole messages among the readings of a batch."""

import numpy as np

from gateway.learning.messages import Readings, split


def readings(stream: list[int], seat: list[int]) -> Readings:
    """Return readings of these streams of devices of these seats, all at one time."""
    count = len(stream)
    return Readings(np.array(stream), np.array(seat), np.zeros(count, np.int64), np.zeros(count), np.zeros(count, bool))


def test_messages_are_told_from_what_is_left() -> None:
    """Of two devices the first message each, then what follows; and all of a device that has sent less than one."""
    known = np.array([2, 3, 2])
    batch = readings([0, 1, 0, 1, 0, 2, 3, 5, 6], [0, 0, 0, 0, 0, 1, 1, 2, 2])
    begun: list[int] = []

    def is_whole(heads: Readings, starts: np.ndarray) -> np.ndarray:
        begun.extend(heads.stream[starts].tolist())
        return np.ones(len(starts), bool)

    message, after, rest = split(batch, np.arange(9), known, is_whole)
    assert message.tolist() == [0, 1, 7, 8]
    assert after.tolist() == [2, 3, 4]
    assert rest.tolist() == [5, 6]
    assert begun == [0, 5]


def test_a_device_that_is_out_of_step_is_left_altogether() -> None:
    """Where the first readings are no message, those behind them cannot be taken in before them."""
    batch = readings([0, 1, 0, 1, 2, 3], [0, 0, 0, 0, 1, 1])
    message, after, rest = split(batch, np.arange(6), np.array([2, 2]), lambda _, starts: np.arange(len(starts)) > 0)
    assert message.tolist() == [4, 5]
    assert after.tolist() == []
    assert rest.tolist() == [0, 1, 2, 3]
