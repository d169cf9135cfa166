"""paho's client with buffered reads, a short way for incoming messages and batched acknowledgements.

paho reads every packet with three or more `recv` calls, builds ten objects for every message, and sends every
acknowledgement as a packet of its own that wakes its thread through a socket. What is overridden here relies on
private names of paho 2.2; `tests/unit/test_mqtt_buffered.py` pins them.
"""

from collections.abc import Callable, Sequence
from socket import IPPROTO_TCP, TCP_NODELAY, socket
from typing import TypeAlias

from paho.mqtt.client import CONNECT, PUBACK, PUBLISH, Client
from paho.mqtt.enums import CallbackAPIVersion, MessageState, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.exception import MalformedPacket

CHUNK_BYTES = 65_536
"""Asked of the socket at once: 64 KiB gave 22 % more messages/s than 4 KiB at QoS 1, and 256 KiB no more than it."""

IN_FLIGHT = 20
"""Messages sent and not yet acknowledged by the broker; the default of paho and of mosquitto."""

QOS_2 = 2

MORE = 128
"""The bit of a byte that says that another one follows."""

Deliver: TypeAlias = Callable[[str, bytes, int, bool], None]
"""What takes a message: topic, payload, packet id (0 at QoS 0), whether it was retained."""


class BufferedClient(Client):
    """A paho client that hands every QoS 0 or 1 message to `deliver` and leaves its acknowledgement to the caller.

    It is driven by `loop()` from a thread of ours, because paho's own thread dies unseen of an exception.
    """

    _buffer = b""
    _at = 0

    def __init__(self, client_id: str, deliver: Deliver) -> None:
        super().__init__(
            CallbackAPIVersion.VERSION2,
            client_id,
            protocol=MQTTProtocolVersion.MQTTv5,
            reconnect_on_failure=False,
            manual_ack=True,
        )
        self._deliver = deliver
        self.on_socket_open = _send_small_packets_at_once
        # With this set paho leaves all writing to the looping thread; else `publish` would write from the caller's.
        self.on_socket_register_write = lambda _client, _userdata, _socket: None

    @property
    def outgoing(self) -> int:
        """How many messages wait to be sent or to be acknowledged by the broker; some are counted twice."""
        return max(len(self._out_messages), len(self._out_packet))

    def speak(self, protocol: MQTTProtocolVersion) -> None:
        """Use this version from the next connect on, keeping what is to be sent; paho downgrades the same way."""
        self._protocol = protocol
        self._clean_session = False

    def limit_in_flight(self, broker_maximum: int) -> None:
        """Keep to what the broker accepts unacknowledged; paho ignores what it says."""
        self._max_inflight_messages = min(IN_FLIGHT, broker_maximum)

    def reconnect(self) -> MQTTErrorCode:
        """Connect anew; bytes of the former connection must not be read as part of the new one."""
        self._buffer, self._at = b"", 0
        code = super().reconnect()
        while self._out_packet[0]["command"] != CONNECT:  # another thread published while the socket was being opened
            self._out_packet.rotate(-1)
        return code

    def loop_read(self, max_packets: int = 1) -> MQTTErrorCode:
        """Handle packets until the buffer is empty: `select` does not know of bytes that left the socket."""
        code = super().loop_read(max_packets)
        while self._at < len(self._buffer) and code == MQTTErrorCode.MQTT_ERR_SUCCESS and self._sock is not None:
            self._deliver_whole()
            code = super().loop_read(max_packets) if self._at < len(self._buffer) else code
        return code

    def _deliver_whole(self) -> None:
        """Hand over the messages that stand whole in the buffer, up to what only paho understands.

        Read by paho, a message costs 9 µs of one x86 core, and 5 like this; so does one of a flood that is shed.
        """
        if self._in_packet["command"]:  # the rest of a packet comes first
            return
        buffer, has_properties = self._buffer, self._protocol == MQTTProtocolVersion.MQTTv5
        while (found := _find_publish(buffer, self._at)) is not None:
            header, start, end = buffer[self._at], *found
            try:
                topic, payload, packet_id = _parse_publish(
                    buffer[start:end], has_id=header & 6 > 0, has_properties=has_properties
                )
            except MalformedPacket:
                return  # paho says so, and hangs up
            self._at = end
            self._deliver(topic, payload, packet_id, bool(header & 1))

    def acknowledge(self, packet_ids: Sequence[int]) -> None:
        """Acknowledge many QoS 1 messages in one write; may be called from any thread."""
        packets = b"".join([b"\x40\x02" + packet_id.to_bytes(2, "big") for packet_id in packet_ids])
        self._packet_queue(PUBACK, packets, 0, 1)

    def close(self) -> None:
        """Release the sockets; only once nobody loops any more."""
        self._reset_sockets()

    def _handle_connack(self) -> MQTTErrorCode:
        # paho means to send only a window of what was kept, but forgets to count and sends all of it at once, for which
        # a broker that enforces its receive maximum would throw us out, again and again.
        with self._out_message_mutex:
            kept = [one for one in self._out_messages.values() if one.state == MessageState.MQTT_MS_PUBLISH]
            for message in kept[max(0, self._max_inflight_messages - self._inflight_messages) :]:
                message.state = MessageState.MQTT_MS_QUEUED
        return super()._handle_connack()

    def _sock_recv(self, bufsize: int) -> bytes:
        if self._at >= len(self._buffer):
            self._buffer, self._at = super()._sock_recv(CHUNK_BYTES), 0
        start = self._at
        self._at = min(start + bufsize, len(self._buffer))
        return self._buffer[start : self._at]

    def _handle_publish(self) -> MQTTErrorCode:
        header = self._in_packet["command"]
        qos = header >> 1 & 3
        if qos >= QOS_2:  # never asked for
            return super()._handle_publish()
        topic, payload, packet_id = _parse_publish(
            self._in_packet["packet"], has_id=qos > 0, has_properties=self._protocol == MQTTProtocolVersion.MQTTv5
        )
        self._deliver(topic, payload, packet_id, bool(header & 1))
        return MQTTErrorCode.MQTT_ERR_SUCCESS


