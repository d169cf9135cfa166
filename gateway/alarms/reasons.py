"""One sentence a person understands, for each kind of incident; all wording is here."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo

from gateway.records import SECOND, Change, Kind, Verdict

MEANINGS = {
    Kind.SPIKE: "far outside",
    Kind.SHIFT: "it has moved away and stays away",
    Kind.SPREAD: "it has become much more restless",
    Kind.RANGE: "it was never seen there before",
}

YEAR_S = 365.25 * 86400
CENTURY = math.log10(100 * YEAR_S)

MOST_DECIMALS = 6

SWITCH = {0.0: "off", 1.0: "on"}

COURSE = "it passes by itself, but the last readings together never ran like this before"
"""Said for `Kind.RANGE` and `Kind.SHIFT` where the newest value is not what is odd."""

BEFORE = "just before, for a single reading, it was far from that"
"""Said of a counter where not its newest rate is what is odd."""

PASSING = {Kind.SPIKE: BEFORE, Kind.RANGE: COURSE, Kind.SHIFT: COURSE}
"""Said of a counter where its newest rate passes by itself."""

RATES = {
    Kind.SPIKE: "far from its usual rate",
    Kind.SHIFT: "its rate has moved away and stays away",
    Kind.SPREAD: "its rate has become much more restless",
    Kind.RANGE: "it never rose like this before",
}

PACES = ((1.0, "a second", 1.0), (3600.0, "an hour", 0.1), (86400.0, "a day", 0.0))
"""Seconds over which a rate is told, how that is called, and the least rise that is worth telling so."""

EVERYDAY, ENORMOUS = 1e4, 1e12
"""Between these a number is written with separators instead of significant digits."""


def reason(kind: Kind, sensor: str, numbers: Sequence[float], period: float, unit: str = "") -> str:
    """Why a reading is told as abnormal.

    `numbers` are the value and what was expected: middle, lower, upper; NaN where nothing was. `period` is the
    log10 of the seconds that usually pass between two readings as odd as this one.
    """
    value, _, lower, upper = numbers
    behind = f" {unit}" if unit else ""
    rarity = f" As odd as this {rarely(period)}."
    if kind == Kind.STUCK:
        meaning = "without any change, far longer than it usually repeats a value"
        return f"{sensor} shows {number(value)}{behind} {meaning}.{rarity}"
    is_passing = kind in {Kind.RANGE, Kind.SHIFT} and lower <= value <= upper
    meaning = COURSE if is_passing else MEANINGS.get(kind, "unusual")
    if math.isnan(lower):
        return f"{sensor} {number(value)}{behind}: {meaning}.{rarity}"
    said, low, high = (number(each, upper - lower) for each in (value, lower, upper))
    return f"{sensor} {said}{behind}; expected between {low} and {high}{behind}: {meaning}.{rarity}"


def counted(  # noqa: PLR0913, PLR0917 - as many as a sentence has parts
    kind: Kind, sensor: str, numbers: Sequence[float], counter: tuple[float, float], period: float, unit: str = ""
) -> str:
    """Why a reading of a counter is told as abnormal: by its rate; `counter` is its last value and the seconds since.

    The rest is as for `reason`.
    """
    value, _, lower, upper = numbers
    last, per_s = counter
    behind = f" {unit}" if unit else ""
    rarity = f" As odd as this {rarely(period)}."
    if value < last:
        return f"{sensor} fell from {number(last)} to {number(value)}{behind}, and a counter only rises.{rarity}"
    if kind == Kind.STUCK:
        how = "stands still at" if value == last else "rises by exactly the same, now"
        return f"{sensor} {how} {number(value)}{behind}, far longer than it usually does.{rarity}"
    rates = [(each - last) / per_s for each in (value, lower, upper)]
    of, name = next(((of, name) for of, name, least in PACES if max(rates[0], rates[2]) * of >= least), PACES[-1][:2])
    said, low, high = (each * of for each in rates)
    rises = f"{sensor} rises by {number(said)}{behind} {name}" if value > last else f"{sensor} does not rise any more"
    usual = "" if math.isnan(low) else f"; expected {number(low)} to {number(high)}{behind} {name}"
    meaning = (RATES | PASSING if lower <= value <= upper else RATES).get(kind, "unusual")
    return f"{rises}{usual}: {meaning}.{rarity}"


def stood_out(sensor: str, before: float, value: float, period: float, unit: str = "") -> str:
    """Why a reading is told as abnormal when the next has come: it was far from both its neighbours.

    `before` is that reading, `value` the next.
    """
    behind = f" {unit}" if unit else ""
    odd, back = (number(each, abs(value - before)) for each in (before, value))
    rarity = f" As odd as this {rarely(period)}."
    return f"{sensor} was {odd}{behind} for a single reading, then went back to {back}{behind}.{rarity}"


def lasting(reason: str, elapsed_s: float) -> str:
    """What is said of an incident that does not pass; `reason` is its own."""
    return f"{reason} That was {duration(elapsed_s)} ago, and it has not passed."


def state_name(value: float, text: str | None) -> str:
    """A state as it is told: in the sensor's own words where it has some."""
    return f'"{text}"' if text is not None else SWITCH.get(value, number(value))


