"""What an examination finds: one thing that was looked at, how it is, and what to do about it."""

from enum import StrEnum
from typing import NamedTuple


class Level(StrEnum):
    """How it is, from best to worst."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


class Finding(NamedTuple):
    """One line of the report; `remedy` says in plain words how to mend it, empty where there is nothing to mend."""

    level: Level
    topic: str
    text: str
    remedy: str = ""


LONGEST = 200
"""Characters of what others wrote: a broker's version, a device's name."""


def ok(topic: str, text: str) -> Finding:
    """It is as it should be."""
    return Finding(Level.OK, topic, text)


def warning(topic: str, text: str, remedy: str) -> Finding:
    """It works, and will hurt some day."""
    return Finding(Level.WARNING, topic, text, remedy)


def problem(topic: str, text: str, remedy: str) -> Finding:
    """It does not work."""
    return Finding(Level.PROBLEM, topic, text, remedy)


def printable(text: str) -> str:
    """What somebody else wrote, fit for a terminal: nothing but printable characters, and not many."""
    return "".join(each if each.isprintable() else "?" for each in text[:LONGEST])
