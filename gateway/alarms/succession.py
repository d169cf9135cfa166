"""What is told when something learned anew takes the place of what was known: what changed for people, once."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import NamedTuple

from gateway.alarms import reasons
from gateway.alarms.incidents import Incidents
from gateway.alarms.opened import Open, incident
from gateway.records import Incident, Kind, State


class Case(NamedTuple):
    """What is open on a sensor, on a device, or, where `device` is empty, on several devices."""

    opened: Open
    device: str
    sensor: str | None
    devices: frozenset[str] = frozenset()

    def is_the_same(self, told: Incident) -> bool:
        """Whether people take it for what they were told under another id."""
        is_silence = (self.opened.kind == Kind.SILENT) == (told.kind == Kind.SILENT)
        has_shared = not self.device and bool(self.devices & set(told.devices))
        return (
            is_silence
            and (self.device, self.sensor) == (told.device, told.sensor)
            and (has_shared or told.device != "")
        )


class Succession(NamedTuple):
    """`ids` are those that people know instead of others, `over` is not open any more, `new` was not before."""

    ids: dict[str, str]
    over: list[Incident]
    new: list[Case]

    def told(self, at: int) -> list[Incident]:
        """What people are to hear of it, at this moment (ns)."""
        return [*(_closed(each, at) for each in self.over), *(_opened(each, at) for each in self.new)]


def succession(told: Iterable[Incident], by: Incidents, *, keeps_ids: bool = True) -> Succession:
    """What follows when these incidents take the place of others: `told` is the last word on each that was open.

    Where ids are not to be kept, what is still open and has another now is closed and opened.
    """
    was, cases = {each.id: each for each in told}, {case.opened.id: case for case in _cases(by)}
    new = [case for id_, case in cases.items() if id_ not in was]
    ids, over = dict[str, str](), list[Incident]()
    for one in (each for id_, each in was.items() if id_ not in cases):
        case = next((case for case in new if keeps_ids and case.is_the_same(one)), None)
        if case is None:
            over.append(one)
        else:
            ids[case.opened.id] = one.id
            new.remove(case)
    return Succession(ids, over, new)


def _cases(incidents: Incidents) -> Iterator[Case]:
    directory, devices = incidents.directory, incidents.directory.devices
    for row, opened in incidents.streams.items():
        yield Case(opened, directory.streams[row][0], opened.sensor)
    for row, opened in [*incidents.joint.items(), *incidents.silences.alone()]:
        yield Case(opened, devices[row], opened.sensor)
    for members, opened in incidents.silences.outages():
        yield Case(opened, "", None, frozenset(devices[row] for row in members))


def _closed(told: Incident, at: int) -> Incident:
    said = replace(told, value=None, expected=None, lower=None, upper=None)
    return replace(said, state=State.CLOSED, at=at, reason=reasons.learned_anew())


def _opened(case: Case, at: int) -> Incident:
    text = reasons.learned_anew(case.opened.reason)
    opened, name = (
        replace(case.opened),
        (case.device, case.sensor),
    )  # a copy: what is told is no part of what is learned
    return incident(opened, State.OPEN, name, at, text, devices=tuple(sorted(case.devices)))
