"""Silent devices: each told once, and those that stopped at one moment told as one cause."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import tzinfo
from typing import Any

from gateway.alarms import reasons
from gateway.alarms.opened import Open, Told, identity, incident, lasts
from gateway.learning.directory import Directory
from gateway.learning.lookout import Late
from gateway.records import SECOND, Feedback, Kind, State, Verdict

FALLEN = 0.5
"""Score from which a device is silent, and not just late."""

LEAST_MEMBERS = 3
"""Two devices may stop in the same minute by chance; what three share is rather their access point."""

TOLD_AGAIN = 1.5
"""An outage that has grown by this factor is told again."""

RETURNED = 0.25
"""Share of an outage's devices that are heard again when it is over: one alone may have been counted by mistake."""


REMEMBERED = 20
"""Silences of a device that are over and that a person may still say something of."""


@dataclass(slots=True)
class Alone:
    """A device that is silent for a reason of its own: it stopped after `opened.started_at` and before `stopped_by`."""

    opened: Open
    stopped_by: int


@dataclass(slots=True)
class Outage:
    """Devices that may all have stopped at one moment, after `opened.started_at` and before `stopped_by`.

    `members` are those that are still silent, each with the moment (ns) since when.
    """

    opened: Open
    stopped_by: int
    size: int = 0
    told: int = 0
    members: dict[int, int] = field(default_factory=dict)

    def narrow(self, late: Late) -> bool:
        """Take a device in, if it may have stopped at that moment too."""
        start, end = max(self.opened.started_at, late.last_at), min(self.stopped_by, late.last_at + late.longest)
        if start > end:
            return False
        self.opened.started_at, self.stopped_by = start, end
        self.opened.score = max(self.opened.score, late.score)
        self.members[late.device] = late.last_at
        self.size += 1
        return True


