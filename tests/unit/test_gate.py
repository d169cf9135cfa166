"""From odd readings to one incident."""

import numpy as np
import pytest

from gateway.learning.gate import Gate, Phase
from gateway.records import SECOND, Change, Verdict

ROW = np.array([0])
MINUTE = 60 * SECOND
THRESHOLD = 4.0


class Stream:
    """One stream with a reading every minute."""

    def __init__(self, adopt_after_s: float = 24 * 3600.0) -> None:
        self.gate = Gate(adopt_after_s)
        self.gate.grow(1)
        self.at = 0

    def see(self, *decades: float, is_outside: bool = False) -> list[Change]:
        """Return what each of these does."""
        found = []
        for one in decades:
            self.at += MINUTE
            arguments = ROW, np.array([self.at]), np.array([one]), np.array([THRESHOLD]), np.array([is_outside])
            found.append(Change(int(self.gate.step(*arguments)[0])))
        return found

    @property
    def phase(self) -> Phase:
        """Where it stands."""
        return Phase(int(self.gate.arrays["phase"][0]))


def test_an_incident_opens_once_and_closes_after_quiet() -> None:
    """Odd readings in a row are one incident; twelve calm ones end it, a relapse before that begins the count anew."""
    stream = Stream()
    assert stream.see(0.0, 4.0, 5.0, 4.2) == [Change.NONE, Change.OPEN, Change.NONE, Change.NONE]
    assert set(stream.see(*[0.0] * 11)) == {Change.NONE}
    assert stream.see(3.6) == [Change.NONE]  # within the hysteresis: it is not over
    assert stream.see(*[0.0] * 12) == [*[Change.NONE] * 11, Change.CLOSED]
    assert stream.phase is Phase.CALM


def test_what_nearly_is_one_is_noticed_once() -> None:
    """A decade below the threshold is worth a line in the log, the first time."""
    stream = Stream()
    assert stream.see(3.1, 3.1, 3.9) == [Change.NOTICE, Change.NONE, Change.NONE]
    assert stream.see(4.0) == [Change.OPEN]


def test_a_notice_ends_unheard() -> None:
    """What was noticed and calmed down is forgotten without a word, and may be noticed again."""
    stream = Stream()
    stream.see(3.1)
    assert set(stream.see(*[0.0] * 12)) == {Change.NONE}
    assert stream.see(3.1) == [Change.NOTICE]


def test_much_worse_is_told_again() -> None:
    """Three decades rarer than what was told is news; that raises the bar for the next."""
    stream = Stream()
    assert stream.see(4.5, 7.4, 7.5, 8.0, 10.5) == [
        Change.OPEN, Change.NONE, Change.ESCALATE, Change.NONE, Change.ESCALATE,
    ]  # fmt: skip


def test_what_lasts_a_day_is_adopted() -> None:
    """After its time the new behaviour is the new normal, and until it is calm only what is much worse is told."""
    stream = Stream(24 * 60)
    assert stream.see(*[5.0] * 25, is_outside=True)[-2:] == [Change.NONE, Change.ADOPTED]
    assert stream.phase is Phase.SETTLING
    assert set(stream.see(*[5.0] * 30)) == {Change.NONE}
    assert stream.see(8.5) == [Change.OPEN]


def test_settling_ends_when_calm() -> None:
    """What was adopted and calmed down for as long as the longest window may open again like any other."""
    stream = Stream(24 * 60)
    stream.see(*[5.0] * 25, is_outside=True)
    phases = []
    for _ in range(24):
        stream.see(0.0)
        phases.append(stream.phase)
    assert phases == [*[Phase.SETTLING] * 23, Phase.CALM]
    assert stream.see(4.0) == [Change.OPEN]


def test_a_level_that_has_not_come_back_keeps_it_open() -> None:
    """Although nothing is rare any more, an incident lasts while the level is out of its old band."""
    stream = Stream(24 * 60)
    stream.see(6.0)
    assert set(stream.see(*[0.0] * 20, is_outside=True)) == {Change.NONE}
    assert stream.see(*[0.0] * 4, is_outside=True)[-1] is Change.ADOPTED


def test_what_a_glitch_leaves_behind_is_no_new_normal() -> None:
    """On a slow sensor the evidence remembers for longer than a day; only what outlasts that memory is adopted."""
    stream = Stream(60)
    assert set(stream.see(*[5.0] * 360)) == {Change.OPEN, Change.NONE}
    assert stream.see(5.0) == [Change.ADOPTED]


