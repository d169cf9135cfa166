"""The loop, step by step: time is given, the link is a fake, the log is real."""

import json
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, cast

import pytest
from readings import START, logged, message, settings

from gateway import timekeeping
from gateway.config import Settings
from gateway.control import Call, Desk
from gateway.errors import BrokerError, ConfigError, DiskError, JournalError, StateError
from gateway.intake import Intake
from gateway.journal import Follower, Journal, Reader
from gateway.ledger import HELD
from gateway.passages import Foreseen, Health, Note
from gateway.pipeline import Pipeline
from gateway.portions import ROUNDS
from gateway.records import (
    SECOND,
    Batch,
    Entry,
    Feedback,
    Incident,
    Kind,
    Maintenance,
    Message,
    Nature,
    Reason,
    Renewed,
    Resume,
    State,
    Tick,
)
from gateway.recovery import restore
from gateway.repeats import unpack
from gateway.rulebook import Regime, Renewal
from gateway.shard import Outcome, Rules, Shard
from gateway.standing import SHOWN

if TYPE_CHECKING:
    from gateway.mqtt.inbox import Inbox


class Sent(NamedTuple):
    """One published message."""

    topic: str
    payload: dict[str, object]
    qos: int
    retain: bool


@dataclass
class FakeLink:
    """The connection to the broker, as the loop sees it; `log` notes what happens in which order."""

    failure: Exception | None = None
    is_online: bool = True
    generation: int = 1
    anew: int = 1
    window: int = 1000
    unacknowledged: int = 0
    oldest: tuple[int, int] | None = None
    dropped: int = 0
    last_error: str = ""
    received: int = 0
    published: int = 0
    reconnects: int = 0
    sent: list[Sent] = field(default_factory=list)
    acknowledged: list[int] = field(default_factory=list)
    log: list[str] = field(default_factory=list)

    def publish(self, topic: str, payload: bytes, qos: int = 1, *, retain: bool = False) -> bool:
        """Note what was published."""
        self.sent.append(Sent(topic, json.loads(payload), qos, retain))
        self.log.append(topic.rpartition("/")[2])
        return True

    def acknowledge(self, receipts: Iterable[tuple[int, int] | None]) -> None:
        """Note what was acknowledged."""
        self.acknowledged.extend(receipt[1] for receipt in receipts if receipt)
        self.log.append("acknowledge")

    def last(self, kind: str) -> list[Sent]:
        """Return what was published on topics that end in `kind`."""
        return [sent for sent in self.sent if sent.topic.endswith("/" + kind)]


class FakeInbox(deque[list[Message]]):
    """What the network thread hands over; an empty one has nothing."""

    high_water = times_blocked = 0
    blocked_s = 0.0

    def __init__(self) -> None:
        super().__init__()
        self.busy: set[str] = set()
        self.refused: dict[str, int] = {}

    def take(self, timeout_s: float, busy: set[str]) -> list[Message]:
        """Return what waits, at once; note who is busy."""
        self.busy = busy
        return self.popleft() if self else []

    def waiting(self) -> set[str]:
        """Return the devices of which messages wait."""
        return {message.topic.split("/")[1] for messages in self for message in messages}

    def shed(self) -> dict[str, int]:
        """Return what was refused since."""
        refused, self.refused = self.refused, {}
        return refused


class FakeLine(deque[Call]):
    """What is asked of the gateway."""

    def take(self) -> Call | None:
        """Return what was asked first."""
        return self.popleft() if self else None


class SpyJournal(Journal):
    """The real log, which notes its commits in the link's log."""

    log: list[str]
    is_broken = False

    def append(self, *parts: object) -> None:
        """Commit, and note it."""
        if self.is_broken:
            message = "disk full"
            raise JournalError(message)
        super().append(*parts)  # type: ignore[arg-type]
        self.log.append("commit")


@dataclass
class FakeSender:
    """Who passes the log on, as the loop sees it."""

    failure: Exception | None = None
    unsent: int = 0

    def wake(self, readings: int) -> None:
        """Count what is new."""
        self.unsent += readings

    def status(self, now: int) -> dict[str, object]:
        """Say how far behind it is."""
        return {"unsent": self.unsent, "at": now}


