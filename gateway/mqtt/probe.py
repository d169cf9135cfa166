"""Trying a broker out from beside the gateway: what it says to us, what it lets us do, what it keeps."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from pydantic_core import from_json

from gateway.errors import BrokerError
from gateway.mqtt.settings import ConnectionSettings
from gateway.mqtt.tls import client_context
from gateway.mqtt.words import UNSUPPORTED_VERSION, describe_error, describe_reason
from gateway.records import Message

ANSWER_S = 5.0
"""How long the broker has for each answer; on this machine it takes 5 ms."""

KEPT = 2_000
"""Messages heard that are kept; the rest is counted."""

EXPIRY_S = 60
"""How long the broker keeps a lasting session of ours, should we not come back to end it."""


def certificate_days(settings: ConnectionSettings, now: float) -> float | None:
    """Days until the broker's certificate ends, None without TLS; `BrokerError` says in words why it is unreachable."""
    try:
        with socket.create_connection((settings.host, settings.port), timeout=ANSWER_S) as line:
            if not settings.is_tls:
                return None
            with _context(settings).wrap_socket(line, server_hostname=settings.host) as secured:
                certificate = secured.getpeercert() or {}
    except OSError as error:
        raise BrokerError(describe_error(error)) from error
    ends = certificate.get("notAfter")
    return (ssl.cert_time_to_seconds(ends) - now) / 86_400 if isinstance(ends, str) else None


def _context(settings: ConnectionSettings) -> ssl.SSLContext:
    files = (settings.ca_file, settings.certificate_file, settings.key_file)
    return client_context(*files, is_verified=settings.is_verified)


