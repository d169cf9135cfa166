"""Upgrade without amnesia: who serves at the start, and how what is learned anew takes its place."""

import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from readings import START, Row, batch, life, pieces

from gateway import renewal, rulebook, unlearning
from gateway.alarms.words import spelt_out
from gateway.control import Call, Desk
from gateway.errors import DiskError, RequestError
from gateway.house import Alone
from gateway.journal import Journal, Reader
from gateway.learning.directory import Directory
from gateway.learning.streams import Policy
from gateway.records import SECOND, Described, Event, Feedback, Incident, Kind, Maintenance, State, Tick, Verdict
from gateway.recovery import Fold
from gateway.renewal import begin, refold
from gateway.rulebook import Regime
from gateway.shard import Rules, Shard

BEFORE, AFTER = Rules(silent_floor_s=5.0), Rules(Policy(budget_s=3600.0), silent_floor_s=6.0)
ROUNDS = 60
END = START + ROUNDS * 60 * SECOND
DEVICES = ("pump", "room", "meter")
OTHER = Incident("other", State.OPEN, "pump", "a", Kind.SPIKE, "high", 0.7, START, START, 1.0, None, None, None, "Why.")


@pytest.fixture(autouse=True)
def _one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a slice be one entry of the log, however fast the machine is."""
    monkeypatch.setattr(renewal, "SLICE_S", 0.0)


def enter(shard: Shard, journal: Journal, entry: Sequence[Row] | Event) -> list[Incident]:
    """Let a gateway live through this: learned and logged; return what it tells."""
    fed: Any = batch(shard.directory, entry) if isinstance(entry, Sequence) else entry
    outcome = shard.apply(fed)
    told = [change.incident for change in outcome.changes]
    journal.append(shard.directory, [fed if outcome.verdicts is None else (fed, outcome.verdicts)], told)
    return told


def live(journal: Journal, mark: str = rulebook.dumps(BEFORE), devices: Sequence[str] = DEVICES) -> Shard:
    """Let a gateway live for some hours under the rules before, and end in order; at the end all are silent."""
    shard = Shard(BEFORE)
    enter(shard, journal, Maintenance(START, "valve-*", END + 10**6 * SECOND))
    for number, rows in enumerate(pieces(life(ROUNDS, devices), seed=1)):
        enter(shard, journal, rows)
        if number == 1:
            enter(shard, journal, Described(START, "pump", "a", "bar"))
    enter(shard, journal, Tick(END + 10**4 * SECOND))
    journal.checkpoint(mark, shard.dumps())
    return shard


def folded(journal: Journal, rules: Rules) -> Shard:
    """Return what the whole log makes of a fresh shard."""
    shard = Shard(rules)
    with Reader(journal.path) as log:
        Fold(shard, log).advance()
    return shard


def begun(journal: Journal, rules: Rules) -> tuple[Shard, Regime]:
    """Return with what a new process starts to serve."""
    shard, regime = Shard(rules), Regime(rules, None)
    assert begin(regime, shard, journal, threading.Event())
    return shard, regime


class House(Alone):
    """A gateway's loop as who changes its state sees it; `told` is what people heard, `trouble` what its disk says."""

    is_heard = True

    def __init__(self, shard: Shard, journal: Journal, regime: Regime) -> None:
        super().__init__(shard, journal, {})
        self.regime = regime
        self.told: list[Incident] = []
        self.trouble: deque[str] = deque()

    def settle(self) -> None:
        """Refuse for as long as there is trouble."""
        if self.trouble:
            raise RequestError(self.trouble.popleft())

    def serve(self, shard: Shard, told: Sequence[Incident], /) -> None:
        """Note what is told."""
        self.told += told
        super().serve(shard, told)


def started(journal: Journal) -> House:
    """Return a gateway that has started under the rules after."""
    shard, regime = begun(journal, AFTER)
    return House(shard, journal, regime)


@pytest.fixture
def house(journal: Journal) -> House:
    """Give a gateway that starts under other rules than it lived under."""
    live(journal)
    return started(journal)