def test_what_is_nearly_over_is_not_adopted() -> None:
    """Only a reading that is itself still odd can make it the new normal."""
    stream = Stream(24 * 60)
    stream.see(*[5.0] * 20, is_outside=True)
    assert set(stream.see(*[0.0] * 11)) == {Change.NONE}
    assert stream.see(0.0) == [Change.CLOSED]


def test_what_was_adopted_may_grow_slowly() -> None:
    """A sensor that stays stuck becomes rarer with every reading, and that is not told again."""
    stream = Stream(24 * 60)
    stream.see(*[5.0] * 25, is_outside=True)
    assert set(stream.see(*np.arange(5.0, 30.0, 0.5))) == {Change.NONE}
    assert stream.see(33.0) == [Change.OPEN]


def test_a_fault_that_was_adopted_opens_again() -> None:
    """A person knows better: the next odd reading is told, and then it is never adopted."""
    stream = Stream(24 * 60)
    stream.see(*[5.0] * 25, is_outside=True)
    assert stream.gate.judge(ROW, Verdict.FAULT).tolist() == [Change.NONE]
    assert stream.see(5.0) == [Change.OPEN]
    assert set(stream.see(*[5.0] * 200, is_outside=True)) == {Change.NONE}


def test_a_false_alarm_is_forgiven_once_it_has_calmed_down() -> None:
    """Until then its readings belong to it, and afterwards it is not forgiven a second time."""
    stream = Stream()
    stream.see(5.0)
    assert stream.gate.judge(ROW, Verdict.FALSE_ALARM).tolist() == [Change.CLOSED]
    assert set(stream.see(5.0, *[0.0] * 23)) == {Change.NONE}
    assert not len(stream.gate.forgive(ROW))
    stream.see(0.0)
    assert stream.gate.forgive(ROW).tolist() == [0]
    assert not len(stream.gate.forgive(ROW))


def test_the_old_band_is_remembered() -> None:
    """Outside is what lies beyond the band held when the incident opened."""
    gate = Stream().gate
    gate.hold(ROW, (np.array([-1.0]), np.array([2.0])))
    assert [bool(gate.outside(ROW, np.array([level]))[0]) for level in (-1.5, -1.0, 2.0, 2.5)] == [
        True, False, False, True,
    ]  # fmt: skip


def test_an_incident_is_open_to_the_reading_that_closes_it() -> None:
    """From the reading after the one that opened it, to the one that closes it."""
    stream = Stream()
    assert not stream.gate.is_open(ROW)[0]
    stream.see(5.0)
    assert stream.gate.is_open(ROW)[0]
    stream.see(*[0.0] * 12)
    assert not stream.gate.is_open(ROW)[0]


def test_each_incident_makes_stricter_and_time_forgives() -> None:
    """At one incident per budget the strictness stays; without any it fades; it never passes its bound."""
    gate = Stream().gate
    opened, nothing = np.array([Change.OPEN], np.uint8), np.array([Change.NONE], np.uint8)
    gate.spend(ROW, opened, np.zeros(1), np.ones(1))
    first = float(gate.arrays["strictness"][0])
    for _ in range(10):
        gate.spend(ROW, nothing, np.array([0.1]), np.ones(1))
    assert first > 0.0
    assert float(gate.arrays["strictness"][0]) == pytest.approx(0.0, abs=1e-12)
    for _ in range(100):
        gate.spend(ROW, opened, np.zeros(1), np.ones(1))
    assert float(gate.arrays["strictness"][0]) == 1.5


def test_what_was_opened_is_counted_for_a_month() -> None:
    """In balance the count is the incidents of 30 days; what a person calls a fault was no false alarm."""
    gate, day = Stream().gate, np.array([86_400.0])
    for number in range(300):
        change = np.array([Change.OPEN if number % 10 == 0 else Change.NONE], np.uint8)
        gate.spend(ROW, change, day, np.ones(1))
    assert 2.5 < float(gate.arrays["opened"][0]) < 3.5
    before = float(gate.arrays["opened"][0])
    gate.judge(ROW, Verdict.FAULT)
    assert float(gate.arrays["opened"][0]) == before - 1.0
