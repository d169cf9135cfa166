"""The composition root: builds every part from the settings, starts and stops them in order."""

import hashlib
import importlib.metadata
import logging
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from gateway import control, people
from gateway.alarms.maintenance import Schedule
from gateway.board import Board, birth_topics
from gateway.config import DAYS, Maintenance, Settings, Tls
from gateway.control import Desk, Handler, Server
from gateway.errors import ConfigError, StateError
from gateway.intake import Intake
from gateway.journal import Journal
from gateway.learning.fleet import VERSION
from gateway.learning.stock import ModelRule
from gateway.learning.streams import DAY_S, Policy
from gateway.mqtt import embedded
from gateway.mqtt.connection import Connection, ConnectionSettings
from gateway.mqtt.inbox import Inbox
from gateway.pipeline import Pipeline, status_topic
from gateway.shard import Rules, Shard

logger = logging.getLogger(__name__)

PROTOCOLS = {"auto": None, "5": 5, "3.1.1": 4}


def rules(settings: Settings) -> Rules:
    """The settings that the fold depends on; raises `ConfigError` for a model that River does not have."""
    models = []
    for index, model in enumerate(settings.learning.models):
        try:
            models.append(ModelRule(model.model, model.devices, model.sensors, model.params))
        except ValueError as error:
            message = f"learning.models.{index}: {error}"
            raise ConfigError(message) from error
    alarms = settings.alarms
    policy = Policy(30 * DAY_S / alarms.false_per_30_days, alarms.adopt_after_s, ZoneInfo(settings.gateway.time_zone))
    return Rules(
        policy,
        tuple(models),
        alarms.silent_floor_s,
        tuple(_schedule(plan) for plan in settings.maintenance),
        settings.predictions.horizons_s,
        settings.predictions.coverage,
    )


def _schedule(plan: Maintenance) -> Schedule:
    start, end = (timedelta(hours=int(text[:2]), minutes=int(text[3:])) for text in (plan.start, plan.end))
    return Schedule(plan.devices, frozenset(DAYS.index(day) for day in plan.days), start, end)


def fingerprint(chosen: Rules) -> str:
    """Changes whenever a saved state would mean something else, or River might not read it (its Rust parts abort).

    What is only published, horizons and coverage, may change without learning anything again.
    """
    river = importlib.metadata.version("river")
    plans = [
        (plan.devices, sorted(plan.days), plan.start, plan.end) for plan in chosen.maintenance
    ]  # sets have no order
    folded = (VERSION, river, chosen.policy, chosen.models, chosen.silent_floor_s, plans)
    return hashlib.sha256(repr(folded).encode()).hexdigest()[:16]


