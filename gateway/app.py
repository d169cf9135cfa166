"""The composition root: builds every part from the settings, starts and stops them in order."""

import importlib.metadata
import ipaddress
import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from gateway import control, people, renewal, rulebook, unlearning
from gateway.alarms.maintenance import Schedule
from gateway.board import Board, birth_topics, retained_topics
from gateway.config import DAYS, Influx, Maintenance, Settings, Tls
from gateway.control import Desk, Handler, Server
from gateway.errors import ConfigError, DatabaseError
from gateway.house import Alone, House
from gateway.intake import Intake
from gateway.journal import Follower, Journal
from gateway.learning.bounds import Bound
from gateway.learning.budget import Budget
from gateway.learning.nature import KindRule
from gateway.learning.stock import ModelRule
from gateway.learning.streams import DAY_S, Policy
from gateway.mqtt import embedded
from gateway.mqtt.connection import Connection, ConnectionSettings
from gateway.mqtt.inbox import Inbox, Sharing
from gateway.pipeline import Pipeline, status_topic
from gateway.records import SECOND, Nature, Span
from gateway.renewal import begin
from gateway.replies import Replies
from gateway.rulebook import Regime
from gateway.shard import Rules, Shard
from gateway.supervisor import Supervisor

if TYPE_CHECKING:
    from gateway.influx import Door, Sender

logger = logging.getLogger(__name__)

CLEARED_S = 10.0
"""How long a broker may take to be reached and to confirm; here it takes 10 ms."""

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
    budgets = tuple(Budget(each.devices, each.sensors, 30 * DAY_S / each.false_per_30_days) for each in alarms.budgets)
    kinds = tuple(KindRule(one.devices, one.sensors, Nature[one.kind.upper()]) for one in settings.learning.kinds)
    zone = ZoneInfo(settings.gateway.time_zone)
    policy = Policy(30 * DAY_S / alarms.false_per_30_days, budgets, alarms.adopt_after_s, zone, kinds)
    return Rules(
        policy,
        tuple(models),
        alarms.silent_floor_s,
        tuple(_schedule(plan) for plan in settings.maintenance),
        settings.predictions.horizons_s,
        settings.predictions.coverage,
        tuple(Bound(one.devices, one.sensors, one.below, one.above) for one in settings.predictions.bounds),
    )


def _schedule(plan: Maintenance) -> Schedule:
    start, end = (timedelta(hours=int(text[:2]), minutes=int(text[3:])) for text in (plan.start, plan.end))
    return Schedule(plan.devices, frozenset(DAYS.index(day) for day in plan.days), start, end)


