"""The loop: take, decode, learn, decide, publish, append, acknowledge. It owns every model and the log's head."""

import json
import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import numpy.typing as npt

from gateway.alarms.succession import succession
from gateway.alarms.words import spelt_out
from gateway.codecs.outgoing import encode_incident
from gateway.config import Settings
from gateway.control import Desk, Work
from gateway.intake import Intake
from gateway.journal import Entered, Journal, Reader
from gateway.ledger import Ledger, is_over
from gateway.mail import Mail
from gateway.mqtt.inbox import Inbox
from gateway.neighbours import Link, Sender
from gateway.predictions import Predictions
from gateway.records import (
    SECOND,
    Batch,
    Entry,
    Event,
    Feedback,
    Incident,
    Reason,
    Renewed,
    Resume,
    Span,
    Tick,
)
from gateway.repeats import COMMITS, Repeats
from gateway.rulebook import Regime
from gateway.shard import Outcome, Shard
from gateway.standing import Standing
from gateway.timekeeping import Timekeeping
from gateway.topics import of_device, of_gateway
from gateway.vitals import Vitals

if TYPE_CHECKING:
    from concurrent.futures import Future

logger = logging.getLogger(__name__)

TICK = SECOND
"""How often silence is looked for; no habit is known more finely than that."""

STATUS = 10 * SECOND
"""How often the status message is renewed."""

PAUSE = SECOND // 50
"""Between two slices of a request, where readings wait: as long as a slice."""

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
        self.listeners: list[Callable[[Incident], None]] = []
        self._link, self._desk, self._sender = link, desk, sender
        self.journal, self.regime = journal, regime
        self.renewals: list[Callable[[], None]] = []
        self.doors: dict[str, Callable[[Span], str]] = {}
        self._vitals = Vitals()
        self._time = Timekeeping(clock, monotonic)
        self._worked_at = 0
        self._anomaly = of_device(settings.topics, "anomaly")
        self.predictions = Predictions(
            settings,
            of_device(settings.topics, "prediction"),
            shard=shard,
            link=link,
            waiting=inbox.waiting,
            counts=self.counts,
        )
        self._status = of_gateway(settings, "status")
        self._outage = of_gateway(settings, "outage")
        self._unsure = COMMITS * settings.journal.commit_messages
        self.mail = Mail(shard, intake, inbox, link, repeats=Repeats(self._unsure), counts=self.counts)
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
            repeats=self.mail.repeats,
            counts=self.counts,
        )
        self._generation = -1
        self._ticked_at = self._told_at = 0

    def run(self, stop: threading.Event) -> None:
        """Until `stop` is set; then what was learned is committed and saved."""
        self._standing.started_at = self.ledger.saved_at = self.now()
        last_at = self.journal.last_at()
        self.mail.resume(self.journal.receipts(self._unsure), last_at)
        self._time.begin(last_at)
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
        self.mail.collect(0.0 if self._desk else wait_s)
        for part in (self._link, self._sender):
            if part is not None and part.failure is not None:
                raise part.failure
        now = self.now()
        self._notice_deafness(now)
        self.mail.count_shed(now)
        if self.mail:
            self._take(now)
        if not self.mail.is_late(now):
            self._tick(now)
        self._settle(now)

    def _take(self, now: int) -> None:
        for entry in self.mail.read():
            if isinstance(entry, Batch):
                self._learn(entry, now)
            else:
                self.enter(entry)
        self.ledger.receive(now, *self.mail.done())

    def _work_on_requests(self) -> None:
        """While readings wait they get as much time as requests."""
        if not self.mail.is_waiting or self._time.monotonic() - self._worked_at >= PAUSE:
            self._desk.step()
            self._worked_at = self._time.monotonic()

    def _take_over(self) -> None:
        """Tell what is open otherwise than people were told last, be it by another version or under other settings."""
        now = self.now()
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
        while self.mail.is_torn:
            self.mail.pause()
            self._take(self.now())
        self.ledger.commit()
        self.ledger.save(self.now(), is_clock_sure=self._time.is_sure)
        self.ledger.written.result()

    def _notice_deafness(self, now: int) -> None:
        """After a reconnect, and after the clock was set or the machine slept, silence before it proves nothing."""
        if leap := self._time.was_set(now):
            self._resume(now, leap)
        if self._link.is_online and self._link.generation != self._generation:
            self._generation = self._link.generation
            self._resume(now)
            self._told_at = 0

    def _resume(self, now: int, leap: int = 0) -> None:
        """Whoever was not heard until now may have spoken; with what is known of how our clock was set."""
        self.enter(Resume(now, leap + self._time.set_back()))

    def _learn(self, batch: Batch, now: int) -> None:
        outcome = self.shard.apply(batch)
        assert outcome.verdicts is not None  # noqa: S101 - readings have verdicts
        self._publish(change.incident for change in outcome.changes)
        self._vitals.learned(int(batch.received_at[0]), self.now())
        self._count(batch, outcome.verdicts.is_stale)
        if not outcome.verdicts.is_stale.all():  # of what was not learned nothing stands in the log
            self._hold(now, (batch, outcome.verdicts), outcome)
        is_fresh = ~outcome.verdicts.is_stale
        if kept := self.predictions.tell(batch.stream[is_fresh], batch.observed_at[is_fresh], now):
            self.ledger.note(now, kept)
        for observe in self.observers:
            observe(batch, outcome)

    def _tick(self, now: int) -> None:
        if not self._link.is_online or not is_over(TICK, self._ticked_at, now):
            return
        self._ticked_at = now
        outcome = self.shard.apply(Tick(now))
        if outcome.has_changed:  # one that changed nothing is not worth a row of the log
            self._hold(now, Tick(now), outcome)
            self._tell(Tick(now), outcome)

    def now(self) -> int:
        """The time by the gateway's clock."""
        return self._time.now()

    def enter(self, event: Event) -> Outcome:
        """Let an event take effect, stand in the log and be told; what is not understood is counted and left out."""
        event = spelt_out(self.shard.incidents, event) if isinstance(event, Feedback) else event
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
            self.intake.reject(device, self.shard.refusal(batch, int(row)), int(batch.received_at[row]))

    def _settle(self, now: int) -> None:
        if self._vitals.is_due(now):
            self.ledger.note(now, self._vitals.note(now, self._standing.numbers()))
        self.ledger.turn(now, is_clock_sure=self._time.is_sure, is_torn=self.mail.is_torn)
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
        self.mail.renumber(names)
        self.predictions.forget()
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
        answer: dict[str, object] = json.loads(self.status(self.now()))
        return answer

    def status(self, now: int) -> bytes:
        """The retained message that says how the gateway is."""
        return json.dumps(self._standing.tree(now), separators=(",", ":")).encode()
