"""One sentence a person understands, for each kind of incident; all wording is here."""

import math

from gateway.records import SECOND, Kind

MEANINGS = {
    Kind.SPIKE: "a single reading far outside",
    Kind.SHIFT: "it has moved away and stays away",
    Kind.SPREAD: "it has become much more restless",
    Kind.RANGE: "it was never seen there before",
    Kind.JOINT: "the device's sensors do not usually stand like this together",
}


def reason(kind: Kind, sensor: str | None, value: float, lower: float, upper: float) -> str:
    """Why a reading is told as abnormal; the limits are NaN where nothing was expected."""
    name = sensor or "the device"
    if kind == Kind.STUCK:
        return f"{name} shows {number(value)} without any change, far longer than it usually repeats a value."
    meaning = MEANINGS.get(kind, "unusual")
    if kind == Kind.JOINT or math.isnan(lower):
        return f"{name} {number(value)}: {meaning}."
    return f"{name} {number(value)}; expected between {number(lower)} and {number(upper)}: {meaning}."


def silence(elapsed: int) -> str:
    """Why a device counts as silent after `elapsed` ns without a message."""
    return f"Nothing heard for {duration(elapsed / SECOND)}, far longer than this device usually pauses."


def number(value: float) -> str:
    """At most four significant digits, no exponent for everyday sizes."""
    return f"{value:.4g}" if abs(value) < 1e4 else f"{value:,.0f}"  # noqa: PLR2004 - beyond four digits


def duration(seconds: float) -> str:
    """A length of time in the two or three digits a person would say."""
    for unit, size in (("days", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
