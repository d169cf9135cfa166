"""Commands to Sparkplug edge nodes and devices: what a host application may ask of them.

Source: Sparkplug 3.0.0, 6.4.23 (NCMD), 6.4.24 (DCMD) and 5.17: QoS 0, not retained, with a timestamp and without a
sequence number; by alias alone where the birth gave one, and `Node Control/Rebirth` always by name.
"""

from collections.abc import Sequence
from typing import NamedTuple

from gateway.codecs.codec import Request
from gateway.codecs.sparkplug_schema import Payload

REBIRTH = "Node Control/Rebirth"

BOOLEAN = 11
NUMBERS = {9: "float_value", 10: "double_value"}
TEXTS = {12, 14}
"""String and Text."""

WHOLES = {**dict.fromkeys((1, 2, 3, 5, 6, 7), "int_value"), **dict.fromkeys((4, 8), "long_value")}
"""Signed and unsigned integers, and the field that they are sent in."""


class Metric(NamedTuple):
    """What the birth certificate says of a metric; no `alias` where none are used."""

    name: str
    alias: int | None
    datatype: int


class Value(NamedTuple):
    """What is to be written, in each form that a data type may want; `flag` is None where nothing is true or false."""

    flag: bool | None
    number: float
    text: str


def rebirth(group: str, node: str, at: int) -> Request:
    """Ask an edge node for its birth and those of its devices."""
    payload = Payload(timestamp=at // 1_000_000)
    payload.metrics.add(name=REBIRTH, timestamp=at // 1_000_000, datatype=BOOLEAN, boolean_value=True)
    return Request(f"spBv1.0/{group}/NCMD/{node}", payload.SerializeToString())


def write(names: Sequence[str], metric: Metric, value: Value, at: int) -> Request | None:
    """Write a metric of an edge node (group and node) or of a device (group, node, device).

    None where its data type can hold none of the value's forms.
    """
    payload = Payload(timestamp=at // 1_000_000)
    written = payload.metrics.add(timestamp=at // 1_000_000, datatype=metric.datatype)
    if metric.alias is None:
        written.name = metric.name
    else:
        written.alias = metric.alias
    field, said = _form(metric.datatype, value)
    if said is None:
        return None
    setattr(written, field, said)
    group, *inner = names
    kind = "NCMD" if len(inner) == 1 else "DCMD"
    return Request("/".join(["spBv1.0", group, kind, *inner]), payload.SerializeToString())


def _form(datatype: int, value: Value) -> tuple[str, object]:
    """The field of a metric of this type, and what to put into it."""
    if datatype in NUMBERS:
        return NUMBERS[datatype], value.number
    if datatype in TEXTS:
        return "string_value", value.text.encode()
    if datatype == BOOLEAN:
        return "boolean_value", value.flag
    is_held = datatype in WHOLES and value.flag is not None
    return WHOLES.get(datatype, ""), int(bool(value.flag)) if is_held else None