class Application:
    """The gateway on one broker: `run` until told to stop, then everything ends in reverse order."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.rules = rules(settings)
        self.shard = Shard(self.rules)
        self.intake = Intake(settings.sources, settings.limits, settings.topics, self.shard.directory)
        _refuse_own_messages(settings, self.intake)
        self.inbox = Inbox(settings.mqtt.inbox_messages, settings.mqtt.inbox_bytes)
        self.journal = Journal(Path(settings.journal.path))
        self.broker = embedded.EmbeddedBroker(settings.mqtt.port) if settings.mqtt.host is None else None
        self.connection = Connection(_connection_settings(settings, self.intake), self.inbox)
        self.server = Server(control.beside(self.journal.path))
        self.desk = Desk(self.server)
        version = importlib.metadata.version("edge-learning-gateway")
        self.pipeline = Pipeline(
            settings,
            shard=self.shard,
            intake=self.intake,
            inbox=self.inbox,
            link=self.connection,
            journal=self.journal,
            desk=self.desk,
            version=version,
            fingerprint=fingerprint(self.rules),
            clock=time.time_ns,
            monotonic=time.monotonic_ns,
        )
        self.desk.handlers |= {"status": Handler(self.pipeline.report), **people.handlers(self.pipeline)}
        self.board = Board(settings, self.shard, self.connection, version)
        self.pipeline.observers.append(self.board.observe)
        self.pipeline.chores.append(self.board.settle)
        self.pipeline.asides |= dict.fromkeys(birth_topics(settings), self.board.hear)

    def run(self, stop: threading.Event) -> None:
        """Serve until `stop` is set; raises `GatewayError` for what waiting does not cure."""
        with ExitStack() as stack:
            self.journal.open()
            stack.callback(self.journal.close)
            self.server.start()
            stack.callback(self.server.stop)
            restore(self.shard, self.journal, fingerprint(self.rules))
            if self.broker:
                self.broker.start()
                stack.callback(self.broker.stop)
            self.connection.start()
            stack.callback(self.connection.stop)
            logger.info("listening to %s; the log is %s", ", ".join(self.intake.filters), self.journal.path)
            self.pipeline.run(stop)


def _refuse_own_messages(settings: Settings, intake: Intake) -> None:
    """Raise `ConfigError` where the gateway would learn what it publishes itself."""
    topics = {
        "anomaly": settings.topics.anomaly,
        "prediction": settings.topics.prediction,
        "outage": settings.topics.outage,
        "state": settings.topics.state,
    }
    for name, template in topics.items():
        if intake.is_source(template.replace("{device}", "x").replace("{gateway}", settings.gateway.name)):
            message = (
                f"topics.{name}: {template!r} is also a source of readings: the gateway would learn its own messages"
            )
            raise ConfigError(message)


def restore(shard: Shard, journal: Journal, mark: str, tell: Callable[[str], None] = logger.info) -> None:
    """Bring a fresh shard to where the log ends: the newest fitting checkpoint, then the tail."""
    seq = _load_checkpoint(shard, journal, mark)
    streams, last, folded = journal.streams(), journal.last(), 0
    if last > seq:
        tell(f"learning {last - seq} entries of the log again")
    for number, entry in journal.entries(seq):
        if isinstance(entry, tuple):
            shard.directory.introduce(streams, entry[0])
        shard.apply(entry[0] if isinstance(entry, tuple) else entry)
        folded += 1
        if folded % 1000 == 0:
            tell(f"learned {100 * (number - seq) // (last - seq)} % of the log again")
    for device, sensor in streams[len(shard.directory) :]:  # written, but none of its readings was
        shard.directory.add(device, sensor)
    if seq or folded:
        tell(f"{len(shard.directory)} streams restored, {folded} entries learned again")


def _load_checkpoint(shard: Shard, journal: Journal, mark: str) -> int:
    for seq, parts in journal.checkpoints(mark):
        trial = Shard(shard.rules)
        try:
            trial.loads(parts)
        except StateError as error:
            logger.warning("a checkpoint does not fit: %s", error)
            continue
        shard.loads(parts)
        return seq
    return 0


def _connection_settings(settings: Settings, intake: Intake) -> ConnectionSettings:
    mqtt = settings.mqtt
    tls = mqtt.tls or Tls()
    return ConnectionSettings(
        client_id=mqtt.client_id or settings.gateway.name[:23],
        topics=(*intake.filters, *birth_topics(settings)),
        retained_topics=tuple(intake.description_filters),
        host=mqtt.host or "127.0.0.1",
        port=mqtt.port,
        protocol=PROTOCOLS[mqtt.protocol] if mqtt.host else embedded.PROTOCOL,
        qos=mqtt.qos,
        username=mqtt.username.get_secret_value() if mqtt.username else None,
        password=mqtt.password.get_secret_value() if mqtt.password else None,
        keepalive_s=mqtt.keepalive_s,
        session_expiry_s=mqtt.session_expiry_s,
        receive_maximum=mqtt.receive_maximum,
        max_outgoing=mqtt.outgoing,
        status_topic=status_topic(settings),
        offline_payload=b'{"state":"offline"}',
        is_tls=mqtt.tls is not None,
        ca_file=_path(tls.ca_file),
        certificate_file=_path(tls.cert_file),
        key_file=_path(tls.key_file),
    )


def _path(text: str | None) -> Path | None:
    return Path(text) if text else None
