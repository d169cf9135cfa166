"""What a person's word is on: by the id that it names and, where other rules give another, by what it spells out."""

from dataclasses import replace
from typing import NamedTuple

from gateway.alarms.incidents import Incidents
from gateway.alarms.opened import Open, is_meant
from gateway.records import Feedback


class Named(NamedTuple):
    """What a person's word is on: streams with an incident, open or closed lately, and a silence.

    `lasted` is for how long (ns) it is silent, or was.
    """

    streams: list[int]
    is_together: bool
    is_silence: bool
    lasted: int | None = None

    @property
    def is_known(self) -> bool:
        """Whether there is such an incident."""
        return bool(self.streams) or self.is_together or self.lasted is not None

    def is_on_habits(self, entry: Feedback) -> bool:
        """Whether it is on how seldom the device is heard, and not on an incident of what it said."""
        return entry.incident is None or entry.is_silence or self.is_silence


def named(incidents: Incidents, entry: Feedback) -> Named:
    """What this word is on; a device has no say over the incidents of another."""
    device = incidents.directory.device_row(entry.device)
    if device is None:
        return Named([], is_together=False, is_silence=False)
    streams = [row for row, opened in _shown(incidents, device).items() if is_meant(entry, opened)]
    closed = incidents.closed.get(device, {})
    late = [row for row in closed.get(entry.incident or "", ()) if row not in incidents.streams]
    joint = incidents.joint.get(device)
    is_together = is_meant(entry, joint) or (joint is None and entry.incident in closed)
    is_silence = is_meant(entry, incidents.silences.opened(device))
    silences = incidents.silences
    lasted = entry.at - silences.since(device) if is_silence else silences.ended(device, entry.incident)
    return Named([*streams, *late], is_together, is_silence, lasted)


def spelt_out(incidents: Incidents, entry: Feedback) -> Feedback:
    """This word with what shows the incident that it names: sensors, or the silence of the device."""
    device = incidents.directory.device_row(entry.device)
    if device is None or entry.incident is None:
        return entry
    streams = incidents.directory.streams
    sensors = [streams[row][1] for row, opened in _shown(incidents, device).items() if is_meant(entry, opened)]
    sensors += [""] * is_meant(entry, incidents.joint.get(device))
    is_silence = is_meant(entry, incidents.silences.opened(device))
    return replace(entry, sensors=tuple(sensors), is_silence=is_silence)


def recognised(incidents: Incidents, entry: Feedback) -> Feedback:
    """This word, on what that which it spells out shows now, where nothing is known under the id it names."""
    device = incidents.directory.device_row(entry.device)
    if device is None or named(incidents, entry).is_known:
        return entry
    streams = incidents.directory.streams
    shown = {streams[row][1]: opened for row, opened in _shown(incidents, device).items()}
    shown[""] = incidents.joint.get(device)
    found = [*map(shown.get, entry.sensors), incidents.silences.opened(device) if entry.is_silence else None]
    opened = next((each for each in found if each is not None), None)
    return entry if opened is None else replace(entry, incident=opened.id)


def _shown(incidents: Incidents, device: int) -> dict[int, Open | None]:
    """What each stream of a device shows."""
    return {row: incidents.streams.get(row) for row in incidents.directory.rows_of[device]}
