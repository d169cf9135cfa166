"""Long lives of simulated sensors for tests of what is learned over days and weeks."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from readings import START

from gateway.learning.nature import Scale
from gateway.learning.pool import Outlook
from gateway.learning.profile import hour_of
from gateway.learning.prospects import RECENT, View
from gateway.learning.streams import Policy, Streams
from gateway.records import SECOND, Batch, Change, Floats, Kind, Verdicts

DAY_S = 86_400


class Step(NamedTuple):
    """What happened to a stream with one of its readings."""

    at: int
    change: Change
    kind: Kind


class Known(NamedTuple):
    """What is known of an hour: its mean in the week, and how far off the usual it is, by so many readings."""

    weekly: float = np.nan
    off: float = 0.0
    hours: float = 0.0


UNKNOWN = Known()


def seen(
    value: float,
    outlook: Outlook,
    past: Sequence[float],
    known: Known = UNKNOWN,
    *,
    is_counter: bool = False,
) -> View:
    """Return one reading of one stream as its evidence sees it: beside those before, and its hour."""
    recent = past[-RECENT:] or [0.0]
    row, zero, now = np.zeros(1, np.int64), np.zeros(1), np.array([value])
    return View(
        rows=row,
        at=row,
        seen=np.array([len(past) + 1.0]),
        observed_at=row,
        before=row,
        local_s=row,
        hour=hour_of(row),
        interval_s=zero,
        scale=Scale(zero, zero, np.array([is_counter]), has_counters=is_counter),
        said=now,
        read=now,
        value=now,
        outlook=outlook,
        weekly=np.array([known.weekly]),
        off=np.array([known.off]),
        hours=np.array([known.hours]),
        lowest=np.array([min(recent)]),
        highest=np.array([max(recent)]),
    )


def noise(readings: int, streams: int, seed: int = 1, memory: float = 0.0) -> Floats:
    """Return autoregressive Gaussian noise of unit variance: (reading, stream)."""
    draw = np.random.RandomState(seed).standard_normal((readings, streams))
    for row in range(1, readings):
        draw[row] = memory * draw[row - 1] + np.sqrt(1 - memory * memory) * draw[row]
    return draw


def columns(values: Floats, step_s: float, start: int = START) -> Batch:
    """Return one reading of every stream every `step_s`, as one batch."""
    readings, streams = values.shape
    at = start + np.repeat(np.arange(readings) * int(step_s * SECOND), streams)
    return Batch(np.tile(np.arange(streams), readings), at, at, values.reshape(-1))


def live(values: Floats, step_s: float, policy: Policy | None = None, start: int = START) -> tuple[Streams, Verdicts]:
    """Return streams that lived through `values`, and what was said of each reading in order."""
    streams = Streams(policy)
    streams.grow(values.shape[1])
    return streams, streams.learn_many(columns(values, step_s, start))


def history(verdicts: Verdicts, streams: int, stream: int, since: int = 0) -> Sequence[Step]:
    """Return every change of the incident of one stream, but for notices."""
    change, kind = (column.reshape(-1, streams)[:, stream] for column in (verdicts.change, verdicts.kind))
    found = np.flatnonzero(change >= Change.OPEN)
    return [Step(int(at), Change(int(change[at])), Kind(int(kind[at]))) for at in found if at >= since]


def is_equal(one: Verdicts, other: Verdicts) -> bool:
    """Whether every column is the same, bit for bit."""
    names = Verdicts.__slots__
    return all(np.array_equal(getattr(one, name), getattr(other, name), equal_nan=True) for name in names)


def joined(verdicts: Sequence[Verdicts]) -> Verdicts:
    """Return the verdicts on several batches as those on one."""
    return Verdicts(*(np.concatenate([getattr(one, name) for one in verdicts]) for name in Verdicts.__slots__))
