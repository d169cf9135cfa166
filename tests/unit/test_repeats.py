"""Messages that the broker sends again are known by id and content."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from readings import message

from gateway.records import Message
from gateway.repeats import Mark, Repeats, mark, pack, unpack

WINDOW = 1000


def sent(packet: int, payload: str = "21.4", generation: int = 1) -> Message:
    """Return a message as one connection brought it."""
    return message("devices/pump/readings/a", payload)._replace(receipt=(generation, packet))


def received(repeats: Repeats, *messages: Message, anew: int = 1) -> list[bool]:
    """Return which of these are taken for repeats."""
    return [repeats.is_repeat(each, anew) for each in messages]


def test_what_comes_again_after_a_reconnect_is_known() -> None:
    """The end of what was received, however much of it; what follows is new, even if it says the same."""
    repeats = Repeats(WINDOW)
    assert not any(received(repeats, *(sent(packet) for packet in range(1, 30))))
    again = received(repeats, *(sent(packet, generation=2) for packet in range(20, 40)))
    assert again == [True] * 10 + [False] * 10
    assert (repeats.recognised, repeats.ambiguous) == (10, 0)


def test_within_a_connection_nothing_comes_again() -> None:
    """Ids are used again after 65,535 messages, by some brokers after twenty: the same message there is a new one."""
    repeats = Repeats(WINDOW)
    assert not any(received(repeats, *(sent(packet % 20 + 1) for packet in range(200))))


def test_enough_that_is_new_ends_it() -> None:
    """A sensor that always says the same is not silenced when ids come round again long after the reconnect."""
    repeats = Repeats(WINDOW)
    received(repeats, *(sent(packet) for packet in range(1, 21)))
    first = received(repeats, sent(20, generation=2), *(sent(packet, generation=2) for packet in range(100, 200)))
    later = received(repeats, *(sent(packet, generation=2) for packet in range(1, 21)))
    assert (first, later) == ([True] + [False] * 100, [False] * 20)


def test_the_same_id_with_other_content_is_new() -> None:
    """Packet ids alone say nothing."""
    repeats = Repeats(WINDOW)
    received(repeats, sent(1, "20"))
    assert received(repeats, sent(1, "21", generation=2)) == [False]


def test_a_broker_that_forgot_us_sends_nothing_again() -> None:
    """A session that began anew begins its ids anew: what looks the same is new."""
    repeats = Repeats(WINDOW)
    received(repeats, sent(1), sent(2))
    assert received(repeats, sent(1, generation=2), sent(2, generation=2), anew=2) == [False, False]


def test_what_comes_again_after_something_new_is_counted() -> None:
    """Senders take turns in the inbox, so it is taken for a repeat all the same, and written down as a doubt."""
    repeats = Repeats(WINDOW)
    received(repeats, *(sent(packet) for packet in range(1, 10)))
    again = received(repeats, sent(7, generation=2), sent(50, generation=2), sent(3, generation=2))
    assert again == [True, False, True]
    assert (repeats.recognised, repeats.ambiguous) == (2, 1)


def test_a_restart_remembers_what_is_in_the_log() -> None:
    """After a crash the broker sends again what was written and not yet acknowledged, then what was not written."""
    repeats = Repeats(WINDOW)
    repeats.resume([mark(sent(packet)) for packet in range(1, 6)])
    again = received(repeats, *(sent(packet) for packet in range(4, 9)), anew=0)
    assert again == [True, True, False, False, False]


@pytest.mark.parametrize("count", [0, 1, 5, 1000])
def test_the_marks_of_a_commit_are_small(count: int) -> None:
    """Two bytes a message, and a few for where the ids begin."""
    marks = [Mark(packet, random.Random(packet).randrange(65_536)) for packet in range(7, 7 + count)]
    assert unpack(pack(marks)) == marks
    assert len(pack(marks)) <= 2 * count + 6


@given(st.lists(st.tuples(st.integers(1, 65_535), st.integers(0, 65_535))))
def test_any_marks_come_back(pairs: list[tuple[int, int]]) -> None:
    """In their order, whatever the ids."""
    marks = [Mark(*pair) for pair in pairs]
    assert unpack(pack(marks)) == marks
