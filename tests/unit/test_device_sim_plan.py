"""The plan of faults is fair, repeatable and refuses what does not fit."""

from itertools import pairwise

import pytest

from device_sim.errors import UsageError
from device_sim.faults import FAULTS
from device_sim.fleet import KINDS, roster
from device_sim.plan import Candidate, Window, parse, plan

START = 1_790_000_000.0
WINDOW = Window(START, 86_400.0, 3_600.0)
DEVICES = [Candidate(name, kind, START + 7.0) for name, kind in roster(list(KINDS.values()), 24)]


def test_same_seed_is_same_plan() -> None:
    """The truth can be repeated; another seed is another plan."""
    assert plan(DEVICES, parse("all"), WINDOW, 1) == plan(DEVICES, parse("all"), WINDOW, 1)
    assert plan(DEVICES, parse("all"), WINDOW, 1) != plan(DEVICES, parse("all"), WINDOW, 2)


def test_one_alarming_fault_a_device_spread_over_the_span() -> None:
    """While there are devices enough none has two alarming faults, and every hour of the span gets its share."""
    onsets = plan(DEVICES, parse("spike=8,shift=4,silent=4"), WINDOW, 3)
    assert len({onset.device for onset in onsets}) == 16
    assert [int((o.started_at - START) / 86_400 * 16) for o in onsets] == pytest.approx(list(range(16)), abs=1)


def test_never_two_at_once_and_none_after_death() -> None:
    """With more faults than devices they follow one another with the gap between them."""
    onsets = plan(DEVICES[:8], parse("spike=20,silent=2,malformed=4"), WINDOW, 4)
    for device in DEVICES[:8]:
        mine = [onset for onset in onsets if onset.device == device.name]
        assert all(a.ended_at + WINDOW.gap_s <= b.started_at for a, b in pairwise(mine))


def test_onset_is_at_a_reading() -> None:
    """A spike begins exactly when its device reports, so that one reading is hit."""
    (onset,) = plan(DEVICES[:1], parse("spike=1"), WINDOW, 1)
    assert (onset.started_at - DEVICES[0].first_at) % DEVICES[0].kind.interval_s == pytest.approx(0.0)


def test_sizes_can_be_set() -> None:
    """`--fault-sizes` overrides the table."""
    assert [fault.size for fault in parse("spike=2,shift=1", "spike=12")] == [12.0, 12.0, 6.0]
    assert len(parse("all")) == len(FAULTS)
    assert parse("none") == []


@pytest.mark.parametrize(
    "spec", ["spyke=1", "spike", "spike=x", "spike=1.5", "spike=-1", "", "spike=nan", "all,spike=1"]
)
def test_wrong_spec_is_refused(spec: str) -> None:
    """A wrong spec is told in one line that names the option."""
    with pytest.raises(UsageError, match=r"^--faults: .*$"):
        parse(spec)


def test_too_many_are_refused() -> None:
    """One device cannot die twice."""
    with pytest.raises(UsageError, match="no device is free"):
        plan(DEVICES[:1], parse("silent=2"), WINDOW, 1)
