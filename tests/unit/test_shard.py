"""The core as a value: entries in, what follows out."""

import functools
from collections.abc import Sequence

import numpy as np
import pytest
from readings import START, Row, batch, learn, life

from gateway.errors import StateError
from gateway.learning.streams import Policy
from gateway.records import (
    SECOND,
    Availability,
    Batch,
    Change,
    Described,
    Feedback,
    Incident,
    Kind,
    Maintenance,
    Resume,
    State,
    Tick,
    Verdict,
)
from gateway.shard import Outcome, Rules, Shard

MINUTE = 60 * SECOND
RULES = Rules(policy=Policy(budget_s=86_400.0, adopt_after_s=3600.0), silent_floor_s=30.0, horizons_s=(600.0,))
READINGS = 400


@functools.cache
def past() -> dict[str, bytes]:
    """Return the state of a shard that has seen an ordinary life of two devices with two sensors."""
    shard = Shard(RULES)
    learn(shard, life(READINGS))
    return shard.dumps()


def lived() -> Shard:
    """Return a shard with that past, a reading a minute."""
    shard = Shard(RULES)
    shard.loads(past())
    return shard


def later(minutes: int) -> int:
    """Return a time after the ordinary life."""
    return START + (READINGS + minutes) * MINUTE


def test_a_jump_is_told_and_ends_as_the_new_normal() -> None:
    """A sensor that jumps and stays opens one incident at once, closed when it has stayed as long as was set."""
    shard = lived()
    rows = [("pump", "a", later(minute), 200.0 + minute % 2) for minute in range(80)]
    told = [change for change in shard.apply(batch(shard.directory, rows)).changes if change.incident.sensor == "a"]
    assert told[0].row == 0
    assert told[0].incident.state is State.OPEN
    assert told[-1].incident.state is State.CLOSED
    assert told[-1].incident.at == later(60)
    assert len({change.incident.id for change in told}) == 1
    assert "new normal" in told[-1].incident.reason


def test_silence_is_noticed_by_the_clock_and_forgiven_after_deafness() -> None:
    """A tick long after the last message opens an incident per device; one after a resume does not."""
    silent, deaf = lived(), lived()
    changes = silent.apply(Tick(later(60))).changes
    assert [(change.incident.device, change.incident.kind) for change in changes] == [
        ("pump", Kind.SILENT), ("room", Kind.SILENT),
    ]  # fmt: skip
    assert silent.apply(Tick(later(61))).changes == []
    assert deaf.apply(Resume(later(60))).changes == []
    assert deaf.apply(Tick(later(61))).changes == []
    heard = silent.apply(batch(silent.directory, [("room", "b", later(62), 35.0)])).changes
    assert [(change.incident.device, change.incident.state) for change in heard] == [("room", State.CLOSED)]


def test_only_readings_have_verdicts() -> None:
    """Ticks and resumes are folded without."""
    shard = lived()
    assert shard.apply(Tick(later(1))).verdicts is None
    assert shard.apply(Resume(later(1))).verdicts is None
    said = shard.apply(batch(shard.directory, [("pump", "a", later(1), 20.0)])).verdicts
    assert said is not None
    assert len(said.score) == 1


def test_forecasts_come_device_by_device() -> None:
    """One step and each horizon for every sensor of the devices asked for."""
    found = lived().forecast([1, 0])
    assert [(one.device, one.sensor) for one in found] == [
        (device, sensor) for device in ("room", "pump") for sensor in ("a", "a", "b", "b")
    ]
    assert {one.coverage for one in found} == {RULES.coverage}
    assert all(one.lower < one.expected < one.upper for one in found)


def test_a_shard_is_saved_and_goes_on() -> None:
    """Names, learners and open incidents come back; what follows is told as it would have been."""
    shard, again = lived(), Shard(RULES)
    jump = [("pump", "a", later(minute), 200.0 + minute % 2) for minute in range(80)]
    shard.apply(batch(shard.directory, jump[:40]))
    again.loads(shard.dumps())
    assert again.dumps() == shard.dumps()
    assert len(again.incidents) == len(shard.incidents) > 0
    told = [one.apply(batch(one.directory, jump[40:])).changes for one in (shard, again)]
    assert told[0] == told[1] != []
    assert again.dumps() == shard.dumps()


@pytest.mark.parametrize(
    ("part", "body"),
    [("directory", b"{"), ("directory", b"[1]"), ("fleet", b"not a zip"), ("incidents", b"[[]]"), ("incidents", None)],
)
def test_state_that_does_not_fit_is_refused(part: str, body: bytes | None) -> None:
    """Whatever is wrong with it, the error is one the caller can catch: fold the log again."""
    saved = lived().dumps()
    if body is None:
        del saved[part]
    else:
        saved[part] = body
    with pytest.raises(StateError):
        Shard(RULES).loads(saved)


