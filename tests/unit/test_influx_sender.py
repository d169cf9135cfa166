"""The sender against a log and a database of our own, which do what the test says."""

import threading
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import pytest
from brokers import wait_until
from readings import START, batch, verdicts

from gateway.errors import JournalError
from gateway.influx import Lines, Options, Sender, sender
from gateway.influx.answers import Answer, Meaning
from gateway.learning.directory import Directory
from gateway.passages import DeadLetter, Foreseen, Minutes, Note, Passage
from gateway.records import SECOND, Span

WRITTEN, BAD = Answer(Meaning.WRITTEN), Answer(Meaning.BAD, "400 unable to parse")


class FakeLog:
    """Passages by number; notes where the cursor is put."""

    def __init__(self, passages: Sequence[Passage] = ()) -> None:
        self.passages = list(passages)
        self.moves: list[int] = []
        self.dead: list[DeadLetter] = []
        self.is_full = self.is_closed = False
        self.under_way: list[Foreseen] = []

    def open(self) -> int:
        """Begin at the beginning."""
        return 0

    def close(self) -> None:
        """Note it."""
        self.is_closed = True

    def take(self, after: int, most: int) -> Passage | None:
        """Return the next passage."""
        return next((passage for passage in self.passages if passage.seq > after), None)

    def foreseen(self, until: int, within: int) -> list[Foreseen]:
        """Return what is under way."""
        return self.under_way

    def unsent(self, after: int) -> int:
        """Count what is there."""
        return sum(passage.size for passage in self.passages)

    def move(self, seq: int, dead: Collection[DeadLetter] = ()) -> None:
        """Note it, or fail as a full disk does."""
        if self.is_full:
            message = "disk full"
            raise JournalError(message)
        self.moves.append(seq)
        self.dead.extend(dead)


class FakeDatabase:
    """Takes lines as `judge` says of each request, which gives the answer."""

    def __init__(self, judge: Callable[[Sequence[str]], Answer] = lambda _: WRITTEN) -> None:
        self.judge = judge
        self.written: dict[str, list[str]] = {}
        self.requests: list[int] = []
        self.is_aborted = self.is_closed = False

    def write(self, bucket: str, lines: Sequence[str]) -> Answer:
        """Answer, and keep what was taken."""
        self.requests.append(len(lines))
        answer = self.judge(lines)
        if answer.meaning is Meaning.WRITTEN:
            self.written.setdefault(bucket, []).extend(lines)
        return answer

    def abort(self) -> None:
        """Note it."""
        self.is_aborted = True

    def close(self) -> None:
        """Note it."""
        self.is_closed = True


def passage(seq: int, count: int = 4, notes: Sequence[Note] = ()) -> Passage:
    """Return a passage of so many readings, a second apart, whose values tell them apart."""
    directory = Directory()
    first = START + seq * 1000 * SECOND
    rows = [("pump", "a", first + number * SECOND, float(1000 * seq + number)) for number in range(count)]
    return Passage(seq, first, (("pump", "a"),), [(batch(directory, rows), verdicts(count))], [], notes)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let pauses after failures be short."""
    monkeypatch.setattr(sender, "SHORTEST_S", 0.001)
    monkeypatch.setattr(sender, "LONGEST_S", 0.002)


@contextmanager
def sending(log: FakeLog, database: FakeDatabase, rollup_bucket: str | None = None) -> Iterator[Sender]:
    """Let a sender run."""
    running = Sender(log, database, Lines("home"), Options("raw", rollup_bucket, 100, 0.0, 3600 * SECOND))
    running.start()
    try:
        yield running
    finally:
        running.stop()


def values(lines: Sequence[str]) -> list[int]:
    """Return the values of readings, which tell them apart."""
    return [int(float(line.split("value=")[1].split(",")[0])) for line in lines]


def test_everything_is_sent_in_order_and_the_cursor_follows() -> None:
    """One passage after the other; at the end the cursor stands behind the last."""
    log, database = FakeLog([passage(1), passage(2)]), FakeDatabase()
    with sending(log, database) as running:
        wait_until(lambda: running.unsent == 0, "all is sent")
        assert running.status(START)["state"] == "online"
    assert values(database.written["raw"]) == [1000, 1001, 1002, 1003, 2000, 2001, 2002, 2003]
    assert log.moves[-1] == 2
    assert log.is_closed
    assert database.is_closed


def test_it_is_woken_by_a_commit() -> None:
    """It asks no clock whether there is something new."""
    log, database = FakeLog(), FakeDatabase()
    with sending(log, database) as running:
        log.passages.append(passage(1))
        running.wake(4)
        wait_until(lambda: running.unsent == 0, "it is sent")


def test_minutes_go_to_their_own_bucket() -> None:
    """And nowhere where there is none."""
    columns = (np.array([number]) for number in (0, START, 3))
    minutes = Minutes(*columns, *(np.array([1.0]) for _ in range(5)))
    database = FakeDatabase()
    with sending(FakeLog([passage(1, notes=[minutes])]), database, "minutes") as running:
        wait_until(lambda: running.unsent == 0, "all is sent")
    assert len(database.written["minutes"]) == 1
    database = FakeDatabase()
    with sending(FakeLog([passage(1, notes=[minutes])]), database) as running:
        wait_until(lambda: running.unsent == 0, "all is sent")
    assert list(database.written) == ["raw"]


@pytest.mark.parametrize("meaning", [Meaning.AWAY, Meaning.BUSY, Meaning.REFUSED])
def test_what_is_not_taken_is_kept_and_sent_again(meaning: Meaning) -> None:
    """The cursor stays, the trouble is in the status, and over when something is taken."""
    answers = deque([Answer(meaning, "some words")] * 3)
    log, database = FakeLog([passage(1)]), FakeDatabase(lambda _: answers.popleft() if answers else WRITTEN)
    with sending(log, database) as running:
        wait_until(lambda: running.unsent == 0, "all is sent")
        assert running.status(START)["state"] == "online"
    assert database.requests == [4, 4, 4, 4]
    assert values(database.written["raw"]) == [1000, 1001, 1002, 1003]


def test_the_status_says_how_far_behind_we_are() -> None:
    """Readings unsent, the age of the oldest, and what is wrong, in the server's words."""
    log, database = FakeLog([passage(1), passage(2)]), FakeDatabase(lambda _: Answer(Meaning.REFUSED, "401 no"))
    with sending(log, database) as running:
        wait_until(lambda: running.trouble, "it is refused")
        status = running.status(START + 1060 * SECOND)
    assert status == {"state": "401 no", "unsent": 8, "oldest_s": 60.0, "dead_letters": 0, "expired": 0}
    assert log.moves == [0]