class Bench:
    """A pipeline whose every step is ours."""

    def __init__(self, folder: Path, chosen: Settings) -> None:
        self.now = START
        self.sender = FakeSender()
        self.link = FakeLink()
        self.inbox = FakeInbox()
        self.shard = Shard(Rules(silent_floor_s=5.0))
        self.regime = Regime(self.shard.rules, "rules")
        self.journal = SpyJournal(folder / "gateway.db")
        self.journal.log = self.link.log
        self.set_by = 0
        self.line = FakeLine()
        self.pipeline = Pipeline(
            chosen,
            shard=self.shard,
            intake=Intake(chosen.sources, chosen.limits, chosen.topics, self.shard.directory),
            inbox=cast("Inbox", self.inbox),
            link=self.link,
            journal=self.journal,
            desk=Desk(self.line),
            sender=self.sender,
            version="1.2.3",
            regime=self.regime,
            clock=lambda: self.now,
            monotonic=lambda: self.now - self.set_by,
        )
        self.pipeline.ledger.saved_at = START  # as `run` does
        self.journal.open()
        self.numbers = iter(range(1, 10**9))

    def step(self, *payloads: str, after: int = 0, waited: int = 0) -> None:
        """Let `after` ns pass, hand these readings of the device `pump` over, and step until the writer has written."""
        self.now += after
        messages = [
            message("devices/pump/readings", payload, self.now - waited, next(self.numbers)) for payload in payloads
        ]
        if messages:
            self.inbox.append(messages)
        self.pipeline.step(0.0)
        self.pipeline.ledger.written.result()

    def entries(self) -> list[object]:
        """Return the log, readings as their values."""
        return [
            entry[0].value.tolist() if isinstance(entry, tuple) else type(entry) for _, entry in logged(self.journal)
        ]

    def warm(self, rounds: int = 300) -> None:
        """Let the device live its ordinary life for a while, a message a second."""
        payloads = [f'{{"a": {20 + number * 7 % 11 / 10}}}' for number in range(rounds)]
        times = [self.now + number * SECOND for number in range(1, rounds + 1)]
        topic = "devices/pump/readings"
        self.inbox.append([message(topic, *sent, next(self.numbers)) for sent in zip(payloads, times, strict=True)])
        self.step(after=rounds * SECOND)
        while self.pipeline.mail._portions:
            self.step()


@pytest.fixture
def new_bench(tmp_path: Path) -> Iterator[Callable[..., Bench]]:
    """Give a function that makes a bench with these settings."""
    made: list[Bench] = []

    def make(**sections: dict[str, object]) -> Bench:
        prompt: dict[str, object] = {"commit_delay_s": 0.5, "checkpoint_bytes": 1e9}
        sections["journal"] = prompt | sections.get("journal", {})
        made.append(Bench(tmp_path, settings(**sections)))
        return made[-1]

    yield make
    for bench in made:
        bench.pipeline.ledger.__exit__()
        bench.journal.close()


LAZY: dict[str, object] = {"commit_delay_s": 30.0, "commit_messages": 1000}


def test_a_message_is_acknowledged_once_it_is_in_the_log(new_bench: Callable[..., Bench]) -> None:
    """Not before its commit, and then at once."""
    bench = new_bench(journal={"commit_delay_s": 2.0})
    bench.step('{"a": 1}')
    assert bench.link.acknowledged == []
    bench.step(after=2 * SECOND - 1)
    assert bench.link.acknowledged == []
    bench.step(after=1)
    assert bench.link.acknowledged == [1]
    assert bench.link.log[-2:] == ["commit", "acknowledge"]
    assert bench.entries() == [Resume, [1.0]]


@pytest.mark.parametrize("is_ended", [False, True], ids=["goes on", "ends"])
def test_a_message_is_in_the_log_as_a_whole(new_bench: Callable[..., Bench], *, is_ended: bool) -> None:
    """A part of it alone would be learned again when the broker sends it again: it has no time to be known by."""
    bench = new_bench(journal={"commit_messages": 1})
    sent = enumerate(['{"a": 1}', '{"b": 2, "a": 3}'], 1)
    bench.inbox.append([message("devices/pump/readings", text, bench.now + number, number) for number, text in sent])
    bench.step()
    assert (bench.entries(), bench.link.acknowledged) == ([], [])
    if is_ended:
        bench.pipeline.finish()
    else:
        bench.step()
    assert bench.entries() == [Resume, [1.0, 2.0, 3.0]]
    assert bench.link.acknowledged == [1, 2]
    assert len([mark for body in bench.journal.receipts(9) for mark in unpack(body)]) == 2


def test_many_messages_are_committed_without_waiting(new_bench: Callable[..., Bench]) -> None:
    """A broker that sends no more until we acknowledge is not kept waiting."""
    bench = new_bench(journal=LAZY | {"commit_messages": 3})
    bench.step('{"a": 1}', '{"b": 2}')
    assert bench.link.acknowledged == []
    bench.step('{"a": 3}')
    assert bench.link.acknowledged == [1, 2, 3]


def test_what_is_shed_behind_what_waits_makes_the_broker_wait_too(new_bench: Callable[..., Bench]) -> None:
    """It cannot be acknowledged before: half a window of it, and the little that waits is written."""
    bench = new_bench(journal=LAZY)
    bench.step('{"a": 1}')
    bench.link.unacknowledged, bench.link.oldest = 500, (1, 2)
    bench.step()
    assert bench.link.acknowledged == []  # another is before them, which is still to be learned
    bench.link.oldest = (1, 1)
    bench.step()
    bench.step()
    assert bench.link.acknowledged == [1]