def finish(work: Iterator[str], between: Callable[[int], object] = lambda _: None) -> tuple[dict[str, Any], list[str]]:
    """Do a request slice by slice and `between` them something else; return the answer and what was said meanwhile."""
    said: list[str] = []
    while True:
        try:
            said.append(next(work))
        except StopIteration as end:
            return dict(end.value), said
        between(len(said))


def test_under_the_same_rules_nothing_is_learned_anew(journal: Journal) -> None:
    """An ordinary restart: checkpoint and tail."""
    shard = live(journal)
    again, regime = begun(journal, BEFORE)
    assert again.dumps() == shard.dumps()
    assert (regime.mark, regime.renewal) == (rulebook.dumps(BEFORE), None)


def test_under_other_rules_the_state_of_those_before_serves_at_once(journal: Journal) -> None:
    """Tail included, and under the rules that it was learned under: it is saved as theirs."""
    shard = live(journal)
    enter(shard, journal, [("room", "a", END + SECOND, 20.0)])
    again, regime = begun(journal, AFTER)
    assert again.dumps() == shard.dumps()
    assert again.rules.silent_floor_s == BEFORE.silent_floor_s
    assert regime.mark == rulebook.dumps(BEFORE)
    assert regime.renewal
    assert regime.renewal.why == "settings that the learning depends on have changed"


def test_where_no_state_can_be_read_a_short_log_is_learned_before_anybody_is_served(journal: Journal) -> None:
    """Where that takes no longer than a start may take."""
    live(journal, mark="of another version")
    again, regime = begun(journal, AFTER)
    assert again.dumps() == folded(journal, AFTER).dumps()
    assert (regime.mark, regime.renewal) == (rulebook.dumps(AFTER), None)


def test_an_empty_log_is_begun_with(journal: Journal) -> None:
    """The first start has nothing to learn anew."""
    _, regime = begun(journal, AFTER)
    assert (regime.mark, regime.renewal) == (rulebook.dumps(AFTER), None)


