"""What a person says of a silence: while it lasts, when it is over, and of an outage that others have left."""

import pytest
from readings import START, Row, batch

from gateway.records import SECOND, Availability, Feedback, Incident, Resume, State, Tick, Verdict
from gateway.shard import Rules, Shard

MINUTE, HOUR = 60 * SECOND, 3600 * SECOND
BEATS = 200
LAST = START + BEATS * MINUTE
EVERYONE = ("d0", "d1", "d2", "d3", "d4")
HABIT = ("longest", "mean", "deviation")


def lived(devices: tuple[str, ...] = ("d0",)) -> Shard:
    """Return a shard that has heard these devices once a minute."""
    shard = Shard(Rules())
    for number in range(1, BEATS + 1):
        hear(shard, START + number * MINUTE, *devices)
    return shard


def hear(shard: Shard, at: int, *devices: str) -> list[Incident]:
    """Return what is told when these devices are heard."""
    rows: list[Row] = [(device, "a", at, 20.0) for device in devices]
    return [each.incident for each in shard.apply(batch(shard.directory, rows)).changes]


def tick(shard: Shard, at: int) -> list[Incident]:
    """Return what the clock tells."""
    return [each.incident for each in shard.apply(Tick(at)).changes]


def say(shard: Shard, verdict: Verdict, incident: Incident, at: int, device: str = "d0") -> bool:
    """Return whether this word on an incident is understood."""
    return shard.apply(Feedback(at, device, incident.id, verdict)).is_understood


def again(shard: Shard, at: int) -> None:
    """Let the device be heard once a minute for ten minutes from this moment on."""
    for number in range(11):
        hear(shard, at + number * MINUTE, "d0")


def test_a_silence_that_is_over_can_be_called_fine() -> None:
    """Whoever reads of it in the morning says so then; a pause as long is not told again, by day or by night."""
    told, taught = lived(), lived()
    for shard in (told, taught):
        (silent,) = tick(shard, LAST + 5 * HOUR)
        assert hear(shard, LAST + 8 * HOUR, "d0")[0].state is State.CLOSED
    assert say(taught, Verdict.FALSE_ALARM, silent, LAST + 8 * HOUR)
    for shard in (told, taught):
        again(shard, LAST + 8 * HOUR + MINUTE)
    assert tick(told, LAST + 17 * HOUR) != []
    assert tick(taught, LAST + 17 * HOUR) == []


@pytest.mark.parametrize("is_over", [False, True])
def test_a_silence_that_was_a_fault_is_no_habit(*, is_over: bool) -> None:
    """Confirmed while it lasts or when it is over: the longest pause is what it was."""
    shard = lived()
    longest = shard.fleet.hearts.arrays["longest"][0]
    (silent,) = tick(shard, LAST + HOUR)
    if not is_over:
        assert say(shard, Verdict.FAULT, silent, LAST + HOUR)
    hear(shard, LAST + 2 * HOUR, "d0")
    if is_over:
        assert shard.fleet.hearts.arrays["longest"][0] > longest
        assert say(shard, Verdict.FAULT, silent, LAST + 2 * HOUR)
    assert shard.fleet.hearts.arrays["longest"][0] == longest
    hear(shard, LAST + 2 * HOUR + 2 * MINUTE, "d0")
    assert shard.fleet.hearts.arrays["longest"][0] > longest, "a pause of two minutes is learned as ever"


def test_a_fault_that_was_none_can_be_called_fine() -> None:
    """And a fault that was called fine a fault: the last word counts."""
    shard = lived()
    before = [shard.fleet.hearts.arrays[name][0] for name in HABIT]
    (silent,) = tick(shard, LAST + HOUR)
    assert say(shard, Verdict.FALSE_ALARM, silent, LAST + HOUR)
    assert say(shard, Verdict.FAULT, silent, LAST + HOUR + SECOND)
    assert [shard.fleet.hearts.arrays[name][0] for name in HABIT] == before
    assert say(shard, Verdict.FALSE_ALARM, silent, LAST + HOUR + SECOND)
    assert shard.fleet.hearts.arrays["longest"][0] == HOUR


def test_one_that_is_still_silent_after_its_outage_can_be_called_fine() -> None:
    """The first are back and the outage is closed: a word on it is on the one that is not, too."""
    shard = lived(EVERYONE)
    (outage,) = tick(shard, LAST + HOUR)
    assert set(outage.devices) == set(EVERYONE)
    assert [each.state for each in hear(shard, LAST + 2 * HOUR, "d3", "d4")] == [State.CLOSED]
    assert say(shard, Verdict.FALSE_ALARM, outage, LAST + 2 * HOUR + MINUTE)
    assert shard.fleet.hearts.arrays["longest"][0] == 2 * HOUR + MINUTE
    told = tick(shard, LAST + 2 * HOUR + 30 * MINUTE)
    assert {name for each in told for name in each.devices or [each.device]} == {"d1", "d2", "d3", "d4"}


def test_a_word_counts_though_the_gateway_was_restarted_amid_the_silence() -> None:
    """For a part of it nobody listened; what the person means is the whole."""
    shard = lived()
    (silent,) = tick(shard, LAST + 5 * HOUR)
    shard.apply(Resume(LAST + 6 * HOUR))
    assert say(shard, Verdict.FALSE_ALARM, silent, LAST + 6 * HOUR + MINUTE)
    assert tick(shard, LAST + 12 * HOUR) == []


def test_a_word_on_an_older_silence_takes_nothing_from_a_newer_one() -> None:
    """The one was a fault, the other fine: as long a pause as that is not told again."""
    shard = lived()
    (first,) = tick(shard, LAST + HOUR)
    again(shard, LAST + 2 * HOUR)
    at = LAST + 2 * HOUR + 10 * MINUTE
    (second,) = tick(shard, at + 8 * HOUR)
    assert say(shard, Verdict.FALSE_ALARM, second, at + 8 * HOUR)
    again(shard, at + 9 * HOUR)
    assert say(shard, Verdict.FAULT, first, at + 9 * HOUR + 10 * MINUTE)
    assert tick(shard, at + 17 * HOUR) == []


@pytest.mark.parametrize("verdict", Verdict)
@pytest.mark.parametrize("known", range(6))
def test_a_word_on_a_device_that_is_only_being_met_is_not_understood(known: int, verdict: Verdict) -> None:
    """Its first reading comes in the same moment, by which its name is known already; the gateway goes on."""
    shard = lived(tuple(f"d{number}" for number in range(known)))
    first = batch(shard.directory, [("new", "a", LAST + MINUTE, 20.0)])
    assert not shard.apply(Feedback(LAST, "new", None, verdict)).is_understood
    shard.apply(first)
    assert shard.fleet.hearts.arrays["beats"][known] == 1


def test_one_that_said_goodbye_is_told_so() -> None:
    """One usual gap is no far longer pause than usual."""
    shard = lived()
    shard.apply(Availability(LAST + SECOND, "d0", is_online=False))
    (silent,) = tick(shard, LAST + 2 * MINUTE)
    assert silent.reason == (
        "The device said goodbye, or its broker did in its name, and nothing was heard for 2 min, longer than it"
        " usually pauses."
    )
