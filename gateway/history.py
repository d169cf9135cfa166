"""What the gateway believed at some moment in the past, as it stands in the log: nothing is computed anew."""

import math
from collections.abc import Iterator
from typing import Any

from gateway.codecs.outgoing import iso
from gateway.errors import RequestError
from gateway.journal import Reader
from gateway.records import Incident, Kind, Nature, State

TITLES = ("sensor", "read at", "value", "expected", "from", "to", "score", "as odd", "taken for")


def believed(log: Reader, device: str, at: int) -> dict[str, Any]:
    """Of each sensor the last reading up to `at` (ns, the device's clock), with what was expected in its place.

    And what was told as open then. Raises `RequestError` for a device that is not in the log.
    """
    sensors = [sensor for name, sensor in log.streams() if name == device]
    if not sensors:
        message = f"the log holds nothing of {device!r}"
        raise RequestError(message)
    return {
        "device": device,
        "at": iso(at),
        "sensors": dict(_sensors(log, device, len(sensors), at)),
        "open": [_told(incident) for incident in _open(log, device, at)],
    }


def _sensors(log: Reader, device: str, count: int, at: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """From the newest entry backwards: a stream's readings stand in the order in which they were observed."""
    names, found = log.streams(), set[int]()
    for batch, verdicts in log.readings_back(device):
        for place in range(len(batch) - 1, -1, -1):
            stream = int(batch.stream[place])
            if names[stream][0] == device and stream not in found and batch.observed_at[place] <= at:
                found.add(stream)
                numbers = (verdicts.expected, verdicts.lower, verdicts.upper)
                expected, lower, upper = (_known(float(column[place])) for column in numbers)
                yield (
                    names[stream][1],
                    {
                        "at": iso(int(batch.observed_at[place])),
                        "value": batch.names.get(float(batch.value[place]), float(batch.value[place])),
                        "expected": expected,
                        "lower": lower,
                        "upper": upper,
                        "score": round(float(verdicts.score[place]), 4),
                        "kind": Kind(verdicts.kind[place]).name.lower(),
                        "taken for": Nature(verdicts.nature[place]).name.lower(),
                    },
                )
        if len(found) == count:
            return


def _known(number: float) -> float | None:
    return None if math.isnan(number) else number


def _shown(value: float | str | None) -> str:
    return "" if value is None else value if isinstance(value, str) else f"{value:.6g}"


def _open(log: Reader, device: str, at: int) -> list[Incident]:
    """The newest word on each incident of the device that was open at the time, and on each outage it was part of."""
    newest = {incident.id: incident for incident in log.incidents() if incident.at <= at}
    its = (each for each in newest.values() if device in {each.device, *each.devices})
    return [incident for incident in its if incident.state is not State.CLOSED]


def _told(incident: Incident) -> dict[str, Any]:
    return {
        "id": incident.id,
        "sensor": incident.sensor,
        "since": iso(incident.started_at),
        "score": round(incident.score, 4),
        "reason": incident.reason,
    }


def rows(found: dict[str, Any]) -> list[tuple[str, ...]]:
    """The sensors as lines of a table under `TITLES`."""
    return [
        (
            sensor,
            said["at"],
            *(_shown(said[name]) for name in ("value", "expected", "lower", "upper")),
            f"{said['score']:.2f}",
            "" if said["kind"] == "none" else said["kind"],
            said["taken for"],
        )
        for sensor, said in sorted(found["sensors"].items())
    ]
