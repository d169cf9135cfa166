"""One connection to the broker, shared by many devices. Nothing outside this module knows paho."""

import os
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Any, NamedTuple

from paho.mqtt.client import Client, ConnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from device_sim.errors import UnreachableError

CHANNELS = ("anomaly", "prediction")
_FILTERS_A_PACKET = 200  # some 10 kB with long names; brokers limit packets, AWS and HiveMQ filters too
_UNDER_WAY = 200  # messages a connection may have under way; more only hides that the broker does not follow
_HEARD_KEPT = 20_000


class Heard(NamedTuple):
    """A message for a device."""

    device: str
    channel: str
    payload: bytes


@dataclass(slots=True)
class Ear:
    """Where all connections put what they hear; bounded. None in the queue wakes the listener."""

    queue: SimpleQueue[Heard | None] = field(default_factory=SimpleQueue)
    dropped: int = 0

    def put(self, heard: Heard) -> None:
        """Keep `heard`, or count it as dropped when nobody empties the queue."""
        if self.queue.qsize() < _HEARD_KEPT:
            self.queue.put(heard)
        else:
            self.dropped += 1


@dataclass(frozen=True, slots=True)
class Address:
    """Where the broker is, who we are to it and under which prefix our topics are."""

    host: str
    port: int
    prefix: str
    qos: int
    username: str | None = None
    password: str | None = None


class Link:
    """A connection for `devices`. It reconnects by itself and subscribes again each time.

    paho's own outgoing queue has no bound, so the caller asks `has_room` before it sends.
    """

    def __init__(self, address: Address, number: int, devices: Sequence[str], ear: Ear, *, is_only: bool) -> None:
        self._address = address
        self._filters = self._wanted(["+"] if is_only else devices)
        self._ear = ear
        self._sent = 0
        self._done = 0
        self._is_up = False
        self._answered = threading.Event()
        self._refusal = ""
        self.connects = 0
        self._client = self._made(number)

    def _made(self, number: int) -> Client:
        client = Client(CallbackAPIVersion.VERSION2, client_id=f"device-sim-{os.getpid()}-{id(self):x}-{number}")
        client.username_pw_set(self._address.username, self._address.password)
        client.max_inflight_messages_set(_UNDER_WAY)
        client.reconnect_delay_set(1, 5)
        client.suppress_exceptions = True  # an exception in a callback would end paho's thread unseen
        client.on_connect = self._connected
        client.on_disconnect = self._disconnected
        client.on_message = self._message
        client.on_publish = self._published
        return client

    def _wanted(self, devices: Sequence[str]) -> list[tuple[str, int]]:
        return [(f"{self._address.prefix}/{name}/{channel}", 1) for name in devices for channel in CHANNELS]

    def open(self, tries: int, pause_s: float = 1.0) -> None:
        """Connect; wait for the broker's answer.

        Raises:
            UnreachableError: The broker did not answer in `tries` tries, or refuses us.
        """
        where = f"{self._address.host}:{self._address.port}"
        for left in reversed(range(tries)):
            try:
                self._client.connect(self._address.host, self._address.port, keepalive=30)
                break
            except OSError as error:
                if not left:
                    message = f"broker {where} cannot be reached: {error}"
                    raise UnreachableError(message) from error
                time.sleep(pause_s)
        self._client.loop_start()
        if not self._answered.wait(10.0) or self._refusal:
            message = f"broker {where} refuses us: {self._refusal or 'no answer within 10 s'}"
            raise UnreachableError(message)

    @property
    def has_room(self) -> bool:
        """Tell whether the connection is up and follows."""
        return self._is_up and self._sent - self._done < _UNDER_WAY

    @property
    def under_way(self) -> int:
        """Return how many messages the broker has not confirmed (QoS 0: that have not left)."""
        return self._sent - self._done

    def send(self, topic: str, payload: bytes) -> None:
        """Send a message; call it only while `has_room`."""
        self._sent += 1
        self._client.publish(f"{self._address.prefix}/{topic}", payload, self._address.qos)

    def close(self) -> None:
        """Say goodbye; a connection that is down is left to die with the process, for paho would wait for it."""
        was_up, self._is_up = self._is_up, False
        self._client.disconnect()
        if was_up:
            self._client.loop_stop()

    # Called by paho's thread: short, and unable to raise.

    def _connected(
        self, client: Client, _data: object, _flags: ConnectFlags, reason: ReasonCode, _props: Properties | None
    ) -> None:
        self._refusal = str(reason) if reason.is_failure else ""
        if not reason.is_failure:
            for n in range(0, len(self._filters), _FILTERS_A_PACKET):
                client.subscribe(self._filters[n : n + _FILTERS_A_PACKET])
            if self._address.qos == 0:
                self._done = self._sent  # what had not left is lost; paho does not report it
            self.connects += 1
            self._is_up = True
        self._answered.set()

    def _disconnected(self, *_: Any) -> None:  # noqa: ANN401 (five things we do not need)
        self._is_up = False

    def _message(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        try:
            *_, device, channel = message.topic.split("/")
        except (UnicodeDecodeError, ValueError):
            return
        self._ear.put(Heard(device, channel, bytes(message.payload)))

    def _published(self, *_: Any) -> None:  # noqa: ANN401 (five things we do not need)
        self._done += 1