@pytest.fixture
def _haste(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a start have time for a few hundred readings."""
    monkeypatch.setattr(renewal, "PROBE", 4000)
    monkeypatch.setattr(renewal, "PATIENCE_S", 0.0)


@pytest.mark.usefixtures("_haste")
def test_where_that_takes_too_long_the_newest_part_serves_and_is_not_saved(journal: Journal) -> None:
    """It knows everybody by name, with units, and what is being worked on; what it learned is the newest part only."""
    whole = live(journal, mark="of another version")
    again, regime = begun(journal, AFTER)
    assert sorted(again.directory.streams) == sorted(whole.directory.streams)
    assert [*again.directory.units.values()] == ["bar"]
    assert again.calendar.active(END) == ["valve-*"]
    row = again.directory.row("room", "a")
    assert row is not None
    assert 10 < int(again.fleet.streams.prospects.seen([row])[0]) < ROUNDS  # type: ignore[arg-type]
    assert regime.mark is None
    assert regime.renewal
    assert regime.renewal.serving.startswith("what was heard since 2023-11-1")


@pytest.mark.usefixtures("_haste")
def test_the_newest_readings_serve_however_many_they_are(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    """A commit that alone is more than a start has time for was passed over: what came after it served."""
    monkeypatch.setattr(renewal, "PROBE", 1)
    live(journal, mark="of another version")
    _, regime = begun(journal, AFTER)
    assert regime.renewal
    assert regime.renewal.serving.startswith("what was heard since 2023-11-1")


@pytest.mark.usefixtures("_haste")
def test_who_is_stopped_meanwhile_does_not_serve(journal: Journal) -> None:
    """A supervisor does not have to wait."""
    live(journal, mark="of another version")
    stop = threading.Event()
    stop.set()
    assert not begin(Regime(AFTER, None), Shard(AFTER), journal, stop)


def test_what_is_learned_anew_while_readings_come_is_the_fold_of_the_log(house: House) -> None:
    """Bit for bit, and the next start finds it."""

    def between(number: int) -> None:
        if number > 5:
            return
        enter(house.shard, house.journal, [(name, "a", END + number * 60 * SECOND, 21.0) for name in DEVICES])

    answer, said = finish(refold(house, {}), between)
    assert len(said) > 5
    assert said[0].endswith("to go")
    assert answer["learned anew"] == 2 * len(DEVICES) * ROUNDS + len(DEVICES) * 5
    assert house.shard.dumps() == folded(house.journal, AFTER).dumps()
    assert (house.regime.mark, house.regime.renewal) == (rulebook.dumps(AFTER), None)
    again, regime = begun(house.journal, AFTER)
    assert (again.dumps(), regime.renewal) == (house.shard.dumps(), None)


def opened(shard: Shard) -> list[str]:
    """Return the ids of what is open."""
    incidents = shard.incidents
    return [
        each.id for each in [*incidents.streams.values(), *incidents.joint.values(), *incidents.silences.incidents()]
    ]


def said_open(journal: Journal) -> list[str]:
    """Return the ids of what people take for open."""
    with Reader(journal.path) as log:
        return [each.id for each in log.open_incidents()]


def test_what_is_open_before_and_after_is_not_told_again(house: House) -> None:
    """Nobody hears twice of one thing."""
    known = opened(house.shard)
    finish(refold(house, {}))
    assert known
    assert opened(house.shard) == known == said_open(house.journal)
    assert house.told == []


def test_what_people_know_under_another_id_keeps_it(journal: Journal) -> None:
    """Other rules find the same thing at another reading: a person's word on the id that was told must still count."""
    shard = live(journal, mark="not for long")
    (id_,) = opened(shard)
    shard.incidents.rename({id_: "known"})
    journal.checkpoint(rulebook.dumps(BEFORE), shard.dumps())
    with sqlite3.connect(journal.path) as database:
        database.execute("UPDATE incidents SET id = 'known', body = CAST(replace(body, id, 'known') AS BLOB)")
    database.close()
    house = started(journal)
    finish(refold(house, {}))
    assert house.told == []
    assert opened(house.shard) == ["known"]
    assert house.shard.dumps() == folded(journal, AFTER).dumps() == begun(journal, AFTER)[0].dumps()


@pytest.mark.parametrize(("sensors", "is_heeded"), [(("a",), True), (("b",), False), ((), False)])
def test_a_word_on_an_id_that_other_rules_do_not_give_reaches_what_its_sensors_show(
    journal: Journal, sensors: tuple[str, ...], *, is_heeded: bool
) -> None:
    """What a person has said is not lost by an upgrade, and the fold stays one of the log alone."""
    shard = Shard(BEFORE)
    for rows in pieces(life(5 * ROUNDS, ["pump"]), seed=1):
        enter(shard, journal, rows)
    at = START + 5 * ROUNDS * 60 * SECOND
    (opened_now,) = enter(shard, journal, [("pump", "a", at, 5000.0)])
    shard.incidents.rename({opened_now.id: "known"})
    word = Feedback(at + SECOND, "pump", "known", Verdict.NEW_NORMAL, sensors)
    assert spelt_out(shard.incidents, replace(word, sensors=())).sensors == ("a",)
    (over,) = enter(shard, journal, word)
    assert (over.id, over.state) == ("known", State.CLOSED)
    journal.checkpoint(rulebook.dumps(BEFORE), shard.dumps())
    house = started(journal)
    finish(refold(house, {}))
    assert opened(house.shard) == ([] if is_heeded else [opened_now.id])
    assert house.shard.dumps() == folded(journal, AFTER).dumps() == begun(journal, AFTER)[0].dumps()


@pytest.mark.parametrize("devices", [("pump",), (*DEVICES, "valve", "fan")], ids=["alone", "an outage"])
@pytest.mark.parametrize("is_silence", [True, False])
def test_a_word_on_a_silence_that_other_rules_name_otherwise_is_on_the_silence(
    journal: Journal, devices: Sequence[str], *, is_silence: bool
) -> None:
    """Whoever was told that it is fine is not told of it again after an upgrade; the others of an outage still are."""
    shard = live(journal, devices=devices)
    (opened_now,) = opened(shard)
    shard.incidents.rename({opened_now: "known"})
    word = Feedback(END + 2 * 10**4 * SECOND, "pump", "known", Verdict.FALSE_ALARM, is_silence=is_silence)
    assert spelt_out(shard.incidents, replace(word, is_silence=False)).is_silence
    enter(shard, journal, word)
    journal.checkpoint(rulebook.dumps(BEFORE), shard.dumps())
    house = started(journal)
    finish(refold(house, {}))
    silent = [house.shard.directory.devices[row] for row in house.shard.incidents.silences.silent()]
    assert silent == [name for name in devices if name != "pump" or not is_silence]
    assert house.shard.dumps() == folded(journal, AFTER).dumps() == begun(journal, AFTER)[0].dumps()


def test_what_is_open_only_before_or_only_after_is_told_and_written_down(journal: Journal) -> None:
    """In one sentence, and in one transaction with the state that says so."""
    live(journal)
    with sqlite3.connect(journal.path) as database:
        database.execute("DELETE FROM incidents")
    database.close()
    journal.append(Directory(), [], [OTHER])
    house = started(journal)
    finish(refold(house, {}))
    over, new = house.told
    assert (over.id, over.state, over.value) == ("other", State.CLOSED, None)
    assert "learned anew" in over.reason
    assert ([new.id], new.state) == (opened(house.shard), State.OPEN)
    assert new.reason.startswith("All 3 devices silent since")
    assert said_open(journal) == opened(house.shard)
    assert house.shard.dumps() == folded(journal, AFTER).dumps()


def test_what_retention_takes_ahead_of_us_begins_us_again(house: House) -> None:
    """What was learned of entries that are gone, and not of those between, would be the state of no log at all."""

    def between(number: int) -> None:
        if number == 2:
            house.journal.retain(START + ROUNDS * 45 * SECOND, 10**9)

    finish(refold(house, {}), between)
    with Reader(house.journal.path) as log:
        assert log.first() > 1
    assert house.shard.dumps() == folded(house.journal, AFTER).dumps()


def test_a_disk_that_cannot_be_written_is_waited_for(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """What serves goes on; nothing of an hour's work is lost for it."""
    house.trouble.extend(["the disk is full"] * 3)
    answer, said = finish(refold(house, {}))
    assert said[-3:] == ["the disk is full"] * 3
    assert answer["learned anew"] == 2 * len(DEVICES) * ROUNDS


def test_where_the_last_step_cannot_be_written_nothing_has_changed(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It serves when it is in the log, not before."""
    restart, failures = Journal.restart, iter(["disk full"])
    before = house.shard.dumps()

    def fail_once(journal: Journal, *arguments: Any) -> None:  # noqa: ANN401
        if (words := next(failures, None)) is not None:
            assert house.shard.dumps() == before
            raise DiskError(words)
        restart(journal, *arguments)

    monkeypatch.setattr(Journal, "restart", fail_once)
    _, said = finish(refold(house, {}))
    assert "disk full" in said
    assert house.shard.dumps() == folded(house.journal, AFTER).dumps() == begun(house.journal, AFTER)[0].dumps()


class Line(deque[Call]):
    """What was asked."""

    def take(self) -> Call | None:
        """Return what was asked first."""
        return self.popleft() if self else None


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("forget", {"device": "room"}),
        ("forget", {"device": "room", "sensor": "b"}),
        ("undo", {"device": "room", "since": END - 1200 * SECOND, "until": END}),
        ("undo", {"since": END - 1200 * SECOND, "until": END}),
    ],
    ids=["device", "sensor", "undo of one", "undo of all"],
)
def test_what_is_forgotten_meanwhile_is_not_learned_anew(
    house: House, name: str, arguments: Mapping[str, object]
) -> None:
    """It is forgotten at once, and not when all is learned anew; then that begins again."""
    line = Line()
    desk = Desk(line)
    desk.handlers = {**unlearning.handlers(house), **renewal.handlers(house)}
    desk.begin("refold")
    desk.step()
    desk.step()
    assert house.regime.renewal
    call = Call(name, dict(arguments))
    line.append(call)
    while not call.is_over.is_set():
        desk.step()
    assert house.regime.mark == rulebook.dumps(BEFORE)
    enter(house.shard, house.journal, [(device, "a", END + SECOND, 21.0) for device in DEVICES if device != "room"])
    while desk:
        desk.step()
    assert house.regime.mark == rulebook.dumps(AFTER)
    assert house.shard.dumps() == folded(house.journal, AFTER).dumps()
    assert ("room" in house.shard.directory.devices) == (arguments.get("device") != "room" or len(arguments) > 1)