class Application:
    """The gateway on one broker: `run` until told to stop, then everything ends in reverse order."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.regime = Regime(rules(settings), None)
        self.shard = Shard(self.regime.wanted)
        self.intake = Intake(settings.sources, settings.limits, settings.topics, self.shard.directory)
        refuse_own_messages(settings, self.intake)
        limits = settings.limits
        sharing = Sharing(self.intake.sender_of, limits.messages_per_s, limits.messages_at_once, limits.payload_bytes)
        self.inbox = Inbox(settings.mqtt.inbox_messages, settings.mqtt.inbox_bytes, sharing)
        self.journal = Journal(Path(settings.journal.path), is_durable=settings.journal.durability == "full")
        self.broker = embedded.EmbeddedBroker(settings.mqtt.port) if settings.mqtt.host is None else None
        self.connection = Connection(listening(settings, self.intake), self.inbox)
        self.server = Server(control.beside(self.journal.path))
        self.desk = Desk(self.server)
        self.sender = _sender(settings)
        version = importlib.metadata.version("edge-learning-gateway")
        self.pipeline = Pipeline(
            settings,
            shard=self.shard,
            intake=self.intake,
            inbox=self.inbox,
            link=self.connection,
            journal=self.journal,
            desk=self.desk,
            sender=self.sender,
            version=version,
            regime=self.regime,
            clock=time.time_ns,
            monotonic=time.monotonic_ns,
        )
        self.desk.handlers |= {
            "status": Handler(self.pipeline.report),
            **people.handlers(self.pipeline),
            **_unlearning(self.pipeline),
        }
        self.board = Board(settings, self.shard, self.connection, version)
        self.pipeline.renewals.append(lambda: self.board.forget((), self.shard))
        self.pipeline.doors["retained messages"] = self._take_off
        self.pipeline.observers.append(self.board.observe)
        self.pipeline.chores.append(self.board.settle)
        self.pipeline.asides |= dict.fromkeys(birth_topics(settings), self.board.hear)
        replies = Replies(settings, self.shard, self.intake, self.connection, self.pipeline.counts)
        self.pipeline.listeners.append(replies.hear)
        self.pipeline.foretellers.append(replies.foretell)
        self.pipeline.chores.append(replies.settle)
        self.supervisor = Supervisor(os.environ, time.monotonic)
        self.pipeline.chores.append(lambda _: self.supervisor.alive())
        self.pipeline.doors |= _doors(settings)

    def run(self, stop: threading.Event) -> None:
        """Serve until `stop` is set; raises `GatewayError` for what waiting does not cure."""
        with ExitStack() as stack:
            self.journal.open()
            stack.callback(self.journal.close)
            self.server.start()
            stack.callback(self.server.stop)
            if not begin(self.regime, self.shard, self.journal, stop):
                return
            if self.broker:
                self.broker.start()
                stack.callback(self.broker.stop)
            if self.sender:
                self.sender.start()
                stack.callback(self.sender.stop)
            self.connection.start()
            stack.callback(self.connection.stop)
            logger.info("listening to %s; the log is %s", ", ".join(self.intake.filters), self.journal.path)
            self.supervisor.ready()
            self.pipeline.run(stop)
            self.supervisor.stopping()

    def _take_off(self, gone: Span) -> str:
        """Take off what the broker keeps of a device that was made to be forgotten."""
        self.board.forget({str(gone.device)}, self.shard)
        return "taken off"


def _unlearning(house: House) -> dict[str, Handler]:
    return {**unlearning.handlers(house), **renewal.handlers(house)}


def answer(settings: Settings, name: str, arguments: Mapping[str, object]) -> dict[str, object]:
    """Do on the log what a running gateway would be asked for."""
    chosen = rules(settings)
    doors = _doors(settings) | {"retained messages": partial(_take_off, settings)}
    with Alone(Shard(chosen), Journal(Path(settings.journal.path)), rulebook.dumps(chosen), doors) as house:
        work = _unlearning(house)[name].work(arguments)
        while True:
            try:
                next(work)
            except StopIteration as end:
                return dict(end.value)


def _take_off(settings: Settings, gone: Span) -> str:
    """Take off what the broker keeps of the device, without a gateway."""
    if settings.mqtt.host is None:
        return "the embedded broker kept nothing"
    plain = connection_settings(settings)
    connection = Connection(replace(plain, client_id=f"{plain.client_id[:18]}-once", status_topic=None), Inbox())
    waiting = retained_topics(settings, str(gone.device))
    connection.start()
    deadline = time.monotonic() + CLEARED_S
    while time.monotonic() < deadline and not (connection.is_idle and not waiting):
        if waiting and connection.is_online and connection.publish(waiting[0], b"", retain=True):
            waiting.pop(0)
        else:
            time.sleep(0.01)
    connection.stop()
    return f"could not be taken off: {connection.last_error or 'no broker'}" if waiting else "taken off"


def refuse_own_messages(settings: Settings, intake: Intake) -> None:
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


def _sender(settings: Settings) -> "Sender | None":
    """The one who passes the log on to InfluxDB, where there is one."""
    influx = settings.influx
    if influx is None:
        return None
    from gateway import influx as room  # noqa: PLC0415 - 40 MB and half a second that only those pay who have InfluxDB

    address = urlsplit(influx.url)
    if influx.token and address.scheme == "http" and not is_loopback(address.hostname or ""):
        logger.warning("influx.url: the token goes to %s unencrypted: use https", address.hostname)
    return room.Sender(
        Follower(Path(settings.journal.path), "influx"),
        _influxdb(influx),
        room.Lines(settings.gateway.name),
        room.Options(influx.bucket, influx.rollup_bucket, influx.lines, influx.linger_s, 2 * _horizon(settings)),
    )


def _influxdb(influx: Influx) -> "Door":
    from gateway.influx import Door  # noqa: PLC0415 - see above

    return Door(influx.url, influx.token.get_secret_value() if influx.token else None, influx.org, influx.ca_file)


def _horizon(settings: Settings) -> int:
    """How far ahead is foretold, in ns."""
    return round(max(settings.predictions.horizons_s, default=0.0) * SECOND)


def _doors(settings: Settings) -> dict[str, Callable[[Span], str]]:
    """Where else readings went that may have to be forgotten."""
    return {"InfluxDB": partial(_erase, settings, settings.influx)} if settings.influx else {}


def _erase(settings: Settings, influx: Influx, gone: Span) -> str:
    """Have InfluxDB delete what it holds of a span, or say in its words why it does not."""
    from gateway.influx import Eraser  # noqa: PLC0415 - see above

    door = _influxdb(influx)
    buckets = [bucket for bucket in (influx.bucket, influx.rollup_bucket) if bucket]
    try:
        return Eraser(door, settings.gateway.name, buckets, _horizon(settings)).forget(gone)
    except DatabaseError as error:
        return f"NOT deleted: {error}"
    finally:
        door.close()


def is_loopback(host: str) -> bool:
    """Whether what is sent there stays on this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def listening(settings: Settings, intake: Intake) -> ConnectionSettings:
    """How to connect to the broker, and what to hear there."""
    topics, descriptions = (*intake.filters, *birth_topics(settings)), tuple(intake.description_filters)
    return replace(connection_settings(settings), topics=topics, retained_topics=descriptions)


def connection_settings(settings: Settings) -> ConnectionSettings:
    """How to connect to the broker."""
    mqtt = settings.mqtt
    tls = mqtt.tls or Tls()
    return ConnectionSettings(
        client_id=mqtt.client_id or settings.gateway.name[:23],
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
