"""All learners of a shard together."""

import io
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from readings import START, batch, life
from series import DAY_S, columns, noise

from gateway.errors import StateError
from gateway.learning.directory import Directory
from gateway.learning.fleet import Fleet
from gateway.learning.stock import ModelRule
from gateway.learning.streams import Policy
from gateway.records import SECOND

RULE = ModelRule("river.time_series.HoltWinters", "pump", "a", params={"alpha": 0.5})


def fleet(*rules: ModelRule) -> Fleet:
    """Return a newborn fleet."""
    return Fleet(Directory(), Policy(), rules)


def twin(of: Fleet, *rules: ModelRule) -> Fleet:
    """Return a newborn fleet with the same names."""
    other = fleet(*rules)
    for device, sensor in of.directory.streams:
        other.directory.add(device, sensor)
    return other


def test_equal_pasts_are_equal_bytes() -> None:
    """Two fleets that lived through the same readings save the same bytes, and one that read them saves them again."""
    first, second = fleet(RULE), fleet(RULE)
    for one in (first, second):
        one.learn_many(batch(one.directory, life(60)))
    assert first.dumps() == second.dumps()
    again = twin(first, RULE)
    again.loads(first.dumps())
    assert again.dumps() == first.dumps()


CHILD = """
import sys
from readings import batch, life
from gateway.learning.directory import Directory
from gateway.learning.fleet import Fleet
from gateway.learning.stock import ModelRule
from gateway.learning.streams import Policy
fleet = Fleet(Directory(), Policy(), [ModelRule("river.time_series.HoltWinters", "pump", "a", params={"alpha": 0.5})])
rows = life(60)
batch(fleet.directory, rows)
fleet.loads(sys.stdin.buffer.read())
fleet.learn_many(batch(fleet.directory, rows[120:]))
sys.stdout.buffer.write(fleet.dumps())
"""


def test_another_process_goes_on_bit_for_bit() -> None:
    """State saved here and loaded in a new interpreter becomes, with the rest of the readings, the same state."""
    rows, of = life(60), fleet(RULE)
    of.learn_many(batch(of.directory, rows[:120]))
    environment = {"PYTHONPATH": str(Path(__file__).parents[1]), "PYTHONHASHSEED": "7"}
    child = subprocess.run(
        [sys.executable, "-c", CHILD], input=of.dumps(), capture_output=True, check=True, env=environment, timeout=60
    )
    of.learn_many(batch(of.directory, rows[120:]))
    assert child.stdout == of.dumps()


def repacked(body: bytes, name: str, content: bytes | None) -> bytes:
    """Return saved state with one part replaced or left out."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(body)) as old, zipfile.ZipFile(out, "w") as new:
        for part in old.namelist():
            if part != name:
                new.writestr(part, old.read(part))
            elif content is not None:
                new.writestr(part, content)
    return out.getvalue()


def test_damaged_state_is_refused() -> None:
    """Cut off, of another version, without an array or with another shape: one error, which says so."""
    of = fleet()
    of.learn_many(batch(of.directory, life(5)))
    good, wrong = of.dumps(), io.BytesIO()
    np.save(wrong, np.zeros((3, 3, 4)))
    for bad in (
        good[: len(good) // 2],
        b"",
        repacked(good, "models.json", b'{"version": 0}'),
        repacked(good, "models.json", b"{"),
        repacked(good, "streams/pool/scale", None),
        repacked(good, "streams/pool/scale", wrong.getvalue()),
    ):
        with pytest.raises(StateError):
            twin(of).loads(bad)


NOBODY = np.zeros(0, dtype=np.int64)


def test_a_silent_device_is_late() -> None:
    """Of two devices the one that stopped is named, with when it was last heard, until it is known to be silent."""
    of = fleet()
    rows = [(device, "a", START + minute * 60 * SECOND, 20.0) for minute in range(60) for device in ("pump", "room")]
    more = [("room", "a", START + minute * 60 * SECOND, 20.0) for minute in range(60, 90)]
    of.learn_many(batch(of.directory, rows + more))
    at = START + 90 * 60 * SECOND - SECOND
    (late,) = of.lookout.late(at, NOBODY)
    assert (late.device, late.last_at, late.longest) == (0, START + 59 * 60 * SECOND, 60 * SECOND)
    assert 0.5 <= late.score < 1.0
    assert of.lookout.late(at + SECOND, np.array([0])) == []


def test_after_deafness_nobody_is_silent() -> None:
    """Pauses that the gateway slept through prove nothing."""
    of = fleet()
    of.learn_many(batch(of.directory, life(60)))
    at = START + 10 * DAY_S * SECOND
    of.hearts.resume(at)
    assert of.lookout.late(at + SECOND, NOBODY) == []


def test_forecasts_know_the_rhythm() -> None:
    """A daily rhythm is foretold 12 hours ahead, within an interval that holds what comes; wider for more coverage."""
    of, step_s, days = fleet(), 1800, 12
    of.directory.add("house", "load")
    readings = days * DAY_S // step_s
    rhythm = 20 + 5 * np.sin(2 * np.pi * np.arange(readings + 48) * step_s / DAY_S)
    of.learn_many(columns((rhythm[:readings] + 0.3 * noise(readings, 1)[:, 0])[:, None], step_s))
    following, later = of.forecast([0], [12 * 3600.0], 0.9)
    last_at = START + (readings - 1) * step_s * SECOND
    assert (following.made_at, following.due_at, later.due_at) == (
        last_at, last_at + step_s * SECOND, last_at + 12 * 3600 * SECOND,
    )  # fmt: skip
    assert following.expected == pytest.approx(rhythm[readings], abs=1.0)
    assert later.expected == pytest.approx(rhythm[readings - 1 + 24], abs=1.5)
    assert later.lower < rhythm[readings - 1 + 24] < later.upper
    wide = of.forecast([0], [], 0.99)[0]
    assert wide.upper - wide.lower > following.upper - following.lower


def test_no_forecast_before_there_is_one() -> None:
    """Unknown and newborn streams are left out."""
    of = fleet()
    of.learn_many(batch(of.directory, [("pump", "a", START, 1.0)]))
    assert of.forecast([0, 17], [60.0], 0.9) == []
    assert of.forecast([], [60.0], 0.9) == []


def test_streams_that_come_later_change_nothing() -> None:
    """A device that appears in the middle leaves the verdicts on the others as they would have been."""
    rows = life(80, devices=("pump",))
    alone, joined = fleet(), fleet()
    expected = alone.learn_many(batch(alone.directory, rows))
    first = joined.learn_many(batch(joined.directory, rows[:60]))
    joined.learn_many(batch(joined.directory, [("new", "x", START, 5.0)]))
    second = joined.learn_many(batch(joined.directory, rows[60:]))
    assert np.concatenate([first.score, second.score]).tolist() == expected.score.tolist()
    assert np.array_equal(np.concatenate([first.expected, second.expected]), expected.expected, equal_nan=True)


def test_a_chosen_forecasters_word_is_what_is_published() -> None:
    """The next value of its stream follows the chosen model; that of the other sensor stays the pool's."""
    default, chosen = fleet(), fleet(RULE)
    rows = life(40)
    for one in (default, chosen):
        one.learn_many(batch(one.directory, rows))
    theirs, ours = (one.forecast([0, 1], [], 0.9) for one in (default, chosen))
    assert theirs[0].expected != ours[0].expected
    assert theirs[1] == ours[1]
