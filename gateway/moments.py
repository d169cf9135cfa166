"""Moments as people write them: `-90d`, `-12h`, `7d` for how long ago, ISO 8601, `now`. Pure."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo

from gateway.errors import ConfigError
from gateway.records import SECOND

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
LONG = r"(\d{1,6}(?:\.\d{1,6})?)([smhdw])"
AGO = re.compile(f"-?{LONG}")
OPTIONS = ("--from", "--to", "--since", "--at")


def parse(text: str, now: int, zone: tzinfo = UTC) -> int:
    """The moment in ns; a time that names no zone is in `zone`. Raises `ConfigError`."""
    if text == "now":
        return now
    if AGO.fullmatch(text):
        return now - round(duration(text.removeprefix("-")) * SECOND)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        message = f"{text!r} is no moment: write -7d, -12h or 2026-11-23T10:00"
        raise ConfigError(message) from error
    moment = moment if moment.tzinfo else moment.replace(tzinfo=zone)
    return int(moment.timestamp()) * SECOND + moment.microsecond * 1000


def duration(text: str) -> float:
    """How many seconds `90s`, `30m`, `2h` or `1.5d` are; raises `ConfigError`."""
    found = re.fullmatch(LONG, text)
    if found is None:
        message = f"{text!r} is not a time such as 90s, 30m, 2h or 1d"
        raise ConfigError(message)
    return float(found[1]) * UNITS[found[2]]


def joined(arguments: Sequence[str]) -> list[str]:
    """The arguments with `--from -90d` as `--from=-90d`: argparse would take what begins with a dash for an option."""
    found: list[str] = []
    for argument in arguments:
        if found and found[-1] in OPTIONS and AGO.fullmatch(argument):
            found[-1] += f"={argument}"
        else:
            found.append(argument)
    return found
