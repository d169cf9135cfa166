"""Entries of the log that hold no readings, as a kind, a time and a small JSON object, and back."""

import json
from dataclasses import asdict

from gateway.errors import JournalError
from gateway.records import (
    Availability,
    Described,
    Event,
    Feedback,
    Maintenance,
    Renewed,
    Resume,
    Tick,
    Undone,
    Verdict,
)

KINDS: dict[str, type[Event]] = {
    "tick": Tick,
    "resume": Resume,
    "feedback": Feedback,
    "maintenance": Maintenance,
    "described": Described,
    "availability": Availability,
    "undone": Undone,
    "renewed": Renewed,
}
NAMES = {its: name for name, its in KINDS.items()}


def encode(event: Event) -> tuple[str, int, bytes | None]:
    """Kind, time and the rest of an event."""
    fields = asdict(event)
    at = fields.pop("at")
    return NAMES[type(event)], at, json.dumps(fields, separators=(",", ":")).encode() if fields else None


def decode(kind: str, at: int, body: bytes | None) -> Event:
    """What `encode` was given; raises `JournalError` for anything else."""
    try:
        fields = json.loads(body) if body else {}
        if "verdict" in fields:
            fields["verdict"] = Verdict(fields["verdict"])
            fields["sensors"] = tuple(fields["sensors"])
        return KINDS[kind](at=at, **fields)
    except (KeyError, TypeError, ValueError) as error:
        message = f"an entry of the log is damaged: {error}"
        raise JournalError(message) from error
