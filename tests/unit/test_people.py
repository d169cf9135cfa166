"""What people say at the command line: understood, entered, answered."""

from typing import TYPE_CHECKING, Any, cast

import pytest
from readings import START, batch

from gateway import people
from gateway.errors import RequestError
from gateway.records import SECOND, Entry
from gateway.shard import Outcome, Rules, Shard

if TYPE_CHECKING:
    from gateway.pipeline import Pipeline


class Loop:
    """The pipeline as the handlers see it: a shard, a clock, and what was entered."""

    def __init__(self) -> None:
        self.shard = Shard(Rules())
        self.at = START
        self.entered: list[Entry] = []
        self.settled = 0
        self.handlers = people.handlers(cast("Pipeline", self))

    def now(self) -> int:
        """Return the time."""
        return self.at

    def enter(self, entry: Entry) -> Outcome:
        """Note an entry and fold it."""
        self.entered.append(entry)
        return self.shard.apply(entry)

    def settle(self) -> None:
        """Note how much of what was entered is in the log."""
        self.settled = len(self.entered)

    def ask(self, request: str, **arguments: object) -> dict[str, Any]:
        """Return the answer to a request."""
        work = self.handlers[request].work(arguments)
        with pytest.raises(StopIteration) as end:
            next(work)
        answer: dict[str, Any] = end.value.value
        return answer


@pytest.fixture
def loop() -> Loop:
    """Give a loop with two pumps that have lived for a while."""
    loop = Loop()
    for number in range(300):
        loop.at += SECOND
        rows = [(device, "a", loop.at, 20.0 + number * 7 % 11 / 10) for device in ("pump-1", "pump-2")]
        loop.enter(batch(loop.shard.directory, rows))
    return loop


def open_incident(loop: Loop) -> str:
    """Let something happen to the first pump; return the incident's id."""
    loop.at += SECOND
    (told,) = loop.enter(batch(loop.shard.directory, [("pump-1", "a", loop.at, 500.0)])).changes
    return told.incident.id


def test_feedback_is_heeded_and_answered(loop: Loop) -> None:
    """The person reads at once what became of the incident."""
    incident = open_incident(loop)
    (answer,) = loop.ask("feedback", device="pump-1", id=incident, verdict="false_alarm")["incidents"]
    assert (answer["id"], answer["state"]) == (incident, "closed")
    assert answer["reason"].startswith("You said that this was fine")
    assert not len(loop.shard.incidents)
    assert loop.settled == len(loop.entered), "no power cut takes back what was answered"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"device": "pump-2", "verdict": "fault"}, "nothing is open of pump-2"),
        ({"device": "pump-1", "verdict": "fault", "id": "no"}, "pump-1 has no incident no"),
        ({"device": "pump-1", "verdict": "perhaps"}, "a verdict is one of"),
        ({}, "a verdict is one of"),
    ],
)
def test_feedback_on_nothing_is_refused(loop: Loop, arguments: dict[str, object], words: str) -> None:
    """A mistyped name is not taken for heeded."""
    open_incident(loop)
    with pytest.raises(RequestError, match=words):
        loop.ask("feedback", **arguments)
    assert len(loop.shard.incidents) == 1


def test_maintenance_is_announced_and_ended(loop: Loop) -> None:
    """The answer says until when, and how many devices the pattern meets."""
    answer = loop.ask("maintenance", devices="pump-*", for_s=7200.0)
    assert answer == {"devices": 2, "until": "2023-11-15T00:18:20.000Z"}
    assert loop.shard.calendar.active(loop.at) == ["pump-*"]
    assert loop.settled == len(loop.entered)
    assert loop.ask("maintenance", devices="pump-*")["devices"] == 2
    assert loop.shard.calendar.active(loop.at) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"devices": "pump-1"}, r"nothing is announced for pump-1; active: pump-\*"),
        ({"devices": "pump-*", "for_s": 1e9}, "more than a week"),
        ({"devices": "pump-*", "for_s": "long"}, "more than a week"),
        ({"devices": "pump-*", "for_s": 0.0}, "ended with --off"),
    ],
)
def test_maintenance_that_cannot_be_is_refused(loop: Loop, arguments: dict[str, object], words: str) -> None:
    """Ending what was never announced, and a pause that would be forgotten, are said and not done."""
    loop.ask("maintenance", devices="pump-*", for_s=60)
    count = len(loop.entered)
    with pytest.raises(RequestError, match=words):
        loop.ask("maintenance", **arguments)
    assert len(loop.entered) == count
