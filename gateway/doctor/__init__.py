"""`gateway doctor`: what is wrong, in plain words, and how to mend it. A running gateway goes on undisturbed."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from gateway import app, config, control
from gateway.config import Settings
from gateway.doctor import broker, log, machine
from gateway.doctor.finding import Finding, Level, ok, problem
from gateway.errors import ConfigError, RequestError

__all__ = ["TITLES", "Finding", "Level", "examine", "exit_code", "rows"]


def examine(path: Path | None) -> Iterator[Finding]:
    """Everything that can be looked at with these settings, the settings first."""
    try:
        settings = config.load(path)
        app.Application(settings)  # builds every part, starts none
    except ConfigError as error:
        yield problem("configuration", str(error), "Every key is described in deploy/gateway.toml.")
        yield from machine.versions()
        yield from machine.clock()
        return
    yield ok("configuration", f"{path or 'the defaults'}")
    yield from machine.examine(Path(settings.journal.path))
    running = None
    try:
        running = _running(settings)
    except RequestError as error:
        yield problem("gateway", str(error), "Run this as the gateway's own user, or as root.")
    yield from log.examine(settings, running)
    yield from broker.examine(settings, running)


def _running(settings: Settings) -> dict[str, Any] | None:
    return control.ask(control.beside(Path(settings.journal.path)), "status", {}, lambda _: None)


def exit_code(findings: Sequence[Finding]) -> int:
    """1 where there is a problem; warnings are no failure."""
    return int(any(finding.level is Level.PROBLEM for finding in findings))


TITLES = ("", "what", "how it is, and how to mend it")


def rows(findings: Sequence[Finding]) -> Iterator[tuple[str, str, str]]:
    """The report for people: what is wrong, with the remedy below it."""
    for finding in findings:
        yield finding.level, finding.topic, finding.text
        if finding.remedy:
            yield "", "", f"-> {finding.remedy}"
