"""The connection to the broker: kept up for good, by one thread of its own."""

import logging
import threading
import time
from collections.abc import Iterable

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags
from paho.mqtt.enums import MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from gateway.backoff import delay_s
from gateway.mqtt.buffered import BufferedClient
from gateway.mqtt.inbox import Inbox
from gateway.mqtt.receipts import Receipt, Receipts
from gateway.mqtt.session import introduce, subscribe
from gateway.mqtt.settings import ConnectionSettings
from gateway.mqtt.words import FELL_SILENT, UNSUPPORTED_VERSION, describe_code, describe_error, describe_reason
from gateway.records import Message

logger = logging.getLogger(__name__)

HANDSHAKE_S = 10.0
"""A broker that has not answered CONNECT and SUBSCRIBE by then is taken for dead; on this machine it takes 5 ms."""

STABLE_S = 10.0
"""A connection that lasted this long ends the back-off; a shorter one may be two gateways fighting for one id."""

LOOP_S = 0.2
"""How often the thread looks whether it should end; everything else wakes it."""

FLUSH_S = 1.5
"""How long what waits to be sent has to be sent and confirmed."""

FAREWELL_S = 0.5
"""How long the broker has to confirm our offline status."""

UNTOLD = 20
"""What mosquitto sends unacknowledged to who cannot tell it otherwise, as over MQTT 3.1.1: `max_inflight_messages`."""


