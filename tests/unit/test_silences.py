"""Silent devices: alone, or together when they may all have stopped at one moment."""

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from readings import START

from gateway.alarms.opened import Told
from gateway.alarms.silences import Silences
from gateway.learning.directory import Directory
from gateway.learning.lookout import Late
from gateway.records import SECOND, Feedback, State, Verdict

MINUTE = 60 * SECOND


def house(devices: int = 12, zone: ZoneInfo | None = None) -> Silences:
    """Return the silences of as many devices, and one more that is never silent."""
    directory = Directory()
    for number in range(devices + 1):
        directory.add(f"d{number}", "a")
    return Silences(directory, zone)


def late(device: int, last_at: int = START, score: float = 0.6, longest: int = MINUTE) -> Late:
    """Return a device that is late."""
    return Late(device, last_at, longest, score)


def said(told: Sequence[Told]) -> list[tuple[str, State]]:
    """Return whom each is about, and what it says."""
    return [(one.incident.device, one.incident.state) for one in told]


def test_devices_that_stopped_at_one_moment_are_one_incident() -> None:
    """One is silent, eleven are late since the same minute: one message that names them all, and no other."""
    silences = house()
    told = silences.fall([late(0), *(late(device, START + device * SECOND, 0.3) for device in range(1, 12))], START)
    assert said(told) == [("", State.OPEN)]
    assert set(told[0].incident.devices) == {f"d{number}" for number in range(12)}
    assert told[0].incident.started_at == START + 11 * SECOND, "the last of them was still heard then"
    assert told[0].incident.reason.startswith("12 devices silent since 2023-11-14 22:13 UTC")
    assert silences.fall([late(device, score=0.7) for device in range(12)], START + MINUTE) == []


def test_moments_are_told_in_the_zone_of_the_house() -> None:
    """Who reads it looks at the clock on the wall."""
    silences = house(zone=ZoneInfo("Europe/Berlin"))
    (told,) = silences.fall([late(device) for device in range(12)], START)
    assert told.incident.reason.startswith("12 devices silent since 2023-11-14 23:13 CET")


def test_what_stopped_at_another_moment_is_another_incident() -> None:
    """Three that stopped ten minutes apart share no cause."""
    silences = house()
    told = silences.fall([late(device, START + device * 10 * MINUTE) for device in range(3)], START + 40 * MINUTE)
    assert said(told) == [(f"d{device}", State.OPEN) for device in range(3)]


def test_silences_told_one_by_one_become_one_when_the_third_comes() -> None:
    """The first two are closed as part of it; later ones join without a word until it has grown by half."""
    silences = house()
    assert said(silences.fall([late(0)], START)) == [("d0", State.OPEN)]
    assert said(silences.fall([late(1)], START)) == [("d1", State.OPEN)]
    assert said(silences.fall([late(2)], START)) == [("d0", State.CLOSED), ("d1", State.CLOSED), ("", State.OPEN)]
    assert silences.fall([late(3)], START) == []
    assert said(silences.fall([late(4)], START)) == [("", State.UPDATE)]
    assert len(silences) == 1


def test_an_outage_ends_with_the_first_quarter_and_awaits_the_rest() -> None:
    """One of eight may have been counted by mistake; two say that it is over, and six have their pause from then on."""
    silences = house()
    silences.fall([late(device) for device in range(8)], START)
    assert list(silences.heard(0, START + 5 * MINUTE)) == []
    assert said(list(silences.heard(1, START + 6 * MINUTE))) == [("", State.CLOSED)]
    assert silences.awaited == dict.fromkeys(range(2, 8), START + 6 * MINUTE)
    assert silences.silent() == []
    assert list(silences.heard(2, START + 7 * MINUTE)) == []
    assert said(silences.fall([late(3)], START + 60 * MINUTE)) == [("d3", State.OPEN)], "this one did not come back"
    assert 3 not in silences.awaited


