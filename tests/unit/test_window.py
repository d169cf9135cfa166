"""What a broker's silence says of how much it sends before it waits."""

from readings import START

from gateway.records import SECOND
from gateway.window import LEAST, MOST, PAUSE, PROMPT, Window


def heard(window: Window, count: int, now: int, after: int = 0) -> bool:
    """Let messages come, then a pause of the length that counts; say what the window thinks of it."""
    window.arrive(1, now + after)
    return window.is_waiting(count, now + after + PAUSE)


def test_half_of_what_is_promised_may_wait() -> None:
    """So that more can come while the rest is being written; no fewer than any sends, no more than delay others."""
    assert [Window().limit(promised) for promised in (10_000, 1000, 20, 2)] == [MOST, 500, 10, LEAST]


def test_a_broker_that_waits_twice_after_as_many_is_known_by_that() -> None:
    """What comes right after the acknowledgement had been waiting for it."""
    window, now = Window(), START
    for _ in range(3):
        assert heard(window, 32, now, after=PROMPT - 1)
        now += PROMPT - 1 + PAUSE
    assert window.limit(1000) == 16
    window.arrive(2, now)
    assert window.limit(1000) == 500


def test_a_fleet_that_is_quiet_is_no_broker_that_waits() -> None:
    """A dozen devices that report every ten seconds pause after a dozen messages, too."""
    window = Window()
    for turn in range(9):
        assert heard(window, 12, START + 10 * turn * SECOND)
    assert window.limit(1000) == 500


def test_few_messages_make_nobody_wait() -> None:
    """However long the pause."""
    window = Window()
    window.arrive(1, START)
    assert not window.is_waiting(LEAST - 1, START + 100 * PAUSE)
    assert not window.is_waiting(LEAST, START + PAUSE - 1)
