"""SenML, RFC 8428: a list of records in JSON or CBOR, each completed by the base fields of those before it.

Times follow section 4.5.3. A name is one identifier for the whole world; it is split where devices are: after the
identifier of a `urn:dev:` (RFC 9039), elsewhere at the last `/` or `:`. XML and EXI are not read.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from math import isfinite

from gateway.codecs.cbor import is_list, parse_cbor
from gateway.codecs.codec import LONGEST_NAME, Decoded, device_name
from gateway.codecs.topics import TopicFilter, first_match
from gateway.codecs.values import as_object, parse_json, parse_unit
from gateway.config import Section
from gateway.errors import PayloadError
from gateway.records import SECOND, Message, Reading, Reason

VERSION = 10
"""Of SenML as RFC 8428 describes it; a newer one may mean other things."""

RELATIVE = 2**28
"""Seconds below which a time is relative to now (RFC 8428, section 4.5.3)."""

FIELDS = ("bs", "bv", "bu", "bt", "bn", "bver", "n", "u", "v", "vs", "vb", "s", "t", "ut", "vd")
LABELS = dict(enumerate(FIELDS, start=-6))
"""Fields in CBOR (RFC 8428, section 6, table 4)."""

URN = re.compile(r"(urn:dev:[^:/]+:[^:/_]+)[:/_]*(.*)", re.DOTALL)
OTHER = re.compile(r"(.*[^:/])[:/]+([^:/]+)[:/]*", re.DOTALL)


class SenMl:
    """Packs on any topic; where it says `{device}`, the topic and not the name says whose they are."""

    descriptions = ()

    def __init__(self, topics: Sequence[TopicFilter], _options: Section) -> None:
        self._topics = topics

    def decode(self, message: Message) -> Decoded:
        """Decode a pack into readings in order of time, which need not be that of its records."""
        names = first_match(self._topics, message.topic)
        decoded, base = Decoded(), dict[str, object]()
        for record in _records(message.payload):
            base |= {key: value for key, value in record.items() if key[:1] == "b"}
            try:
                _take(decoded, names.get("device"), base, record, message.received_at)
            except PayloadError as error:
                decoded.reject(names.get("device", message.topic), error.reason)
        decoded.readings.sort(key=lambda reading: _at(reading, message.received_at))
        return decoded


def _records(payload: bytes) -> list[dict[str, object]]:
    """The pack's records; fields of CBOR under the names they have in JSON."""
    is_cbor = is_list(payload)
    records = parse_cbor(payload) if is_cbor else parse_json(payload)
    if not isinstance(records, list) or not records:
        raise PayloadError(Reason.TYPE, "expected a list of records")
    return [_named(as_object(record)) if is_cbor else as_object(record) for record in records]


def _named(record: dict[str, object]) -> dict[str, object]:
    """Integers that stand for no field are ignored, as unknown names are."""
    keys: Iterable[object] = record  # not only text
    named = zip((LABELS.get(key) if type(key) is int else key for key in keys), record.values(), strict=True)
    return {key: value for key, value in named if isinstance(key, str)}


def _at(reading: Reading, received_at: int) -> int:
    return received_at if reading.observed_at is None else reading.observed_at


def _take(
    decoded: Decoded, device: str | None, base: Mapping[str, object], record: Mapping[str, object], received_at: int
) -> None:
    if ("bver" in base and _number(base["bver"]) > VERSION) or any(key[-1:] == "_" for key in record):
        raise PayloadError(Reason.MALFORMED, "a version or a field that must be understood and is not")
    if all(key[:1] == "b" for key in record):
        return  # a record of base fields alone
    name = f"{base.get('bn', '')}{record.get('n', '')}"
    if len(name) > LONGEST_NAME:
        raise PayloadError(Reason.NAME, "too long")
    owner, sensor = _split(name)
    if device is not None:
        sensor = sensor if owner else name
    elif owner:
        device = device_name(owner)
    else:
        raise PayloadError(Reason.NAME, "no device in the name")
    unit = parse_unit(record.get("u", base.get("bu")))
    decoded.add(device, sensor or "value", _value(base, record), _time(base, record, received_at), unit)


def _split(name: str) -> tuple[str, str]:
    found = URN.fullmatch(name) or OTHER.fullmatch(name)
    return (found[1], found[2]) if found else ("", name)


def _value(base: Mapping[str, object], record: Mapping[str, object]) -> object:
    """A number with its base value, a bool, text, or bytes, which are no value, though JSON writes them as text."""
    if "v" in record:
        return _number(record["v"]) + _number(base.get("bv", 0))
    return b"" if "vd" in record else record.get("vb", record.get("vs"))


def _time(base: Mapping[str, object], record: Mapping[str, object], received_at: int) -> int | None:
    seconds = _number(base.get("bt", 0)) + _number(record.get("t", 0))
    if seconds == 0:
        return None
    if not isfinite(seconds) or abs(seconds) >= 2**63 / SECOND:
        raise PayloadError(Reason.TIME)
    at = round(seconds * 1e6) * 1000  # to the µs: a double holds no more of the seconds since 1970
    return at + received_at if seconds < RELATIVE else at


def _number(value: object) -> float:
    """A JSON number, exact where it is an integer."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or abs(value) > 1e300:  # noqa: PLR2004 - sums must stay finite
        raise PayloadError(Reason.TYPE, "expected a number")
    return value
