"""The board as the rest of the gateway sees it."""

from boards import NotingLink
from readings import START, batch, message, settings

from gateway.board import Board
from gateway.records import SECOND
from gateway.shard import Rules, Shard


def test_a_device_is_announced_before_its_state_and_taken_away_before_it() -> None:
    """Home Assistant never reads a state that is not there any more."""
    shard, link = Shard(Rules()), NotingLink()
    board = Board(settings(), shard, link, "1.2.3")
    entry = batch(shard.directory, [("pump", "a", START, 1.0)])
    board.observe(entry, shard.apply(entry))
    board.settle(START)
    assert [topic.partition("/")[0] for topic in link.taken()] == ["homeassistant", "devices"]
    board.forget({"pump"}, Shard(Rules()))
    board.settle(START + SECOND)
    said = link.taken()
    assert [topic.rpartition("/")[2] for topic in said] == ["prediction", "config", "state"]
    assert set(said.values()) == {None}


def test_home_assistant_is_told_only_where_it_is_wanted() -> None:
    """Switched off, the state is all there is, and nobody is listened to."""
    shard, link = Shard(Rules()), NotingLink()
    board = Board(settings(home_assistant={"enabled": False}), shard, link, "1.2.3")
    entry = batch(shard.directory, [("pump", "a", START, 1.0)])
    board.observe(entry, shard.apply(entry))
    board.hear(message("homeassistant/status", "online"))
    board.settle(START)
    assert list(link.taken()) == ["devices/pump/state"]
