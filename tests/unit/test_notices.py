"""Retained messages: the newest of each device, once, at a bounded rate."""

import pytest
from boards import NotingLink
from readings import START

from gateway.board.notices import Notice, Notices
from gateway.learning.directory import Directory
from gateway.records import SECOND


class Room:
    """Notices of three devices; `says` is what is to be said of each."""

    def __init__(self, per_s: int = 100, delay: int = 0) -> None:
        self.directory = Directory()
        for device in ("a", "b", "c"):
            self.directory.add(device, "x")
        self.says: dict[str, str | None] = {"a": "1", "b": "1", "c": "1"}
        self.link = NotingLink()
        self.notices = Notices(self.link, self.directory, self._write, per_s=per_s, delay=delay)
        self.now = START

    def _write(self, device: str, _: int) -> Notice | None:
        said = self.says[device]
        return None if said is None else Notice(device, said.encode())

    def turn(self, after: int = 0) -> list[str]:
        """Return the topics sent in one turn of the loop."""
        self.now += after
        self.notices.settle(self.now)
        return list(self.link.taken())


@pytest.fixture
def room() -> Room:
    """Give notices of which all stand at the broker."""
    room = Room()
    assert room.turn() == ["a", "b", "c"]
    return room


def test_only_what_changed_is_sent(room: Room) -> None:
    """A mark is a question, not an order; asking twice does not send twice."""
    room.notices.mark("a")
    room.notices.mark("b")
    room.notices.mark("b")
    room.says["b"] = "2"
    assert room.turn() == ["b"]
    assert room.turn() == []


def test_what_has_nothing_to_say_leaves_what_stands_there(room: Room) -> None:
    """After a restart what the broker keeps may be newer than what is known."""
    room.says["a"] = None
    room.notices.renew()
    assert room.turn(SECOND) == ["b", "c"]


def test_while_away_it_waits_and_after_a_reconnect_all_is_sent_again(room: Room) -> None:
    """The broker may have come back without a memory."""
    room.link.is_online = False
    room.says["a"] = "2"
    room.notices.mark("a")
    assert room.turn(SECOND) == []
    room.link.is_online, room.link.generation = True, 2
    assert room.turn(SECOND) == ["a", "b", "c"]


def test_a_large_fleet_is_sent_at_a_bounded_rate() -> None:
    """The rate is a rate also when the loop turns often, and a clock that is set back does not end it."""
    room = Room(per_s=2)
    assert room.turn() == ["a", "b"]
    assert room.turn(SECOND // 4) == []
    assert room.turn(SECOND // 4) == ["c"]
    room.notices.renew()
    assert room.turn(-60 * SECOND) == []
    assert room.turn(10 * SECOND) == ["a", "b"]


def test_what_does_not_fit_is_sent_later(room: Room) -> None:
    """A full queue towards the broker loses nothing here."""
    room.link.room = 1
    room.notices.renew()
    assert room.turn(SECOND) == ["a"]
    room.link.room = 10
    assert room.turn(SECOND) == ["b", "c"]


def test_changes_are_gathered_for_a_while() -> None:
    """What comes bit by bit is one message; the wait is counted from the first bit."""
    room = Room(delay=5 * SECOND)
    assert room.turn() == ["a", "b", "c"]
    for number in range(4):
        room.says["a"] = f"{number}0"
        room.notices.mark("a")
        assert room.turn(SECOND) == []
    assert room.turn(SECOND) == ["a"]


def test_what_was_taken_off_can_be_hung_up_again(room: Room) -> None:
    """An empty payload is not remembered as what stands there."""
    for said in ("", "1"):
        room.says["a"] = said
        room.notices.mark("a")
        assert room.turn(SECOND) == ["a"]
