"""Each device's reporting habit, and when it is silent."""

import numpy as np
import pytest

from gateway.learning.heartbeat import BEATS, Heartbeats
from gateway.records import SECOND

FLOOR_S = 10.0
HOUR = 3600.0


def habit(*gaps_s: float) -> tuple[Heartbeats, float]:
    """Return one device that reported with these pauses, and when it was last heard (s)."""
    hearts = Heartbeats(FLOOR_S)
    hearts.grow(1)
    now = 1_700_000_000.0
    hear(hearts, now)
    for gap in gaps_s:
        now += gap
        hear(hearts, now)
    return hearts, now


def hear(hearts: Heartbeats, second: float, device: int = 0) -> None:
    """Let one message of a device arrive."""
    hearts.learn_many(np.array([device]), np.array([int(second * SECOND)]), np.zeros(1, np.int64))


def score(hearts: Heartbeats, second: float) -> float:
    """Return how silent the device is."""
    return float(hearts.score(int(second * SECOND))[0])


def test_a_regular_device_is_late_after_three_of_its_pauses() -> None:
    """Every minute means: silent after three minutes, not after two."""
    hearts, now = habit(*[60.0] * 50)
    assert score(hearts, now + 120) < 0.5 <= score(hearts, now + 181)


def test_nothing_is_said_of_a_device_hardly_known() -> None:
    """Before there are enough messages no silence counts."""
    hearts, now = habit(*[1.0] * (BEATS - 2))
    assert score(hearts, now + 10 * HOUR) == 0.0
    hear(hearts, now + 1)
    assert score(hearts, now + 10 * HOUR) > 0.9


def test_the_floor_protects_fast_devices() -> None:
    """A device of ten messages a second is not silent for a hiccup of some seconds."""
    hearts, now = habit(*[0.1] * 100)
    assert score(hearts, now + 9) < 0.5 <= score(hearts, now + 11)


def test_a_device_that_reports_by_events_gets_patience() -> None:
    """With pauses that are purely random the limit is far beyond the longest one seen: a house sleeps at night."""
    gaps = np.random.RandomState(1).exponential(60.0, 300)
    hearts, now = habit(*gaps.tolist())
    assert score(hearts, now + 5 * gaps.max()) < 0.5 <= score(hearts, now + 16 * gaps.max())


def test_a_device_late_now_and_then_is_known_for_it() -> None:
    """The longest pause known sets the limit, and is slowly forgotten."""
    hearts, now = habit(*[60.0] * 30, 150.0, *[60.0] * 30)
    assert score(hearts, now + 400) < 0.5
    hearts, now = habit(*[60.0] * 30, 150.0, *[60.0] * 5000)
    assert score(hearts, now + 200) >= 0.5


def test_several_readings_of_one_message_are_one_beat() -> None:
    """A message of three sensors counts once, whether its readings come in one batch or in three."""
    together, apart = Heartbeats(FLOOR_S), Heartbeats(FLOOR_S)
    for hearts in (together, apart):
        hearts.grow(1)
    for minute in range(40):
        at = np.full(3, minute * 60 * SECOND)
        together.learn_many(np.zeros(3, np.int64), at, np.zeros(3, np.int64))
        for one in at:
            apart.learn_many(np.zeros(1, np.int64), np.array([one]), np.zeros(1, np.int64))
    assert together.arrays["beats"][0] == 39 or together.arrays["beats"][0] == 40
    assert all(np.array_equal(array, apart.dumps()[name]) for name, array in together.dumps().items())


def test_deafness_of_the_gateway_proves_nothing() -> None:
    """After an hour without a broker no device is silent, and none has learned a pause of an hour."""
    hearts, now = habit(*[60.0] * 50)
    hearts.resume(int((now + HOUR) * SECOND))
    assert score(hearts, now + HOUR + 120) < 0.5 <= score(hearts, now + HOUR + 200)
    hear(hearts, now + HOUR + 30)
    assert hearts.arrays["longest"][0] <= 60.0 * SECOND


def test_a_death_that_ended_is_hardly_learned() -> None:
    """A device dead for a week and repaired is told again when it dies, nearly as soon as the first time."""
    hearts, now = habit(*[60.0] * 50)
    hear(hearts, now + 7 * 24 * HOUR)
    assert hearts.arrays["longest"][0] == pytest.approx(90.0 * SECOND)


def test_a_clock_set_back_is_no_beat() -> None:
    """A message that seems to come before the last one changes no habit."""
    hearts, now = habit(*[60.0] * 50)
    before = hearts.dumps()
    hear(hearts, now - 1000)
    assert all(np.array_equal(array, before[name]) for name, array in hearts.dumps().items())


def test_devices_do_not_share_a_habit() -> None:
    """Of two devices in one batch each keeps its own pace."""
    hearts = Heartbeats(FLOOR_S)
    hearts.grow(2)
    for minute in range(60):
        devices, at = (
            (np.array([0, 1]), np.full(2, minute * 60)) if minute % 2 else (np.array([0]), np.full(1, minute * 60))
        )
        hearts.learn_many(devices, at * SECOND, np.zeros(len(at), np.int64))
    found = hearts.score((59 * 60 + 200) * SECOND)
    assert found[0] >= 0.5 > found[1]
