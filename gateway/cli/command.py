"""What all commands share."""

import argparse
import json
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeAlias
from zoneinfo import ZoneInfo

from gateway import config, moments

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001 - argparse has no other name
Run: TypeAlias = Callable[[argparse.Namespace], int | None]


def command(commands: Commands, name: str, run: Run, what: str) -> argparse.ArgumentParser:
    """A command with the option that all have."""
    parser = commands.add_parser(name, help=what, description=what)
    parser.add_argument("--config", type=Path, metavar="FILE")
    parser.set_defaults(command=run)
    return parser


def settings(chosen: argparse.Namespace) -> config.Settings:
    """The settings that were named; raises `ConfigError`."""
    return config.load(chosen.config)


def moment(chosen: argparse.Namespace, text: str) -> int:
    """A moment in ns as a person wrote it, by the gateway's own time zone; raises `ConfigError`."""
    return moments.parse(text, time.time_ns(), ZoneInfo(settings(chosen).gateway.time_zone))


def print_json(tree: Mapping[str, object]) -> None:
    """Write for programs."""
    sys.stdout.write(json.dumps(tree, indent=2, ensure_ascii=False) + "\n")


def stop_on_signals() -> threading.Event:
    """Set by Ctrl-C and by SIGTERM."""
    stop = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: stop.set())
    return stop