class Silences:
    """Which devices are silent, alone or together, and which are awaited since an outage ended."""

    def __init__(self, directory: Directory, zone: tzinfo | None = None) -> None:
        """Moments are told in `zone`."""
        self._directory, self._zone = directory, zone
        self._alone: dict[int, Alone] = {}
        self._outages: list[Outage] = []
        self.awaited: dict[int, int] = {}
        self._ended: dict[int, dict[str, int]] = {}

    def __len__(self) -> int:
        return len(self._alone) + len(self._outages)

    def __bool__(self) -> bool:
        return bool(self._alone or self._outages or self.awaited)

    def __contains__(self, device: int) -> bool:
        return device in self.awaited or self.opened(device) is not None

    def silent(self) -> list[int]:
        """Every device that is told silent."""
        return [*self._alone, *(device for outage in self._outages for device in outage.members)]

    def alone(self) -> list[tuple[int, Open]]:
        """The devices that are silent for a reason of their own, each with its incident."""
        return [(device, alone.opened) for device, alone in self._alone.items()]

    def outages(self) -> list[tuple[list[int], Open]]:
        """The devices that are silent together, each time with their incident."""
        return [([*outage.members], outage.opened) for outage in self._outages]

    def incidents(self) -> list[Open]:
        """All that is open."""
        return [opened for _, opened in [*self.alone(), *self.outages()]]

    def devices(self) -> list[int]:
        """Every device whose next reading changes something here."""
        return [*self.silent(), *self.awaited]

    def opened(self, device: int) -> Open | None:
        """The incident under which this device is silent."""
        if device in self._alone:
            return self._alone[device].opened
        return next((outage.opened for outage in self._outages if device in outage.members), None)

    def since(self, device: int) -> int:
        """Since when (ns) a device is silent that is."""
        if device in self._alone:
            return self._alone[device].opened.started_at
        return next(outage.members[device] for outage in self._outages if device in outage.members)

    def is_latest(self, device: int, incident: str | None) -> bool:
        """Whether this was the last silence of a device, of those that are over."""
        return incident == next(reversed(self._ended.get(device, {})), None)

    def ended(self, device: int, incident: str | None) -> int | None:
        """How long (ns) it was silent under this incident, lately; None where it was not."""
        return self._ended.get(device, {}).get(incident or "")

    def _end(self, device: int, incident: str, lasted: int) -> None:
        """A device is not silent under this incident any more; a person may still say something of it."""
        ended = self._ended.setdefault(device, {})
        ended.pop(incident, None)
        while len(ended) >= REMEMBERED:
            del ended[next(iter(ended))]
        ended[incident] = lasted

    def fall(self, late: Sequence[Late], at: int) -> list[Told]:
        """Tell of each device that is silent now, and with whom it fell silent."""
        told: list[Told] = []
        taken = set(self.silent())
        for one in late:
            if one.device in taken or one.score < FALLEN:
                continue
            joined = next((outage for outage in self._outages if outage.narrow(one)), None)
            if joined is None:
                told += self._open(one, [each for each in late if each.device not in taken], at)
            taken = set(self.silent())
        return [*told, *self._grown(at), *self._lasting(at)]

    def _lasting(self, at: int) -> Iterator[Told]:
        """Tell once of each silence that it does not pass."""
        shown = [
            *(((self._directory.devices[device], None), (), opened) for device, opened in self.alone()),
            *((("", None), members, opened) for members, opened in self.outages()),
        ]
        for name, members, opened in shown:
            if lasts(opened, at):
                opened.is_lasting = True
                text = reasons.lasting(opened.reason, (at - opened.started_at) / SECOND)
                devices = tuple(self._directory.devices[device] for device in members)
                yield Told(None, incident(opened, State.UPDATE, name, at, text, devices=devices))

    def _open(self, fallen: Late, late: Sequence[Late], at: int) -> Iterator[Told]:
        """Open an outage with all that may have stopped at the same moment, or the silence of one."""
        name = self._directory.devices[fallen.device]
        first = Open(identity("", name, Kind.SILENT, at), Kind.SILENT, fallen.score, fallen.last_at)
        outage = Outage(first, fallen.last_at + fallen.longest)
        known = [
            Late(device, alone.opened.started_at, alone.stopped_by - alone.opened.started_at, alone.opened.score)
            for device, alone in self._alone.items()
        ]
        for one in sorted([*late, *known], key=lambda each: (each.longest, each.device)):
            outage.narrow(one)
        if outage.size >= LEAST_MEMBERS:
            yield from self._gather(outage, at)
        else:
            opened = Open(identity(name, "", Kind.SILENT, at), Kind.SILENT, fallen.score, fallen.last_at)
            opened.is_lasting = lasts(opened, at)  # told at once: the gateway was away itself
            self._alone[fallen.device] = Alone(opened, fallen.last_at + fallen.longest)
            text = reasons.silence(at - fallen.last_at, is_gone=fallen.is_gone)
            yield Told(None, incident(opened, State.OPEN, (name, None), at, text))
        for device in outage.members if outage.size >= LEAST_MEMBERS else [fallen.device]:
            self.awaited.pop(device, None)

    def _gather(self, outage: Outage, at: int) -> Iterator[Told]:
        """Make one incident of silences that have been told one by one."""
        for device in outage.members:
            if device in self._alone:
                opened = self._alone.pop(device).opened
                name = self._directory.devices[device]
                self._end(device, opened.id, at - opened.started_at)
                text = reasons.part_of_outage(outage.size, self._clock(outage.opened.started_at))
                yield Told(None, incident(opened, State.CLOSED, (name, None), at, text))
        outage.opened.is_lasting = lasts(outage.opened, at)
        self._outages.append(outage)

    def _grown(self, at: int) -> Iterator[Told]:
        for outage in self._outages:
            if outage.size >= max(1.0, TOLD_AGAIN * outage.told):
                yield self._tell(outage, State.UPDATE if outage.told else State.OPEN, at)
                outage.told = outage.size

    def _tell(self, outage: Outage, state: State, at: int) -> Told:
        names = tuple(self._directory.devices[device] for device in outage.members)
        everyone = len(self._directory.devices)
        if state is State.CLOSED:
            text = reasons.outage_over(outage.size, at - outage.opened.started_at)
        else:
            since = self._clock(outage.opened.started_at)
            text = reasons.outage(len(names), since, is_everyone=len(names) == everyone)
        return Told(None, incident(outage.opened, state, ("", None), at, text, devices=names))

    def _clock(self, at: int) -> str:
        return reasons.clock(at, self._zone)

    def resume(self, at: int) -> None:
        """The clock reads `at`: nobody is awaited from later on."""
        self.awaited = {device: min(since, at) for device, since in self.awaited.items()}

    def heard(self, device: int, at: int) -> Iterator[Told]:
        """A device is there again; the rest of its outage is awaited from then on."""
        self.awaited.pop(device, None)
        if device in self._alone:
            opened, name = self._alone.pop(device).opened, self._directory.devices[device]
            self._end(device, opened.id, at - opened.started_at)
            text = reasons.heard(at - opened.started_at)
            yield Told(None, incident(opened, State.CLOSED, (name, None), at, text))
        for outage in self._outages:
            if device in outage.members:
                yield from self._leave(outage, device, at)
                break

    def _leave(self, outage: Outage, device: int, at: int) -> Iterator[Told]:
        self._end(device, outage.opened.id, at - outage.members.pop(device))
        if outage.size - len(outage.members) >= RETURNED * outage.size:
            self.awaited |= dict.fromkeys(outage.members, at)
            for member, since in outage.members.items():
                self._end(member, outage.opened.id, at - since)
            self._outages.remove(outage)
            yield self._tell(outage, State.CLOSED, at)

    def heed(self, device: int, entry: Feedback) -> Iterator[Told]:
        """Take a person's word on the silence of a device; of an outage it takes only this device off."""
        text, is_over = reasons.silence_heeded(entry.device, entry.verdict), entry.verdict is not Verdict.FAULT
        opened = self.opened(device)
        assert opened is not None  # noqa: S101 - the word is on it
        if device in self._alone:
            if is_over:
                del self._alone[device]
                self._end(device, opened.id, entry.at - opened.started_at)
            state = State.CLOSED if is_over else State.UPDATE
            yield Told(None, incident(opened, state, (entry.device, None), entry.at, text, is_main=is_over))
            return
        outage = next(outage for outage in self._outages if device in outage.members)
        if is_over:
            self._end(device, opened.id, entry.at - outage.members.pop(device))
            outage.size -= 1
        state = State.UPDATE if outage.members else State.CLOSED
        names = tuple(self._directory.devices[member] for member in outage.members) or (entry.device,)
        if not outage.members:
            self._outages.remove(outage)
        is_main = state is State.CLOSED
        yield Told(None, incident(opened, state, ("", None), entry.at, text, devices=names, is_main=is_main))

    def adopt(self, other: "Silences", devices: Mapping[int, int]) -> None:
        """Take over the silences of devices of another; of an outage, the part that they have in it."""
        alone, ended, outages = other._alone, other._ended, other._outages  # noqa: SLF001 - of the same class
        self._alone |= {devices[device]: each for device, each in alone.items() if device in devices}
        self._ended |= {devices[device]: each for device, each in ended.items() if device in devices}
        self.awaited |= {devices[device]: since for device, since in other.awaited.items() if device in devices}
        for outage in outages:
            members = {devices[device]: since for device, since in outage.members.items() if device in devices}
            if members:
                size = outage.size - len(outage.members) + len(members)
                self._outages.append(replace(outage, opened=replace(outage.opened), size=size, members=members))

    def dumps(self) -> dict[str, Any]:
        """The whole state, for JSON."""
        return {
            "alone": [[device, asdict(alone)] for device, alone in self._alone.items()],
            "outages": [asdict(outage) | {"members": list(outage.members.items())} for outage in self._outages],
            "awaited": list(self.awaited.items()),
            "ended": [[device, list(ended.items())] for device, ended in self._ended.items()],
        }

    def loads(self, saved: dict[str, Any]) -> None:
        """Restore what `dumps` saved."""
        self._alone = {device: Alone(Open(**alone["opened"]), alone["stopped_by"]) for device, alone in saved["alone"]}
        self._outages = [
            Outage(**{**outage, "opened": Open(**outage["opened"]), "members": dict(outage["members"])})
            for outage in saved["outages"]
        ]
        self.awaited = dict(saved["awaited"])
        self._ended = {device: dict(ended) for device, ended in saved["ended"]}
