"""The command `gateway`: one module for each kind of command, each with an `add` that names its commands."""

import argparse
import logging
import sys
from collections.abc import Sequence

from gateway import moments
from gateway.cli import asking, looking, serving, studying
from gateway.errors import ConfigError, GatewayError

__all__ = ["main"]

INTERRUPTED = 130
"""What shells say of a command that was ended by Ctrl-C: 128 and the number of SIGINT."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; 0 is success, 1 a failure, 2 the operator's mistake, 130 the end by Ctrl-C."""
    chosen = _parser().parse_args(moments.joined(sys.argv[1:] if arguments is None else arguments))
    logging.basicConfig(
        level=logging.DEBUG if chosen.verbose else logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    try:
        return int(chosen.command(chosen) or 0)
    except GatewayError as error:
        sys.stderr.write(f"gateway: {error}\n")
        return 2 if isinstance(error, ConfigError) else 1
    except KeyboardInterrupt:
        sys.stderr.write("gateway: interrupted\n")
        return INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="gateway", description="Learns each device's own behaviour from MQTT.")
    parser.add_argument("-v", "--verbose", action="store_true", help="log more")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for kind in (serving, looking, asking, studying):
        kind.add(commands)
    return parser