def test_it_is_said_once_when_lost_and_once_when_back(caplog: pytest.LogCaptureFixture) -> None:
    """A weekend without a database is two lines of our log."""
    answers = deque([Answer(Meaning.AWAY, "nobody there")] * 20)
    database = FakeDatabase(lambda _: answers.popleft() if answers else WRITTEN)
    with caplog.at_level("INFO"), sending(FakeLog([passage(1)]), database) as running:
        wait_until(lambda: running.unsent == 0, "all is sent")
    assert [record.getMessage() for record in caplog.records] == [
        "InfluxDB takes nothing, all is kept: nobody there",
        "InfluxDB takes lines again",
    ]


def test_a_server_that_names_a_time_is_given_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where ours would have been longer."""
    monkeypatch.setattr(sender, "SHORTEST_S", 1000.0)
    monkeypatch.setattr(sender, "LONGEST_S", 1000.0)
    answers = deque([Answer(Meaning.BUSY, "429", 0.001)])
    database = FakeDatabase(lambda _: answers.popleft() if answers else WRITTEN)
    with sending(FakeLog([passage(1)]), database) as running:
        wait_until(lambda: running.unsent == 0, "all is sent")


@pytest.mark.parametrize("meaning", [Meaning.BAD, Meaning.TOO_LARGE])
def test_bad_lines_are_kept_apart_and_the_rest_is_written(meaning: Meaning) -> None:
    """A server that refuses a whole batch for one line gets the others, in order."""

    def judge(lines: Sequence[str]) -> Answer:
        is_bad = any(line.startswith("readings") and values([line])[0] % 7 == 0 for line in lines)
        return Answer(meaning, "400 no sevens") if is_bad else WRITTEN

    log, database = FakeLog([passage(1, 90), passage(2, 90)]), FakeDatabase(judge)
    with sending(log, database) as running:
        wait_until(lambda: running.unsent == 0, "all is sent")
        assert running.status(START)["dead_letters"] == len(log.dead)
    every = [*range(1000, 1090), *range(2000, 2090)]
    assert values(database.written["raw"]) == [value for value in every if value % 7]
    assert values([letter.line for letter in log.dead]) == [value for value in every if value % 7 == 0]
    assert {letter.words for letter in log.dead} == {"400 no sevens"}


def test_where_every_line_is_refused_it_is_not_the_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy that answers 400 to everything does not turn a weekend into dead letters."""
    monkeypatch.setattr(sender, "HOPELESS", 10)
    is_mended = threading.Event()
    database = FakeDatabase(lambda _: WRITTEN if is_mended.is_set() else BAD)
    log = FakeLog([passage(1, 50)])
    with sending(log, database) as running:
        wait_until(lambda: running.trouble, "it is noticed")
        is_mended.set()
        wait_until(lambda: running.unsent == 0, "all is sent")
    assert not log.dead
    assert values(database.written["raw"]) == list(range(1000, 1050))