def stayed(kind: Kind, sensor: str, state: str, stay: tuple[float, float], period: float) -> str:
    """Why a state is told as abnormal.

    `stay` is how long (s) it has lasted at most, or in a rest how many changes usually come meanwhile, or of a rare
    state how often it was seen; and how long it lasts now.
    """
    usual, lasted_s = stay
    rarity = f" As odd as this {rarely(period)}."
    if kind == Kind.RANGE:
        how = "has never said that before" if usual == 0.0 else "has hardly ever said that"
        return f"{sensor} is {state}; it {how}.{rarity}"
    if kind == Kind.SILENT:
        return f"{sensor} has not changed for {duration(lasted_s)}; meanwhile it usually does {often(usual)}.{rarity}"
    return f"{sensor} has been {state} for {duration(lasted_s)}; so far at most {duration(usual)}.{rarity}"


def happened(kind: Kind, sensor: str, event: str, said: tuple[float, float], period: float) -> str:
    """Why an event, or that none came, is told as abnormal.

    `said` is how often it was seen, or of many in a row how many usually come and how many did, or of missing ones on
    how many days one had come by this time, and for how long (s) none has.
    """
    usual, much = said
    rarity = f" As odd as this {rarely(period)}."
    match kind:
        case Kind.SILENT:
            known = f"by this time of the day it had come on {usual:.0f} days before"
            return f"{sensor}: nothing for {duration(much)}; {known}.{rarity}"
        case Kind.SPREAD:
            return f"{sensor}: {much:.0f} in a row; usually {often(usual)}.{rarity}"
        case Kind.RANGE:
            how = "never said that before" if usual == 0.0 else "hardly ever said that"
            return f"{sensor}: {event}; it has {how}.{rarity}"
        case _:
            return f"{sensor}: {event} now; at this hour of the week hardly anything ever comes.{rarity}"


def untimely(sensor: str, state: str, usual: str, period: float) -> str:
    """Why a state is told as abnormal that begins at an hour of the week that has another."""
    return f"{sensor} is {state} now; at this hour of the week it is usually {usual}. As odd as this {rarely(period)}."


def often(times: float) -> str:
    """How many times something usually comes."""
    return f"{times:.0f} times" if times >= 1.5 else "once"  # noqa: PLR2004 - from there on it is rounded to two


def over(sensor: str) -> str:
    """Why an incident is closed."""
    return f"{sensor} is back to what is usual for it."


def turned(sensor: str) -> str:
    """Why an incident is closed when its sensor turned out to be something else."""
    return f"{sensor} sends something of another kind now, of which nothing is known yet."


def adopted(sensor: str) -> str:
    """Why an incident is closed although nothing has gone back."""
    return f"{sensor} has stayed like this for so long that it is taken for the new normal."


ANSWERS = {
    Verdict.FALSE_ALARM: "You said that this was fine; the same will not be told again.",
    Verdict.FAULT: "You confirmed the fault; nothing of it will be learned.",
    Verdict.NEW_NORMAL: "You said that this is the new normal.",
}


SILENCE_ANSWERS = ANSWERS | {Verdict.FALSE_ALARM: "You said that this was fine; only far longer ones will be told."}


def heeded(verdict: Verdict) -> str:
    """What a person's word did to an incident."""
    return ANSWERS[verdict]


