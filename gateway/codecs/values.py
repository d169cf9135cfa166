"""Numbers, times, units and JSON as devices write them; what all dialects share."""

import math
import re
from datetime import UTC, datetime, timedelta, tzinfo

from pydantic_core import from_json

from gateway.errors import PayloadError
from gateway.records import SECOND, Reason

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

EPOCH_UNITS = ((1e11, 1_000_000_000), (1e14, 1_000_000), (1e17, 1_000), (math.inf, 1))
"""Upper bound of an epoch number and its unit in ns: seconds until the year 5138, then ms, µs, ns."""

LARGEST = 1e100
"""Beyond this squares and their sums are no longer finite; no sensor measures it."""

UNSET = 1_577_836_800 * SECOND
"""A clock that shows a time before 2020 was never set: devices begin in 1970 or 2000 until they reach a server."""

WORDS = {"on": 1.0, "true": 1.0, "open": 1.0, "online": 1.0}
WORDS |= {"off": 0.0, "false": 0.0, "closed": 0.0, "close": 0.0, "offline": 0.0}

NUMBER_AND_UNIT = re.compile(r"([-+]?\d{1,15}(?:\.\d{1,15})?)(?:\s+|(?=[°%]))([^\d\s]\S{0,15})", re.ASCII)

LONGEST_STATE = 64
"""Characters of a text that can be a state; what is longer tells a story."""

NO_STATE = {"", "unavailable", "unknown", "undefined", "none", "null", "n/a"}
"""Words that say that nothing is known: Home Assistant, Zigbee2MQTT and openHAB write them where a value is missing."""

FIGURES = re.compile(r"[-+]?[.,]?\d")
"""How a measure begins that cannot be read, a date, a version, an address: no state of anything."""

BEGINNING = 64
"""Bytes of a payload in which control characters are looked for."""

FIRST_SIGN = 0x20
"""What is below is a control character."""

LONGEST_UNIT = 16
"""Characters; the longest of Home Assistant's units has 7."""

UNITS = {"C": "°C", "degC": "°C", "Cel": "°C", "F": "°F", "degF": "°F", "%RH": "%"}
"""Ways of writing the same unit: Tasmota, Homie 4, SenML (RFC 8428, section 12.1)."""


def parse_value(value: object) -> float | Reason:
    """A finite number from a JSON value, or why it is none; text is read as a number or as an on/off word.

    Other text is of no type that is a number; it may be a state (`parse_state`).
    """
    if type(value) is float and -LARGEST <= value <= LARGEST:
        return value  # most values there are
    if isinstance(value, str):
        text = value.strip().lower()
        if text in WORDS:
            return WORDS[text]
        value = _number(text)
    if value is None:
        return Reason.EMPTY
    if not isinstance(value, (int, float)):
        return Reason.TYPE
    return float(value) if -LARGEST <= value <= LARGEST else Reason.NOT_FINITE


def _number(text: str) -> float | list[str]:
    try:
        return float(text)
    except ValueError:
        return [text]  # text that is no number: of a type that cannot be learned


def parse_state(value: object, *, is_named: bool = False) -> str | None:
    """A text that says how something is, as it is shown to people; None for what says nothing or is too long.

    Where the device says that it is the name of a state (`is_named`), it may look like a figure.
    """
    if not isinstance(value, str):
        return None
    text = value.strip()
    is_said = len(text) <= LONGEST_STATE and text.isprintable() and text.lower() not in NO_STATE
    return text if is_said and (is_named or not FIGURES.match(text)) else None


def split_unit(text: str) -> tuple[float, str | None] | None:
    """Number and unit of `21.5 °C`; None for anything else, dates and versions among it."""
    found = NUMBER_AND_UNIT.fullmatch(text.strip())
    return (float(found[1]), parse_unit(found[2])) if found else None


def parse_time(value: object, zone: tzinfo = UTC) -> int | None:
    """Nanoseconds since 1970 from ISO 8601 (in `zone` where no offset is given) or an epoch number in s, ms, µs or ns.

    None stays None: the device sent no time. Raises `PayloadError` with reason `time` for anything else, and for what
    64 bits cannot hold.
    """
    if value is None:
        return None
    at = _parse_iso(value, zone) if isinstance(value, str) else _parse_epoch(value)
    if not abs(at) < 2**63:
        raise PayloadError(Reason.TIME, "not between the years 1677 and 2262")
    return at


def _parse_epoch(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < 2**63:
        raise PayloadError(Reason.TIME, "neither ISO 8601 nor an epoch number")
    unit = next(unit for bound, unit in EPOCH_UNITS if abs(value) < bound)
    return value * unit if isinstance(value, int) else round(value * unit)


def _parse_iso(text: str, zone: tzinfo) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise PayloadError(Reason.TIME, "not ISO 8601") from error
    moment = moment if moment.tzinfo else moment.replace(tzinfo=zone)
    try:
        return (moment - EPOCH) // MICROSECOND * 1000
    except OverflowError as error:  # an offset that leaves the calendar
        raise PayloadError(Reason.TIME, "outside the calendar") from error


def device_time(value: object, zone: tzinfo = UTC) -> int | None:
    """The time a device gave, or None where it is missing, not readable, or of a clock that was never set.

    For dialects whose messages are sent at once: then the time of arrival is as good, and better than nothing learned.
    """
    try:
        at = parse_time(value, zone)
    except PayloadError:
        return None
    return at if at is not None and at >= UNSET else None


def parse_unit(text: object) -> str | None:
    """A unit as it is shown to people; None for what is none."""
    if not isinstance(text, str):
        return None
    unit = text.strip()
    return UNITS.get(unit, unit) if 0 < len(unit) <= LONGEST_UNIT and unit.isprintable() else None


def parse_json(payload: bytes) -> object:
    """Any JSON; raises `PayloadError` where it is empty or none."""
    try:
        return from_json(payload)
    except ValueError as error:
        reason = Reason.BINARY if is_binary(payload) else Reason.MALFORMED if payload.strip() else Reason.EMPTY
        raise PayloadError(reason, "not JSON") from error


def is_binary(payload: bytes) -> bool:
    """Whether it is no text: it begins with control characters, or has bytes in it that are not UTF-8."""
    if any(byte < FIRST_SIGN and byte not in b"\t\n\r" for byte in payload[:BEGINNING]):
        return True
    try:
        payload.decode()
    except UnicodeDecodeError:
        return True
    return False


def parse_object(payload: bytes) -> dict[str, object]:
    """A JSON object; raises `PayloadError` for anything else."""
    return as_object(parse_json(payload))


def as_object(value: object) -> dict[str, object]:
    """The same value, known to be an object; raises `PayloadError` where it is none."""
    if not isinstance(value, dict):
        raise PayloadError(Reason.TYPE, "expected a JSON object")
    return value


def part(tree: object, *keys: str) -> object:
    """What stands in nested objects under these keys; None where it is missing."""
    for key in keys:
        tree = tree.get(key) if isinstance(tree, dict) else None
    return tree


def parse_text(payload: bytes) -> str:
    """The payload as text without blanks around it; raises `PayloadError` where it is empty or not UTF-8."""
    try:
        text = payload.decode().strip()
    except UnicodeDecodeError as error:
        raise PayloadError(Reason.BINARY, "not UTF-8") from error
    if not text:
        raise PayloadError(Reason.EMPTY)
    return text
