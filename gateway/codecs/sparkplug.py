"""Sparkplug B: protobuf on `spBv1.0/<group>/<type>/<edge node>[/<device>]`, with names and types told only at birth.

Source: the Sparkplug specification 3.0.0 (sparkplug.eclipse.org), chapters 4, 5 and 6. Births must not be retained:
until an edge node is born again after we start to listen, and after messages of it were lost, what it sends by alias
alone is rejected with reason `birth`; where it is allowed, the edge node is asked for its birth.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from google.protobuf.message import DecodeError

from gateway.codecs.codec import Decoded, Presence, Request, device_name, own_name
from gateway.codecs.memory import Memory
from gateway.codecs.sparkplug_command import Metric, Value, rebirth, write
from gateway.codecs.sparkplug_schema import Payload
from gateway.codecs.topics import TopicFilter
from gateway.codecs.values import device_time, parse_unit
from gateway.config import Section
from gateway.errors import PayloadError
from gateway.records import SECOND, Message, Reason

SIGNED = {1: 8, 2: 16, 3: 32, 4: 64}
"""Bits of the signed data types, which are sent as two's complement in an unsigned field."""

UNSIGNED = {5, 6, 7, 8}
WHOLE = {"int_value", "long_value"}
OTHERS = {"float_value": 9, "double_value": 10, "boolean_value": 11}
"""The other fields that hold numbers, and the data type that goes with each."""

TEXTS = {0, 12, 14}
"""Data types of texts, and none: `String` and `Text` alone are sent as text."""

WRAP = 256
"""Sequence numbers count from 0 to 255."""

SHORTEST = 3
"""Levels of `spBv1.0/STATE/<host>`."""

KINDS = {"NBIRTH": 1, "NDATA": 1, "NDEATH": 1, "DBIRTH": 2, "DDATA": 2, "DDEATH": 2}
"""Message types of edge nodes and devices, and how many names follow."""

CONTROL = ("bdSeq", "Node Control/", "Device Control/")
"""Metrics of the protocol itself."""

ASK = 30 * SECOND
"""How long a birth that was asked for is waited for; each time that it did not help, twice as long."""

MOST_PATIENT = 7
"""Doublings: then it is an hour."""

UNIT = "engUnit"
"""The property under which Ignition and others tell a unit; the specification names none."""

QUALITY = "Quality"
BAD, STALE = 0, 500
"""Values of that property of a metric, the third of which is good (Sparkplug 3.0.0, 6.4.14)."""


class SparkplugOptions(Section):
    """Settings of a source in this dialect."""

    trust_aliases: bool = False
    """Go on with the known aliases after messages were lost, though a birth may be among them."""
    rebirth: bool = False
    """Ask edge nodes for their birth where it is missing; a host application writes that, so others must allow it."""


@dataclass(slots=True)
class Node:
    """What is known of an edge node's session."""

    life: int = 0
    """Rises whenever what was told before must no longer be believed."""
    seq: int | None = None
    birth: int | None = None
    """The session's `bdSeq`."""
    asked: int = 0
    """How many times its birth was asked for in vain."""
    asked_at: int = 0


class Known(NamedTuple):
    """A metric as its birth certificate describes it."""

    life: int
    name: str
    datatype: int
    unit: str | None
    alias: int | None


