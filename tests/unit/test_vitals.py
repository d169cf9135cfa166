"""The gateway's own health."""

from readings import START

from gateway.records import SECOND
from gateway.vitals import EVERY, Vitals


def test_a_note_says_how_long_readings_waited() -> None:
    """The longest since the last note, from arrival to being told."""
    vitals = Vitals()
    vitals.learned(START, START + 5_000_000)
    vitals.learned(START, START + 250_000)
    assert vitals.note(START + SECOND, {"readings": 2.0}).numbers["latency_ms"] == 5.0
    assert vitals.note(START + 2 * SECOND, {}).numbers["latency_ms"] == 0.0


def test_a_note_says_what_the_kernel_says() -> None:
    """Memory, time and bytes written, beside what was handed in."""
    note = Vitals().note(START, {"readings": 2.0})
    assert note.at == START
    assert note.numbers["readings"] == 2.0
    assert note.numbers["memory_bytes"] > 1e6
    assert note.numbers["cpu_s"] > 0
    assert note.numbers["written_bytes"] >= 0


def test_notes_come_at_their_pace() -> None:
    """Also after the clock was set back: then there would be none for years."""
    vitals = Vitals()
    assert vitals.is_due(START)
    vitals.note(START, {})
    assert not vitals.is_due(START + EVERY - 1)
    assert vitals.is_due(START + EVERY)
    assert vitals.is_due(START - SECOND)