def test_what_the_database_would_not_keep_is_passed_over() -> None:
    """Older than its retention: it has written the rest, asking again would change nothing."""
    log, database = FakeLog([passage(1)]), FakeDatabase(lambda _: Answer(Meaning.EXPIRED, "too old"))
    with sending(log, database) as running:
        wait_until(lambda: running.unsent == 0, "all is passed")
        assert running.status(START)["expired"] == 4
    assert database.requests == [4]


def test_forecasts_of_before_a_restart_are_held_against_what_comes() -> None:
    """Only the log remembers them."""
    log, database = FakeLog([passage(1)]), FakeDatabase()
    times = (np.array([number]) for number in (0, passage(1).at - 60 * SECOND, passage(1).at))
    log.under_way = [Foreseen(*times, *(np.array([900.0]) for _ in range(3)))]
    with sending(log, database) as running:
        wait_until(lambda: running.unsent == 0, "all is sent")
    assert "actual=1000.0,error=100.0" in database.written["raw"][-1]


def test_stopping_while_the_database_is_away_keeps_the_cursor() -> None:
    """What was not taken is sent by the next start."""
    log, database = FakeLog([passage(1)]), FakeDatabase(lambda _: Answer(Meaning.AWAY, "nobody", 1000.0))
    with sending(log, database) as running:
        wait_until(lambda: running.trouble, "it is away")
    assert database.is_aborted
    assert log.moves == [0]
    assert log.is_closed


def test_what_was_forgotten_while_the_database_was_away_is_not_sent_when_it_is_back() -> None:
    """Lines that wait in memory are taken from the log again, and of the dead letters only others' are written down."""
    log, away = FakeLog([passage(1), passage(2)]), threading.Event()
    away.set()
    database = FakeDatabase(lambda _: Answer(Meaning.AWAY, "no route to host") if away.is_set() else WRITTEN)
    with sending(log, database) as running:
        running._dead.extend(DeadLetter(f"raw,device={name} x=1 1", START, "400") for name in ("pu\\mp", "room"))
        wait_until(lambda: len(database.requests) > 1, "it holds the first passage and tries again")
        log.passages[:] = [passage(2)]
        assert running.forget(Span("pump")) == "what waited was let go"
        away.clear()
        wait_until(lambda: log.dead != [] or running.counts.sent >= 4, "what is left is sent")
    assert values(database.written["raw"]) == [2000, 2001, 2002, 2003]
    assert [each.line for each in log.dead] == ["raw,device=room x=1 1"]


def test_a_request_under_way_is_waited_for_and_its_passage_taken_again() -> None:
    """What is deleted from the database right after must not arrive there later."""
    log, arrived, go_on = FakeLog([passage(1)]), threading.Event(), threading.Event()

    def slow(_: Sequence[str]) -> Answer:
        arrived.set()
        assert go_on.wait(10)
        return WRITTEN

    database = FakeDatabase(slow)
    with sending(log, database) as running:
        assert arrived.wait(10)
        forgetting = threading.Thread(target=running.forget, args=(Span("pump"),))
        forgetting.start()
        wait_until(running._outdated.is_set, "it is to be forgotten")
        assert forgetting.is_alive()
        log.passages[:] = [passage(1, count=2)]
        go_on.set()
        forgetting.join()
        wait_until(lambda: running.counts.sent == 2, "what is left is sent")


def test_a_full_disk_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """Sending goes on; dead letters are written when there is room."""

    def judge(lines: Sequence[str]) -> Answer:
        return BAD if any("value=1001.0" in line for line in lines) else WRITTEN

    log, database = FakeLog([passage(1)]), FakeDatabase(judge)
    log.is_full = True
    with sending(log, database) as running:
        wait_until(lambda: running.unsent == 0, "all is sent")
        wait_until(lambda: "the cursor is not saved: disk full" in caplog.text, "it is said")
        assert not log.dead
        log.is_full = False
    assert values([letter.line for letter in log.dead]) == [1001]


def test_a_bug_is_carried_to_the_loop() -> None:
    """It must not end in a thread that nobody looks at."""

    def judge(_lines: Sequence[str]) -> Answer:
        message = "a bug"
        raise ValueError(message)

    with sending(FakeLog([passage(1)]), FakeDatabase(judge)) as running:
        wait_until(lambda: running.failure, "it is there")
    assert isinstance(running.failure, ValueError)
