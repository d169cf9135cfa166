"""Blocks on any columns, and the log against a plain list."""

import shutil
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from readings import START, Row, batch, logged, verdicts

from gateway import rulebook
from gateway.control import Work
from gateway.errors import RequestError
from gateway.house import Alone
from gateway.journal import Entered, Follower, Journal, Reader, blocks, events
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
    Undone,
    Verdict,
)
from gateway.shard import Rules, Shard
from gateway.unlearning import forget, undo

MARK = rulebook.dumps(Rules())
DEVICES = ("pump", "room")
READINGS = st.lists(
    st.tuples(st.sampled_from(DEVICES), st.sampled_from("ab"), st.sampled_from([20.0, 20.5, 21.0, 500.0]))
    | st.tuples(st.sampled_from(DEVICES), st.just("mode"), st.sampled_from(["idle", "heating", "error"])),
    min_size=1,
    max_size=6,
)
PARTS = READINGS | READINGS | st.sampled_from([Tick, Resume])

TIMES = st.integers(-(2**63), 2**63 - 1)
ROWS = st.lists(
    st.tuples(st.integers(0, 2**31 - 1), TIMES, TIMES, st.floats(allow_nan=False, width=64), st.booleans()), max_size=30
)


def as_batch(rows: list[tuple[int, int, int, float, bool]]) -> Batch:
    """Return rows as a batch."""
    columns = list(zip(*rows, strict=True)) or [()] * 5
    stream, observed_at, received_at = (np.array(column, dtype=np.int64) for column in columns[:3])
    return Batch(stream, observed_at, received_at, np.array(columns[3], dtype=np.float64))


@given(ROWS)
def test_blocks_give_back_what_was_not_stale(rows: list[tuple[int, int, int, float, bool]]) -> None:
    """Any readings at all, bit for bit."""
    said = verdicts(len(rows), is_stale=np.array([row[4] for row in rows], dtype=bool))
    again, _ = blocks.decode(blocks.encode(as_batch(rows), said))
    expected = as_batch([row for row in rows if not row[4]])
    for name in ("stream", "observed_at", "received_at", "value"):
        assert getattr(again, name).tobytes() == getattr(expected, name).tobytes()


TEXT = st.text(max_size=8)
EVENTS = st.one_of(
    st.builds(Tick, TIMES),
    st.builds(Resume, TIMES),
    st.builds(
        Feedback, TIMES, TEXT, st.none() | TEXT, st.sampled_from(Verdict), st.lists(TEXT).map(tuple), st.booleans()
    ),
    st.builds(Maintenance, TIMES, TEXT, TIMES),
    st.builds(Described, TIMES, TEXT, TEXT, TEXT),
    st.builds(Availability, TIMES, TEXT, st.booleans()),
)


@given(EVENTS)
def test_events_are_given_back(event: Event) -> None:
    """Whatever holds no readings comes out of the log as it went in, of the same types."""
    again = events.decode(*events.encode(event))
    assert again == event
    assert not isinstance(event, Feedback) or (isinstance(again, Feedback) and again.verdict is event.verdict)


class Item(NamedTuple):
    """What one number of the log holds: readings by name, or an event; and where it stands."""

    seq: int
    at: int
    step: list[Row] | Event


