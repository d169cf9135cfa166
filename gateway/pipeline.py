"""The loop: take, decode, learn, decide, publish, append, acknowledge. It owns every model and the log's head."""

import json
import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import numpy.typing as npt

from gateway.alarms.succession import succession
from gateway.codecs import TopicTemplate
from gateway.codecs.outgoing import encode_incident, encode_prediction
from gateway.config import Settings
from gateway.control import Desk, Work
from gateway.foresight import Foresight
from gateway.intake import Intake
from gateway.journal import Entered, Journal, Reader
from gateway.ledger import Ledger, is_over
from gateway.mqtt.inbox import Inbox
from gateway.neighbours import Link, Sender
from gateway.portions import Portions
from gateway.records import (
    SECOND,
    Batch,
    Entry,
    Event,
    Feedback,
    Forecast,
    Incident,
    Message,
    Reason,
    Renewed,
    Resume,
    Span,
    Tick,
)
from gateway.repeats import WINDOW, Repeats, unpack
from gateway.rulebook import Regime
from gateway.shard import Outcome, Shard
from gateway.standing import Standing
from gateway.vitals import Vitals

if TYPE_CHECKING:
    from concurrent.futures import Future

logger = logging.getLogger(__name__)

TICK = SECOND
"""How often silence is looked for; no habit is known more finely than that."""

STATUS = 10 * SECOND
"""How often the status message is renewed."""

CLOCK_SET = 2 * SECOND
"""Between two turns of the loop the clock and the monotonic clock part by less, unless somebody sets the clock."""

LATE = SECOND
"""A message that waited longer in the inbox says that we are behind: then silence proves nothing."""

PAUSE = SECOND // 50
"""Between two slices of a request, where readings wait: as long as a slice."""

STEADY = 3600 * SECOND
"""How long a clock must have run without being set before the age of entries is judged by it."""

Answer = TypeVar("Answer")


