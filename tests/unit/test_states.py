"""How each device is, on the board."""

from typing import Any

import numpy as np
import pytest
from boards import Board
from readings import START, settings

from gateway.board import States
from gateway.records import SECOND, Described, Feedback, Maintenance, Tick, Verdict
from gateway.shard import Shard

TOPIC = "devices/pump/state"


@pytest.fixture
def board() -> Board:
    """Give a board on which one device has been known for a while."""
    board = Board(States, settings(states={"every_s": 60.0}))
    board.live(300)
    assert list(board.turn()) == [TOPIC]
    return board


def spike(board: Board, value: float = 500.0) -> dict[str, Any]:
    """Send one reading and return what is said of the device then."""
    board.now += SECOND
    board.read(("pump", "a", board.now, value))
    said: dict[str, Any] = board.turn()[TOPIC]
    return said


def test_a_new_device_is_on_the_board_at_once() -> None:
    """Nobody waits a minute to see that it works; its numbers are the newest."""
    board = Board(States, settings())
    board.read(("pump", "a", START, 20.0), ("pump", "a", START + SECOND, 21.0))
    (said,) = board.turn().values()
    assert (said["at"], said["sensors"]["a"]["value"]) == ("2023-11-14T22:13:21.000Z", 21.0)
    assert not said["is_abnormal"]
    board.read(("pump", "b", START + SECOND, 3.0))
    assert set(board.turn()[TOPIC]["sensors"]) == {"a", "b"}


def test_a_quiet_device_is_renewed_now_and_then(board: Board) -> None:
    """A retained message a minute, not one a reading; none at all of a device that sends nothing."""
    board.read(("pump", "a", board.now + SECOND, 20.0))
    assert board.turn(30.0) == {}
    assert board.turn(30.0)[TOPIC]["sensors"]["a"]["value"] == 20.0
    assert board.turn(60.0) == {}


def test_an_incident_is_said_at_once_until_it_is_over(board: Board) -> None:
    """What is wrong stands there with its reason, and a person's word takes it off."""
    said = spike(board)
    assert (said["is_abnormal"], said["sensor"], said["open"]) == (True, "a", 1)
    assert said["reason"].startswith("a 500")
    assert said["score"] >= 0.5
    board.enter(Feedback(board.now, "pump", said["incident"], Verdict.FALSE_ALARM))
    said = board.turn()[TOPIC]
    assert not said["is_abnormal"]
    assert said["reason"] is None


def test_a_device_that_fell_silent_and_came_back(board: Board) -> None:
    """Silence changes the state without a reading."""
    board.now += 600 * SECOND
    board.enter(Tick(board.now))
    assert board.turn()[TOPIC]["kind"] == "silent"
    board.read(("pump", "a", board.now, 20.0))
    assert not board.turn()[TOPIC]["is_abnormal"]


def test_maintenance_is_shown_as_it_begins_and_ends(board: Board) -> None:
    """By announcement at once; its end comes by itself, and other devices are not touched."""
    board.live(1, [("lamp", "a")])
    board.turn(60.0)
    board.enter(Maintenance(board.now, "pu*", board.now + 100 * SECOND))
    said = board.turn()
    assert {topic: each["maintenance"] for topic, each in said.items()} == {TOPIC: True}
    assert board.turn(99.0) == {}
    assert not board.turn(2.0)[TOPIC]["maintenance"]


def test_a_unit_is_shown(board: Board) -> None:
    """What the numbers are counted in may come later than they."""
    board.enter(Described(board.now, "pump", "a", "°C"))
    assert board.turn()[TOPIC]["sensors"]["a"]["unit"] == "°C"


def test_after_a_restart_only_news_is_said(board: Board) -> None:
    """What the broker keeps of a quiet device says more than a restarted gateway knows: that has its last value."""
    parts = board.shard.dumps()
    spike(board)
    abnormal = board.shard.dumps()
    for saved, topics in ((parts, []), (abnormal, [TOPIC])):
        restarted = Board(States, settings())
        restarted.shard.loads(saved)
        said = restarted.turn()
        assert list(said) == topics
    assert said[TOPIC]["sensors"]["a"]["value"] == 500.0
    assert said[TOPIC]["at"] is not None


def test_a_forgotten_device_is_taken_off(board: Board) -> None:
    """Neither its last numbers nor its forecasts stay at the broker; the others stay as they are."""
    board.live(1, [("lamp", "a")])
    board.turn(60.0)
    rest = Shard(board.shard.rules)
    rest.adopt(board.shard, {"lamp"})
    board.forget({"pump"}, rest)
    assert board.turn() == {TOPIC: None, "devices/pump/prediction": None}
    board.live(1, [("lamp", "a"), ("pump", "a")])
    assert set(board.turn(60.0)) == {TOPIC, "devices/lamp/state"}


def test_forgotten_readings_are_not_shown_any_more(board: Board) -> None:
    """A device that is still known says nothing of what it was made to forget, until it is heard again."""
    forgetful = Shard(board.shard.rules)
    forgetful.directory.add("pump", "a")
    board.forget({"pump"}, forgetful)
    said = board.turn()
    assert said["devices/pump/prediction"] is None
    assert said[TOPIC]["sensors"]["a"]["value"] is None


def test_the_worst_comes_first(board: Board) -> None:
    """Of several incidents the one with the highest score is shown, and how many there are."""
    board.live(300, [("pump", "b")])
    board.read(("pump", "b", board.now + SECOND, 22.5), ("pump", "a", board.now + SECOND, 900.0))
    standing = board.shard.incidents.standing(0)
    assert standing[0].score == max(incident.score for incident in standing)
    assert board.turn()[TOPIC]["open"] == len(standing)


def test_room_for_many_streams_grows(board: Board) -> None:
    """Streams that were never read are not in the way of those that were."""
    for number in range(40):
        board.read((f"d{number}", "a", board.now, float(number)))
    said = board.turn(1.0)
    assert [said[f"devices/d{number}/state"]["sensors"]["a"]["value"] for number in range(40)] == list(np.arange(40.0))