def _send_small_packets_at_once(_client: Client, _data: object, line: object) -> None:
    """Switch off Nagle's algorithm, which keeps a packet back for up to 40 ms while another is unanswered."""
    if isinstance(line, socket):
        line.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)


def _find_publish(buffer: bytes, at: int) -> tuple[int, int] | None:
    """Where the body of the message at `at` begins and ends; None unless it is of QoS 0 or 1, and there as a whole."""
    if len(buffer) < at + 2 or buffer[at] & 0xF4 != PUBLISH:  # the bit of QoS 2 is among these
        return None
    start, length = at + 2, buffer[at + 1]
    if length >= MORE:
        try:
            taken, length = _variable(buffer, at + 1)
        except MalformedPacket:
            return None
        start = at + 1 + taken
    end = start + length
    return (start, end) if end <= len(buffer) else None


def _parse_publish(packet: bytes | bytearray, *, has_id: bool, has_properties: bool) -> tuple[str, bytes, int]:
    """Split a PUBLISH (MQTT 5.0, 3.3) into topic, payload and packet id; properties are skipped.

    A topic that is not UTF-8 is kept readable: it will be rejected, and counted, as any other topic we cannot use.
    """
    at = 2 + int.from_bytes(packet[:2], "big")
    topic = packet[2:at].decode("utf-8", "replace")
    packet_id = 0
    if has_id:
        packet_id = int.from_bytes(packet[at : at + 2], "big")
        at += 2
    if has_properties:
        at += sum(_variable(packet, at))
    if at > len(packet):
        msg = "PUBLISH ends too early"
        raise MalformedPacket(msg)
    return topic, bytes(packet[at:]), packet_id


def _variable(packet: bytes | bytearray, at: int) -> tuple[int, int]:
    """How many bytes the variable byte integer at `at` takes (MQTT 5.0, 1.5.5), and its value; or `MalformedPacket`."""
    length = 0
    for index, byte in enumerate(packet[at : at + 4]):
        length |= (byte & 127) << 7 * index
        if byte < MORE:
            return index + 1, length
    msg = "a variable byte integer does not end"
    raise MalformedPacket(msg)
