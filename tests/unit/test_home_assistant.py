"""When Home Assistant is told of a device."""

from dataclasses import replace
from typing import Any

import pytest
from boards import Board
from readings import message, settings

from gateway.board import HomeAssistant, birth_topics
from gateway.board.home_assistant import PER_S
from gateway.learning.bounds import Bound
from gateway.records import Described
from gateway.shard import Shard

TOPIC = "homeassistant/device/edge_learning_gateway_pump/config"


@pytest.fixture
def board() -> Board:
    """Give a board that announces one device."""
    return known()


def known(**sections: dict[str, Any]) -> Board:
    """Return a board with one device that was announced."""
    board = Board(HomeAssistant, settings(**sections), "1.2.3")
    board.turn()
    board.live(2, [("pump", "a"), ("pump", "b")])
    return board


def test_a_new_device_is_announced_once_with_all_its_sensors(board: Board) -> None:
    """Sensors that come one by one are one announcement; readings are none."""
    assert board.turn(1.0) == {}
    (said,) = board.turn(6.0).values()
    assert {"problem", "expected_a", "expected_b"} <= set(said["components"])
    board.live(5)
    assert board.turn(60.0) == {}


def test_a_unit_that_comes_later_is_announced_again(board: Board) -> None:
    """The entity gets its unit, and the same unit again is no news."""
    board.turn(6.0)
    board.enter(Described(board.now, "pump", "b", "W"))
    said = board.turn(6.0)[TOPIC]
    assert said["components"]["expected_b"]["unit_of_measurement"] == "W"
    board.enter(Described(board.now, "pump", "b", "W"))
    assert board.turn(6.0) == {}


def test_the_number_of_entities_of_a_device_is_bounded() -> None:
    """A device with sixty sensors does not fill Home Assistant."""
    (said,) = known(home_assistant={"sensors": 1}).turn(6.0).values()
    assert [key for key in said["components"] if key.startswith("expected")] == ["expected_a"]


def test_sensors_with_a_limit_are_told_as_such(board: Board) -> None:
    """Who set a limit for some sensors sees when those get there; the others have nothing to show."""
    bounds = (Bound("pump", "b", above=90.0), Bound("lamp", "a", above=1.0))
    board.shard.rules = replace(board.shard.rules, bounds=bounds)
    (said,) = board.turn(6.0).values()
    assert [key for key in said["components"] if key.startswith("limit")] == ["limit_b"]


def test_home_assistant_that_starts_is_told_again(board: Board) -> None:
    """Its birth message asks for everything; its will asks for nothing."""
    board.turn(6.0)
    (topic,) = birth_topics(settings())
    assert topic == "homeassistant/status"
    assert birth_topics(settings(home_assistant={"enabled": False})) == []
    part = board.part
    assert isinstance(part, HomeAssistant)
    part.hear(message(topic, b"offline"))
    assert board.turn(6.0) == {}
    part.hear(message(topic, b"online"))
    assert list(board.turn(6.0)) == [TOPIC]


def test_a_large_fleet_does_not_flood_it(board: Board) -> None:
    """So many devices a second, until all are told."""
    board.live(1, [(f"d{number}", "a") for number in range(3 * PER_S)])
    counts = [len(board.turn(seconds)) for seconds in (6.0, 1.0, 1.0, 1.0, 1.0)]
    assert counts == [PER_S, PER_S, PER_S, 1, 0]


def test_a_forgotten_device_is_taken_away(board: Board) -> None:
    """An empty retained message removes it and its entities."""
    board.turn(6.0)
    board.forget({"pump"}, Shard(board.shard.rules))
    assert board.turn(6.0) == {TOPIC: None}
