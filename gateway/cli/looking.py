"""Commands that look around: the running gateway's status, what is wrong, what is on the broker."""

import argparse
import logging
import sys
from pathlib import Path

from gateway import discover, doctor, terminal
from gateway.cli.asking import ask
from gateway.cli.command import Commands, command, print_json, settings, stop_on_signals


def add(commands: Commands) -> None:
    """Name the commands."""
    command(commands, "status", _status, "how the running gateway is, as JSON")
    parser = command(commands, "doctor", _doctor, "what is wrong, in plain words, and how to mend it; changes nothing")
    parser.add_argument("--json", action="store_true", help="for programs")
    parser = command(commands, "discover", _discover, "which devices speak which dialects on the broker")
    parser.add_argument("--for", type=float, dest="seconds", default=60.0, metavar="SECONDS", help="60; Ctrl-C ends it")
    parser.add_argument("--write", type=Path, metavar="FILE", help="a new file for the settings; else printed")


def _status(chosen: argparse.Namespace) -> None:
    print_json(ask(chosen, "status", {}))


def _doctor(chosen: argparse.Namespace) -> int:
    findings = list(doctor.examine(chosen.config))
    if chosen.json:
        print_json({"findings": [finding._asdict() for finding in findings]})
    else:
        terminal.table(doctor.TITLES, doctor.rows(findings))
    return doctor.exit_code(findings)


def _discover(chosen: argparse.Namespace) -> None:
    known, stop = settings(chosen), stop_on_signals()
    if chosen.write is not None:
        discover.refuse_existing(chosen.write)
    logging.getLogger("gateway.intake").setLevel(logging.ERROR)  # what cannot be read is in the table
    with terminal.waiting("listening", chosen.seconds) as show:
        for heard, passed in discover.listen(known, chosen.seconds, stop):
            show(passed, f"{sum(heard.counts.values())} messages on {len(heard.counts)} topics")
    discovery = discover.judge(heard, known)
    terminal.table(discover.TITLES, discover.rows(discovery))
    sys.stdout.write("\n".join(discover.remarks(discovery)) + "\n")
    if not discovery.found:
        return
    text = discover.settings_text(discovery, known)
    if chosen.write is None:
        sys.stdout.write(f"\n{text}")
    else:
        discover.write(text, chosen.write)
