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
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from gateway import control, people, renewal, rulebook, unlearning
from gateway.board import Board, birth_topics, retained_topics
from gateway.config import Influx, Settings
from gateway.connecting import connection_settings, listening
from gateway.control import Desk, Handler, Server
from gateway.errors import ConfigError, DatabaseError
from gateway.house import Alone, House
from gateway.intake import Intake
from gateway.journal import Follower, Journal
from gateway.mqtt import embedded
from gateway.mqtt.allowances import Sharing
from gateway.mqtt.connection import Connection
from gateway.mqtt.inbox import Inbox
from gateway.pipeline import Pipeline
from gateway.records import SECOND, Span
from gateway.recovery import TELL_S
from gateway.renewal import begin
from gateway.replies import Replies
from gateway.rulebook import Regime
from gateway.shard import Shard
from gateway.supervisor import Supervisor

if TYPE_CHECKING:
    from gateway.influx import Door, Sender

logger = logging.getLogger(__name__)

CLEARED_S = 10.0
"""How long a broker may take to be reached and to confirm; here it takes 10 ms."""


class Application:
    """The gateway on one broker: `run` until told to stop, then everything ends in reverse order."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.regime = Regime(rulebook.rules(settings), None)
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
        self.pipeline.mail.asides |= dict.fromkeys(birth_topics(settings), self.board.hear)
        replies = Replies(settings, self.shard, self.intake, self.connection, self.pipeline.counts)
        self.pipeline.listeners.append(replies.hear)
        self.pipeline.predictions.listeners.append(replies.foretell)
        self.pipeline.chores.append(replies.settle)
        self.supervisor = Supervisor(os.environ, time.monotonic)
        self.pipeline.chores.append(lambda _: self.supervisor.alive())
        if self.sender:
            self.pipeline.doors["lines for InfluxDB"] = self.sender.forget
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
    chosen = rulebook.rules(settings)
    doors = _doors(settings) | {"retained messages": partial(_take_off, settings)}
    with Alone(Shard(chosen), Journal(Path(settings.journal.path)), doors) as house:
        work, told_at = _unlearning(house)[name].work(arguments), time.monotonic()
        while True:
            try:
                progress = next(work)
            except StopIteration as end:
                return dict(end.value)
            if time.monotonic() - told_at >= TELL_S:
                told_at = time.monotonic()
                logger.info("%s", progress)


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
