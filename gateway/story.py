"""What one device did, was expected to do, and what was odd about it: the log's word, summed up to be drawn."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import tzinfo

import numpy as np

from gateway.errors import InputError
from gateway.journal import History
from gateway.passages import Foreseen
from gateway.records import SECOND, Floats, Incident, Ints, Names, Nature, State, is_text

POINTS = 1500
"""Drawn for each sensor: as many as the picture has pixels across. More readings are summed up: least, mean, most."""


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """One sensor over time, summed up into pieces of equal length: columns, NaN where nothing is known.

    `least`, `mean` and `most` are of the readings; `expected`, `lower` and `upper` the mean of what was expected.
    """

    sensor: str
    at: Ints
    least: Floats
    mean: Floats
    most: Floats
    expected: Floats
    lower: Floats
    upper: Floats
    count: int
    share_within: float
    """Of the readings of which something was expected, those within the band."""
    texts: tuple[str, ...] = ()
    """Of a sensor that sends texts what its values stand for: 0, 1, 2 and so on."""
    nature: str = ""
    """What it is taken for; empty where the log has forgotten."""


@dataclass(frozen=True, slots=True, eq=False)
class Foretold:
    """The forecasts of one sensor, each at the time it was made for."""

    horizon_s: float
    at: Ints
    expected: Floats
    lower: Floats
    upper: Floats


@dataclass(slots=True)
class Case:
    """One incident from first word to last, and the sensors that showed it; `ended_at` is None while it is open."""

    first: Incident
    started_at: int
    ended_at: int | None = None
    score: float = 0.0
    sensors: tuple[str, ...] = ()


@dataclass(slots=True)
class Story:
    """Everything of one device in [start, end) ns."""

    device: str
    start: int
    end: int
    zone: tzinfo
    curves: list[Curve] = field(default_factory=list)
    foretold: dict[str, Foretold] = field(default_factory=dict)
    cases: list[Case] = field(default_factory=list)


def tell(history: History, device: str, start: int, end: int, zone: tzinfo) -> Story:
    """Read the story of a device; raises `InputError` for one that was never heard."""
    sensors = history.sensors(device)
    if not sensors:
        known = dict.fromkeys(name for name, _ in history.streams() if name)
        message = f"no device is called {device!r}; known are {', '.join(list(known)[:20]) or 'none'}"
        raise InputError(message)
    streams = np.array(list(sensors), dtype=np.int64)
    story = Story(device, start, end, zone)
    table, names = _table(history, device, streams, start, end)
    length = max((end - start) // POINTS, 1)
    for stream, sensor in sensors.items():
        ours = table[table[:, 0] == stream]
        if len(ours):
            texts = _levelled(ours, names)
            natures = [Nature(int(each)).name.lower() for each in ours[~np.isnan(ours[:, 9]), 9][-1:]]
            made = curve(sensor, ours, start, length)
            story.curves.append(replace(made, texts=texts, nature="".join(natures)))
    foreseen = list(history.forecasts(streams, start, end + (end - start)))
    for stream, sensor in sensors.items():
        if (found := foretold(stream, foreseen)) is not None:
            story.foretold[sensor] = found
    story.cases = cases(history.incidents_of(device, start, end))
    return story


def _levelled(table: Floats, names: Names) -> tuple[str, ...]:
    """Put the values of a sensor that sends texts on levels, in place; what each level stands for, from 0 on."""
    values, level = np.unique(table[:, 3], return_inverse=True)
    if not is_text(values).any():
        return ()
    table[:, 2:5] = level[:, None]
    return tuple(names.get(value, f"{value:g}") for value in values.tolist())


def _table(history: History, device: str, streams: Ints, start: int, end: int) -> tuple[Floats, Names]:
    """One row a reading, and one a minute before the log's first: the log forgets sooner than the minutes.

    Columns are stream, time, least, mean, most, how many, expected, lower, upper, nature. Beside it the texts in it.
    """
    parts, names = [], dict[float, str]()
    for batch, said in history.readings(device, start, end):
        band = (said.expected, said.lower, said.upper)
        names |= batch.names
        parts.append(
            np.stack(
                [batch.stream, batch.observed_at, *[batch.value] * 3, np.ones(len(batch)), *band, said.nature], axis=1
            )
        )
    first = round(min((part[:, 1].min() for part in parts), default=float(end)))
    for found in history.minutes(streams, start, first):
        nothing = np.full(len(found), np.nan)
        numbers = (found.least, found.mean, found.most, found.count)
        parts.append(np.stack([found.stream, found.minute, *numbers, *[nothing] * 4], axis=1))
    return np.concatenate(parts) if parts else np.zeros((0, 10)), names


def curve(sensor: str, table: Floats, start: int, length: int) -> Curve:
    """The rows of one sensor, summed up into pieces of `length` ns."""
    piece = (table[:, 1] - start) // length
    order = np.argsort(piece, kind="stable")
    table, piece = table[order], piece[order]
    starts = np.flatnonzero(np.append(True, np.diff(piece) != 0))
    weight = table[:, 5]
    mean = np.add.reduceat(table[:, 3] * weight, starts) / np.add.reduceat(weight, starts)
    is_known = ~np.isnan(table[:, 6:9]).any(axis=1)
    known = np.add.reduceat(is_known.astype(np.float64), starts)
    with np.errstate(invalid="ignore"):  # nothing by nothing: nothing is known
        sums = (np.add.reduceat(np.where(is_known, table[:, each], 0.0), starts) for each in (6, 7, 8))
        expected, lower, upper = (each / known for each in sums)
    is_within = (table[:, 3] >= table[:, 7]) & (table[:, 3] <= table[:, 8])
    return Curve(
        sensor,
        (start + (piece[starts] + 0.5) * length).astype(np.int64),
        np.minimum.reduceat(table[:, 2], starts),
        mean,
        np.maximum.reduceat(table[:, 4], starts),
        expected,
        lower,
        upper,
        count=round(weight.sum()),
        share_within=float(is_within[is_known].mean()) if is_known.any() else np.nan,
    )


def foretold(stream: int, foreseen: Sequence[Foreseen]) -> Foretold | None:
    """The forecasts of a stream that look farthest ahead."""
    parts = [
        np.stack([each.made_at, each.due_at, each.expected, each.lower, each.upper], axis=1)[each.stream == stream]
        for each in foreseen
    ]
    table = np.concatenate(parts) if parts else np.zeros((0, 5))
    if not len(table):
        return None
    ahead = np.round((table[:, 1] - table[:, 0]) / SECOND)
    table = table[ahead == ahead.max()]
    return Foretold(float(ahead.max()), table[:, 1].astype(np.int64), table[:, 2], table[:, 3], table[:, 4])


def cases(changes: Iterable[Incident]) -> list[Case]:
    """Incidents from their changes, in order of their beginning."""
    found: dict[str, Case] = {}
    for change in changes:
        case = found.setdefault(change.id, Case(change, change.started_at))
        case.score = max(case.score, change.score)
        case.sensors = tuple(dict.fromkeys((*case.sensors, *change.sensors)))
        if change.state is State.CLOSED:
            case.ended_at = change.at
    return sorted(found.values(), key=lambda case: case.started_at)
