"""Commands that serve: run, demo, and what the settings mean."""

import argparse
import sys

from gateway import app, config, demo
from gateway.cli.command import Commands, command, settings, stop_on_signals


def add(commands: Commands) -> None:
    """Name the commands."""
    command(commands, "run", _run, "serve a broker; without a configuration an embedded one on loopback")
    command(commands, "check-config", _check_config, "validate and print the effective settings")
    parser = commands.add_parser("demo", help="a simulated fleet, a broker and the gateway, live in the terminal")
    parser.add_argument("--for", type=float, dest="seconds", metavar="SECONDS", help="end by itself")
    parser.add_argument("--summary", action="store_true", help="no terminal view; one JSON object on the last line")
    parser.add_argument("--devices", type=_devices, default=30, metavar="N", help="15 to 1,000")
    parser.add_argument("--speed", type=float, default=2400.0, help="simulated seconds per second; 2400: a day in 36 s")
    parser.add_argument("--seed", type=int, default=7)
    parser.set_defaults(command=_demo)


def _devices(text: str) -> int:
    """As many that each of the demo's faults finds a device of its own, and no more than one process simulates well."""
    if not (text.isdecimal() and 15 <= int(text) <= 1000):  # noqa: PLR2004 - see above
        message = f"{text!r} is not a number from 15 to 1000"
        raise argparse.ArgumentTypeError(message)
    return int(text)


def _run(chosen: argparse.Namespace) -> None:
    stop = stop_on_signals()
    app.Application(settings(chosen)).run(stop)


def _check_config(chosen: argparse.Namespace) -> None:
    found = settings(chosen)
    app.Application(found)  # builds every part, starts none
    sys.stdout.write("\n".join(config.describe(found)) + "\n")


def _demo(chosen: argparse.Namespace) -> int:
    options = demo.Options(chosen.seconds, chosen.devices, chosen.speed, chosen.seed, is_live=not chosen.summary)
    return demo.run(options, stop_on_signals())
