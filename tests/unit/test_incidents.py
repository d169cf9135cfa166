"""Who is told what, once per cause."""

from collections.abc import Sequence

import numpy as np
import pytest
from readings import START, batch, verdicts

from gateway.alarms import words
from gateway.alarms.incidents import Incidents
from gateway.alarms.opened import Told
from gateway.learning.directory import Directory
from gateway.learning.lookout import Late
from gateway.records import SECOND, Change, Feedback, Kind, State, Verdict

MINUTE = 60 * SECOND


class Room:
    """Incidents of one device `pump` with the sensors a and b, and one `lamp` with a."""

    def __init__(self) -> None:
        self.directory = Directory()
        for name in (("pump", "a"), ("pump", "b"), ("lamp", "a")):
            self.directory.add(*name)
        self.incidents = Incidents(self.directory)
        self.at = START

    def read(self, *changes: Change, device: str = "pump", sensor: str = "a", score: float = 0.55) -> list[Told]:
        """Return what follows from readings of a sensor with these changes of its incident."""
        rows = [(device, sensor, self.at + number * MINUTE, 20.0 + number) for number in range(len(changes))]
        self.at += len(changes) * MINUTE
        count = len(changes)
        said = verdicts(
            count,
            change=np.array(changes, np.uint8),
            score=np.full(count, score),
            kind=np.full(count, Kind.SHIFT, np.uint8),
            joint=np.full(count, np.nan),
            expected=np.full(count, 10.0),
            lower=np.full(count, 9.0),
            upper=np.full(count, 11.0),
            period=np.full(count, 7.0),
        )
        return self.incidents.learn_many(batch(self.directory, rows), said)

    def together(self, *changes: Change, score: float = 0.6) -> list[Told]:
        """Return what follows from these changes of the incident of all sensors of the pump."""
        rows = [("pump", "b", self.at + number * MINUTE, 1.0) for number in range(len(changes))]
        self.at += len(changes) * MINUTE
        said = verdicts(len(changes), joint=np.full(len(changes), score), joint_change=np.array(changes, np.uint8))
        return self.incidents.learn_many(batch(self.directory, rows), said)


def states(told: Sequence[Told]) -> list[State]:
    """Return what each says."""
    return [one.incident.state for one in told]


def test_an_incident_is_opened_updated_and_closed_under_one_id() -> None:
    """Every change carries the id and the beginning of the incident, and names the row that caused it."""
    told = Room().read(Change.NONE, Change.OPEN, Change.NONE, Change.ESCALATE, Change.CLOSED)
    assert states(told) == [State.OPEN, State.UPDATE, State.CLOSED]
    assert [one.row for one in told] == [1, 3, 4]
    assert len({one.incident.id for one in told}) == 1
    assert {one.incident.started_at for one in told} == {START + MINUTE}
    assert [one.incident.at for one in told] == [START + number * MINUTE for number in (1, 3, 4)]


def test_an_incident_says_all_it_knows() -> None:
    """Names, kind, numbers, severity and the reason of the reading."""
    (told,) = Room().read(Change.OPEN, score=0.6)
    incident = told.incident
    assert (incident.device, incident.sensor, incident.kind) == ("pump", "a", Kind.SHIFT)
    assert (incident.value, incident.expected, incident.lower, incident.upper) == (20.0, 10.0, 9.0, 11.0)
    assert (incident.severity, incident.score) == ("high", 0.6)
    assert incident.reason == (
        "a 20.0; expected between 9.0 and 11.0: it has moved away and stays away."
        " As odd as this once in about 116 days."
    )


def test_of_the_reading_before_that_is_told() -> None:
    """Where it is what is odd, the verdict has it."""
    room = Room()
    said = verdicts(1, change=np.array([Change.OPEN], np.uint8), base=np.array([31.0]), period=np.array([7.0]))
    (told,) = room.incidents.learn_many(batch(room.directory, [("pump", "a", START, 20.0)]), said)
    assert told.incident.reason.startswith("a was 31 for a single reading, then went back to 20.")


