"""Readings for tests: batches written with names instead of rows, and the ordinary life of some sensors."""

import dataclasses
import random
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from gateway.config import Settings
from gateway.journal import Entered, Journal, Reader
from gateway.learning.directory import Directory
from gateway.records import SECOND, Batch, Event, Maintenance, Message, Verdicts, code_of
from gateway.shard import Shard

START = 1_700_000_000 * SECOND
"""When every test begins: a fixed moment in 2023."""

Row = tuple[str, str, int, float | str]
"""Device, sensor, time in ns, value."""


class Happening(str):
    """The name of an event, beside texts that name states."""

    __slots__ = ()


def batch(directory: Directory, rows: Iterable[Row]) -> Batch:
    """Return these readings as a batch, received when they were observed; unknown streams are added."""
    rows = list(rows)
    columns = [(directory.add(device, sensor), at, at, coded(value)) for device, sensor, at, value in rows]
    *integers, value = zip(*columns, strict=True) if columns else ((), (), (), ())
    stream, observed_at, received_at = (np.array(column, dtype=np.int64) for column in integers)
    names = {coded(text): str(text) for *_, text in rows if isinstance(text, str)}
    return Batch(stream, observed_at, received_at, np.array(value, dtype=np.float64), names)


def coded(value: float | str) -> float:
    """Return the number that stands for a value."""
    return code_of(value, is_event=isinstance(value, Happening)) if isinstance(value, str) else value


def life(
    rounds: int, devices: Sequence[str] = ("pump", "room"), sensors: Sequence[str] = ("a", "b"), seed: int = 1
) -> list[Row]:
    """Return an ordinary life: each sensor of each device once a minute, noise around a level of its own."""
    draw = random.Random(seed)
    names = [(device, sensor) for device in devices for sensor in sensors]
    return [
        (device, sensor, START + (number * 60 + position) * SECOND, 20.0 + 5 * position + draw.gauss(0, 1))
        for number in range(rounds)
        for position, (device, sensor) in enumerate(names)
    ]


def pieces(rows: Sequence[Row], seed: int, largest: int = 50) -> Iterator[Sequence[Row]]:
    """Cut rows into batches of random sizes."""
    draw, start = random.Random(seed), 0
    while start < len(rows):
        size = draw.randint(1, largest)
        yield rows[start : start + size]
        start += size


def learn(shard: Shard, rows: Sequence[Row], seed: int | None = None) -> list[tuple[Batch, Verdicts]]:
    """Feed rows to a shard, in one batch or cut up at random; return what was fed and what was said."""
    said = []
    for piece in [rows] if seed is None else pieces(rows, seed):
        fed = batch(shard.directory, piece)
        verdicts = shard.apply(fed).verdicts
        assert verdicts is not None
        said.append((fed, verdicts))
    return said


def timed(event: Event, at: int) -> Event:
    """Return the event at that time; a maintenance lasts as many seconds as it said."""
    if isinstance(event, Maintenance):
        return dataclasses.replace(event, at=at, until=at + event.until * SECOND)
    return dataclasses.replace(event, at=at)


def logged(journal: Journal, after: int = 0) -> list[tuple[int, Entered]]:
    """Return number and entry of what stands in the log after this one."""
    with Reader(journal.path) as log:
        return list(log.entries(after))


def verdicts(count: int, **columns: np.ndarray[Any, Any]) -> Verdicts:
    """Return verdicts that say nothing, but for these columns."""
    kinds = {"kind": np.uint8, "nature": np.uint8, "change": np.uint8, "joint_change": np.uint8, "is_stale": np.bool_}
    nothing: dict[str, np.ndarray[Any, Any]] = {
        name: np.zeros(count, kinds.get(name, np.float64)) for name in Verdicts.__slots__
    }
    nothing |= {name: np.full(count, np.nan) for name in ("base", "span_s")}
    return Verdicts(**(nothing | columns))


def message(topic: str, payload: bytes | str, at: int = START, number: int | None = None) -> Message:
    """Return one MQTT message; `number` gives it a receipt."""
    raw = payload.encode() if isinstance(payload, str) else payload
    return Message(topic, raw, at, None if number is None else (1, number))


def settings(**sections: object) -> Settings:
    """Return the default settings but for these."""
    return Settings.model_validate(sections)