class Pipeline:
    """One step after the other over everything that has arrived since the last."""

    is_heard = True

    def __init__(  # noqa: PLR0913 - the loop is where the parts meet
        self,
        settings: Settings,
        *,
        shard: Shard,
        intake: Intake,
        inbox: Inbox,
        link: Link,
        journal: Journal,
        desk: Desk,
        sender: Sender | None = None,
        version: str,
        regime: Regime,
        clock: Callable[[], int],
        monotonic: Callable[[], int],
    ) -> None:
        self.settings = settings
        self.shard = shard
        self.intake = intake
        self.counts: Counter[str] = Counter()
        self.observers: list[Callable[[Entry, Outcome], None]] = []
        self.chores: list[Callable[[int], None]] = []
        self.asides: dict[str, Callable[[Message], None]] = {}
        self.listeners: list[Callable[[Incident], None]] = []
        self.foretellers: list[Callable[[Sequence[Forecast]], None]] = []
        self._inbox, self._link, self._desk, self._sender = inbox, link, desk, sender
        self.journal, self.regime = journal, regime
        self.renewals: list[Callable[[], None]] = []
        self.doors: dict[str, Callable[[Span], str]] = {}
        self._foresight = Foresight(shard, settings.predictions.horizons_s)
        self._vitals = Vitals()
        self._clock, self._monotonic = clock, monotonic
        self._offset: int | None = None
        self._set_back = self._worked_at = 0
        self._anomaly = _topic("anomaly", settings.topics.anomaly, "device")
        self._prediction = _topic("prediction", settings.topics.prediction, "device")
        self._status = status_topic(settings)
        self._outage = own_topic(settings, "outage", settings.topics.outage)
        self.repeats = Repeats()
        self.ledger = Ledger(
            settings.journal,
            shard=shard,
            journal=journal,
            regime=regime,
            link=link,
            sender=sender,
            counts=self.counts,
        )
        self._standing = Standing(
            version,
            shard=shard,
            intake=intake,
            inbox=inbox,
            link=link,
            sender=sender,
            ledger=self.ledger,
            regime=regime,
            repeats=self.repeats,
            counts=self.counts,
        )
        self._steady_since = monotonic()
        self._portions = Portions(shard.directory)
        self._generation = -1
        self._due: dict[int, int] = {}
        self._foretold_at: dict[int, int] = {}
        self._ticked_at = self._told_at = 0

    def run(self, stop: threading.Event) -> None:
        """Until `stop` is set; then what was learned is committed and saved."""
        self._standing.started_at = self.ledger.saved_at = self._clock()
        for body in self.journal.receipts(WINDOW):
            self.repeats.resume(unpack(body))
        self._read_clock()
        self._take_over()
        if self.regime.renewal:
            self._desk.begin("refold")
        with self.ledger:
            while not stop.is_set():
                self.step(timeout_s=0.1)
            self.finish()

    def step(self, timeout_s: float) -> None:
        """Wait for messages at most `timeout_s`, then do everything that is due; raises what ended the link."""
        self._work_on_requests()
        wait_s = min(timeout_s, self.settings.journal.commit_delay_s) if self.ledger.pending.since else timeout_s
        busy = {self.intake.sender_of(message.topic) for message in self._portions.held}
        messages = self._inbox.take(0.0 if self._desk or self._portions else wait_s, busy)
        for part in (self._link, self._sender):
            if part is not None and part.failure is not None:
                raise part.failure
        now = self._clock()
        self._notice_deafness(now)
        for sender, count in self._inbox.shed().items():
            self.intake.reject(sender or "strangers", Reason.RATE, now, count)
        if messages or self._portions:
            self._take(messages, now)
        if all(now - message.received_at < LATE for message in (*messages, *self._portions.held)):
            self._tick(now)
        self._settle(now)

    def _work_on_requests(self) -> None:
        """While readings wait they get as much time as requests."""
        if not len(self._inbox) or self._monotonic() - self._worked_at >= PAUSE:
            self._desk.step()
            self._worked_at = self._monotonic()

    def _not_aside(self, messages: list[Message]) -> list[Message]:
        """Hand over what is no reading and no word on a device; return the rest."""
        if not self.asides:
            return messages
        for message in messages:
            if message.topic in self.asides:
                self.asides[message.topic](message)
        return [message for message in messages if message.topic not in self.asides]

    def _take(self, messages: list[Message], now: int) -> None:
        """Learn a portion of what is new and of what was left."""
        self.counts["messages"] += len(messages)
        new = [message for message in messages if self._is_new(message)]
        again = {message.receipt for message in messages} - {message.receipt for message in new}
        for entry in self._portions.next(self.intake.take(self._not_aside(new))):
            if isinstance(entry, Batch):
                self._learn(entry, now)
            else:
                self.enter(entry)
        self.ledger.receive(now, self._portions.release(messages), again)

    def _read_clock(self) -> None:
        """A clock that reads earlier than the newest of the log was set back while we were away: so far is sure."""
        now, last = self._clock(), self.journal.last_at()
        self._set_back = min(now - last, 0)
        self.intake.latest_at = max(self.intake.latest_at, last)
        if self._set_back:
            logger.warning("the clock reads earlier than when the log was last written")

    def _take_over(self) -> None:
        """Tell what is open otherwise than people were told last, be it by another version or under other settings."""
        now = self._clock()
        with Reader(self.journal.path) as log:
            follows = succession(log.open_incidents(), self.shard.incidents)
        if self.regime.mark is None:  # who knows little closes nothing
            follows.over.clear()
        if any(follows):
            entry, told = Renewed(now, follows.ids), follows.told(now)
            self.shard.apply(entry)
            self._publish(told)
            self.ledger.hold(now, entry, told)

    def finish(self) -> None:
        """Leave nothing behind that a restart would have to learn again."""
        self._desk.put_off()
        self.ledger.commit()
        self.ledger.save(self._clock(), is_clock_sure=self._is_clock_sure())
        self.ledger.written.result()

    def _is_new(self, message: Message) -> bool:
        """Whether it was not received before; what comes again is acknowledged again and not learned."""
        return message.receipt is None or not self.repeats.is_repeat(message, self._link.anew)

    def _notice_deafness(self, now: int) -> None:
        """After a reconnect, and after the clock was set or the machine slept, silence before it proves nothing."""
        offset = now - self._monotonic()
        before, self._offset = self._offset, offset
        leap = 0 if before is None else offset - before
        if abs(leap) > CLOCK_SET:
            logger.warning("the clock was set, or the machine slept")
            self._steady_since = self._monotonic()
            self._resume(now, leap)
        if self._link.is_online and self._link.generation != self._generation:
            self._generation = self._link.generation
            self._resume(now)
            self._told_at = 0

    def _resume(self, now: int, leap: int = 0) -> None:
        """Whoever was not heard until now may have spoken; with what is known of how our clock was set."""
        self.enter(Resume(now, leap + self._set_back))
        self._set_back = 0

    def _is_clock_sure(self) -> bool:
        return self._monotonic() - self._steady_since >= STEADY

    def _learn(self, batch: Batch, now: int) -> None:
        outcome = self.shard.apply(batch)
        assert outcome.verdicts is not None  # noqa: S101 - readings have verdicts
        self._publish(change.incident for change in outcome.changes)
        self._vitals.learned(int(batch.received_at[0]), self._clock())
        self._count(batch, outcome.verdicts.is_stale)
        if not outcome.verdicts.is_stale.all():  # of what was not learned nothing stands in the log
            self._hold(now, (batch, outcome.verdicts), outcome)
        self._predict(batch, ~outcome.verdicts.is_stale, now)
        for observe in self.observers:
            observe(batch, outcome)

    def _tick(self, now: int) -> None:
        if not self._link.is_online or not is_over(TICK, self._ticked_at, now):
            return
        self._ticked_at = now
        outcome = self.shard.apply(Tick(now))
        if outcome.changes:  # a tick that changed nothing is not worth a row of the log
            self._hold(now, Tick(now), outcome)
            self._tell(Tick(now), outcome)

    def now(self) -> int:
        """The time by the gateway's clock."""
        return self._clock()

    def enter(self, event: Event) -> Outcome:
        """Let an event take effect, stand in the log and be told; what is not understood is counted and left out."""
        outcome = self.shard.apply(event)
        if isinstance(event, Feedback) and not outcome.is_understood:
            self.intake.reject(event.device, Reason.FEEDBACK, event.at)
        else:
            self._hold(event.at, event, outcome)
            self._tell(event, outcome)
        return outcome

    def _hold(self, now: int, entered: Entered, outcome: Outcome) -> None:
        self.ledger.hold(now, entered, (change.incident for change in outcome.changes))

    def _tell(self, event: Event, outcome: Outcome) -> None:
        """Tell what changed without a reading."""
        self._publish(change.incident for change in outcome.changes)
        for observe in self.observers:
            observe(event, outcome)

    def _publish(self, incidents: Iterable[Incident]) -> None:
        for incident in incidents:
            self.counts[f"incidents_{incident.state}"] += 1
            topic = self._anomaly.render(device=incident.device) if incident.device else self._outage
            self._link.publish(topic, encode_incident(incident))
            for listen in self.listeners:
                listen(incident)

    def _count(self, batch: Batch, is_stale: npt.NDArray[np.bool_]) -> None:
        stale = np.flatnonzero(is_stale)
        self.counts["readings"] += len(batch) - len(stale)
        for row in stale:
            device, _ = self.shard.directory.streams[batch.stream[row]]
            self.intake.reject(device, Reason.STALE, int(batch.received_at[row]))

    def _predict(self, batch: Batch, is_fresh: npt.NDArray[np.bool_], now: int) -> None:
        every = round(self.settings.predictions.every_s * SECOND)
        latest: dict[int, int] = {}
        for row, at in zip(batch.stream[is_fresh].tolist(), batch.observed_at[is_fresh].tolist(), strict=True):
            latest[self.shard.directory.device_of[row]] = at
        due = [device for device, at in latest.items() if not 0 < self._due.get(device, 0) - at <= every]
        due = [device for device in due if not self._is_outdated(device, now)]
        for device in due:  # the second condition above: the device's clock was set back
            self._due[device], self._foretold_at[device] = latest[device] + every, now
        told, crossings = self.shard.forecast(due), self.shard.crossings(due)
        if (kept := self._foresight.keep(told)) is not None:
            self.ledger.note(now, kept)
        for foretell in self.foretellers:
            foretell(told)
        for name, forecasts in groupby(told, key=lambda forecast: forecast.device):
            self.counts["predictions"] += 1
            payload = encode_prediction(forecasts, (one for one in crossings if one.device == name))
            self._link.publish(self._prediction.render(device=name), payload, qos=0, retain=True)

    def _is_outdated(self, device: int, now: int) -> bool:
        """Whether what would be foretold is soon said better: more of the device waits, and it was told just now."""
        if not 0 <= now - self._foretold_at.get(device, -SECOND) < SECOND:
            return False
        return self.shard.directory.devices[device] in self._inbox.waiting()

    def _settle(self, now: int) -> None:
        if self._vitals.is_due(now):
            self.ledger.note(now, self._vitals.note(now, self._standing.numbers()))
        self.ledger.turn(now, is_clock_sure=self._is_clock_sure())
        if self._link.is_online and is_over(STATUS, self._told_at, now):
            self._told_at = now
            self._link.publish(self._status, self.status(now), retain=True)
        for do in self.chores:
            do(now)

    def settle(self) -> None:
        """Bring everything that was learned into the log; until the slice of work ends nothing new is learned."""
        self.ledger.flush()

    def serve(self, shard: Shard, told: Sequence[Incident], /) -> None:
        """Let this shard take the place of the one there is, and tell what changes by it."""
        names = self.shard.directory.streams
        self.shard.become(shard)
        self._portions.renumber(names)
        self.intake.renumber()
        self._due.clear()
        self._foretold_at.clear()
        self._foresight = Foresight(self.shard, self.settings.predictions.horizons_s)
        self._told_at = 0
        for renew in self.renewals:
            renew()
        self._publish(told)

    def write(self, work: Callable[[], Answer]) -> "Future[Answer]":
        """Do this in the writer's thread, after what waits to be written."""
        return self.ledger.write(work)

    def report(self, _: Mapping[str, object]) -> Work:
        """Answer a request for the status."""
        yield from ()
        answer: dict[str, object] = json.loads(self.status(self._clock()))
        return answer

    def status(self, now: int) -> bytes:
        """The retained message that says how the gateway is."""
        return json.dumps(self._standing.tree(now), separators=(",", ":")).encode()


def _topic(key: str, template: str, *names: str) -> TopicTemplate:
    return TopicTemplate(template, frozenset(names), frozenset(names), f"topics.{key}")


def status_topic(settings: Settings) -> str:
    """The topic of the gateway's own status."""
    return own_topic(settings, "status", settings.topics.status)


def own_topic(settings: Settings, key: str, template: str) -> str:
    """A topic that is about no single device."""
    return TopicTemplate(template, frozenset({"gateway"}), key=f"topics.{key}").render(gateway=settings.gateway.name)