def test_what_came_before_is_stale() -> None:
    """Old and repeated readings are marked, judged by nobody and change nothing."""
    shard = lived()
    before = shard.dumps()
    said = shard.apply(batch(shard.directory, life(READINGS)[-40:])).verdicts
    assert said is not None
    assert said.is_stale.all()
    assert (said.change == Change.NONE).all()
    assert np.isnan(said.expected).all()
    assert shard.dumps() == before


def jump(shard: Shard, minutes: range, value: float = 200.0) -> list[Incident]:
    """Let a sensor read something else for a while; return what was told of it."""
    rows = [("pump", "a", later(minute), value + minute % 2) for minute in minutes]
    return [told.incident for told in shard.apply(batch(shard.directory, rows)).changes if told.incident.sensor == "a"]


def say(shard: Shard, verdict: Verdict, incident: str | None, minute: int, device: str = "pump") -> Outcome:
    """Let a person speak."""
    return shard.apply(Feedback(later(minute), device, incident, verdict))


@pytest.mark.parametrize("verdict", [Verdict.FALSE_ALARM, Verdict.NEW_NORMAL])
def test_what_a_person_calls_fine_is_over_at_once(verdict: Verdict) -> None:
    """The incident closes with that word, and the same readings open none again."""
    shard = lived()
    opened = jump(shard, range(5))[0]
    (closed,) = say(shard, verdict, opened.id, 5).changes
    assert (closed.incident.id, closed.incident.state) == (opened.id, State.CLOSED)
    assert "You said" in closed.incident.reason
    assert jump(shard, range(6, 50)) == []


def test_a_confirmed_fault_is_never_adopted() -> None:
    """It stays open however long it stays."""
    shard = lived()
    opened = jump(shard, range(5))[0]
    (said,) = say(shard, Verdict.FAULT, opened.id, 5).changes
    assert said.incident.state is State.UPDATE
    told = jump(shard, range(6, 200))
    assert State.CLOSED not in {incident.state for incident in told}


def test_a_word_without_an_id_is_on_all_that_is_open() -> None:
    """One button for a device: its sensors and its silence."""
    shard = lived()
    jump(shard, range(5))
    shard.apply(Tick(later(60)))
    outcome = say(shard, Verdict.FALSE_ALARM, None, 60)
    assert {told.incident.kind for told in outcome.changes} >= {Kind.SILENT}
    assert len(outcome.changes) == 2
    assert shard.apply(Tick(later(61))).changes == []


def test_a_word_on_what_is_not_known_is_not_understood() -> None:
    """An invented id, another device's incident, an unknown device: nothing happens, and it is said."""
    shard = lived()
    opened = jump(shard, range(5))[0]
    for incident, device in (("x", "pump"), (opened.id, "room"), (None, "nobody"), (None, "room")):
        outcome = say(shard, Verdict.FALSE_ALARM, incident, 5, device)
        assert (outcome.changes, outcome.is_understood) == ([], False)
    assert say(shard, Verdict.FALSE_ALARM, opened.id, 5).is_understood
    assert say(shard, Verdict.FAULT, opened.id, 6).is_understood, "closed a moment ago"


def test_a_word_on_what_is_not_known_teaches_no_silence() -> None:
    """The device may be silent meanwhile: whoever named another thing has not said that this is fine."""
    shard = lived()
    shard.apply(Tick(later(60)))
    before = shard.dumps()
    assert not say(shard, Verdict.FALSE_ALARM, "x", 60).is_understood
    assert shard.dumps() == before


def test_under_maintenance_nothing_is_judged_or_learned_and_no_silence_told() -> None:
    """What a device under repair sends leaves no trace; its pause afterwards is nothing to tell."""
    shard, untouched = lived(), lived()
    shard.apply(Maintenance(later(0), "pump", later(30)))
    assert jump(shard, range(30)) == []
    assert shard.fleet.streams.dumps()["pool/seen"].tolist() == untouched.fleet.streams.dumps()["pool/seen"].tolist()
    silent = shard.apply(Tick(later(30) + MINUTE)).changes
    assert [told.incident.device for told in silent] == ["room"]
    shard.apply(batch(shard.directory, [("pump", "a", later(200), 20.0)]))
    assert shard.fleet.hearts.arrays["longest"][0] < 10 * MINUTE
    assert jump(shard, range(201, 205))[0].state is State.OPEN


def test_a_goodbye_makes_silence_come_sooner() -> None:
    """A device that went offline is silent after one usual gap, one that said nothing after three."""
    gone, quiet = lived(), lived()
    gone.apply(Availability(later(0), "pump", is_online=False))
    soon = later(0) + 90 * SECOND
    assert [told.incident.device for told in gone.apply(Tick(soon)).changes] == ["pump"]
    assert quiet.apply(Tick(soon)).changes == []
    back = lived()
    back.apply(Availability(later(0), "pump", is_online=False))
    back.apply(Availability(later(0), "pump", is_online=True))
    assert back.apply(Tick(soon)).changes == []


