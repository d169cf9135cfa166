"""The JSON dialect: an object of sensors, a list of such objects, or one bare value on a sensor's own topic."""

import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from pydantic_core import from_json

from gateway.codecs.codec import Decoded, Rejection
from gateway.errors import PayloadError
from gateway.records import Reading, Reason

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

EPOCH_UNITS = ((1e11, 1_000_000_000), (1e14, 1_000_000), (1e17, 1_000), (math.inf, 1))
"""Upper bound of an epoch number and its unit in ns: seconds until the year 5138, then ms, µs, ns."""

LARGEST = 1e100
"""Beyond this squares and their sums are no longer finite; no sensor measures it."""

WORDS = {"on": 1.0, "true": 1.0, "open": 1.0, "online": 1.0, "off": 0.0, "false": 0.0, "closed": 0.0, "offline": 0.0}


class JsonCodec:
    """`{"temperature": 21.4, "time": ...}`, the same under `"values"`, a list of them, or `21.4` / `{"value": ...}`."""

    def decode(self, device: str, sensor: str | None, payload: bytes) -> Decoded:
        """Decode one payload; values that cannot be used are rejected one by one."""
        if not payload.strip():
            raise PayloadError(Reason.EMPTY)
        decoded = Decoded([], [])
        for values, observed_at in _records(_parse(payload, sensor), sensor):
            for name, value in values.items():
                _add(decoded, device, name, value, observed_at)
        if not decoded.readings and not decoded.rejections:
            raise PayloadError(Reason.EMPTY, "no sensor in it")
        return decoded


def _parse(payload: bytes, sensor: str | None) -> object:
    try:
        return from_json(payload)
    except ValueError as error:
        if sensor is None:
            raise PayloadError(Reason.MALFORMED, "not JSON") from error
    try:  # a bare word, as `on` on a sensor's own topic, is not JSON and yet common
        return payload.decode()
    except UnicodeDecodeError as error:
        raise PayloadError(Reason.MALFORMED, "not UTF-8") from error


def _records(parsed: object, sensor: str | None) -> Iterator[tuple[dict[str, object], int | None]]:
    for item in parsed if isinstance(parsed, list) else [parsed]:
        if sensor is not None:
            yield _single(item, sensor)
        elif isinstance(item, dict):
            yield _object(item)
        else:
            raise PayloadError(Reason.TYPE, "expected an object of sensors")


def _single(item: object, sensor: str) -> tuple[dict[str, object], int | None]:
    if isinstance(item, dict):
        return {sensor: item.get("value")}, parse_time(item.get("time"))
    return {sensor: item}, None


def _object(item: dict[str, object]) -> tuple[dict[str, object], int | None]:
    observed_at = parse_time(item.get("time"))
    values = item.get("values")
    if isinstance(values, dict):
        return values, observed_at
    return {name: value for name, value in item.items() if name != "time"}, observed_at


def _add(decoded: Decoded, device: str, sensor: str, value: object, observed_at: int | None) -> None:
    number = parse_value(value)
    if isinstance(number, Reason):
        decoded.rejections.append(Rejection(device, sensor, number))
    else:
        decoded.readings.append(Reading(device, sensor, number, observed_at))


def parse_value(value: object) -> float | Reason:
    """A finite number from a JSON value, or why it is none; text is read as a number or as an on/off word."""
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


def parse_time(value: object) -> int | None:
    """Nanoseconds since 1970 from ISO 8601 (UTC where no offset is given) or an epoch number in s, ms, µs or ns.

    None stays None: the device sent no time. Raises `PayloadError` with reason `time` for anything else, and for what
    64 bits cannot hold.
    """
    if value is None:
        return None
    at = _parse_iso(value) if isinstance(value, str) else _parse_epoch(value)
    if not abs(at) < 2**63:
        raise PayloadError(Reason.TIME, "not between the years 1677 and 2262")
    return at


def _parse_epoch(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < 2**63:
        raise PayloadError(Reason.TIME, "neither ISO 8601 nor an epoch number")
    unit = next(unit for bound, unit in EPOCH_UNITS if abs(value) < bound)
    return value * unit if isinstance(value, int) else round(value * unit)


def _parse_iso(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise PayloadError(Reason.TIME, "not ISO 8601") from error
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    try:
        return (moment - EPOCH) // MICROSECOND * 1000
    except OverflowError as error:  # an offset that leaves the calendar
        raise PayloadError(Reason.TIME, "outside the calendar") from error