class Sparkplug:
    """Edge nodes and their devices, each a device of ours: `<group>.<node>` and `<group>.<node>.<device>`."""

    descriptions = ()

    def __init__(self, _topics: Sequence[TopicFilter], options: SparkplugOptions) -> None:
        self._trust, self._asks = options.trust_aliases, options.rebirth
        self._nodes: Memory[Node] = Memory()
        self._metrics: Memory[Known] = Memory()
        self._devices: Memory[str] = Memory()

    def decode(self, message: Message) -> Decoded:
        """Decode a birth, data or death; commands and the states of hosts measure nothing."""
        levels = message.topic.split("/")
        if levels[0] != "spBv1.0" or len(levels) < SHORTEST:
            raise PayloadError(Reason.TOPIC)
        _, group, kind, *names = levels
        if KINDS.get(kind) != len(names):
            return Decoded()
        if message.is_retained:
            raise PayloadError(Reason.RETAINED, "of a session that may be over")
        try:
            payload = Payload.FromString(message.payload)
        except DecodeError as error:
            raise PayloadError(Reason.MALFORMED, "not a Sparkplug payload") from error
        edge, device = f"{group}/{names[0]}", device_name("/".join([group, *names]))
        node = self._nodes.get(edge) or Node()
        decoded = Decoded()
        if not self._nodes.put(edge, node) or not self._devices.put(device, edge):
            decoded.reject(device, Reason.MEMORY)
        if kind == "NDEATH":
            self._take_death(decoded, edge, node, payload)
            return decoded
        life = node.life
        self._follow(node, kind, payload)
        if not kind.endswith("DATA"):
            decoded.presences.append(Presence(device, kind != "DDEATH"))
        place = _Place(edge, device, node, kind.endswith("BIRTH"))
        for metric in payload.metrics:
            self._take_metric(decoded, place, metric, payload.timestamp)
        if self._asks and kind.endswith("DATA") and edge in self._nodes:
            is_lost = node.life != life or any(each.reason is Reason.BIRTH for each in decoded.rejections)
            decoded.requests += _ask(node, edge, message.received_at) if is_lost else ()
        return decoded

    def knows(self, device: str) -> bool:
        """Whether the device speaks this dialect."""
        return device in self._devices

    def command(self, device: str, metric: str, value: Value, at: int) -> Request | None:
        """The message that writes a metric of a device; None where its last birth told of none that could hold it."""
        node, known = self._nodes.get(self._devices.get(device) or ""), self._metrics.get(f"{device}/{metric}")
        if node is None or known is None or known.life != node.life:
            return None
        names = own_name(device).split("/")
        return write(names, Metric(metric, known.alias, known.datatype), value, at)

    def _follow(self, node: Node, kind: str, payload: Any) -> None:  # noqa: ANN401 - protobuf makes its classes itself
        """Keep to the sequence: after a gap, what was told at birth may have been told anew."""
        seq = payload.seq if payload.HasField("seq") else None
        if kind == "NBIRTH":
            node.birth = _birth(payload)
            node.life += 1
            node.asked = 0
        elif seq is not None and node.seq is not None:
            if seq == node.seq:
                raise PayloadError(Reason.REPEATED, "delivered twice")
            if seq != (node.seq + 1) % WRAP and not self._trust:
                node.life += 1
        node.seq = seq

    def _take_death(self, decoded: Decoded, edge: str, node: Node, payload: Any) -> None:  # noqa: ANN401 - as above
        """The broker says it in the node's name, maybe of a session that was followed by another: `bdSeq` tells."""
        birth = _birth(payload)
        if None not in {birth, node.birth} and birth != node.birth:
            return
        gone = [device for device in self._devices.names() if self._devices.get(device) == edge]
        decoded.presences += [Presence(device, is_online=False) for device in gone]
        node.life += 1
        node.seq = None

    def _take_metric(self, decoded: Decoded, place: "_Place", metric: Any, sent_at: int) -> None:  # noqa: ANN401 - as above
        device, known = place.device, self._describe(decoded, place, metric)
        if known is None or known.name.startswith(CONTROL):
            return
        sensor, number = known.name.replace("/", "."), _number(metric, known.datatype)
        at = device_time(metric.timestamp or sent_at)
        if metric.is_historical:
            decoded.reject(device, Reason.NOT_LIVE, sensor)
        elif _is_bad(metric):
            decoded.reject(device, Reason.QUALITY, sensor)
        elif metric.is_null:
            decoded.reject(device, Reason.EMPTY, sensor)
        elif metric.HasField("string_value") and known.datatype in TEXTS:
            decoded.add_state(device, sensor, metric.string_value.decode(errors="replace"), at)
        elif number is None:
            decoded.reject(device, Reason.TYPE if known.datatype else Reason.BIRTH, sensor)
        else:
            decoded.add(device, sensor, number, at, known.unit)

    def _describe(self, decoded: Decoded, place: "_Place", metric: Any) -> Known | None:  # noqa: ANN401 - as above
        """The metric's birth certificate: a birth writes it, by name and by alias; data look it up by either."""
        name, life = metric.name, place.node.life
        keys = [f"{place.device}/{name}"] if name else []
        keys += [f"{place.edge}#{metric.alias}"] if metric.HasField("alias") else []
        if not isinstance(name, str) or not keys:  # protobuf gives bytes for what is not UTF-8
            decoded.reject(place.device, Reason.NAME)
            return None
        if place.is_birth and name:
            alias = metric.alias if metric.HasField("alias") else None
            born = Known(life, name, metric.datatype, _unit(metric), alias)
            if not all([self._metrics.put(key, born) for key in keys]):  # noqa: C419 - all of them, not until one fails
                decoded.reject(place.device, Reason.MEMORY, name)
            return born
        told = next((known for key in keys if (known := self._metrics.get(key)) and known.life == life), None)
        if name:  # whoever gives a name can be understood, if the type is not in doubt
            datatype, unit = (told.datatype, told.unit) if told else (0, None)
            return Known(life, name, metric.datatype or datatype, unit, None)
        if told is None:
            decoded.reject(place.device, Reason.BIRTH)
        return told


class _Place(NamedTuple):
    """Where a metric was sent."""

    edge: str
    device: str
    node: Node
    is_birth: bool


def _ask(node: Node, edge: str, at: int) -> Iterator[Request]:
    """A request for the node's birth, unless it was asked not long ago: births are large."""
    if node.asked and 0 <= at - node.asked_at < ASK << min(node.asked - 1, MOST_PATIENT):
        return
    node.asked, node.asked_at = node.asked + 1, at
    group, name = edge.split("/")
    yield rebirth(group, name, at)


def _birth(payload: Any) -> int | None:  # noqa: ANN401 - as above
    """Which session of the edge node this is, if it says so."""
    return next((metric.long_value for metric in payload.metrics if metric.name == "bdSeq"), None)


def _number(metric: Any, datatype: int) -> float | None:  # noqa: ANN401 - as above
    """The metric's value, None where it is no number of its data type, or whole and its data type is not known."""
    field = metric.WhichOneof("value")
    if field in WHOLE:
        value: int = getattr(metric, field)
        if bits := SIGNED.get(datatype):
            value &= 2**bits - 1
            return value - 2**bits if value >= 2 ** (bits - 1) else value
        return value if datatype in UNSIGNED else None
    return getattr(metric, field) if field in OTHERS and datatype in {0, OTHERS[field]} else None


def _is_bad(metric: Any) -> bool:  # noqa: ANN401 - as above
    said = _properties(metric).get(QUALITY)
    return said is not None and said.HasField("int_value") and said.int_value in {BAD, STALE}


def _properties(metric: Any) -> dict[str, Any]:  # noqa: ANN401 - as above
    return dict(zip(metric.properties.keys, metric.properties.values, strict=False))


def _unit(metric: Any) -> str | None:  # noqa: ANN401 - as above
    properties = _properties(metric)
    return parse_unit(properties[UNIT].string_value) if UNIT in properties else None
