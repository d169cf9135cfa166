"""Readings in portions: nobody waits behind another's long list, and nothing is lost or put out of order."""

from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st
from readings import START, Row, batch, message

from gateway.learning.directory import Directory
from gateway.portions import ROUNDS, Portions
from gateway.records import Batch, Entry, Message, Resume


@pytest.fixture
def directory() -> Directory:
    """Give a directory that knows two devices with two sensors each."""
    directory = Directory()
    for device in ("pump", "room"):
        for sensor in ("a", "b"):
            directory.add(device, sensor)
    return directory


def rows(device: str, sensors: str, number: int, at: int = START) -> list[Row]:
    """Return so many readings of each of these sensors, all of one message."""
    return [(device, sensor, at, float(index)) for index in range(number) for sensor in sensors]


def in_words(directory: Directory, entries: list[Entry]) -> list[tuple[str, str, float]]:
    """Return the readings of some entries with names."""
    return [
        (*directory.streams[stream], value)
        for entry in entries
        if isinstance(entry, Batch)
        for stream, value in zip(entry.stream.tolist(), entry.value.tolist(), strict=True)
    ]


def test_what_is_short_is_learned_at_once(directory: Directory) -> None:
    """Many streams at once take no longer than one."""
    fed = batch(directory, rows("pump", "ab", ROUNDS) + rows("room", "ab", ROUNDS))
    portions = Portions(directory)
    assert portions.next([fed]) == [fed]
    assert not portions
    assert portions.next([]) == []


def in_turn(first: int) -> list[tuple[str, str, float]]:
    """Return a portion's worth of readings of each of the two devices."""
    return [(device, "a", float(first + number)) for device in ("pump", "room") for number in range(ROUNDS)]


def test_a_long_list_lets_the_others_pass(directory: Directory) -> None:
    """A portion of it with all of theirs, and a portion with whatever is new each time after."""
    portions = Portions(directory)
    first = portions.next([batch(directory, rows("pump", "a", 2 * ROUNDS + 1) + rows("room", "a", ROUNDS))])
    assert in_words(directory, first) == in_turn(0)
    second = portions.next([batch(directory, rows("room", "a", 2 * ROUNDS)[ROUNDS:])])
    assert in_words(directory, second) == in_turn(ROUNDS)
    assert portions
    assert in_words(directory, portions.next([])) == [("pump", "a", 2.0 * ROUNDS)]
    assert not portions


def test_a_message_is_done_when_all_of_it_is_learned(directory: Directory) -> None:
    """Not sooner, or a crash would lose the rest; the others' at once."""
    long, short = message("devices/pump/readings", "", START), message("devices/room/readings", "", START + 1)
    portions = Portions(directory)
    portions.next([batch(directory, rows("pump", "a", ROUNDS + 1) + rows("room", "a", 1, START + 1))])
    assert portions.release([long, short]) == [short]
    assert portions.held == [long]
    portions.next([])
    assert portions.release([]) == [long]
    assert portions.held == []


def test_events_pass_what_waits(directory: Directory) -> None:
    """They concern what comes after them; what waits has not arrived yet, as far as the log knows."""
    fed: list[Entry] = [
        batch(directory, rows("pump", "a", ROUNDS + 1)),
        Resume(START),
        batch(directory, rows("pump", "b", 1)),
    ]
    portions = Portions(directory)
    assert [type(entry) for entry in portions.next(fed)] == [Batch, Resume]
    assert in_words(directory, portions.next([Resume(START)])) == [("pump", "a", float(ROUNDS)), ("pump", "b", 0.0)]


@given(st.lists(st.lists(st.tuples(st.sampled_from("pr"), st.sampled_from("ab"), st.integers(1, 40)), max_size=4)))
def test_nothing_is_lost_or_overtakes_within_a_device(steps: list[list[tuple[str, str, int]]]) -> None:
    """Whatever arrives, each device's readings come out whole and in order, in portions that are never too long."""
    directory, number, arrived, learned = Directory(), count(), list[Row](), list[tuple[str, str, float]]()
    portions, unreleased = Portions(directory), set[Message]()
    for step in [*steps, *[[]] * 1000]:
        fed, messages = list[Row](), list[Message]()
        for device, sensor, length in step:
            messages.append(message(device, "", START + next(number)))
            fed += [(device, sensor, messages[-1].received_at, float(next(number))) for _ in range(length)]
        arrived += fed
        unreleased |= set(messages)
        portion = portions.next([batch(directory, fed)] if fed else [])
        for entry in portion:
            assert isinstance(entry, Batch)
            assert max(entry.stream.tolist().count(row) for row in set(entry.stream.tolist())) <= ROUNDS
        learned += in_words(directory, portion)
        unreleased -= set(portions.release(messages))
    assert not portions
    assert not unreleased
    for device in "pr":
        assert [row for row in learned if row[0] == device] == [
            (name, sensor, value) for name, sensor, _, value in arrived if name == device
        ]


def test_what_is_left_keeps_its_name_when_the_rows_are_others(directory: Directory) -> None:
    """A device that is undone stands last afterwards; what waits of the others must not become its own."""
    portions = Portions(directory)
    sent = rows("room", "ab", ROUNDS + 1)
    learned = in_words(directory, portions.next([batch(directory, sent)]))
    names, other = directory.streams, Directory()
    for name in reversed(names):
        other.add(*name)
    directory.become(other)
    portions.renumber(names)
    learned += in_words(directory, portions.next([]))
    assert learned == [(device, sensor, value) for device, sensor, _, value in sent]
