"""Blocks on any columns, and the log against a plain list."""

import tempfile
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from readings import logged, verdicts

from gateway.journal import Journal, blocks, events
from gateway.learning.directory import Directory
from gateway.records import (
    Availability,
    Batch,
    Described,
    Event,
    Feedback,
    Maintenance,
    Resume,
    Tick,
    Verdict,
)

TIMES = st.integers(-(2**63), 2**63 - 1)
ROWS = st.lists(
    st.tuples(st.integers(0, 2**31 - 1), TIMES, TIMES, st.floats(allow_nan=False, width=64), st.booleans()), max_size=30
)


def as_batch(rows: list[tuple[int, int, int, float, bool]]) -> Batch:
    """Return rows as a batch."""
    columns = list(zip(*rows, strict=True)) or [()] * 5
    return Batch(*(np.array(column, dtype=np.int64) for column in columns[:3]), np.array(columns[3], dtype=np.float64))


@given(ROWS)
def test_blocks_give_back_what_was_not_stale(rows: list[tuple[int, int, int, float, bool]]) -> None:
    """Any readings at all, bit for bit."""
    said = verdicts(len(rows), is_stale=np.array([row[4] for row in rows], dtype=bool))
    again, _ = blocks.decode(blocks.encode(as_batch(rows), said))
    expected = as_batch([row for row in rows if not row[4]])
    for name in Batch.__slots__:
        assert getattr(again, name).tobytes() == getattr(expected, name).tobytes()


TEXT = st.text(max_size=8)
EVENTS = st.one_of(
    st.builds(Tick, TIMES),
    st.builds(Resume, TIMES),
    st.builds(Feedback, TIMES, TEXT, st.none() | TEXT, st.sampled_from(Verdict)),
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


class TheLog(RuleBasedStateMachine):
    """A journal that is written, closed, reopened and pruned in any order, beside a list."""

    @initialize()
    def start(self) -> None:
        """Begin with an empty log."""
        self.folder = tempfile.TemporaryDirectory()
        self.journal = Journal(Path(self.folder.name) / "gateway.db")
        self.journal.open()
        self.directory = Directory()
        self.entries: dict[int, object] = {}
        self.saved: list[int] = []
        self.last = 0

    def _note(self, entry: object) -> None:
        self.last += 1
        self.entries[self.last] = entry

    @rule(told=st.lists(EVENTS, min_size=1, max_size=4))
    def enter(self, told: list[Event]) -> None:
        """Several entries in one transaction."""
        self.journal.append(self.directory, told, [])
        for entry in told:
            self._note(entry)

    @rule(values=st.lists(st.floats(-1e99, 1e99), min_size=1, max_size=5), at=st.integers(0, 100))
    def learn(self, values: list[float], at: int) -> None:
        """Readings of a stream that is new."""
        row = self.directory.add("d", str(len(self.directory)))
        times = np.full(len(values), at)
        batch = Batch(np.full(len(values), row), times, times, np.array(values))
        self.journal.append(self.directory, [(batch, verdicts(len(values)))], [])
        self._note((at, values))

    @rule()
    def checkpoint(self) -> None:
        """Save the state as of now."""
        self.journal.checkpoint("rules", {"last": str(self.last).encode()})
        self.saved = sorted({*self.saved, self.journal.last()})[-2:]

    @rule(since=st.integers(0, 120))
    def retain(self, since: int) -> None:
        """Drop what stands before the first that is not older, and is in every checkpoint."""
        self.journal.retain(since, 2**40)
        oldest = self.saved[0] if self.saved else 0
        times = {seq: entry[0] if isinstance(entry, tuple) else entry.at for seq, entry in self.entries.items()}  # type: ignore[attr-defined]
        first = min((seq for seq, at in times.items() if at >= since), default=0)
        for seq in [seq for seq in self.entries if seq < first and seq <= oldest]:
            del self.entries[seq]

    @rule()
    def reopen(self) -> None:
        """As after a restart."""
        self.journal.close()
        self.journal.open()

    @invariant()
    def is_what_the_list_says(self) -> None:
        """Entries, streams and checkpoints are those that were written."""
        if not hasattr(self, "journal"):
            return
        found = {
            seq: (int(entry[0].received_at[0]), entry[0].value.tolist()) if isinstance(entry, tuple) else entry
            for seq, entry in logged(self.journal)
        }
        assert found == self.entries
        assert self.journal.streams() == self.directory.streams
        assert [seq for seq, _ in self.journal.checkpoints("rules")] == self.saved[::-1]

    def teardown(self) -> None:
        """Leave nothing behind."""
        if hasattr(self, "journal"):
            self.journal.close()
            self.folder.cleanup()


TestTheLog = TheLog.TestCase
TestTheLog.settings = settings(max_examples=15, stateful_step_count=15, deadline=None)