def silence_heeded(device: str, verdict: Verdict) -> str:
    """What a person's word did to the silence of a device."""
    return f"{device}: {SILENCE_ANSWERS[verdict]}"


def learned_anew(reason: str = "") -> str:
    """What is said of incidents that are judged otherwise since all was learned anew; `reason` is their own."""
    text = "Some of what was said was taken back, or all was learned anew; this is what follows from it."
    return f"{reason} {text}" if reason else text


def together(change: Change) -> str:
    """What is said of a device whose sensors do not fit together, or do again."""
    if change is Change.ADOPTED:
        return "The device's sensors have stayed together like this for so long that it is taken for the new normal."
    if change is Change.CLOSED:
        return "The device's sensors are together as usual again."
    return "Each sensor might pass, but together they do not stand like this."


def silence(elapsed: int, *, is_gone: bool) -> str:
    """Why a device counts as silent after `elapsed` ns without a message; sooner where it said goodbye."""
    if is_gone:
        paused = f"nothing was heard for {duration(elapsed / SECOND)}, longer than it usually pauses"
        return f"The device said goodbye, or its broker did in its name, and {paused}."
    return f"Nothing heard for {duration(elapsed / SECOND)}, far longer than this device usually pauses."


def missing(sensor: str, paused_s: float, longest_s: float) -> str:
    """Why a sensor is missed while its device is heard: `longest_s` is how long it usually pauses at most."""
    away = f"{sensor} has not come for {duration(paused_s)} in which its device was heard"
    return f"{away}; usually it pauses for {duration(longest_s)} at most."


def gone(sensor: str, paused_s: float) -> str:
    """Why a sensor is no longer missed, or told of at all."""
    return f"{sensor} has not come for {duration(paused_s)} in which its device was heard: it is taken for gone."


def outage(size: int, since: str, *, is_everyone: bool) -> str:
    """Why several devices count as silent for one cause since this moment."""
    who = f"All {size} devices" if is_everyone else f"{size} devices"
    where = "the network, the broker or the power" if is_everyone else "their access point, hub or power"
    return f"{who} silent since {since}: {where}?"


def part_of_outage(size: int, since: str) -> str:
    """Why the silence of one device is no longer told for itself."""
    return f"One of {size} devices silent since {since}."


def outage_over(size: int, elapsed: int) -> str:
    """Why an outage of `size` devices is over after `elapsed` ns; those it names may still be missing."""
    return f"Of {size} devices the first are heard again, after {duration(elapsed / SECOND)}."


def reaches(sensor: str, limit: float, in_s: Sequence[float], unit: str = "") -> str:
    """That a limit is reached if a sensor goes on like this: `in_s` seconds, most likely, earliest, latest."""
    likely, earliest, latest = (duration(each) for each in in_s)
    behind = f" {unit}" if unit else ""
    between = "" if earliest == latest else f", between {earliest} and {latest}"
    return f"{sensor} reaches {number(limit)}{behind} in about {likely} if it goes on like this{between}."


def clock(at: int, zone: tzinfo | None) -> str:
    """A moment as a person reads it in a time zone, UTC where none is set."""
    return f"{datetime.fromtimestamp(at // SECOND, zone or UTC):%Y-%m-%d %H:%M %Z}"


def heard(elapsed: int) -> str:
    """Why a silence is over after `elapsed` ns."""
    return f"Heard again after {duration(elapsed / SECOND)}."


def number(value: float, width: float = 0.0) -> str:
    """Four significant digits, no exponent for everyday sizes; or as many as tell apart what is `width` apart."""
    decimals = 1 - math.floor(math.log10(width)) if width > 0.0 else -1
    if 0 <= decimals <= MOST_DECIMALS and abs(value) < ENORMOUS:
        return f"{round(value, decimals) + 0.0:,.{decimals}f}"  # no -0
    return f"{value + 0.0:.4g}" if not EVERYDAY <= abs(value) < ENORMOUS else f"{value:,.0f}"


def rarely(period: float) -> str:
    """How often something comes that comes every 10 to the power of `period` seconds."""
    return f"once in about {duration(10.0**period)}" if period < CENTURY else "not once in a hundred years"


def duration(seconds: float) -> str:
    """A length of time in the two or three digits a person would say; none where the clock was set back meanwhile."""
    for unit, size in (("years", YEAR_S), ("days", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(seconds, 0.0):.0f} s"