@pytest.mark.parametrize(("score", "severity"), [(0.5, "medium"), (0.6, "high"), (0.7, "critical"), (1.0, "critical")])
def test_severity_grows_with_the_score(score: float, severity: str) -> None:
    """Three words, from the bounds stated."""
    (told,) = Room().read(Change.OPEN, score=score)
    assert told.incident.severity == severity


def test_ids_are_made_of_what_happened() -> None:
    """The same cause has the same id in every gateway; another sensor, device or time has another."""
    ids = [Room().read(Change.OPEN)[0].incident.id for _ in range(2)]
    others = [Room().read(Change.OPEN, sensor="b"), Room().read(Change.OPEN, device="lamp")]
    later = Room().read(Change.NONE, Change.OPEN)
    assert ids[0] == ids[1]
    assert len({ids[0], later[0].incident.id, *(told[0].incident.id for told in others)}) == 4
    assert len(ids[0]) == 16


def test_an_incident_goes_on_for_the_reason_of_who_still_shows_it() -> None:
    """Of two sensors the worse calms down first: what lasts, and what stands retained, is said of the other."""
    room = Room()
    (first,) = room.read(Change.OPEN, score=0.6)
    (second,) = room.read(Change.OPEN, sensor="b", score=0.55)
    assert room.incidents.standing(0)[0].reason == first.incident.reason
    (calmed,) = room.read(Change.CLOSED)
    assert calmed.incident.state is State.UPDATE
    assert room.incidents.standing(0)[0].reason == second.incident.reason
    again = Incidents(room.directory)
    again.loads(room.incidents.dumps())
    assert again.standing(0) == room.incidents.standing(0)
    room.at += 7 * 60 * MINUTE
    (lasting,) = room.read(Change.NONE, sensor="b")
    assert lasting.incident.reason.startswith(second.incident.reason)


def test_together_calms_down_before_a_sensor_does() -> None:
    """What all show together is one of those that may be the reason."""
    room = Room()
    (first,) = room.read(Change.OPEN, score=0.55)
    room.together(Change.OPEN, score=0.6)
    assert room.incidents.standing(0)[0].reason.startswith("Each sensor might pass")
    room.together(Change.CLOSED)
    assert room.incidents.standing(0)[0].reason == first.incident.reason


def test_a_word_on_what_is_over_is_not_on_what_is_open_of_all_together() -> None:
    """The old id names the sensor's own incident, and that of the others goes on as it was."""
    room = Room()
    (old, _) = room.read(Change.OPEN, Change.CLOSED)
    room.at += 120 * MINUTE
    (joint,) = room.together(Change.OPEN)
    for told, is_together in ((old, False), (joint, True)):
        entry = Feedback(room.at, "pump", told.incident.id, Verdict.FALSE_ALARM)
        assert words.named(room.incidents, entry).is_together is is_together


def test_what_is_adopted_is_closed_and_says_so() -> None:
    """The closing message of a new normal has a reason of its own."""
    told = Room().read(Change.OPEN, Change.ADOPTED)
    assert states(told) == [State.OPEN, State.CLOSED]
    assert told[1].incident.reason == "a has stayed like this for so long that it is taken for the new normal."


def test_a_notice_is_for_the_log_only() -> None:
    """What stays within the budget is told to nobody."""
    room = Room()
    assert room.read(Change.NOTICE, Change.NONE) == []
    assert len(room.incidents) == 0


def test_sensors_together_open_grow_and_calm_down() -> None:
    """One incident for the device: told again when much worse, and closed in the words of how it ended."""
    room = Room()
    told = room.together(Change.NOTICE, Change.OPEN, Change.NONE, Change.ESCALATE, Change.CLOSED)
    assert states(told) == [State.OPEN, State.UPDATE, State.CLOSED]
    assert {(one.incident.sensor, one.incident.kind) for one in told} == {(None, Kind.JOINT)}
    assert [one.row for one in told] == [1, 3, 4]
    assert "as usual again" in told[-1].incident.reason
    assert "new normal" in room.together(Change.OPEN, Change.ADOPTED)[-1].incident.reason
    assert len(room.incidents) == 0


