"""The bounded hand-over between two threads."""

import threading
from collections.abc import Callable
from itertools import pairwise

import pytest
from brokers import wait_until

from gateway.mqtt.inbox import MESSAGE_OVERHEAD, Inbox
from gateway.records import Message


def message(number: int, size: int = 0) -> Message:
    """Return a message that can be told from others by its time."""
    return Message("devices/a/readings", bytes(size), number)


def in_thread(work: Callable[[], object]) -> threading.Thread:
    """Do something on the side."""
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def test_take_returns_all_that_waits_in_order() -> None:
    """A batch is whatever has arrived, oldest first."""
    inbox = Inbox()
    for number in range(5):
        assert inbox.put(message(number))
    assert len(inbox) == 5
    assert [one.received_at for one in inbox.take(0)] == [0, 1, 2, 3, 4]
    assert inbox.take(0) == []
    assert inbox.high_water == 5


def test_take_wakes_when_something_arrives() -> None:
    """The loop does not sleep on while a message waits."""
    inbox = Inbox()
    taken: list[Message] = []
    thread = in_thread(lambda: taken.extend(inbox.take(60)))
    inbox.put(message(1))
    thread.join(5)
    assert taken == [message(1)]


@pytest.mark.parametrize(
    "inbox", [Inbox(max_messages=2), Inbox(max_bytes=2 * (MESSAGE_OVERHEAD + 100))], ids=["number", "bytes"]
)
def test_a_full_inbox_holds_the_sender_back(inbox: Inbox) -> None:
    """The third of two waits until there is room, is not lost, and the wait is counted."""
    inbox.put(message(1, 100))
    inbox.put(message(2, 100))
    thread = in_thread(lambda: inbox.put(message(3, 100)))
    wait_until(lambda: inbox.times_blocked == 1, "the sender is held back")
    assert len(inbox) == 2
    assert len(inbox.take(0)) == 2
    thread.join(5)
    assert [one.received_at for one in inbox.take(0)] == [3]
    assert inbox.blocked_s > 0


def test_a_message_larger_than_the_bound_passes_alone() -> None:
    """Otherwise it would block for ever."""
    inbox = Inbox(max_bytes=1_000)
    assert inbox.put(message(1, 5_000))
    assert inbox.take(0) == [message(1, 5_000)]


def test_close_releases_the_sender() -> None:
    """What did not fit is refused, what waited can still be taken."""
    inbox = Inbox(max_messages=1)
    inbox.put(message(1))
    answers: list[bool] = []
    thread = in_thread(lambda: answers.append(inbox.put(message(2))))
    wait_until(lambda: inbox.times_blocked == 1, "the sender is held back")
    inbox.close()
    thread.join(5)
    assert answers == [False]
    assert inbox.take(60) == [message(1)]
    assert not inbox.put(message(3))


def test_close_releases_the_taker() -> None:
    """A loop that waits for messages ends at once."""
    inbox = Inbox()
    thread = in_thread(lambda: inbox.take(60))
    inbox.close()
    thread.join(5)
    assert not thread.is_alive()


def test_nothing_is_lost_or_reordered_between_threads() -> None:
    """A tight bound and two busy threads."""
    inbox, count = Inbox(max_messages=7), 5_000
    thread = in_thread(lambda: [inbox.put(message(number)) for number in range(count)])
    taken: list[int] = []
    while len(taken) < count:
        batch = inbox.take(5)
        assert batch, "the sender stopped"
        taken += [one.received_at for one in batch]
    thread.join(5)
    assert all(later == earlier + 1 for earlier, later in pairwise(taken))
    assert inbox.high_water <= 7
