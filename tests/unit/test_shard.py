"""The core as a value: entries in, what follows out."""

import functools

import numpy as np
import pytest
from readings import START, batch, learn, life

from gateway.errors import StateError
from gateway.learning.streams import Policy
from gateway.records import SECOND, Change, Kind, Resume, State, Tick
from gateway.shard import Rules, Shard

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
