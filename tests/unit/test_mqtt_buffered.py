"""The overrides of paho 2.2, and the private names they stand on."""

import importlib.metadata
import inspect
from typing import TYPE_CHECKING, cast

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import MessageState, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.exception import MalformedPacket

from gateway.mqtt.buffered import BufferedClient, _parse_publish

if TYPE_CHECKING:
    from paho.mqtt.client import SocketLike


class Line:
    """A socket from which prepared chunks are read."""

    def __init__(self, *chunks: bytes) -> None:
        self.chunks = list(chunks)
        self.reads = 0

    def recv(self, _size: int) -> bytes:
        """Return the next chunk; nothing is there afterwards."""
        self.reads += 1
        if not self.chunks:
            raise BlockingIOError
        return self.chunks.pop(0)

    def setblocking(self, _is_blocking: bool) -> None:  # noqa: FBT001
        """Never blocks anyway."""

    def close(self) -> None:
        """Nothing to release."""


def publication(topic: str, payload: bytes, packet_id: int = 0) -> bytes:
    """Return a PUBLISH of MQTT 5 without properties, at QoS 1 if it has an id."""
    body = len(topic).to_bytes(2, "big") + topic.encode() + (packet_id.to_bytes(2, "big") if packet_id else b"")
    body += b"\x00" + payload
    return bytes([0x32 if packet_id else 0x30, len(body)]) + body


def listening(*chunks: bytes) -> tuple[BufferedClient, Line, list[tuple[str, bytes, int, bool]]]:
    """Return a client that reads these chunks, its line, and what it delivers."""
    delivered: list[tuple[str, bytes, int, bool]] = []
    client = BufferedClient("test", lambda *message: delivered.append(message))
    line = Line(*chunks)
    client._sock = cast("SocketLike", line)
    return client, line, delivered


def test_paho_is_the_version_whose_privates_we_know() -> None:
    """Another minor version must be read before it is allowed."""
    assert importlib.metadata.version("paho-mqtt").startswith("2.2.")


def test_paho_still_has_what_is_overridden_and_used() -> None:
    """Names and parameters of methods, names of attributes."""
    parameters = {
        "_sock_recv": ["self", "bufsize"],
        "_handle_publish": ["self"],
        "_handle_connack": ["self"],
        "_packet_queue": ["self", "command", "packet", "mid", "qos", "info"],
        "_create_socket": ["self"],
        "_reset_sockets": ["self", "sockpair_only"],
        "loop_read": ["self", "max_packets"],
        "reconnect": ["self"],
    }
    for name, expected in parameters.items():
        assert list(inspect.signature(getattr(Client, name)).parameters) == expected, name
    client = BufferedClient("test", lambda *_: None)
    attributes = "_sock _in_packet _out_packet _out_messages _out_message_mutex _max_inflight_messages"
    for name in (*attributes.split(), "_inflight_messages", "_protocol"):
        assert hasattr(client, name), name


def test_many_packets_are_read_at_once() -> None:
    """One read for a hundred messages, where paho needs three hundred, and one that finds nothing more."""
    client, line, delivered = listening(b"".join(publication("a/b", b"%d" % n, n + 1) for n in range(100)))
    assert client.loop_read() == MQTTErrorCode.MQTT_ERR_SUCCESS
    assert delivered == [("a/b", b"%d" % n, n + 1, False) for n in range(100)]
    assert line.reads <= 2


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64])
def test_packets_may_arrive_in_any_pieces(size: int) -> None:
    """The end of a chunk can be anywhere in a packet."""
    stream = b"".join(publication(f"a/{n}", bytes(n), n) for n in range(40))
    client, line, delivered = listening(*(stream[at : at + size] for at in range(0, len(stream), size)))
    while line.chunks:
        assert client.loop_read() == MQTTErrorCode.MQTT_ERR_SUCCESS
    assert delivered == [(f"a/{n}", bytes(n), n, False) for n in range(40)]