def test_a_described_sensor_is_told_with_its_unit() -> None:
    """Numbers in a reason carry what they are counted in, also after a restart."""
    shard, again = lived(), Shard(RULES)
    shard.apply(Described(later(0), "pump", "a", "°C"))
    shard.apply(Described(later(0), "pump", "unknown", "W"))
    again.loads(shard.dumps())
    assert " °C" in jump(again, range(2))[0].reason
    assert len(again.directory) == 4


def test_a_clock_that_was_set_back_makes_no_stream_wait() -> None:
    """After a year that was not, readings are learned at once; nobody is silent, and no maintenance lasts a year."""
    shard, year = lived(), 365 * 86_400 * SECOND
    wrong = [("pump", "a", later(minute) + year, 20.0) for minute in range(3)]
    shard.apply(Resume(later(0) + year))
    shard.apply(batch(shard.directory, wrong))
    shard.apply(Maintenance(later(3) + year, "room", later(9) + year))
    shard.apply(Resume(later(0)))
    right = [(device, "a", later(minute), 20.0) for minute in range(1, 4) for device in ("pump", "room")]
    said = shard.apply(batch(shard.directory, right)).verdicts
    assert said is not None
    assert not said.is_stale.any()
    assert np.isfinite(said.expected).all(), "judged, and not under maintenance"
    assert shard.apply(Tick(later(5))).changes == []


def test_a_reconnect_rewinds_nothing() -> None:
    """A device whose own clock is some minutes ahead is not heard twice."""
    shard = lived()
    ahead = [("pump", "a", later(9), 20.0)]
    shard.apply(batch(shard.directory, ahead))
    shard.apply(Resume(later(0)))
    said = shard.apply(batch(shard.directory, ahead)).verdicts
    assert said is not None
    assert said.is_stale.all()


LEAP = 52 * 7 * 86_400 * SECOND
"""Whole weeks: the time of day and of the week stays what it is."""


def own_time(shard: Shard, rows: Sequence[Row], ahead: int = 0) -> Batch:
    """Return readings that their device dated a second before they came, by our clock that is `ahead`."""
    sent = batch(shard.directory, rows)
    return Batch(sent.stream, sent.observed_at, sent.received_at + SECOND + ahead, sent.value)


@pytest.mark.parametrize("leap", [LEAP, -LEAP])
def test_streams_that_we_date_do_not_notice_that_our_clock_is_set(leap: int) -> None:
    """By how much is known while we run: no pause is learned, no incident grows old, all is judged the same."""
    said = []
    for by in (0, leap):
        shard = lived()
        shard.apply(Maintenance(later(0), "room", later(2)))
        shard.apply(Resume(later(1) + by, by))
        rows = [
            (name, "a", later(minute) + by, 20.0 + minute % 3) for minute in range(1, 40) for name in ("pump", "room")
        ]
        said.append(shard.apply(batch(shard.directory, rows)).verdicts)
    without, with_leap = said
    assert without is not None
    for name, column in without.columns():
        np.testing.assert_array_equal(column, getattr(with_leap, name), err_msg=name)


def test_a_device_that_dates_itself_does_not_notice_that_our_clock_is_set() -> None:
    """Ours leaps back, and nothing of it is judged otherwise: what comes again is stale as before."""
    shard, expected = lived(), lived()
    rows = [("pump", "a", later(minute), 20.0) for minute in range(1, 9)]
    shard.apply(own_time(shard, rows[:4]))
    shard.apply(Resume(later(4) - LEAP, -LEAP))
    again = shard.apply(own_time(shard, rows[2:4], -LEAP)).verdicts
    assert again is not None
    assert again.is_stale.all()
    said = shard.apply(own_time(shard, rows[4:], -LEAP)).verdicts
    without = expected.apply(own_time(expected, rows)).verdicts
    assert said is not None
    assert without is not None
    for name, column in without.at(np.arange(4, 8)).columns():
        np.testing.assert_array_equal(getattr(said, name), column, err_msg=name)


def test_a_device_whose_clock_was_wrong_with_ours_goes_on_when_both_are_set_right() -> None:
    """It has its time from us, say: it must not wait for a year until it is heard again."""
    shard = lived()
    shard.apply(own_time(shard, [("pump", "a", later(minute) + LEAP, 20.0) for minute in range(1, 5)]))
    shard.apply(Resume(later(5), -LEAP))
    right = [("pump", "a", later(minute), 20.0) for minute in range(5, 9)]
    said = shard.apply(own_time(shard, right)).verdicts
    assert said is not None
    assert not said.is_stale.any()
    again = shard.apply(own_time(shard, right)).verdicts
    assert again is not None
    assert again.is_stale.all()
