"""What was forgotten or undone leaves the state of a gateway that never saw it, to the last bit, on any history."""

import struct
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from readings import START, Row, batch, life, logged, timed

from gateway import rulebook
from gateway.control import Work
from gateway.errors import RequestError
from gateway.house import Alone
from gateway.journal import Journal, Reader
from gateway.learning.stock import ModelRule
from gateway.records import (
    SECOND,
    Availability,
    Batch,
    Described,
    Event,
    Feedback,
    Maintenance,
    Resume,
    Span,
    Tick,
    Verdict,
    code_of,
)
from gateway.recovery import restore
from gateway.shard import Rules, Shard
from gateway.unlearning import forget, undo

DEVICES = ("pump-5d1c7e", "room-0a93bf", "meter-e44b21")
SENSORS = ("pressure", "flow")
RULES = Rules(
    models=(
        ModelRule("river.anomaly.HalfSpaceTrees", "meter*", params={"n_trees": 1, "height": 3, "window_size": 30}),
    ),
    silent_floor_s=5.0,
)
MARK = rulebook.dumps(RULES)

VALUES = st.floats(0, 40) | st.sampled_from([20.0, 25.0, 500.0, -1e9, "idle", "heating", "error"])
GAPS_S = st.sampled_from([0, 1, 60, 60, 60, 61, -30, 10**4])
READINGS = st.lists(
    st.tuples(st.sampled_from(DEVICES), st.sampled_from((*SENSORS, "mode")), GAPS_S, VALUES), min_size=1, max_size=8
)
WORDS = st.one_of(
    st.builds(Feedback, st.just(0), st.sampled_from(DEVICES), st.none(), st.sampled_from(Verdict)),
    st.builds(Maintenance, st.just(0), st.sampled_from([*DEVICES, "*"]), st.sampled_from([0, 50, 10**5])),
    st.builds(Described, st.just(0), st.sampled_from(DEVICES), st.sampled_from(SENSORS), st.just("W")),
    st.builds(Availability, st.just(0), st.sampled_from(DEVICES), st.booleans()),
    st.builds(Tick, st.just(0)),
    st.builds(Resume, st.just(0)),
)
STEPS = st.lists(READINGS | WORDS, min_size=1, max_size=25)
TIMES = st.none() | st.integers(-400, 50)
SPANS = st.tuples(st.sampled_from(DEVICES), st.none() | st.sampled_from(SENSORS), TIMES, TIMES)
OFTEN = settings(max_examples=10, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
"""Not shrunk: an example takes a tenth of a second, and shrinking tries thousands."""


class History(NamedTuple):
    """A life long enough to have opinions, `size` readings at once, and anything after it; checkpoints on the way."""

    rounds: int
    size: int
    steps: list[list[tuple[str, str, int, float | str]] | Event]
    checkpoints: set[int]

    def entries(self) -> Iterator[Sequence[Row] | Event]:
        """Return readings by name, and events, in order."""
        rows, at = life(self.rounds, DEVICES, SENSORS), START
        for start in range(0, len(rows), self.size):
            yield rows[start : start + self.size]
            at = rows[min(start + self.size, len(rows)) - 1][2]
        for step in self.steps:
            if isinstance(step, list):
                times = np.cumsum([gap_s for _, _, gap_s, _ in step]) * SECOND + at
                at = int(times[-1])
                yield [
                    (device, sensor, int(time), value)
                    for (device, sensor, _, value), time in zip(step, times, strict=True)
                ]
            else:
                at += SECOND
                yield timed(step, at)


HISTORIES = st.builds(
    History, st.sampled_from([0, 0, 30, 220]), st.integers(40, 200), STEPS, st.sets(st.integers(0, 30), max_size=3)
)


@contextmanager
def lived(history: History) -> Iterator[tuple[Path, list[Sequence[Row] | Event]]]:
    """Give the log of a gateway that lives through this, and what it entered."""
    with tempfile.TemporaryDirectory() as folder:
        journal, shard, entered = Journal(Path(folder) / "gateway.db"), Shard(RULES), list[Any]()
        journal.open()
        for number, step in enumerate(history.entries()):
            entry = batch(shard.directory, step) if isinstance(step, Sequence) else step
            outcome = shard.apply(entry)
            if outcome.is_understood:
                entered.append(step)
                written: Any = (entry, outcome.verdicts) if isinstance(entry, Batch) else entry
                journal.append(shard.directory, [written], [change.incident for change in outcome.changes])
            if number in history.checkpoints:
                journal.checkpoint(MARK, shard.dumps())
        journal.close()
        yield journal.path, entered


def never_saw(entered: list[Sequence[Row] | Event], span: Span, *, names: bool) -> Shard:
    """Return the shard of a gateway to which this was never sent; `names`: nor anything that names the device."""
    shard = Shard(RULES)
    for step in entered:
        if isinstance(step, Sequence):
            kept = [row for row in step if not (span.fits(row[0], row[1]) and span.since <= row[2] < span.until)]
            if kept:
                shard.apply(batch(shard.directory, kept))
        elif not (names and span.device in {getattr(step, "device", None), getattr(step, "devices", None)}):
            shard.apply(step)
    return shard


def as_span(asked: tuple[str, str | None, int | None, int | None]) -> Span:
    """Return what is asked for as a span; times are minutes from the end of the ordinary life."""
    device, sensor, *times = asked
    first, last = (None if minute is None else START + (400 + minute) * 60 * SECOND for minute in times)
    given = {"since": first, "until": last}
    return Span(device, sensor, **{name: time for name, time in given.items() if time is not None})


def do(work: Callable[..., Work], path: Path, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Do what is asked on a log without a gateway."""
    with Alone(Shard(RULES), Journal(path), {}) as house:
        slices = work(house, arguments)
        while True:
            try:
                next(slices)
            except StopIteration as end:
                return dict(end.value)


def digests(shard: Shard) -> dict[str, str]:
    """Return what is known of each device."""
    return {device: shard.digest(device) for device in shard.directory.devices}


def restored(path: Path, mark: str) -> Shard:
    """Return what a restart makes of the log."""
    journal, shard = Journal(path), Shard(RULES)
    journal.open()
    restore(shard, journal, mark, threading.Event(), lambda _: None)
    journal.close()
    return shard


def readings_of(path: Path) -> list[tuple[str, str, int, float]]:
    """Return all readings in the log."""
    journal = Journal(path)
    journal.open()
    names, found = journal.streams(), []
    for _, entry in logged(journal):
        if isinstance(entry, tuple):
            columns = (entry[0].stream.tolist(), entry[0].observed_at.tolist(), entry[0].value.tolist())
            found += [(*names[stream], at, value) for stream, at, value in zip(*columns, strict=True)]
    journal.close()
    return found


def bytes_of(path: Path) -> bytes:
    """Return every byte of the log's files."""
    return b"".join(file.read_bytes() for file in sorted(path.parent.glob(path.name + "*")))


@OFTEN
@given(history=HISTORIES, asked=SPANS)
def test_what_was_forgotten_was_never_there(
    history: History, asked: tuple[str, str | None, int | None, int | None]
) -> None:
    """State, log and restarts are those of a gateway that never saw it; of a forgotten device no byte is left."""
    span = as_span(asked)
    if span.since >= span.until:
        return
    with lived(history) as (path, entered):
        if span.sensor is not None and (span.device, span.sensor) not in restored(path, MARK).directory.streams:
            with pytest.raises(RequestError, match="has no sensor"):
                do(forget, path, span._asdict())
            return
        receipt = do(forget, path, span._asdict() | {"verify": True})
        expected = digests(never_saw(entered, span, names=span.is_whole))
        assert digests(restored(path, MARK)) == expected
        assert digests(restored(path, "no checkpoint")) == expected
        assert receipt["verified"]["is ours"]
        assert receipt["state after"] == expected.get(str(span.device))
        assert not any(
            span.fits(device, sensor) and span.since <= at < span.until for device, sensor, at, _ in readings_of(path)
        )
        if span.is_whole:
            assert receipt["verified"]["files that hold the name"] == []
            assert str(span.device).encode() not in bytes_of(path)


@OFTEN
@given(history=HISTORIES, asked=SPANS, is_everybody=st.booleans())
def test_what_was_undone_was_never_learned(
    history: History, asked: tuple[str, str | None, int | None, int | None], *, is_everybody: bool
) -> None:
    """The state is that of a gateway that never saw it, after every restart too, and the readings are all there."""
    span = as_span(asked)._replace(sensor=None)
    span = span._replace(device=None) if is_everybody else span
    if span.since >= span.until or span.is_all_time:
        return
    with lived(history) as (path, entered):
        before = readings_of(path)
        if span.device is not None and span.device not in restored(path, MARK).directory.devices:
            with pytest.raises(RequestError, match="no device is called"):
                do(undo, path, span._asdict())
            return
        do(undo, path, span._asdict())
        expected = digests(never_saw(entered, span, names=False))
        assert digests(restored(path, MARK)) == expected
        assert digests(restored(path, "no checkpoint")) == expected
        assert readings_of(path) == before


SECRETS = (48_151.62342, -1_618.0339887)
"""Values that nobody else sends."""

SECRET = "on holiday"
"""A text that nobody else sends."""


def holds(path: Path) -> list[str]:
    """Return where any of them is found: in the bytes of the files, in what a state says, in entries, in incidents."""
    forms = [
        form for value in SECRETS for form in (struct.pack("<d", value), struct.pack("<f", value), str(value).encode())
    ]
    forms += [SECRET.encode(), struct.pack("<d", code_of(SECRET))]
    journal, found = Journal(path), list[str]()
    found += ["bytes"] * any(form in bytes_of(path) for form in forms)
    journal.open()
    states = b"".join(part for _, parts in journal.checkpoints(MARK) for part in parts.values())
    journal.close()
    found += ["state"] * any(form in states for form in forms)
    found += ["entries"] * any(value in {*SECRETS, code_of(SECRET)} for *_, value in readings_of(path))
    with Reader(path) as log:
        found += ["incidents"] * any(told.value in {*SECRETS, SECRET} for told in log.incidents())
    return found


@pytest.mark.parametrize("since", [None, START])
def test_no_byte_of_a_value_stays_behind(since: int | None) -> None:
    """Neither of a whole device nor of some of its readings, however they were packed."""
    steps: list[Any] = [[(DEVICES[0], sensor, 60, value)] for value in SECRETS for sensor in SENSORS]
    steps += [[(DEVICES[0], "mode", 60, SECRET)]]
    with lived(History(220, 200, steps, {len(steps) + 6})) as (path, _):
        assert holds(path) == ["bytes", "state", "entries", "incidents"]
        do(forget, path, {"device": DEVICES[0], **({} if since is None else {"since": since})})
        assert holds(path) == []
