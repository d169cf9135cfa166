"""The core as a value: a set of devices, everything learned of them, and the one way to change it.

State is a fold over the log: `apply` takes one entry of the log and returns what follows from it. No clock, no I/O.
The same class runs in the gateway's loop, in `gateway replay`, in recovery, and inside a stream engine.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from gateway.alarms.incidents import Incidents, Told
from gateway.errors import StateError
from gateway.learning.directory import Directory
from gateway.learning.fleet import Fleet
from gateway.learning.stock import ModelRule
from gateway.learning.streams import Policy
from gateway.records import Batch, Forecast, Resume, Tick, Verdicts

Entry: TypeAlias = Batch | Tick | Resume
"""Whatever changes state, as it stands in the log."""


@dataclass(frozen=True, slots=True)
class Rules:
    """The settings that the fold depends on, and with `horizons_s` and `coverage` what is forecast from it."""

    policy: Policy = field(default_factory=Policy)
    models: Sequence[ModelRule] = ()
    silent_floor_s: float = 10.0
    horizons_s: Sequence[float] = (600.0, 3600.0)
    coverage: float = 0.9


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What one entry led to; `verdicts` is None for entries that hold no readings."""

    verdicts: Verdicts | None
    changes: list[Told]


class Shard:
    """Directory, learners and open incidents of a set of devices."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.directory = Directory()
        self.fleet = Fleet(self.directory, rules.policy, rules.models)
        self.incidents = Incidents(self.directory)

    def apply(self, entry: Entry) -> Outcome:
        """Fold one entry of the log into the state."""
        if isinstance(entry, Batch):
            verdicts = self.fleet.learn_many(entry)
            return Outcome(verdicts, self.incidents.learn_many(entry, verdicts))
        if isinstance(entry, Resume):
            self.fleet.resume(entry.at)
            return Outcome(None, [])
        silences = self.fleet.silences(entry.at, self.rules.silent_floor_s)
        return Outcome(None, self.incidents.fall_silent(silences, entry.at))

    def forecast(self, devices: Iterable[int]) -> list[Forecast]:
        """What comes next on each sensor of these devices, device by device."""
        rows = [row for device in devices for row in self.directory.rows_of[device]]
        return self.fleet.forecast(rows, self.rules.horizons_s, self.rules.coverage)

    def dumps(self) -> dict[str, bytes]:
        """The whole state as named parts."""
        return {
            "directory": json.dumps(self.directory.streams).encode(),
            "fleet": self.fleet.dumps(),
            "incidents": self.incidents.dumps().encode(),
        }

    def loads(self, parts: dict[str, bytes]) -> None:
        """Restore what `dumps` saved into a fresh shard; raises `StateError` where it does not fit."""
        try:
            for device, sensor in json.loads(parts["directory"]):
                self.directory.add(device, sensor)
            self.fleet.loads(parts["fleet"])
            self.incidents.loads(parts["incidents"].decode())
        except (KeyError, ValueError, TypeError) as error:
            message = f"the saved state does not fit: {error}"
            raise StateError(message) from error