def test_a_word_takes_one_device_off_an_outage() -> None:
    """False alarm for one: it is no longer silent; the others still are, and that is told. A fault changes nothing."""
    silences = house()
    silences.fall([late(device) for device in range(8)], START)
    opened = silences.opened(3)
    assert opened
    for verdict, silent in ((Verdict.FAULT, 8), (Verdict.FALSE_ALARM, 7)):
        (answer,) = silences.heed(3, Feedback(START, "d3", opened.id, verdict))
        assert (answer.incident.state, len(answer.incident.devices)) == (State.UPDATE, silent)
    assert 3 not in silences
    assert len(silences.silent()) == 7
    for device in (0, 1, 2):
        assert list(silences.heed(device, Feedback(START, f"d{device}", opened.id, Verdict.FALSE_ALARM)))
    assert len(silences.silent()) == 4, "nobody was heard again"
    words = (Feedback(START, f"d{device}", opened.id, Verdict.NEW_NORMAL) for device in range(4, 8))
    told = [each.incident for word in words for each in silences.heed(int(word.device[1:]), word)]
    left = [("d5", "d6", "d7"), ("d6", "d7"), ("d7",), ("d7",)]
    assert [(each.id, each.devices) for each in told] == [(opened.id, devices) for devices in left]
    assert [each.state for each in told] == [*[State.UPDATE] * 3, State.CLOSED]
    assert not silences


def test_a_fault_that_a_person_confirms_keeps_its_reason() -> None:
    """Of one alone and of one of many: answered at once, and what is open is still told for what it is."""
    silences = house()
    (alone,) = silences.fall([late(0)], START)
    many = silences.fall([late(device, START + 60 * MINUTE) for device in range(4, 8)], START + 120 * MINUTE)
    for device, told in ((0, alone), (5, many[0])):
        (answer,) = silences.heed(device, Feedback(START + 121 * MINUTE, f"d{device}", told.incident.id, Verdict.FAULT))
        assert answer.incident.state is State.UPDATE
        assert answer.incident.reason.startswith(f"d{device}: You confirmed the fault")
        opened = silences.opened(device)
        assert opened is not None
        assert opened.reason == told.incident.reason
    assert set(answer.incident.devices) == {"d4", "d5", "d6", "d7"}


def test_a_silence_that_does_not_pass_is_told_once_more() -> None:
    """After six hours, one severity worse, of one and of an outage; and then no more."""
    silences = house()
    silences.fall([late(0, START)], START + MINUTE)
    silences.fall([late(device, START + 60 * MINUTE) for device in range(4, 8)], START + 120 * MINUTE)
    assert silences.fall([], START + 359 * MINUTE) == []
    (one,) = silences.fall([], START + 361 * MINUTE)
    (many,) = silences.fall([], START + 421 * MINUTE)
    assert silences.fall([], START + 999 * MINUTE) == []
    for told, name in ((one, "d0"), (many, "")):
        assert (told.incident.device, told.incident.state) == (name, State.UPDATE)
        assert told.incident.reason.endswith("That was 6 h ago, and it has not passed.")
        assert told.incident.severity == "critical"
    assert set(many.incident.devices) == {"d4", "d5", "d6", "d7"}


def test_who_is_back_is_not_counted() -> None:
    """One of eight is heard again before the last four join: eleven are silent, and that is not everyone."""
    silences = house(11)
    silences.fall([late(device) for device in range(8)], START)
    assert list(silences.heard(0, START + 5 * MINUTE)) == []
    (told,) = silences.fall([late(device) for device in range(8, 12)], START + 6 * MINUTE)
    assert told.incident.reason.startswith("11 devices silent since")
    assert len(told.incident.devices) == 11


def test_who_falls_silent_again_is_told_by_another_name() -> None:
    """A silence that a person called normal and that is told after all is another incident."""
    silences = house()
    (first,) = silences.fall([late(0)], START)
    word = Feedback(START + MINUTE, "d0", None, Verdict.FALSE_ALARM)
    assert said(list(silences.heed(0, word))) == [("d0", State.CLOSED)]
    (second,) = silences.fall([late(0)], START + 2 * MINUTE)
    assert first.incident.id != second.incident.id


def test_it_survives_a_restart() -> None:
    """Saved and loaded, it goes on the same."""
    silences = house()
    silences.fall([late(device) for device in range(4)], START)
    silences.fall([late(9, START + 30 * MINUTE)], START + 60 * MINUTE)
    list(silences.heard(0, START + 90 * MINUTE))
    again = house()
    again.loads(silences.dumps())
    assert again.dumps() == silences.dumps()
    assert said(list(again.heard(9, START + 91 * MINUTE))) == [("d9", State.CLOSED)]


def test_everybody_at_once_points_elsewhere() -> None:
    """When no device is left the network or the broker is the suspect."""
    directory = Directory()
    for number in range(5):
        directory.add(f"d{number}", "a")
    (told,) = Silences(directory).fall([late(device) for device in range(5)], START)
    assert told.incident.reason.startswith("All 5 devices silent")
