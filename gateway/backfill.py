"""`gateway backfill`: an existing InfluxDB history through the learners, so that a new gateway starts experienced.

Window by window in time order, into the log like everything else: state stays a fold over it. Where it was interrupted
it goes on; what is read twice is not newer than what is known, and is passed over.
"""

import hashlib
import logging
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

from gateway import rulebook, terminal
from gateway.codecs.values import parse_state
from gateway.config import Backfill, Series, Settings
from gateway.errors import ConfigError
from gateway.house import Alone, saved
from gateway.intake import Intake
from gateway.journal import Journal
from gateway.records import SECOND, Batch, Reading, Reason, Resume, code_of
from gateway.rulebook import rules
from gateway.shard import Shard

logger = logging.getLogger(__name__)

CHECKPOINT_S = 60.0
"""Wall seconds of work that an interruption may cost."""


class History(Protocol):
    """What is asked of the database."""

    def query(self, statement: str, database: str) -> list[dict[str, Any]]:
        """Series of a statement of InfluxQL, times in ns."""
        ...


def run(settings: Settings, start: int, end: int, out: Callable[[str], object]) -> None:
    """Read [start, end) ns, learn it, and say how much that was; raises `GatewayError`."""
    if settings.backfill is None:
        message = "backfill: is missing: say where the history is (deploy/gateway.toml shows how)"
        raise ConfigError(message)
    door = _door(settings.backfill)
    chosen, path, name = rules(settings), Path(settings.journal.path), _name(settings)
    with Alone(Shard(chosen), Journal(path), {}) as house, ExitStack() as stack:
        stack.callback(door.close)
        learner = Learner(settings, house)
        steps = windows(max(start, house.journal.reached(name)), end, round(settings.backfill.window_s * SECOND))
        for first, last in terminal.track(steps, "learning"):
            learner.learn(read(door, settings.backfill, first, last))
            learner.save_now_and_then()
            house.journal.reach(name, last)
        learner.finish()
    out(learner.summary())


def _door(backfill: Backfill) -> Any:  # noqa: ANN401 - a Door, of a room that is imported here alone
    from gateway.influx import Door  # noqa: PLC0415 - 40 MB that only those pay who have InfluxDB

    return Door(backfill.url, backfill.token.get_secret_value() if backfill.token else None, "", backfill.ca_file)


def _name(settings: Settings) -> str:
    """Of the history: what is read in another way is read from the beginning."""
    mark = hashlib.sha256(repr(settings.backfill).encode()).hexdigest()[:8]
    return f"backfill-{mark}"


def windows(start: int, end: int, length: int) -> list[tuple[int, int]]:
    """[start, end) in pieces that begin at multiples of `length`."""
    cuts = [start, *range(start - start % length + length, end, length), end]
    return [(first, last) for first, last in pairwise(cuts) if first < last]


def read(history: History, backfill: Backfill, start: int, end: int) -> list[Reading]:
    """All readings of [start, end) ns, in the order of their times."""
    found: list[Reading] = []
    for series in backfill.series:
        found.extend(_readings(series, history.query(_statement(series, start, end), backfill.database)))
    found.sort(key=lambda reading: reading.observed_at or 0)
    return found


def _statement(series: Series, start: int, end: int) -> str:
    fields = ", ".join(_quoted(field) for field in series.fields)
    tags = ", ".join(_quoted(tag) for tag in dict.fromkeys((series.device_tag, series.sensor_tag)) if tag)
    times = f"time >= {start} AND time < {end}"
    return f"SELECT {fields} FROM {_quoted(series.measurement)} WHERE {times} GROUP BY {tags}"  # noqa: S608 - quoted


def _quoted(name: str) -> str:
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _readings(series: Series, found: Iterable[dict[str, Any]]) -> Iterator[Reading]:
    """A field is a sensor; with a tag for sensors, that is its name, and with several fields both are."""
    for each in found:
        device = each["tags"][series.device_tag]
        prefix = each["tags"][series.sensor_tag] if series.sensor_tag else ""
        names = [
            field if not prefix else prefix if len(series.fields) == 1 else f"{prefix} {field}"
            for field in series.fields
        ]
        for at, *values in each["values"]:
            for name, value in zip(names, values, strict=True):
                if isinstance(value, int | float):  # null where the field was not written
                    yield Reading(device, name, float(value), int(at))
                elif (text := parse_state(value)) is not None:
                    yield Reading(device, name, code_of(text), int(at), text=text)


class Learner:
    """The core of the gateway on a log, without a broker."""

    def __init__(self, settings: Settings, house: Alone) -> None:
        self._house = house
        self._intake = Intake(settings.sources, settings.limits, settings.topics, house.shard.directory)
        self._read = self._learned = 0
        self._saved_at = time.monotonic()

    def learn(self, readings: list[Reading]) -> None:
        """Judge and learn, and write it to the log."""
        self._read += len(readings)
        for batch in self._intake.recall(readings):
            self._enter(batch)

    def _enter(self, batch: Batch) -> None:
        outcome = self._house.shard.apply(batch)
        assert outcome.verdicts is not None  # noqa: S101 - readings have verdicts
        fresh = int((~outcome.verdicts.is_stale).sum())
        self._intake.reject("history", Reason.STALE, int(batch.received_at[-1]), len(batch) - fresh)
        if fresh:
            self._learned += fresh
            told = [change.incident for change in outcome.changes]
            self._house.journal.append(self._house.shard.directory, [(batch, outcome.verdicts)], told)

    def save_now_and_then(self) -> None:
        """Let an interruption cost no more than `CHECKPOINT_S` of work."""
        if time.monotonic() - self._saved_at > CHECKPOINT_S:
            self._save()

    def finish(self) -> None:
        """From now on the gateway listens again: that nothing came since the history ended is no silence."""
        entry = Resume(time.time_ns())
        self._house.shard.apply(entry)
        self._house.journal.append(self._house.shard.directory, [entry], [])
        self._save()

    def _save(self) -> None:
        self._house.journal.checkpoint(rulebook.dumps(self._house.shard.rules), saved(self._house.shard))
        self._saved_at = time.monotonic()

    def summary(self) -> str:
        """What was read, in one sentence."""
        refused = {reason: count for reason, count in self._intake.rejected.items() if count}
        rest = (
            f"; passed over: {', '.join(f'{count} {reason}' for reason, count in refused.items())}" if refused else ""
        )
        streams = len(self._house.shard.directory)
        return f"{self._learned} of {self._read} readings learned; {streams} sensors are known{rest}\n"