def test_a_broker_that_sends_few_at_once_is_not_kept_waiting_by_what_is_shed(new_bench: Callable[..., Bench]) -> None:
    """A dozen under way, one of them learned, and then nothing comes for a second: that one is written."""
    bench = new_bench(journal=LAZY)
    bench.step('{"a": 1}')
    bench.link.unacknowledged, bench.link.oldest = 12, (1, 1)
    bench.step(after=SECOND - 1)
    assert bench.link.acknowledged == []
    bench.step(after=1)
    bench.step()
    assert bench.link.acknowledged == [1]


@pytest.mark.parametrize("payload", ["nonsense", '{"a": null}', '{"a": 1, "time": 0}'])
def test_bad_messages_alone_are_acknowledged_too(new_bench: Callable[..., Bench], payload: str) -> None:
    """Unacknowledged, they would fill the broker's window and stop everybody else."""
    bench = new_bench(journal=LAZY)
    bench.step()
    bench.step(after=31 * SECOND)  # the first entry, of coming online, is written
    bench.step(payload)
    bench.step(after=30 * SECOND)
    assert bench.link.acknowledged == [1]


def test_messages_without_receipt_are_committed_by_age(new_bench: Callable[..., Bench]) -> None:
    """At QoS 0 nothing is acknowledged, and yet everything is written."""
    bench = new_bench(journal={"commit_delay_s": 1.0})
    bench.inbox.append([message("devices/pump/readings", '{"a": 1}')])
    bench.step()
    bench.step(after=SECOND)
    assert bench.link.acknowledged == []
    assert bench.entries() == [Resume, [1.0]]


def test_what_people_have_heard_or_said_is_in_the_log_at_once(new_bench: Callable[..., Bench]) -> None:
    """A silence is no broker's message that would come again; nobody would tell its end after a power cut."""
    bench = new_bench(journal=LAZY)
    silent_after(bench)
    bench.step()
    assert bench.entries()[-1] is Tick
    bench.inbox.append([message("devices/pump/maintenance", '{"for_s": 60}', bench.now, next(bench.numbers))])
    bench.step()
    bench.step()
    assert bench.entries()[-1] is Maintenance
    for value in (1, 2):
        bench.step(f'{{"a": {value}}}', after=SECOND)
        bench.step()
    assert bench.entries()[-1] == [1.0], "with which the silence ended; the next waits"


def test_a_clock_that_is_set_back_stops_nothing(new_bench: Callable[..., Bench]) -> None:
    """Commits and status go on at once, not when the clock has caught up."""
    bench = new_bench(journal=LAZY)
    bench.step('{"a": 1}')
    told = len(bench.link.last("status"))
    bench.step(after=-3600 * SECOND)
    assert bench.link.acknowledged == [1]
    assert len(bench.link.last("status")) == told + 1


def test_what_the_broker_sends_again_is_acknowledged_and_not_learned(new_bench: Callable[..., Bench]) -> None:
    """After a reconnect; what it said is remembered in the log, for the time after a restart."""
    bench = new_bench()
    sent = [message("devices/pump/readings", f'{{"a{number}": 1}}', number=number) for number in range(1, 6)]
    bench.inbox.append(sent)
    bench.step(after=SECOND)
    bench.link.generation = 2
    bench.inbox.append([each._replace(receipt=(2, number)) for number, each in enumerate(sent, 1)][2:])
    bench.step(after=SECOND)
    bench.step(after=SECOND)
    assert bench.link.acknowledged == [1, 2, 3, 4, 5, 3, 4, 5]
    assert bench.pipeline.mail.repeats.recognised == 3
    marks = [mark for body in bench.journal.receipts(9) for mark in unpack(body)]
    assert [mark.packet for mark in marks] == [1, 2, 3, 4, 5]


