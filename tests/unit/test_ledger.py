"""What was learned on its way into the log, where it cannot be written."""

import numpy as np
import pytest
from readings import START, verdicts

from gateway import ledger
from gateway.ledger import Pending
from gateway.records import Availability, Batch, Event, Feedback, Incident, Kind, Maintenance, State, Tick, Verdict


def told(number: int) -> Incident:
    """Return one change of an incident."""
    nothing = (None, None, None, None, "because")
    return Incident(str(number), State.OPEN, "pump", "a", Kind.SPIKE, "high", 0.6, START, START, *nothing)


def test_of_what_is_let_go_the_newest_words_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """In their order before what came later, and readings not at all; what found no room is counted."""
    monkeypatch.setattr(ledger, "WORDS", 2)
    one = np.zeros(1, dtype=np.int64)
    reading = (Batch(one, one, one, np.zeros(1)), verdicts(1))
    gone = Pending(entries=[Tick(1), reading, Tick(2), Tick(3)], incidents=[told(1), told(2), told(3), told(4)])
    kept = Pending(entries=[Tick(4), reading], incidents=[told(5)])
    assert kept.take_over(gone) == 3
    assert kept.entries == [Tick(2), Tick(3), Tick(4), reading]
    assert kept.incidents == [told(3), told(4), told(5)]


def test_a_flapping_fleet_pushes_out_no_word_of_a_person(monkeypatch: pytest.MonkeyPatch) -> None:
    """What nothing says again is kept first, and for what is left the newest of the rest; all in their order."""
    monkeypatch.setattr(ledger, "WORDS", 3)
    word, work = Feedback(1, "pump", "id", Verdict.FAULT), Maintenance(3, "pump", 9)
    flapping: list[Event] = [Availability(at, "fan", is_online=at % 2 == 0) for at in range(4, 9)]
    kept = Pending()
    assert kept.take_over(Pending(entries=[word, Tick(2), work, *flapping])) == 5
    assert kept.entries == [word, work, flapping[-1]]
