"""The log, and the gateway that holds it."""

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gateway import journal, rulebook
from gateway.config import Settings
from gateway.doctor.finding import Finding, ok, problem, warning
from gateway.errors import JournalError

NEARLY = 0.8
"""Of the streams that may be known, from where it is worth a warning."""

LONG_TAIL = 20_000
"""Entries after the newest checkpoint: more than a gateway should leave, and minutes of learning again."""


def examine(settings: Settings, running: Mapping[str, Any] | None) -> Iterator[Finding]:
    """The database file, and who has it open."""
    path = Path(settings.journal.path)
    if running is not None:
        yield ok("gateway", f"It runs since {running['started_at']} and has learned {running['readings']} readings.")
    if not path.exists():
        yield ok("database", f"{path} does not exist yet and will be made.")
        return
    try:
        health = journal.examine(path)
    except JournalError as error:
        remedy = "Move it away to begin anew, or restore it from a backup."
        yield problem("database", str(error), remedy)
        return
    text = f"{path}: {health.bytes / 1e6:.1f} MB, {health.streams} streams, {health.entries} entries"
    if health.damage:
        remedy = "Stop the gateway, keep a copy of the file, and start it again: damaged entries are left out."
        yield problem("database", f"{path} is damaged: {health.damage}", remedy)
    elif health.damage is None:
        yield warning("database", f"{text}; too large to be read whole in time", "Nothing, if the disk is sound.")
    else:
        yield ok("database", text)
    yield from _checkpoint(settings, health)
    if health.streams > NEARLY * settings.limits.streams:
        text = f"{health.streams} of {settings.limits.streams} streams are known; no new ones will be let in beyond."
        yield warning("database", text, "Remove those that are gone with `gateway forget`, or raise limits.streams.")
    if health.newest_at is not None and health.newest_at > time.time_ns():
        yield warning("database", "The newest entry is of the future.", "Set the clock: sudo timedatectl set-ntp true")


def _checkpoint(settings: Settings, health: journal.FileHealth) -> Iterator[Finding]:
    if health.rules is None:
        return
    wanted = rulebook.rules(settings)
    saved = rulebook.loads(health.rules, wanted)
    if saved is None or not rulebook.agree(saved, wanted, 0, health.newest_at or 0):
        text = "The newest checkpoint was made under other settings, or by another version."
        yield warning(
            "database", text, f"Nothing: {health.entries} entries are learned again beside a gateway that serves."
        )
    elif health.tail > LONG_TAIL:
        text = f"{health.tail} entries came after the newest checkpoint and are learned again after a power cut."
        yield warning("database", text, "Raise journal.checkpoint_bytes.")