def test_detectors_of_one_device_share_an_incident() -> None:
    """What a second one finds is news of the same; when both have calmed down it was over with the first."""
    found = Room().together(Change.OPEN, Change.OPEN, Change.CLOSED, Change.CLOSED)
    assert states(found) == [State.OPEN, State.UPDATE, State.CLOSED]


def test_what_is_told_of_sensors_together_does_not_depend_on_batches() -> None:
    """One round to a batch or all in one: the same is told, and the same is remembered."""
    scores = [Change.NONE, Change.OPEN, Change.NONE, Change.ESCALATE, Change.CLOSED, Change.NONE]
    whole, single = Room(), Room()
    assert [one.incident for one in whole.together(*scores)] == [
        one.incident for score in scores for one in single.together(score)
    ]
    assert whole.incidents.dumps() == single.incidents.dumps()


def test_what_sensors_show_at_once_is_one_incident() -> None:
    """Under one id, by the name of the first; the worst gives the reason, and it is over when all have calmed down."""
    room = Room()
    (first,) = room.read(Change.OPEN, score=0.6)
    (second,) = room.read(Change.OPEN, sensor="b", score=0.7)
    (third,) = room.together(Change.OPEN, score=0.55)
    assert states([first, second, third]) == [State.OPEN, State.UPDATE, State.UPDATE]
    assert {each.incident.id for each in (first, second, third)} == {first.incident.id}
    assert [each.incident.sensor for each in (first, second, third)] == ["a"] * 3
    assert [each.incident.sensors for each in (first, second, third)] == [("a",), ("a", "b"), ("a", "b")]
    assert second.incident.severity == third.incident.severity == "critical"
    assert len(room.incidents) == 1
    (open_now,) = room.incidents.standing(0)
    assert open_now.reason == second.incident.reason
    told = [*room.read(Change.CLOSED), *room.together(Change.CLOSED), *room.read(Change.ADOPTED, sensor="b")]
    assert states(told) == [State.UPDATE, State.UPDATE, State.CLOSED]
    assert [each.incident.sensors for each in told] == [("a", "b"), ("b",), ("b",)]
    assert "new normal" in told[-1].incident.reason
    assert len(room.incidents) == 0


def test_an_incident_keeps_its_reason_when_a_part_of_it_is_over() -> None:
    """Who looks at what is open reads why it is, not which part of it is over."""
    room = Room()
    (told,) = room.read(Change.OPEN, score=0.7)
    room.read(Change.OPEN, Change.CLOSED, sensor="b", score=0.6)
    assert [each.reason for each in room.incidents.standing(0)] == [told.incident.reason]


@pytest.mark.parametrize(("score", "severity"), [(0.55, "high"), (0.65, "critical"), (0.75, "critical")])
def test_what_lasts_is_told_once_and_one_worse(score: float, severity: str) -> None:
    """Six hours after it began, with the next reading of a sensor that shows it, whatever that reading is like."""
    room = Room()
    (first,) = room.read(Change.OPEN, score=score)
    room.at = START + 359 * MINUTE
    assert room.read(Change.NONE) == []
    assert room.read(Change.NONE, sensor="b") == []
    (told,) = room.read(Change.NONE, Change.NONE)
    assert (told.incident.id, told.incident.state) == (first.incident.id, State.UPDATE)
    assert told.incident.severity == severity
    assert told.incident.reason == f"{first.incident.reason} That was 6 h ago, and it has not passed."
    (closed,) = room.read(Change.CLOSED)
    assert closed.incident.severity == severity


def test_what_lasts_is_told_however_its_readings_are_batched() -> None:
    """It may begin in the very batch in which six hours pass."""
    changes = [Change.OPEN, *[Change.NONE] * 400]
    whole, single = Room(), Room()
    told = [one.incident for one in whole.read(*changes)]
    assert told == [one.incident for change in changes for one in single.read(change)]
    assert [one.state for one in told] == [State.OPEN, State.UPDATE]