class Connection:
    """Receives into `inbox`, publishes, acknowledges; reconnects by itself until stopped.

    `anew` is the newest one for which the broker had kept nothing.

    All methods may be called from the loop thread and none of them waits for the network, except `stop`. `failure`
    holds the exception of a bug in the network thread, which then has ended and closed the inbox: raise it.
    """

    def __init__(self, settings: ConnectionSettings, inbox: Inbox) -> None:
        self.failure: Exception | None = None
        self.is_online = False
        self.since = time.time_ns()
        self.anew = 0
        self.last_error = ""
        self.refused_topics: tuple[str, ...] = ()
        self.received = 0
        self.published = 0
        self.dropped = 0
        self._settings = settings
        self._inbox = inbox
        self._client = BufferedClient(settings.client_id, self._deliver)
        self._thread = threading.Thread(target=self._run, name="mqtt", daemon=True)
        self._stopping = threading.Event()
        self._lock = threading.Lock()  # between acknowledging and reconnecting
        self._receipts = Receipts()
        self._is_connected = False
        self._is_understood = False
        self._is_refused = False
        self._reason = ""
        self._failures = 0
        self._told: set[bool] = set()

    @property
    def generation(self) -> int:
        """How many connections there were."""
        return self._receipts.generation

    @property
    def unacknowledged(self) -> int:
        """How many messages the broker waits to hear of."""
        return len(self._receipts)

    @property
    def oldest(self) -> Receipt | None:
        """Which of them must be acknowledged before all others."""
        with self._lock:
            return self._receipts.oldest

    @property
    def window(self) -> int:
        """How many messages the broker may send before it waits for us to acknowledge some."""
        is_told = self._client.protocol == MQTTProtocolVersion.MQTTv5
        return self._settings.receive_maximum if is_told else UNTOLD

    @property
    def reconnects(self) -> int:
        """How many times the connection was made again."""
        return max(0, self.generation - 1)

    @property
    def is_idle(self) -> bool:
        """Whether all that was published has been confirmed by the broker."""
        return self._client.outgoing == 0

    def start(self) -> None:
        """Begin to connect, and go on for as long as it takes; ConfigError if a certificate file is unusable."""
        self._configure()
        self._thread.start()

    def publish(self, topic: str, payload: bytes, qos: int = 1, *, retain: bool = False) -> bool:
        """Send, or at QoS 1 keep until it can be sent; False if it was dropped, which is counted.

        Dropped is what exceeds `max_outgoing`, and QoS 0 while away.
        """
        is_accepted = False
        if self._client.outgoing < self._settings.max_outgoing:
            code = self._client.publish(topic, payload, qos, retain).rc
            is_accepted = code == MQTTErrorCode.MQTT_ERR_SUCCESS or (qos > 0 and code == MQTTErrorCode.MQTT_ERR_NO_CONN)
        self.published += is_accepted
        self.dropped += not is_accepted
        return is_accepted

    def acknowledge(self, receipts: Iterable[Receipt | None]) -> None:
        """Tell the broker that these messages are safe with us, once all before them are.

        Those of an earlier connection are ignored.
        """
        with self._lock:
            if not self._is_connected:
                return
            if packet_ids := self._receipts.settle(receipts):
                self._client.acknowledge(packet_ids)

    def stop(self) -> None:
        """Send what waits to be sent, say goodbye and end the thread, within three seconds whatever the broker does."""
        self._stopping.set()
        self._inbox.close()
        if self._thread.is_alive():
            self._thread.join(LOOP_S + FLUSH_S + LOOP_S + FAREWELL_S + LOOP_S)

    def _configure(self) -> None:
        client = self._client
        introduce(client, self._settings)
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_disconnect = self._on_disconnect

    def _run(self) -> None:
        settings = self._settings
        try:
            while not self._stopping.is_set():
                self._attempt()
                self._stopping.wait(delay_s(self._failures, settings.shortest_delay_s, settings.longest_delay_s))
                self._failures += 1
        except Exception as error:  # noqa: BLE001 - carried to the loop thread, which raises it
            self.failure = error
            self._inbox.close()
        finally:
            self._set_offline()
            self._client.close()

    def _attempt(self) -> None:
        """Connect and stay until the connection ends; where MQTT 5 is not understood, try 3.1.1 at once."""
        protocols = (self._settings.protocol,) if self._settings.protocol else (5, 4)
        for protocol in protocols:
            self._converse(MQTTProtocolVersion(protocol))
            if self._is_understood or self._stopping.is_set():
                break
        if not self._stopping.is_set():
            self._tell_lost()

    def _converse(self, protocol: MQTTProtocolVersion) -> None:
        """Connect and stay until the connection ends."""
        self._is_understood = self._is_refused = False
        self._reason = ""
        self._client.speak(protocol)
        try:
            self._client.reconnect()
        except OSError as error:
            self._is_understood = True  # the version is not what is wrong
            self._reason = describe_error(error)
        else:
            self._loop()
        self.last_error = self._reason
        self._set_offline()

    def _loop(self) -> None:
        started = time.monotonic()
        while (code := self._client.loop(LOOP_S)) == MQTTErrorCode.MQTT_ERR_SUCCESS:
            self._acknowledge_shed()
            if self._stopping.is_set():
                self._say_goodbye()
                return
            if not self.is_online and time.monotonic() - started > HANDSHAKE_S:
                self._reason = "the broker does not answer"
                return
        self._reason = self._reason or describe_code(code)
        if time.monotonic() - started > STABLE_S:
            self._failures = 0

    def _say_goodbye(self) -> None:
        """Send what waits, then that we are offline.

        If the broker does not confirm it, cut the line, so that it sends our will.
        """
        topic, payload = self._settings.status_topic, self._settings.offline_payload
        deadline = time.monotonic() + FLUSH_S
        while self._client.outgoing and time.monotonic() < deadline:
            if self._client.loop(LOOP_S) != MQTTErrorCode.MQTT_ERR_SUCCESS:
                return
        if topic:
            farewell = self._client.publish(topic, payload, 1, retain=True)
            deadline = time.monotonic() + FAREWELL_S
            while farewell.rc != MQTTErrorCode.MQTT_ERR_SUCCESS or not farewell.is_published():
                if time.monotonic() > deadline or self._client.loop(LOOP_S) != MQTTErrorCode.MQTT_ERR_SUCCESS:
                    return
        self._client.disconnect()
        self._client.loop(0.0)

    def _deliver(self, topic: str, payload: bytes, packet_id: int, is_retained: bool) -> None:  # noqa: FBT001
        self.received += 1
        receipt = self._receipts.arrive(packet_id) if packet_id else None
        self._inbox.put(Message(topic, payload, time.time_ns(), receipt, is_retained))

    def _acknowledge_shed(self) -> None:
        """What was shed must not take up the window of what is still to come."""
        if shed := self._inbox.discarded():
            self.acknowledge(shed)

    def _on_connect(
        self, client: Client, _data: object, flags: ConnectFlags, reason: ReasonCode, properties: Properties | None
    ) -> None:
        self._is_understood = reason.value != UNSUPPORTED_VERSION
        self._is_refused = reason.is_failure
        if self._is_refused:
            self._reason = describe_reason(reason)
            return
        self._client.limit_in_flight(getattr(properties, "ReceiveMaximum", 65_535))
        with self._lock:
            self._receipts.renew()
            self.anew = self.anew if flags.session_present else self.generation
            if flags.session_present:
                self._inbox.catch_up()
            self._is_connected = True
        if not self._settings.topics:
            self._set_online()
        else:
            subscribe(client, self._settings)

    def _on_subscribe(
        self, _client: Client, _data: object, _id: int, reasons: list[ReasonCode], _properties: Properties | None
    ) -> None:
        answers = zip(self._settings.topics, reasons, strict=False)
        self.refused_topics = tuple(topic for topic, reason in answers if reason.is_failure)
        for topic in self.refused_topics:
            logger.warning("the broker refuses our subscription to %s: nothing will be received from there", topic)
        self._set_online()

    def _on_disconnect(
        self,
        _client: Client,
        _data: object,
        flags: DisconnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if flags.is_disconnect_packet_from_server or reason.value == FELL_SILENT:
            self._reason = describe_reason(reason)

    def _set_online(self) -> None:
        self.is_online, self.since, self.last_error = True, time.time_ns(), ""
        self._told.clear()
        logger.info("connected to the broker at %s:%d", self._settings.host, self._settings.port)

    def _set_offline(self) -> None:
        with self._lock:
            self._is_connected = False
        if self.is_online:
            self.is_online, self.since = False, time.time_ns()

    def _tell_lost(self) -> None:
        """Log one line when the broker is lost, and one more if it then answers but refuses us."""
        if self._is_refused not in self._told:
            self._told.add(self._is_refused)
            where = f"{self._settings.host}:{self._settings.port}"
            logger.warning("not connected to the broker at %s: %s; trying again", where, self.last_error)
