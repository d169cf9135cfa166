"""What dialects remember: bounded, and counted where it finds no room."""

from gateway.codecs import Decoded
from gateway.codecs.memory import LONGEST_KEY, ROOM, Memory, Repeats
from gateway.records import SECOND, Reading, Reason


def test_a_full_memory_refuses_new_names_and_keeps_the_known() -> None:
    """A flood of invented names cannot push out those in use."""
    memory: Memory[int] = Memory(room=2)
    assert memory.put("a", 1)
    assert memory.put("b", 2)
    assert not memory.put("c", 3)
    assert memory.put("a", 4)
    assert memory.get("a") == 4
    assert "c" not in memory
    memory.pop("b")
    assert memory.put("c", 5)
    assert memory.names() == ["a", "c"]
    assert len(memory) == 2


def test_names_too_long_are_not_remembered() -> None:
    """Room is counted in names, so names must be bounded too."""
    assert not Memory[int]().put("x" * (LONGEST_KEY + 1), 1)
    assert Memory[int]().put("x" * LONGEST_KEY, 1)


def said(repeats: Repeats, value: float, at: int, sensor: str = "s") -> Decoded:
    """Return what is left of one reading."""
    decoded = Decoded([Reading("d", sensor, value, None)])
    repeats.drop(decoded, at)
    return decoded


def test_a_repeated_value_counts_again_after_a_while() -> None:
    """Within the time it is a rejection, later a sample: a sensor that is stuck must stay visible."""
    repeats = Repeats(60.0)
    assert said(repeats, 1.0, 0).readings
    assert [reason for *_, reason in said(repeats, 1.0, 59 * SECOND).rejections] == [Reason.REPEATED]
    assert said(repeats, 1.0, 60 * SECOND).readings
    assert said(repeats, 2.0, 61 * SECOND).readings
    assert said(repeats, 1.0, 62 * SECOND).readings
    assert said(repeats, 1.0, 50 * SECOND).readings  # the clock was set back


def test_what_finds_no_room_is_learned_and_counted() -> None:
    """Without memory a repeat cannot be told: better twice than never."""
    repeats = Repeats(60.0)
    for number in range(ROOM):
        said(repeats, 1.0, 0, f"s{number}")
    decoded = said(repeats, 1.0, 0, "one more")
    assert decoded.readings
    assert [reason for *_, reason in decoded.rejections] == [Reason.MEMORY]