def test_nothing_heard_changes_nothing() -> None:
    """An empty batch while something is open."""
    room = Room()
    room.read(Change.OPEN)
    assert room.read() == []


def test_sensors_that_stay_apart_together_last_too() -> None:
    """Told with the next reading of any of them."""
    room = Room()
    room.together(Change.OPEN)
    room.at = START + 361 * MINUTE
    (told,) = room.read(Change.NONE)
    assert told.incident.state is State.UPDATE
    assert "That was 6 h ago, and it has not passed" in told.incident.reason


def test_what_is_shown_later_is_an_incident_of_its_own() -> None:
    """Hours later, or on another device, it is another cause."""
    room = Room()
    first = room.read(Change.OPEN)
    other = room.read(Change.OPEN, device="lamp")
    room.at += 61 * MINUTE
    later = room.read(Change.OPEN, sensor="b")
    assert states([*first, *other, *later]) == [State.OPEN] * 3
    assert len(room.incidents) == 3


def test_a_word_on_one_incident_is_on_all_sensors_that_show_it() -> None:
    """Also on those that have calmed down meanwhile; it is answered once."""
    room = Room()
    (told,) = room.read(Change.OPEN)
    room.read(Change.OPEN, Change.NONE, Change.CLOSED, sensor="b")
    room.together(Change.OPEN)
    entry = Feedback(room.at, "pump", told.incident.id, Verdict.FALSE_ALARM)
    named = words.named(room.incidents, entry)
    assert (sorted(named.streams), named.is_together) == ([0, 1], True)
    (answer,) = room.incidents.heed(entry, {0: Change.CLOSED, 1: Change.NONE})
    assert answer.incident.state is State.CLOSED
    assert len(room.incidents) == 0


def test_silence_lasts_until_the_device_is_heard() -> None:
    """Opened with the tick, closed by the first reading, whichever sensor it is of; others are not concerned."""
    room = Room()
    at = START + 3600 * SECOND
    (told,) = room.incidents.silences.fall([Late(0, START, MINUTE, 0.8)], at)
    assert (told.row, told.incident.state, told.incident.sensor) == (None, State.OPEN, None)
    assert (told.incident.started_at, told.incident.at) == (START, at)
    assert told.incident.reason.startswith("Nothing heard for 60 min")
    room.at = at + MINUTE
    assert room.read(Change.NONE, device="lamp") == []
    closed = room.read(Change.NONE, Change.NONE, sensor="b")
    assert states(closed) == [State.CLOSED]
    assert closed[0].incident.id == told.incident.id
    assert closed[0].incident.reason == "Heard again after 62 min."


def test_a_stale_reading_wakes_nobody() -> None:
    """An old reading delivered again does not end a silence."""
    room = Room()
    room.incidents.silences.fall([Late(0, START, MINUTE, 0.8)], START + 3600 * SECOND)
    said = verdicts(1, is_stale=np.array([True]), joint=np.array([np.nan]))
    assert room.incidents.learn_many(batch(room.directory, [("pump", "a", START, 1.0)]), said) == []


def test_open_incidents_survive_a_restart() -> None:
    """Saved and loaded, each goes on under its id."""
    room = Room()
    room.read(Change.OPEN)
    room.read(Change.OPEN, sensor="b")
    room.at += 61 * MINUTE
    room.together(Change.OPEN)
    room.incidents.silences.fall([Late(1, START, MINUTE, 0.9)], START)
    again = Incidents(room.directory)
    again.loads(room.incidents.dumps())
    again.silences.loads(room.incidents.silences.dumps())
    assert again.dumps() == room.incidents.dumps()
    assert len(again) == len(room.incidents) == 3
    for incidents in (room.incidents, again):
        room.incidents, room.at = incidents, START + 100 * MINUTE
        told = [*room.together(Change.CLOSED), *room.read(Change.CLOSED), *room.read(Change.CLOSED, sensor="b")]
        told += room.read(Change.NONE, device="lamp")
        assert states(told) == [State.CLOSED, State.UPDATE, State.CLOSED, State.CLOSED]
        assert len(incidents) == 0
