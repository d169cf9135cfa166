"""What is asked of the state and cannot be done is refused before anything is touched; what is found is told truly."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from readings import START, batch

from gateway.control import Work
from gateway.errors import RequestError
from gateway.house import Alone
from gateway.journal import Journal, Reader, files_with
from gateway.records import SECOND, Described, Feedback, Verdict
from gateway.shard import Rules, Shard
from gateway.unlearning import forget, undo


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Alone]:
    """Give the state of two devices, the name of one part of the other's."""
    shard, journal = Shard(Rules()), Journal(tmp_path / "gateway.db")
    journal.open()
    entry = batch(shard.directory, [(device, "flow", START, 20.0) for device in ("k\u00fcche", "k\u00fcche-2")])
    outcome = shard.apply(entry)
    assert outcome.verdicts
    journal.append(shard.directory, [(entry, outcome.verdicts)], [])
    journal.close()
    with Alone(Shard(Rules()), Journal(tmp_path / "gateway.db"), {}) as alone:
        yield alone


def done(work: Work) -> dict[str, Any]:
    """Return the answer to a request."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            return dict(end.value)


@pytest.mark.parametrize(
    ("work", "asked", "words"),
    [
        (forget, {"device": "../x"}, "not one level"),
        (forget, {"device": "pump-#"}, "not one level"),
        (forget, {"device": "k\u00fcche", "sensor": "flwo"}, "has no sensor 'flwo'; known are flow"),
        (forget, {"device": "nobody", "sensor": "flow"}, "known are none"),
        (undo, {"device": "kueche", "since": START}, "no device is called 'kueche'"),
        (undo, {"device": "a/b", "since": START}, "not one level"),
    ],
)
def test_a_name_mistyped_costs_nothing(
    house: Alone, work: Callable[..., Work], asked: dict[str, Any], words: str
) -> None:
    """It is refused in words; the log and the state stay as they are, and a running gateway goes on."""
    before = house.journal.last(), house.shard.dumps()
    with pytest.raises(RequestError, match=words):
        done(work(house, asked))
    assert (house.journal.last(), house.shard.dumps()) == before


def test_a_name_that_is_part_of_another_is_explained(house: Alone) -> None:
    """Its bytes are still found, and the receipt says in which other names; with that gone, too, nothing is found."""
    verified = done(forget(house, {"device": "k\u00fcche", "verify": True}))["verified"]
    assert verified["files that hold the name"]
    assert verified["names that it is part of"] == ["k\u00fcche-2"]
    verified = done(forget(house, {"device": "k\u00fcche-2", "verify": True}))["verified"]
    assert verified["files that hold the name"] == []
    assert "names that it is part of" not in verified


def test_a_name_is_looked_for_as_json_has_it_too(house: Alone) -> None:
    """A checkpoint is JSON in ASCII: a name left in one would not be found by its own bytes."""
    with sqlite3.connect(house.journal.path) as database:
        database.execute("CREATE TABLE leftover AS SELECT ? AS words", (json.dumps("k\u00fcche-2"),))
    database.close()
    verified = done(forget(house, {"device": "k\u00fcche-2", "verify": True}))["verified"]
    assert verified["files that hold the name"] == ["gateway.db"]
    assert verified["names that it is part of"] == []


def test_with_a_sensor_goes_its_name_from_what_was_said_of_the_device(house: Alone) -> None:
    """Its unit, and the words on incidents that it showed with others; those stay words on the others."""
    shard, journal = house.shard, house.journal
    entry = batch(shard.directory, [("k\u00fcche", "pulse", START + SECOND, 1.0)])
    verdicts = shard.apply(entry).verdicts
    assert verdicts
    unit = Described(START, "k\u00fcche", "pulse", "1/min")
    word = Feedback(START, "k\u00fcche", "some", Verdict.FAULT, ("flow", "pulse"))
    journal.append(shard.directory, [(entry, verdicts), unit, word], [])
    receipt = done(forget(house, {"device": "k\u00fcche", "sensor": "pulse", "verify": True}))
    assert receipt["verified"]["is ours"]
    assert receipt["removed from the log"] == {"readings": 1, "events": 1, "streams": 1}
    assert [*files_with(journal.path, [b"pulse"], 10.0)] == [[]]
    with Reader(journal.path) as log:
        words = [event for _, event in log.entries(0) if isinstance(event, Feedback)]
    assert [event.sensors for event in words] == [("flow",)]
