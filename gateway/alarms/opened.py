"""What is remembered of an incident while it is open, and how a change of it is told."""

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from gateway.records import SECOND, Feedback, Incident, Kind, State

SEVERITIES = ((0.65, "critical"), (0.57, "high"), (0.0, "medium"))
"""By the score: how rare it is, and so how large. What lasts is one worse."""

LASTING = 6 * 3600 * SECOND
"""How long an incident is open before it is told that it does not pass: a quarter of what makes it the new normal."""

Numbers: TypeAlias = Sequence[float | str]
"""A value, which may be a text, and what was expected: middle, lower, upper; NaN for what is not known."""

NOTHING: Numbers = (math.nan,) * 4
"""The numbers of an incident that no reading caused."""


@dataclass(slots=True)
class Open:
    """What is remembered of an incident while it is open.

    `sensor` is the one that showed it first, if it was one; `is_lasting` once it was told that it does not pass. `said`
    is what was told last of each sensor that shows it, and under no name of all together; `main` is whose of these is
    the `reason`.
    """

    id: str
    kind: int
    score: float
    started_at: int
    reason: str = ""
    sensor: str | None = None
    is_lasting: bool = False
    said: dict[str, str] = field(default_factory=dict)
    main: str = ""

    def show(self, sensor: str, text: str, *, is_main: bool) -> None:
        """A sensor shows it, for this reason."""
        self.said.pop(sensor, None)
        self.said[sensor] = text
        self.main = sensor if is_main else self.main

    def calm(self, sensor: str) -> None:
        """A sensor shows it no longer: where that was the reason, it is now what another was told for last."""
        self.said.pop(sensor, None)
        if self.main == sensor and self.said:
            self.main, self.reason = [*self.said.items()][-1]


class Told(NamedTuple):
    """An incident's change and the row of the batch that caused it, None where no reading did."""

    row: int | None
    incident: Incident


def is_meant(entry: Feedback, opened: Open | None) -> bool:
    """Whether a person's word is on this incident: by its id, or because it is on all that are open."""
    return opened is not None and entry.incident in {None, opened.id}


def lasts(opened: Open, at: int) -> bool:
    """Whether it is time to say that it does not pass."""
    return not opened.is_lasting and at - opened.started_at >= LASTING


def identity(device: str, sensor: str, kind: int, started_at: int) -> str:
    """The same for the same cause: a repeat after a crash is recognisably the same message."""
    return hashlib.sha256(json.dumps([device, sensor, int(kind), started_at]).encode()).hexdigest()[:16]


def incident(  # noqa: PLR0913 - as many as a message has parts
    opened: Open,
    state: State,
    name: tuple[str, str | None],
    at: int,
    text: str,
    *,
    numbers: Numbers = NOTHING,
    devices: tuple[str, ...] = (),
    sensors: tuple[str, ...] = (),
    is_main: bool = True,
) -> Incident:
    """One change of an open incident, which remembers the last of what `is_main` to it."""
    opened.reason = text if is_main else opened.reason
    device, sensor = name
    read, *band = numbers
    value = None if isinstance(read, float) and math.isnan(read) else read
    expected, lower, upper = (None if math.isnan(float(number)) else float(number) for number in band)
    level = next(level for level, (bound, _) in enumerate(SEVERITIES) if opened.score >= bound)
    severity = SEVERITIES[max(level - opened.is_lasting, 0)][1]
    return Incident(
        opened.id, state, device, sensor, Kind(opened.kind), severity, opened.score,
        opened.started_at, at, value, expected, lower, upper, text, devices, sensors,
    )  # fmt: skip
