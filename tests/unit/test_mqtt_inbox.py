"""The bounded hand-over between two threads."""

import threading
from collections.abc import Callable
from itertools import pairwise

import pytest
from brokers import wait_until

from gateway.mqtt import allowances
from gateway.mqtt.allowances import AHEAD, UNIT_BYTES, Sharing
from gateway.mqtt.inbox import MESSAGE_OVERHEAD, STRANGERS_TURN, SURPLUS, TURN, Inbox
from gateway.records import SECOND, Message


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


def shared() -> Inbox:
    """Return an inbox that is shared by senders; the sender is the first letter of the topic."""
    return Inbox(sharing=Sharing(lambda topic: topic[0], 10.0, 50.0, 10_000))


def send(inbox: Inbox, topic: str, number: int, at: int = 0, size: int = 0) -> int:
    """Put so many messages; return how many were let in."""
    return sum(inbox.put(Message(topic, bytes(size), at)) for _ in range(number))


def test_senders_take_turns() -> None:
    """Who has little to say is heard though another has much; nothing of anyone is put out of order."""
    inbox = shared()
    for number in range(AHEAD):
        inbox.put(Message("a", b"", number))
    send(inbox, "b", TURN)
    taken = inbox.take(0)
    assert [each.topic for each in taken] == ["a"] * TURN + ["b"] * TURN
    rest = [each for _ in range(AHEAD) for each in inbox.take(0)]
    assert [each.received_at for each in [*taken[:TURN], *rest]] == list(range(AHEAD))
    assert len(inbox) == 0


def test_a_large_message_takes_several_turns() -> None:
    """Otherwise long lists would get around it."""
    inbox = shared()
    send(inbox, "a", 3, size=TURN * UNIT_BYTES)
    assert [len(inbox.take(0)) for _ in range(4)] == [1, 1, 1, 0]


def test_strangers_are_heard_one_message_each_and_limited_together() -> None:
    """However many names somebody invents, they take the time of one turn and the room of one sender."""
    inbox = Inbox(sharing=Sharing(lambda topic: "pump" if topic == "known" else "", 10.0, 50.0, 10_000))
    assert sum(send(inbox, f"invented-{number}", 2) for number in range(1_000)) == AHEAD + 50
    assert send(inbox, "known", 10) == 10
    taken = [each.topic for each in inbox.take(0)]
    assert taken == ["known"] * TURN + [f"invented-{number}" for number in range(STRANGERS_TURN)]
    rest = [each.topic for _ in range(10) for each in inbox.take(0)]
    assert len(taken + rest) == AHEAD + 50 + 10
    assert len(inbox) == 0
    assert inbox.shed() == {"": 2_000 - AHEAD - 50}


def test_what_will_be_refused_unread_counts_once() -> None:
    """A giant of a stranger must not use up what all strangers have together."""
    inbox = shared()
    send(inbox, "a", 1, size=10_001)
    assert send(inbox, "a", AHEAD - 1) == AHEAD - 1
    assert [len(inbox.take(0)) for _ in range(2)] == [TURN, TURN]


def test_who_is_busy_is_not_served() -> None:
    """What it sent before is not all learned yet; the others go on."""
    inbox = shared()
    send(inbox, "a", 1)
    send(inbox, "b", 1)
    assert [each.topic for each in inbox.take(0, {"a"})] == ["b"]
    assert inbox.take(60, {"a"}) == []
    assert [each.topic for each in inbox.take(0)] == ["a"]


def test_the_surplus_of_one_who_is_ahead_is_shed() -> None:
    """After what may wait and what may come at once; then so much a second; the others are let in."""
    inbox = shared()
    assert send(inbox, "a", 500) == AHEAD + 50
    assert send(inbox, "b", 20) == 20
    assert send(inbox, "a", 500, at=2 * SECOND) == 20
    assert inbox.shed() == {"a": 350 + 480}
    assert inbox.shed() == {}


def test_who_is_not_ahead_may_be_as_fast_as_it_likes() -> None:
    """The limit holds for those for whom we cannot keep up; ten times as much is let in where we can."""
    inbox = shared()
    for _ in range(100):
        assert send(inbox, "a", TURN) == TURN
        assert len(inbox.take(0)) == TURN
    assert inbox.shed() == {}


def test_one_who_floods_stays_limited_when_nothing_of_it_waits() -> None:
    """Otherwise it would fill every pause; the limit ends some time after the flood."""
    inbox = shared()
    send(inbox, "a", 500)
    while inbox.take(0):
        pass
    assert [send(inbox, "a", 500, at=second * SECOND) for second in (1, 2, 3)] == [10, 10, 10]
    while inbox.take(0):
        pass
    assert send(inbox, "a", AHEAD, at=6 * SECOND) == AHEAD


def test_one_who_was_ahead_because_we_were_held_up_is_let_off() -> None:
    """As soon as we have caught up it may be as fast as before."""
    inbox = shared()
    assert send(inbox, "a", AHEAD + 20) == AHEAD + 20
    while inbox.take(0):
        pass
    for _ in range(100):
        assert send(inbox, "a", TURN) == TURN
        assert len(inbox.take(0)) == TURN
    assert inbox.shed() == {}


def test_who_becomes_known_does_not_overtake_itself() -> None:
    """A device's first messages wait among the strangers'; what comes once it is known stays behind them."""
    known: dict[str, str] = {}
    inbox = Inbox(sharing=Sharing(lambda topic: known.get(topic, ""), 10.0, 50.0, 10_000))
    for number in range(50):
        inbox.put(Message("a", b"", number))
        if number == 20:
            known["a"] = "pump"
    taken = [each.received_at for _ in range(50) for each in inbox.take(0)]
    assert taken == list(range(50))


def test_what_the_broker_kept_for_us_is_no_flood(monkeypatch: pytest.MonkeyPatch) -> None:
    """After an outage it comes as fast as it can, and was acknowledged to those who sent it: none of it is shed.

    However much of one sender, by whatever clock: one alone may fill the inbox, which then holds the broker back.
    """
    inbox = Inbox(10 * AHEAD, sharing=Sharing(lambda topic: topic[0], 10.0, 50.0, 10_000))
    inbox.catch_up()
    assert send(inbox, "a", 10 * AHEAD) == 10 * AHEAD
    while inbox.take(0):
        pass
    monkeypatch.setattr(allowances, "QUIET_S", 0.0)  # a moment without anything has passed
    assert send(inbox, "a", 10 * AHEAD) == AHEAD + 50


def test_what_waits_of_one_who_floods_is_shed_in_the_end() -> None:
    """It would hold up the acknowledgement of all that came after it; nothing is acknowledged that is learned."""
    inbox, sent = shared(), AHEAD + 50 + SURPLUS
    for number in range(sent):
        inbox.put(Message("a", b"", 0, (1, number)))
        inbox.put(Message("b", b"", 0)) if number % 100 == 0 else None
    assert inbox.discarded() == [(1, number) for number in (*range(AHEAD + 50, sent), *range(AHEAD + 50))]
    assert inbox.discarded() == []
    assert inbox.shed() == {"a": sent}
    assert {each.topic for each in inbox.take(0)} == {"b"}


def test_who_floods_us_is_not_let_in_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is never a quiet moment it was no backlog."""
    monkeypatch.setattr(allowances, "CATCH_UP_S", 0.0)
    inbox = shared()
    inbox.catch_up()
    assert send(inbox, "a", 10 * AHEAD) == AHEAD + 50