class TheLog(RuleBasedStateMachine):
    """A gateway's log and state, written, killed, followed, pruned and made to forget in any order, beside lists.

    `items` is what the log should hold. `lived` is, of each device, what its state should be the fold of: retention
    takes nothing out of it, until something of the device is forgotten or undone.
    """

    @initialize()
    def start(self) -> None:
        """Begin with an empty log."""
        self.folder = tempfile.TemporaryDirectory()
        self.now = START
        self._come_home(Path(self.folder.name) / "gateway.db")
        self.follower = Follower(self.house.journal.path, "influx")
        self.cursor = self.follower.open()
        self.items: list[Item] = []
        self.undone: list[tuple[int, Span]] = []
        self.lived: dict[str, list[list[Row] | Event]] = {device: [] for device in DEVICES}
        self.waiting: list[tuple[list[Row] | Event, Entered]] = []
        self.saved: list[int] = []
        self.going = 0

    def _come_home(self, path: Path) -> None:
        """Open the log with the state it leads to; what is asked for is asked at the time that readings have.

        Nothing is synced, which is half of the time: no power is cut here.
        """
        self.house = Alone(Shard(Rules()), Journal(path, is_durable=False), {})
        self.house.now = lambda: self.now  # type: ignore[method-assign]
        self.house.__enter__()

    @rule(parts=st.lists(PARTS, min_size=1, max_size=4), is_committed=st.booleans())
    def learn(
        self, parts: list[list[tuple[str, str, float | str]] | type[Tick | Resume]], *, is_committed: bool
    ) -> None:
        """Readings and events, which wait to be committed."""
        for part in parts:
            self.now += 60 * SECOND
            if isinstance(part, list):
                rows = [
                    (device, sensor, self.now + SECOND * place, value)
                    for place, (device, sensor, value) in enumerate(part)
                ]
                entry = batch(self.house.shard.directory, rows)
                verdicts = self.house.shard.apply(entry).verdicts
                assert verdicts is not None
                self.waiting.append((rows, (entry, verdicts)))
            else:
                self.house.shard.apply(part(self.now))
                self.waiting.append((part(self.now), part(self.now)))
        if is_committed:
            self.commit()

    def commit(self) -> None:
        """All that waits, at once: readings that follow each other become one entry."""
        self.house.journal.append(self.house.shard.directory, [entry for _, entry in self.waiting], [])
        steps: list[list[Row] | Event] = []
        for step, _ in self.waiting:
            if isinstance(step, list) and steps and isinstance(steps[-1], list):
                steps[-1] = steps[-1] + step
            else:
                steps.append(step)
            for device, lived in self.lived.items():
                lived.append([row for row in step if row[0] == device] if isinstance(step, list) else step)
        last = max([self.cursor, *self.saved, *(item.seq for item in self.items)])
        seqs = [seq for seq, _ in logged(self.house.journal, last)]
        assert len(seqs) == len(steps)
        for seq, step in zip(seqs, steps, strict=True):
            self.items.append(Item(seq, step[0][2] if isinstance(step, list) else step.at, step))
        self._drop(min(self.going, next((seq for seq, _ in logged(self.house.journal)), 0)))
        self.waiting = []

    @rule()
    def save(self) -> None:
        """Commit, and save the state as of now."""
        self.commit()
        self.house.journal.checkpoint(MARK, self.house.shard.dumps())
        self.saved = sorted({*self.saved, self.house.journal.last()})[-2:]

    @rule()
    def crash(self) -> None:
        """Go on with what is on the disk: what waited is gone, the state comes back."""
        old, path = self.folder, self.house.journal.path
        self.folder = tempfile.TemporaryDirectory()
        for file in (path, path.with_name(path.name + "-wal")):
            if file.exists():
                shutil.copy(file, self.folder.name)
        self.follower.close()
        self.house.__exit__()
        old.cleanup()
        self._come_home(Path(self.folder.name) / path.name)
        self.follower = Follower(self.house.journal.path, "influx")
        assert self.follower.open() == self.cursor
        self.waiting, self.going = [], 0
        self.the_state_is_the_fold()

    @rule(most=st.integers(1, 20), is_delivered=st.booleans())
    def follow(self, most: int, *, is_delivered: bool) -> None:
        """The cursor passes what stands after it, in order; where it was not delivered it comes again."""
        passage = self.follower.take(self.cursor, most)
        rest = [item for item in self.items if item.seq > self.cursor]
        assert (passage is None) == (not rest)
        if passage is not None:
            told = [value for readings, _ in passage.readings for value in _said(readings)]
            passed = [item.step for item in rest if item.seq <= passage.seq]
            assert told == [row[3] for step in passed if isinstance(step, list) for row in step]
            if is_delivered:
                self.follower.move(passage.seq)
                self.cursor = passage.seq

    @rule(minutes=st.integers(0, 20), at_leisure=st.booleans())
    def retain(self, minutes: int, *, at_leisure: bool) -> None:
        """Drop what stands before the first entry that is not older, and is in every checkpoint; or let it make way."""
        since = self.now - minutes * 60 * SECOND
        self.house.journal.retain(since, 2**40, at_leisure=at_leisure)
        self._drop(self.going)
        first = min((item.seq for item in self.items if item.at >= since), default=0)
        self.going = min(first, self.saved[0] + 1 if self.saved else 0)
        if not at_leisure:
            self._drop(self.going)

    def _drop(self, before: int) -> None:
        self.items = [item for item in self.items if item.seq >= before]

    @rule(
        device=st.sampled_from(DEVICES),
        sensor=st.none() | st.sampled_from(["a", "b", "mode"]),
        minutes=st.none() | st.integers(0, 20),
    )
    def forget(self, device: str, sensor: str | None, minutes: int | None) -> None:
        """All of a device or a sensor, or its last minutes."""
        self.commit()
        span = Span(device, sensor) if minutes is None else Span(device, sensor, self.now - minutes * 60 * SECOND)
        with suppress(RequestError):  # no such sensor
            self._ask(forget, span)
            self.items = [
                item._replace(step=kept) if isinstance(item.step, list) else item
                for item in self.items
                if (kept := _without(item.step, span))
            ]
            self._live_again(device)
            self.saved, self.going = [self.house.journal.last()], 0
            self.the_state_is_the_fold()

    @rule(device=st.sampled_from(DEVICES), minutes=st.integers(1, 20))
    def undo(self, device: str, minutes: int) -> None:
        """The readings of the last minutes stay, but what they taught goes."""
        self.commit()
        span = Span(device, None, self.now - minutes * 60 * SECOND)
        with suppress(RequestError):  # no such device
            self._ask(undo, span)
            seq = self.house.journal.last()
            ((_, entry),) = logged(self.house.journal, seq - 1)
            assert isinstance(entry, Undone)
            self.items.append(Item(seq, entry.at, entry))
            self.undone.append((seq, span))
            self._live_again(device)
            self.saved, self.going = [seq], 0
            self.the_state_is_the_fold()

    def _ask(self, do: Callable[[Alone, dict[str, object]], Work], span: Span) -> None:
        for _ in do(self.house, {name: value for name, value in span._asdict().items() if value is not None}):
            pass

    def _live_again(self, device: str) -> None:
        """From now on its state is the fold of what the log still holds of it, without what was undone."""
        lived: list[list[Row] | Event] = []
        for item in self.items:
            step: list[Row] | Event = item.step
            if isinstance(step, list):
                step = [row for row in step if row[0] == device]
                for seq, span in self.undone:
                    step = _without(step, span) if item.seq < seq else step
            lived.append(step)
        self.lived[device] = lived

    @invariant()
    def the_log_is_what_the_list_says(self) -> None:
        """Entry by entry, with the names of its streams."""
        if not hasattr(self, "house"):
            return
        with Reader(self.house.journal.path) as log:
            names = log.streams()
            found = [(seq, _by_name(entry, names)) for seq, entry in log.entries(0)]
        assert found == [(item.seq, item.step) for item in self.items]
        assert [seq for seq, _ in self.house.journal.checkpoints(MARK)] == self.saved[::-1]

    def the_state_is_the_fold(self) -> None:
        """Of what each device lived through, to the last bit; to be asked when it was not just learned on."""
        for device, lived in self.lived.items():
            alone = Shard(Rules())
            for step in lived:
                if not isinstance(step, list):
                    alone.apply(step)
                elif step:
                    alone.apply(batch(alone.directory, step))
            if alone.directory.device_row(device) is not None:
                assert self.house.shard.digest(device) == alone.digest(device)

    def teardown(self) -> None:
        """Whatever happened, what is left is followed and survives; then leave nothing behind."""
        if hasattr(self, "house"):
            self.follow(20, is_delivered=True)
            self.crash()
            self.the_log_is_what_the_list_says()
            self.follower.close()
            self.house.__exit__()
            self.folder.cleanup()


def _without(step: list[Row] | Event, span: Span) -> Any:  # noqa: ANN401 - of the same type, or None
    """What stays of it."""
    if not isinstance(step, list):
        return None if span.is_whole and getattr(step, "device", None) == span.device else step
    return [row for row in step if not (span.fits(row[0], row[1]) and span.since <= row[2] < span.until)]


def _by_name(entry: Entered, names: Sequence[tuple[str, str]]) -> object:
    if not isinstance(entry, tuple):
        return entry
    readings, _ = entry
    columns = (readings.stream.tolist(), readings.observed_at.tolist(), _said(readings))
    return [(*names[stream], at, value) for stream, at, value in zip(*columns, strict=True)]


def _said(readings: Batch) -> list[float | str]:
    """Values as they were sent."""
    return [readings.names.get(value, value) for value in readings.value.tolist()]


TestTheLog = TheLog.TestCase
TestTheLog.settings = settings(max_examples=15, stateful_step_count=12, deadline=None)


@pytest.mark.soak
class TestTheLogForLong(TheLog.TestCase):  # type: ignore[misc, valid-type]  # made when it is asked for
    """The same, more often, and longer: a third of a second of processor time each."""

    settings = settings(max_examples=500, stateful_step_count=40, deadline=None)