def test_whole_messages_take_the_short_way_and_paho_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a chunk paho reads the first packet, what is no message, and what does not end in it."""
    by_paho: list[bytes] = []
    handle = BufferedClient._handle_publish

    def note(self: BufferedClient) -> MQTTErrorCode:
        by_paho.append(bytes(self._in_packet["packet"]))
        return handle(self)

    monkeypatch.setattr(BufferedClient, "_handle_publish", note)
    long = b"x" * 300  # whose length takes two bytes
    body = b"\x00\x01l\x00" + long
    packets = [*(publication("a", b"%d" % n, n) for n in range(5)), b"\xd0\x00", publication("b", b"", 7)]
    packets.append(bytes([0x31, len(body) % 128 + 128, len(body) // 128]) + body)
    client, line, delivered = listening(b"".join([*packets, publication("c", b"cut")])[:-1], b"t")
    while line.chunks:
        assert client.loop_read() == MQTTErrorCode.MQTT_ERR_SUCCESS
    assert [topic for topic, *_ in delivered] == ["a", "a", "a", "a", "a", "b", "l", "c"]
    assert delivered[-2:] == [("l", long, 0, True), ("c", b"cut", 0, False)]
    assert len(by_paho) == 2


def test_a_malformed_message_ends_the_connection_wherever_it_stands() -> None:
    """Also behind others, where the short way comes upon it; what was before it is delivered."""
    client, _, delivered = listening(publication("a", b"1") + publication("a", b"2") + b"\x30\x02\x00\x09")
    assert client.loop_read() == MQTTErrorCode.MQTT_ERR_PROTOCOL
    assert [payload for _, payload, *_ in delivered] == [b"1", b"2"]


def test_a_new_connection_does_not_read_the_rest_of_the_old() -> None:
    """The buffer is emptied before paho connects."""
    client, _, _ = listening(publication("a", b"1")[:3])
    client.loop_read()
    client._buffer, client._at = b"left over", 2
    client.connect_async("127.0.0.1", 1)
    with pytest.raises(OSError, match="refused"):
        client.reconnect()
    assert (client._buffer, client._at) == (b"", 0)


def test_acknowledgements_are_one_packet() -> None:
    """Three PUBACKs in one write."""
    client, _, _ = listening()
    client.acknowledge([1, 2, 65_535])
    assert [bytes(one["packet"]) for one in client._out_packet] == [b"\x40\x02\x00\x01\x40\x02\x00\x02\x40\x02\xff\xff"]


def test_what_was_kept_is_sent_in_windows() -> None:
    """On connecting, only as many go out at once as the broker allows."""
    client = BufferedClient("test", lambda *_: None)
    for number in range(50):
        client.publish("a", b"%d" % number, 1)
    client.limit_in_flight(10)
    client._sock = cast("SocketLike", Line())
    client._in_packet.update({"command": 0x20, "packet": bytearray(b"\x00\x00\x00")})
    client._handle_connack()
    states = [message.state for message in client._out_messages.values()]
    assert states == [MessageState.MQTT_MS_WAIT_FOR_PUBACK] * 10 + [MessageState.MQTT_MS_QUEUED] * 40


def test_connect_is_the_first_packet_even_if_another_thread_publishes_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A broker hangs up on anything else."""
    client = BufferedClient("test", lambda *_: None)
    monkeypatch.setattr(client, "_create_socket", Line)

    def publish(*_: object) -> None:
        client.publish("a", b"", 1)

    client.on_socket_open = publish
    client.connect_async("127.0.0.1", 1)
    client.reconnect()
    assert [one["command"] & 0xF0 for one in client._out_packet] == [0x10, 0x30]


def test_the_version_can_be_changed_and_changed_back() -> None:
    """As paho itself does when a broker refuses 3.1.1."""
    client, _, delivered = listening(b"\x30\x04\x00\x01ax" + publication("b", b"y"))
    client.speak(MQTTProtocolVersion.MQTTv311)
    client._packet_read()
    client.speak(MQTTProtocolVersion.MQTTv5)
    client._packet_read()
    assert delivered == [("a", b"x", 0, False), ("b", b"y", 0, False)]


def test_properties_are_skipped() -> None:
    """Even where their length takes two bytes."""
    properties = b"\x03\x00\x7d" + bytes(125)  # a content type of 125 characters
    packet = bytearray(b"\x00\x01a" + b"\x00\x09" + bytes([0x80, 0x01]) + properties + b"payload")
    assert _parse_publish(packet, has_id=True, has_properties=True) == ("a", b"payload", 9)


@pytest.mark.parametrize("packet", [b"", b"\x00", b"\x00\x09a", b"\x00\x01a\x00", b"\x00\x01a\x00\x01\xff\xff\xff\xff"])
def test_a_malformed_packet_is_the_brokers_fault(packet: bytes) -> None:
    """It ends the connection, not the thread."""
    with pytest.raises(MalformedPacket):
        _parse_publish(bytearray(packet), has_id=True, has_properties=True)


def test_a_topic_that_is_not_utf_8_stays_a_message() -> None:
    """It is rejected, and counted, where all topics are looked at."""
    topic, _, _ = _parse_publish(bytearray(b"\x00\x02a\xff\x00"), has_id=False, has_properties=True)
    assert topic == "a\N{REPLACEMENT CHARACTER}"
