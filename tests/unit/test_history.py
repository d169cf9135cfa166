"""What was believed at some moment, read from the log."""

import json
from pathlib import Path

import pytest
from readings import START, batch, life

from gateway import history
from gateway.cli import main
from gateway.errors import JournalError, RequestError
from gateway.journal import Journal, Reader
from gateway.records import SECOND, Tick
from gateway.shard import Rules, Shard

MINUTE = 60 * SECOND
JUMP = START + 300 * MINUTE


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Give the log of a gateway that told of a jump."""
    shard, journal = Shard(Rules()), Journal(tmp_path / "gateway.db")
    journal.open()
    for rows in (life(300), [("room", "a", JUMP, 500.0)], [("pump", "a", JUMP + 9 * MINUTE, 20.0)]):
        entry = batch(shard.directory, rows)
        outcome = shard.apply(entry)
        assert outcome.verdicts
        journal.append(shard.directory, [(entry, outcome.verdicts)], [told.incident for told in outcome.changes])
    journal.checkpoint("rules", shard.dumps())
    journal.close()
    return journal.path


def test_what_was_believed_before_and_at_a_jump(path: Path) -> None:
    """Each sensor's last reading up to then with what was expected; an incident from the moment it was told."""
    with Reader(path) as log:
        before, after = history.believed(log, "room", JUMP - 1), history.believed(log, "room", JUMP)
    assert sorted(before["sensors"]) == sorted(after["sensors"]) == ["a", "b"]
    assert before["open"] == []
    calm, odd = before["sensors"]["a"], after["sensors"]["a"]
    assert calm["lower"] < calm["expected"] < calm["upper"]
    assert (odd["value"], odd["at"]) == (500.0, "2023-11-15T03:13:20.000Z")
    assert odd["upper"] < 100.0
    assert odd["score"] >= 0.5
    assert calm["taken for"] == "value"
    assert after["open"][0]["sensor"] == "a"
    assert "500" in after["open"][0]["reason"]
    assert after["sensors"]["b"] == before["sensors"]["b"]


def test_an_outage_was_open_of_each_of_its_devices(path: Path) -> None:
    """It is told of none of them by name; nobody else had it, and nobody had it before it was told."""
    at, shard, journal = START + 400 * MINUTE, Shard(Rules()), Journal(path)
    journal.open()
    told = []
    readings = [*life(300, ("pump", "room", "fan")), *life(400, ("valve",))]
    for entry in (batch(shard.directory, readings), Tick(at)):
        told += [change.incident for change in shard.apply(entry).changes]
    journal.append(shard.directory, [Tick(at)], told)
    journal.close()
    with Reader(path) as log:
        (outage,) = history.believed(log, "room", at)["open"][-1:]
        assert history.believed(log, "room", at - 1)["open"][-1:] != [outage]
        assert history.believed(log, "valve", at)["open"] == []
    assert outage["reason"].startswith("3 devices silent since")


def test_before_the_first_reading_nothing_was_believed(path: Path) -> None:
    """No error, and no numbers."""
    with Reader(path) as log:
        assert history.believed(log, "room", START - 1)["sensors"] == {}


def test_a_device_that_is_not_in_the_log_is_said_so(path: Path) -> None:
    """A typing error is not answered with an empty table."""
    with Reader(path) as log, pytest.raises(RequestError, match="nothing of 'rooom'"):
        history.believed(log, "rooom", JUMP)


def test_the_command_prints_a_table_or_json(path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A time without a zone is the gateway's own."""
    config = tmp_path / "gateway.toml"
    config.write_text(f'[gateway]\ntime_zone = "Europe/Berlin"\n[journal]\npath = {json.dumps(str(path))}\n')
    arguments = ["history", "--config", str(config), "--device", "room", "--at", "2023-11-15T04:13:20"]
    assert main(arguments) == 0
    printed = capsys.readouterr().out
    assert "expected" in printed
    assert "500" in printed
    assert "open since" in printed
    assert main([*arguments, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["sensors"]["a"]["value"] == 500.0


def test_a_log_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    """In words about the gateway, not about SQLite."""
    with pytest.raises(JournalError, match="no gateway has run with these settings"), Reader(tmp_path / "none.db"):
        pass