class Probe:
    """A connection for trying things out, as a context manager; `BrokerError` where the broker does not let us in.

    It has to be given a client id of its own: the gateway's would throw the gateway out.
    """

    def __init__(self, settings: ConnectionSettings, *, is_lasting: bool = False, is_return: bool = False) -> None:
        self.protocol = settings.protocol or int(MQTTProtocolVersion.MQTTv5)
        self.limits: dict[str, Any] = {}
        self.messages: list[Message] = []
        self.heard = 0
        self._settings, self._is_lasting, self._is_return = settings, is_lasting, is_return
        self._changed = threading.Condition()
        self._refusal: ReasonCode | None = None
        self._is_connected = self._is_lost = False
        self._granted: dict[int, list[ReasonCode]] = {}
        self._confirmed: dict[int, ReasonCode] = {}
        self._client: Client | None = None

    def __enter__(self) -> Self:
        self._connect()
        if self._refusal is not None and self._refusal.value == UNSUPPORTED_VERSION and not self._settings.protocol:
            self._leave()
            self.protocol, self._refusal, self._is_lost = int(MQTTProtocolVersion.MQTTv311), None, False
            self._connect()
        if not self._is_connected:
            self._leave()
            reason = describe_reason(self._refusal) if self._refusal else "the broker hung up, or did not answer"
            raise BrokerError(reason)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._leave()

    def subscribe(self, filters: Sequence[str]) -> list[str]:
        """Ask for these topics; returns those that are refused, all where no answer comes."""
        code, number = self._paho.subscribe([(each, self._settings.qos) for each in filters])
        if code or number is None or not self._wait(lambda: number in self._granted):
            return list(filters)
        return [each for each, reason in zip(filters, self._granted[number], strict=False) if reason.is_failure]

    def publish(self, topic: str, payload: bytes = b"{}") -> bool:
        """Whether the broker takes a message on this topic; in MQTT 3.1.1 it does not say that it does not."""
        number = self._paho.publish(topic, payload, qos=1).mid
        return self._wait(lambda: number in self._confirmed) and not self._confirmed[number].is_failure

    def publish_many(self, topic: str, count: int) -> None:
        """Send so many, and wait until the broker has them all."""
        numbers = [self._paho.publish(topic, str(number), qos=1).mid for number in range(count)]
        self._wait(lambda: all(number in self._confirmed for number in numbers))

    def wait_for(self, count: int, timeout_s: float = ANSWER_S) -> int:
        """Listen until so many messages were heard, or the time is over; how many were."""
        self._wait(lambda: self.heard >= count, timeout_s)
        return self.heard

    def retained(self, topic: str) -> dict[str, Any]:
        """The retained JSON object heard on a topic, empty where there was none."""
        for message in self.messages:
            if message.topic == topic and message.is_retained:
                with suppress(ValueError):
                    tree = from_json(message.payload)
                    return tree if isinstance(tree, dict) else {}
        return {}

    @property
    def _paho(self) -> Client:
        assert self._client is not None  # noqa: S101 - entered
        return self._client

    def _connect(self) -> None:
        is_v5 = self.protocol == MQTTProtocolVersion.MQTTv5
        client = self._client = Client(
            CallbackAPIVersion.VERSION2,
            self._settings.client_id,
            clean_session=None if is_v5 else not self._is_lasting,
            protocol=MQTTProtocolVersion(self.protocol),
            reconnect_on_failure=False,
        )
        client.username_pw_set(self._settings.username, self._settings.password)
        if self._settings.is_tls:
            client.tls_set_context(_context(self._settings))
        client.on_connect, client.on_disconnect = self._on_connect, self._on_disconnect
        client.on_subscribe, client.on_publish = self._on_subscribe, self._on_publish
        client.on_message = self._on_message
        options: dict[str, Any] = {}
        if is_v5:
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho left it so
            properties.SessionExpiryInterval = EXPIRY_S if self._is_lasting and not self._is_return else 0
            options = {"clean_start": not self._is_return, "properties": properties}
        try:
            client.connect(self._settings.host, self._settings.port, **options)
        except OSError as error:
            raise BrokerError(describe_error(error)) from error
        client.loop_start()
        self._wait(lambda: self._is_connected or self._refusal is not None or self._is_lost)

    def _leave(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.disconnect()
            client.loop_stop()

    def _wait(self, is_so: Callable[[], bool], timeout_s: float = ANSWER_S) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: is_so() or self._is_lost, timeout_s) and is_so()

    def _on_connect(
        self, _client: Client, _data: object, _flags: ConnectFlags, reason: ReasonCode, properties: Properties | None
    ) -> None:
        with self._changed:
            self._is_connected = not reason.is_failure
            self._refusal = reason if reason.is_failure else None
            self.limits = dict(properties.json()) if properties else {}  # type: ignore[no-untyped-call]  # paho left it so
            self._changed.notify_all()

    def _on_disconnect(
        self, _client: Client, _data: object, _flags: DisconnectFlags, reason: ReasonCode, _properties: object
    ) -> None:
        with self._changed:
            self._is_lost = True
            if reason.is_failure and self._is_connected is False and self._refusal is None:
                self._refusal = reason
            self._changed.notify_all()

    def _on_subscribe(
        self, _client: Client, _data: object, number: int, reasons: list[ReasonCode], _properties: object
    ) -> None:
        with self._changed:
            self._granted[number] = reasons
            self._changed.notify_all()

    def _on_publish(self, _client: Client, _data: object, number: int, reason: ReasonCode, _properties: object) -> None:
        with self._changed:
            self._confirmed[number] = reason
            self._changed.notify_all()

    def _on_message(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        with self._changed:
            self.heard += 1
            if len(self.messages) < KEPT:
                topic = message.topic
                self.messages.append(Message(topic, bytes(message.payload), time.time_ns(), None, message.retain))
            self._changed.notify_all()


def kept(settings: ConnectionSettings, topic: str, count: int) -> int:
    """How many of so many messages the broker keeps for a client that is away."""
    away = replace(settings, client_id=f"{settings.client_id}-away")
    with Probe(away, is_lasting=True) as probe:
        probe.subscribe([topic])
    with Probe(settings) as probe:
        probe.publish_many(topic, count)
    with Probe(away, is_lasting=True, is_return=True) as probe:
        return probe.wait_for(count)