def test_a_slow_disk_gathers_the_next_commit_and_then_holds_the_loop(
    new_bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the writer is busy learning goes on, bounded: beyond, the loop waits for the disk."""
    monkeypatch.setattr("gateway.ledger.AHEAD", HELD)
    bench = new_bench(journal={"commit_messages": 1})
    gate = threading.Event()

    def wait() -> None:
        gate.wait(10)

    bench.pipeline.ledger.written = bench.pipeline.ledger.write(wait)
    for number in range(HELD - 1):
        bench.inbox.append([message("devices/pump/readings", f'{{"a": {number}}}', bench.now + number)])
        bench.pipeline.step(0.0)
    assert bench.entries() == []
    opener = threading.Timer(0.05, gate.set)
    opener.start()
    bench.inbox.append([message("devices/pump/readings", '{"a": 1}', bench.now + HELD, 1)])
    bench.step()
    opener.join()
    assert gate.is_set()
    assert bench.pipeline.ledger.written.done()
    assert len(bench.entries()) == 2


def test_anomalies_are_told_before_the_commit(new_bench: Callable[..., Bench]) -> None:
    """Latency first: the device hears of it while the log still waits; the message is complete."""
    bench = new_bench(journal={"commit_messages": 1})
    bench.warm()
    del bench.link.log[:]
    bench.step('{"a": 500}', after=SECOND)
    assert bench.link.log.index("anomaly") < bench.link.log.index("commit") < bench.link.log.index("acknowledge")
    (sent,) = bench.link.last("anomaly")
    assert (sent.topic, sent.qos, sent.retain) == ("devices/pump/anomaly", 1, False)
    fields = "id state device sensor sensors kind severity score started_at at value expected lower upper reason"
    assert list(sent.payload) == fields.split()
    assert (sent.payload["device"], sent.payload["value"], sent.payload["state"]) == ("pump", 500.0, "open")
    assert json.loads(bench.pipeline.status(bench.now))["incidents"] == {"opened": 1, "closed": 0, "open": 1}


def test_every_new_connection_enters_the_log(new_bench: Callable[..., Bench]) -> None:
    """The gateway was deaf: silence across a gap proves nothing, now and when the log is folded again."""
    bench = new_bench()
    bench.step()
    bench.link.is_online = False
    bench.link.generation = 2
    bench.step(after=SECOND)
    assert bench.entries() == [Resume]
    bench.link.is_online = True
    for _ in range(3):
        bench.step(after=SECOND)
    assert bench.entries() == [Resume, Resume]


def silent_after(bench: Bench, *, waited: int = 0) -> list[Sent]:
    """Let a device that reports every second fall silent; return what is told of it."""
    bench.warm()
    bench.step(*["nonsense"] * bool(waited), after=600 * SECOND, waited=waited)
    return bench.link.last("anomaly")


def test_silence_is_noticed_and_logged(new_bench: Callable[..., Bench]) -> None:
    """The clock alone opens an incident, and its tick stands in the log; ticks that changed nothing do not."""
    bench = new_bench()
    (sent,) = silent_after(bench)
    assert (sent.payload["kind"], sent.payload["sensor"]) == ("silent", None)
    bench.step(after=SECOND)
    assert [entry for entry in bench.entries() if entry is Tick] == [Tick]


def test_no_silence_while_offline(new_bench: Callable[..., Bench]) -> None:
    """Nobody can be heard then, so nobody is silent."""
    bench = new_bench()
    bench.warm()
    bench.link.is_online = False
    bench.step(after=600 * SECOND)
    assert bench.link.last("anomaly") == []


def test_no_silence_because_the_clock_was_set(new_bench: Callable[..., Bench]) -> None:
    """A machine without a battery clock is years behind until NTP comes; its devices were not silent for years."""
    bench = new_bench()
    bench.warm()
    bench.set_by = 365 * 86400 * SECOND
    bench.step(after=bench.set_by)
    assert bench.link.last("anomaly") == []
    assert bench.entries()[-1] is Resume


def test_no_silence_while_behind(new_bench: Callable[..., Bench]) -> None:
    """What the devices said may still wait in the inbox."""
    assert silent_after(new_bench(), waited=2 * SECOND) == []


def test_predictions_come_at_the_devices_own_pace(new_bench: Callable[..., Bench]) -> None:
    """One a minute of the device's time for a device that reports ten times a minute, retained, at QoS 0."""
    bench = new_bench(predictions={"every_s": 60.0, "horizons_s": [60.0, 600.0]}, journal=LAZY)
    for number in range(200):
        bench.step(f'{{"a": {number % 5}, "time": {START + number * 6 * SECOND}}}', after=6 * SECOND)
    sent = bench.link.last("prediction")
    assert {(each.topic, each.qos, each.retain) for each in sent} == {("devices/pump/prediction", 0, True)}
    made = [str(each.payload["made_at"]) for each in sent]
    assert len(made) > 5
    assert {first[14:16] for first in made} == {f"{int(made[0][14:16]) + minute:02d}" for minute in range(len(made))}
    sensors = cast("dict[str, list[object]]", sent[-1].payload["sensors"])
    assert len(sensors["a"]) == 3


def test_of_a_backlog_the_newest_is_foretold(new_bench: Callable[..., Bench]) -> None:
    """What would be foretold of each reading is soon outdated by the next, which waits already."""
    bench = new_bench(predictions={"every_s": 1.0})
    bench.warm()
    sent = len(bench.link.last("prediction"))
    bench.now += SECOND
    for number in range(1, 6):
        payload = f'{{"a": 20, "time": {bench.now + number * SECOND}}}'
        bench.inbox.append([message("devices/pump/readings", payload, bench.now + number)])
    for _ in range(5):
        bench.pipeline.step(0.0)
    assert len(bench.link.last("prediction")) == sent + 2
    assert bench.pipeline.counts["readings"] == 305


def test_stale_readings_predict_nothing_and_are_counted(new_bench: Callable[..., Bench]) -> None:
    """An old reading delivered again is not news."""
    bench = new_bench(predictions={"every_s": 1.0})
    bench.warm()
    sent = len(bench.link.last("prediction"))
    for _ in range(5):
        bench.step(f'{{"a": 20, "time": {START + SECOND}}}')
    assert len(bench.link.last("prediction")) == sent > 0
    assert bench.pipeline.intake.rejected == {Reason.STALE: 5}
    assert bench.pipeline.counts["readings"] == 300


def test_the_status_says_how_the_gateway_is(new_bench: Callable[..., Bench]) -> None:
    """Retained, at once after connecting and every ten seconds, with everything counted."""
    bench = new_bench(gateway={"name": "attic"})
    bench.link.dropped, bench.link.received, bench.link.published, bench.link.reconnects = 4, 7, 6, 5
    bench.inbox.high_water, bench.inbox.times_blocked, bench.inbox.blocked_s = 9, 3, 1.23456
    bench.step('{"a": 1, "b": 2, "c": null}', "nonsense")
    bench.step(after=9 * SECOND)
    bench.step(after=SECOND)
    first, last = bench.link.last("status")
    assert (first.topic, first.retain) == ("gateway/attic/status", True)
    told = last.payload
    assert told == {
        "state": "online",
        "version": "1.2.3",
        "at": "2023-11-14T22:13:30.000Z",
        "started_at": "1970-01-01T00:00:00.000Z",
        "messages": 2,
        "readings": 2,
        "rejected": {"empty": 1, "malformed": 1},
        "devices": 1,
        "streams": 2,
        "kinds": {"value": 2, "counter": 0, "state": 0, "event": 0},
        "incidents": {"opened": 0, "closed": 0, "open": 0},
        "false_alarms": {"per_device_and_30_days": 0.0, "most": {"device": "pump", "per_30_days": 0.0}},
        "maintenance": [],
        "predictions": 0,
        "replies": {"sent": 0, "left_out": 0},
        "disk": {"error": None, "unlogged": 0},
        "repeats": {"recognised": 0, "ambiguous": 0},
        "inbox": {"waiting": 0, "high_water": 9, "times_blocked": 3, "blocked_s": 1.235},
        "connection": {"received": 7, "published": 6, "dropped": 4, "reconnects": 5},
        "learning_anew": None,
        "quarantined_models": {"count": 0, "first": {}},
        "influx": {"unsent": 2, "at": bench.now},
    }


def test_what_ended_the_link_is_raised(new_bench: Callable[..., Bench]) -> None:
    """A bug in the network thread ends the process; what was not committed is not acknowledged."""
    bench = new_bench(journal=LAZY)
    bench.step('{"a": 1}')
    bench.link.failure = BrokerError("gone")
    with pytest.raises(BrokerError, match="gone"):
        bench.pipeline.run(threading.Event())
    assert bench.link.acknowledged == []
    assert bench.entries() == []


def test_what_the_disk_refuses_is_raised_and_not_acknowledged(new_bench: Callable[..., Bench]) -> None:
    """No reading is called safe that is not, and the failure is not lost in the writer's thread."""
    bench = new_bench(journal=LAZY)
    bench.step('{"a": 1}')
    bench.journal.is_broken = True
    with pytest.raises(JournalError, match="disk full"):
        bench.step(after=60 * SECOND)
    assert bench.link.acknowledged == []


def test_what_the_clock_teaches_is_in_the_log(new_bench: Callable[..., Bench]) -> None:
    """A box is opened on twelve mornings; folded from the log alone, without a state saved, it is the same."""
    bench = new_bench(journal=LAZY)
    for number in range(12 * 48):
        opened = ['{"event_type": "opened"}'] if number % 48 == 16 else []
        bench.step(*opened, after=1800 * SECOND)
    bench.pipeline.ledger.commit()
    bench.pipeline.ledger.written.result()
    assert bench.shard.fleet.nature(0) is Nature.EVENT
    folded = Shard(bench.shard.rules)
    restore(folded, bench.journal, "none was saved under these", threading.Event(), lambda _: None)
    assert folded.dumps() == bench.shard.dumps()


def test_finish_leaves_nothing_to_be_learned_again(new_bench: Callable[..., Bench]) -> None:
    """The last readings are committed, acknowledged, and in the checkpoint."""
    bench = new_bench(journal=LAZY)
    bench.step('{"a": 1}', '{"b": 2}')
    bench.pipeline.finish()
    assert bench.link.acknowledged == [1, 2]
    ((seq, parts),) = bench.journal.checkpoints("rules")
    assert seq == bench.journal.last() == 3  # the connection, the readings, a note on health
    assert parts == bench.shard.dumps()


def notes(bench: Bench) -> list[Note]:
    """Return what stands in the log beside its entries."""
    follower = Follower(bench.journal.path, "test")
    passage = follower.take(follower.open(), 10**6)
    follower.close()
    return list(passage.notes) if passage else []


def test_health_is_noted_every_minute(new_bench: Callable[..., Bench]) -> None:
    """In the log, so that an outage of the database hides nothing of it."""
    bench = new_bench(journal={"commit_messages": 1})
    bench.step('{"a": 1}', '{"a": "unavailable"}')
    bench.step('{"a": 2}', after=30 * SECOND)
    bench.step('{"a": 3}', after=30 * SECOND, waited=SECOND // 2)
    bench.pipeline.finish()
    first, second = (note for note in notes(bench) if isinstance(note, Health))
    assert (first.at, second.at) == (START, START + 60 * SECOND)
    assert (first.numbers["readings"], first.numbers["rejected"]) == (1.0, 1.0)
    assert second.numbers["readings"] == 3.0
    assert second.numbers["latency_ms"] == 500.0
    assert second.numbers["unsent"] == 2.0


def test_forecasts_are_kept_to_be_held_against_what_comes(new_bench: Callable[..., Bench]) -> None:
    """Those of the horizons stand in the log, with the row of their stream."""
    bench = new_bench(journal={"commit_messages": 1})
    bench.warm()
    kept = next(note for note in notes(bench) if isinstance(note, Foreseen))
    assert kept.stream.tolist() == [0, 0]
    assert ((kept.due_at - kept.made_at) / SECOND).tolist() == [600.0, 3600.0]
    assert (kept.lower < kept.expected).all()
    assert (kept.expected < kept.upper).all()


def test_who_passes_the_log_on_is_woken_by_a_commit_and_asked_for_the_status(new_bench: Callable[..., Bench]) -> None:
    """It hears how many readings there are, and what it says is told."""
    bench = new_bench(journal={"commit_messages": 2})
    bench.step('{"a": 1, "b": 2}')
    assert bench.sender.unsent == 0
    bench.step('{"a": 2}', after=SECOND)
    assert bench.sender.unsent == 3
    assert json.loads(bench.pipeline.status(START))["influx"] == {"unsent": 3, "at": START}


def test_a_bug_in_who_passes_the_log_on_ends_the_gateway(new_bench: Callable[..., Bench]) -> None:
    """The supervisor restarts it; a thread that died unseen would be silence for ever."""
    bench = new_bench()
    bench.sender.failure = ValueError("a bug")
    with pytest.raises(ValueError, match="a bug"):
        bench.step()


def test_run_ends_when_told_to(new_bench: Callable[..., Bench]) -> None:
    """A set event is enough; the start is noted for the status."""
    bench = new_bench()
    stop = threading.Event()
    stop.set()
    bench.pipeline.run(stop)
    assert json.loads(bench.pipeline.status(START))["started_at"] == "2023-11-14T22:13:20.000Z"
    assert len(list(bench.journal.checkpoints("rules"))) == 1


def test_checkpoints_and_retention_have_their_times(new_bench: Callable[..., Bench]) -> None:
    """A checkpoint every so often; entries older than the retention that it holds make way for what comes."""
    bench = new_bench(journal={"checkpoint_every_s": 100.0, "retain_days": 1 / 864, "commit_messages": 1})
    bench.pipeline._time._steady_since -= timekeeping.STEADY  # the clock has not been set for long
    bench.step('{"a": 1}')
    bench.step('{"a": 2}', after=99 * SECOND)
    assert list(bench.journal.checkpoints("rules")) == []
    bench.step('{"a": 3}', after=SECOND)
    (first,) = [seq for seq, _ in bench.journal.checkpoints("rules")]
    bench.step('{"a": 4}', after=100 * SECOND)
    second = bench.journal.last()
    assert [seq for seq, _ in bench.journal.checkpoints("rules")] == [second, first]
    bench.step('{"a": 5}', after=100 * SECOND)
    bench.step('{"a": 6}', after=SECOND)
    assert bench.entries() == [[4.0], [5.0], [6.0]]


def test_a_full_disk_stops_neither_learning_nor_acknowledging(
    new_bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What was learned waits in memory, is said once, and is written when there is room again.

    Of what waits too long only readings are lost, and no word of a person, nor what people were told.
    """
    bench = new_bench(journal={"commit_messages": 1})
    bench.step()
    write = bench.journal.append

    def refuse(*_: object) -> None:
        message = "database or disk is full"
        raise DiskError(message)

    monkeypatch.setattr(bench.journal, "append", refuse)
    monkeypatch.setattr(bench.journal, "make_room", lambda: False)
    bench.pipeline.ledger.hold(bench.now, Maintenance(bench.now, "pump", bench.now), [KNOWN])
    for number in range(HELD + 3):
        bench.step(f'{{"a": {number}}}', after=SECOND)
    assert len(bench.link.acknowledged) == HELD + 3
    assert bench.pipeline.counts["readings"] == HELD + 3
    assert json.loads(bench.pipeline.status(bench.now))["disk"]["error"] == "database or disk is full"
    assert caplog.text.count("learning and alarms go on in memory") == 1
    monkeypatch.setattr(bench.journal, "append", write)
    bench.step(f'{{"a": {HELD + 3}}}', after=SECOND)
    status = json.loads(bench.pipeline.status(bench.now))["disk"]
    assert status == {"error": None, "unlogged": 3}
    assert "3 readings, events and changes of incidents are not in it" in caplog.text
    readings = [entry for entry in bench.entries() if isinstance(entry, list)]
    assert readings == [[float(number)] for number in range(3, HELD + 4)]
    assert Maintenance in bench.entries()
    with Reader(bench.journal.path) as log:
        assert [*log.incidents()] == [KNOWN]
    bench.step(after=SECOND)
    assert list(bench.journal.checkpoints("rules"))


def test_a_state_that_cannot_be_saved_does_not_end_the_gateway(
    new_bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """One chosen model that cannot be written down costs the checkpoint, not everybody's service."""
    bench = new_bench(journal=LAZY)

    def refuse() -> dict[str, bytes]:
        message = "cannot freeze"
        raise StateError(message)

    monkeypatch.setattr(bench.shard, "dumps", refuse)
    bench.step('{"a": 1}')
    bench.pipeline.finish()
    assert bench.entries() == [Resume, [1.0]]
    assert "no checkpoint: cannot freeze" in caplog.text


def test_observers_see_every_entry_and_every_change(new_bench: Callable[..., Bench]) -> None:
    """The terminal view and the notice board are fed by the loop itself, and what is no news does not reach them."""
    bench = new_bench()
    seen: list[tuple[type, int]] = []

    def observe(entry: Entry, outcome: Outcome) -> None:
        seen.append((type(entry), len(outcome.changes)))

    bench.pipeline.observers.append(observe)
    silent_after(bench)
    assert list(dict.fromkeys(seen)) == [(Resume, 0), (Batch, 0), (Tick, 1)]


def test_chores_are_done_every_turn_and_asides_are_not_readings(new_bench: Callable[..., Bench]) -> None:
    """What others say on a topic of their own is handed over, retained or not, and is no rejected reading."""
    bench = new_bench()
    heard: list[bytes] = []
    done: list[int] = []
    bench.pipeline.mail.asides["homeassistant/status"] = lambda said: heard.append(said.payload)
    bench.pipeline.chores.append(done.append)
    said = [message("homeassistant/status", word, number=number) for number, word in enumerate(("offline", "online"))]
    bench.inbox.append([*said, message("devices/pump/readings", '{"a": 1}', number=9)])
    bench.step()
    bench.step(after=SECOND)
    assert heard == [b"offline", b"online"]
    assert done == [START, START + SECOND]
    assert bench.entries()[1:] == [[1.0]]
    assert not bench.pipeline.intake.rejected
    assert sorted(bench.link.acknowledged) == [0, 1, 9]


@pytest.mark.parametrize(
    ("topics", "key"),
    [
        ({"anomaly": "devices/anomaly"}, "topics.anomaly: "),
        ({"prediction": "a/{device}/#"}, "topics.prediction: "),
        ({"status": "gateway/{device}"}, "topics.status: "),
    ],
)
def test_wrong_topics_name_their_key(new_bench: Callable[..., Bench], topics: dict[str, object], key: str) -> None:
    """The operator reads which topic is wrong."""
    with pytest.raises(ConfigError) as caught:
        new_bench(topics=topics)
    assert str(caught.value).startswith(key)


def test_a_persons_word_is_logged_told_and_takes_effect(new_bench: Callable[..., Bench]) -> None:
    """Feedback closes the incident on its topic, stands in the log, and one on nothing is a counted rejection."""
    bench = new_bench()
    bench.warm()
    bench.step('{"a": 500}', after=SECOND)
    opened = bench.link.last("anomaly")[0].payload
    word = f'{{"id": "{opened["id"]}", "verdict": "false_alarm"}}'
    for payload in (word, '{"id": "nothing", "verdict": "fault"}'):
        bench.inbox.append([message("devices/pump/feedback", payload, bench.now, next(bench.numbers))])
        bench.step(after=SECOND)
    closed = bench.link.last("anomaly")[-1].payload
    assert (closed["id"], closed["state"]) == (opened["id"], "closed")
    assert bench.entries().count(Feedback) == 1
    assert bench.pipeline.intake.rejected == {Reason.FEEDBACK: 1}


def test_a_long_list_is_learned_in_portions_and_acknowledged_at_its_end(new_bench: Callable[..., Bench]) -> None:
    """The others are learned and acknowledged in between; of its sender nothing is taken before it is done."""
    bench = new_bench(journal={"commit_messages": 1})
    readings = [{"a": number, "time": (START // SECOND) + number / 100} for number in range(3 * ROUNDS)]
    bench.step(json.dumps(readings))
    assert bench.link.acknowledged == []
    bench.inbox.append([message("devices/room/readings", '{"a": 1}', bench.now + 1, 77)])
    bench.step()
    assert bench.inbox.busy == {"pump"}
    assert bench.link.acknowledged == [77]
    bench.step()
    assert bench.link.acknowledged == [77, 1]
    bench.step()
    assert bench.inbox.busy == set()
    assert bench.pipeline.counts["readings"] == 3 * ROUNDS + 1


def test_what_was_shed_is_counted_and_logged(new_bench: Callable[..., Bench], caplog: pytest.LogCaptureFixture) -> None:
    """Under its own reason, by sender, once a minute."""
    bench = new_bench()
    for _ in range(3):
        bench.inbox.refused = {"pump": 100, "": 10}
        bench.step(after=SECOND)
    assert bench.pipeline.intake.rejected == {Reason.RATE: 330}
    logged = [text for text in caplog.messages if text.startswith("rejected")]
    assert logged == ["rejected from 'pump': rate", "rejected from 'strangers': rate"]


def test_the_status_stays_short_when_every_model_fails(
    new_bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A wrong setting can fail on 20,000 streams: the first are named, all are counted, and each is said once."""
    bench = new_bench()
    failures = {f"d{number}": "ValueError" for number in range(1_000)}
    monkeypatch.setattr(bench.shard.fleet, "failures", lambda: failures)
    told = json.loads(bench.pipeline.status(START))["quarantined_models"]
    assert (told["count"], len(told["first"])) == (1_000, SHOWN)
    for _ in range(1_000 // SHOWN):
        bench.pipeline.status(START)
    assert sum("which failed: ValueError" in record.message for record in caplog.records) == 1_000


KNOWN = Incident("known", State.OPEN, "pump", "a", Kind.SPIKE, "high", 0.7, START, START, 1.0, None, None, None, "Why.")


def started_and_stopped(bench: Bench) -> None:
    """Run the loop for no step."""
    stop = threading.Event()
    stop.set()
    bench.pipeline.run(stop)


def test_what_is_not_open_any_more_after_an_upgrade_is_told_at_the_start(new_bench: Callable[..., Bench]) -> None:
    """People must not wait for ever for the end of what only the version before knew; and it is said once."""
    bench = new_bench()
    bench.journal.append(bench.shard.directory, [], [KNOWN])
    started_and_stopped(bench)
    (sent,) = bench.link.last("anomaly")
    assert (sent.payload["id"], sent.payload["state"]) == ("known", "closed")
    assert bench.entries() == [Renewed]
    with Reader(bench.journal.path) as log:
        assert log.open_incidents() == []


def test_who_knows_only_the_newest_part_of_the_log_closes_nothing(new_bench: Callable[..., Bench]) -> None:
    """It may be open still: that is decided when all is learned anew. And nothing of what it knows is saved."""
    bench = new_bench()
    bench.regime.mark = None
    bench.journal.append(bench.shard.directory, [], [KNOWN])
    started_and_stopped(bench)
    assert bench.link.last("anomaly") == []
    assert bench.journal.marks() == []


def test_the_status_says_what_serves_while_the_log_is_learned_anew(new_bench: Callable[..., Bench]) -> None:
    """And how long that will take."""
    bench = new_bench()
    bench.regime.renewal = Renewal("why", "what", 0.123, 61.4)
    told = json.loads(bench.pipeline.status(START))
    assert told["learning_anew"] == {"why": "why", "serving": "what", "percent": 12, "left_s": 61}
    bench.regime.renewal.left_s = None
    assert json.loads(bench.pipeline.status(START))["learning_anew"]["left_s"] is None


def test_of_a_batch_that_was_stale_throughout_nothing_stands_in_the_log(new_bench: Callable[..., Bench]) -> None:
    """It teaches nothing, and yet is acknowledged: who sends it again and again wears out no card."""
    bench = new_bench(journal={"commit_delay_s": 0.0})
    sent = f'{{"a": 1, "time": {START // SECOND - 9}}}'
    bench.step(sent)
    for _ in range(3):
        bench.step(sent, after=SECOND)
    bench.step(after=SECOND)
    assert bench.entries() == [Resume, [1.0]]
    assert bench.link.acknowledged == [1, 2, 3, 4]
