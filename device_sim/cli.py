"""The command `device-sim`."""

import argparse
import os
import signal
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from math import inf, isfinite
from pathlib import Path
from typing import NoReturn

from device_sim import score
from device_sim.chronicle import Chronicle
from device_sim.clock import Clock, Schedule
from device_sim.device import Device
from device_sim.errors import UnreachableError, UsageError
from device_sim.faults import FAULTS, Onset
from device_sim.fleet import DEFAULT_KINDS, KINDS, REPLAY, kinds_of, roster
from device_sim.kinds.kind import DAY, HOUR
from device_sim.link import Address, Ear, Link
from device_sim.plan import Candidate, Window, parse, plan
from device_sim.simulation import Item, Simulation

_SPEED = 600.0  # a day in under three minutes: a demo shows a daily rhythm before people walk away
_BACK_DAYS = 60  # a fast run starts so long ago, or its readings would soon come from the future
_CONNECTIONS = 10


class _OneLineParser(argparse.ArgumentParser):
    """An argument parser whose errors are one line, without the usage."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}\n")


def _number(text: str, *, least: float, kind: type[int] | type[float] = float) -> float:
    number = kind(text)
    if not (isfinite(number) and number >= least):
        message = f"{text} is not a number of at least {least:g}"
        raise argparse.ArgumentTypeError(message)
    return number


def _whole(text: str) -> int:
    return int(_number(text, least=1, kind=int))


def _amount(text: str) -> float:
    return _number(text, least=0.0)


def _pace(text: str) -> float:
    return _number(text, least=0.001)


def _moment(text: str) -> float:
    try:
        moment = datetime.now(UTC) if text == "now" else datetime.fromisoformat(text)
    except ValueError as error:
        message = f"{text!r} is neither an ISO 8601 time nor 'now'"
        raise argparse.ArgumentTypeError(message) from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _broker(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":") if ":" in text else (text, "", "1883")
    if not host or not port.isdecimal() or not 0 < int(port) < 2**16:
        message = f"{text!r} is not HOST:PORT"
        raise argparse.ArgumentTypeError(message)
    return host.strip("[]"), int(port)


def _prefix(text: str) -> str:
    if not text.strip("/") or set(text) & {"#", "+", "\0"}:
        message = f"{text!r} cannot begin a topic"
        raise argparse.ArgumentTypeError(message)
    return text.strip("/")


def _parser() -> argparse.ArgumentParser:
    parser = _OneLineParser(prog="device-sim", description="A simulated fleet of sensors over MQTT.")
    commands = parser.add_subparsers(required=True, metavar="{run,score}")
    _add_run(commands.add_parser("run", help="publish readings and react to what the gateway says"))
    _add_score(commands.add_parser("score", help="compare what devices heard with the faults they had"))
    return parser


def _add_run(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(command=_run)
    add = partial(parser.add_argument, metavar="")
    add("--broker", type=_broker, default="127.0.0.1:1883", help="HOST:PORT (%(default)s)")
    add("--prefix", type=_prefix, default="devices", help="first part of every topic (%(default)s)")
    add("--qos", type=int, choices=(0, 1, 2), default=1, help="0, 1 or 2 (%(default)s)")
    add("--connections", type=_whole, help=f"shared by the devices (at most {_CONNECTIONS})")
    add("--connect-retries", type=_amount, default=5.0, help="a second apart, at the start (%(default)g)")
    add("--devices", type=_whole, default=30, help="how many (%(default)s)")
    add("--kinds", default=DEFAULT_KINDS, help=f"in turn, of {', '.join([*KINDS, REPLAY])} (%(default)s)")
    add("--recording", type=Path, action="append", help="CSV[.gz] to replay: time, numbers...; may be repeated")
    add("--seed", type=int, default=1, help="the same seed is the same run (%(default)s)")
    add("--speed", type=_pace, default=_SPEED, help="simulated seconds a second, until it is now (%(default)g)")
    add("--start", type=_moment, help=f"simulated time at the start, ISO 8601 or now ({_BACK_DAYS} days ago)")
    add("--interval", type=_pace, help="simulated seconds between readings of a device (by kind)")
    add("--for", dest="for_s", type=_amount, default=inf, help="wall seconds to run (until stopped)")
    add("--report", type=_pace, default=10.0, help="wall seconds between reports (%(default)g)")
    parser.add_argument("--no-reactions", action="store_true", help="devices listen but do not change what they do")
    _add_faults(parser)


def _add_faults(parser: argparse.ArgumentParser) -> None:
    add = partial(parser.add_argument, metavar="")
    add("--faults", default="all", help=f"none, all (one of each), or spike=3,silent=1; of {', '.join(FAULTS)}")
    add("--fault-sizes", default="", help="spike=12,...: in the sensor's noise; clock in s; rhythm times as fast")
    add("--faults-after", type=_amount, default=2 * DAY, help="simulated seconds before the first (%(default)g)")
    add("--faults-within", type=_amount, default=3 * DAY, help="simulated seconds in which they start (%(default)g)")
    add("--fault-gap", type=_amount, default=6 * HOUR, help="simulated seconds between two of a device (%(default)g)")
    add("--truth", type=Path, help="file for the faults, JSON lines")
    add("--incidents", type=Path, help="file for the anomalies heard, JSON lines")


def _add_score(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(command=_score)
    parser.add_argument("--truth", type=Path, required=True, help="written by run")
    parser.add_argument("--incidents", type=Path, required=True, help="written by run")
    parser.add_argument("--grace", type=_amount, default=1800.0, help="simulated seconds after a fault (%(default)g)")
    parser.add_argument("--json", action="store_true", help="one line of JSON")


def _run(options: argparse.Namespace) -> None:
    start = time.time() - _BACK_DAYS * DAY if options.start is None else options.start
    if start > time.time():
        message = "--start is in the future, of which no device has readings"
        raise UsageError(message)
    kinds = kinds_of(options.kinds, options.recording or (), options.interval, start)
    reacts = not options.no_reactions
    devices = [Device(*each, options.seed, start, is_reacting=reacts) for each in roster(kinds, options.devices)]
    onsets = _onsets(options, devices, start)
    chronicle = Chronicle(options.truth, options.incidents)
    ear = Ear()
    links = _links(options, [device.name for device in devices], ear)
    schedule: Schedule[Item] = Schedule(Clock(start, options.speed, limit=time.time))
    printed = partial(print, flush=True)
    times = {"report_s": options.report, "for_s": options.for_s}
    simulation = Simulation(devices, links, ear, schedule, chronicle, **times, print_line=printed)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: simulation.stop())
    simulation.run(onsets)


def _onsets(options: argparse.Namespace, devices: Sequence[Device], start: float) -> list[Onset]:
    window = Window(start + options.faults_after, options.faults_within, options.fault_gap)
    candidates = [Candidate(device.name, device.kind, device.next_at) for device in devices]
    return plan(candidates, parse(options.faults, options.fault_sizes), window, options.seed)


def _links(options: argparse.Namespace, names: Sequence[str], ear: Ear) -> list[Link]:
    username, password = os.environ.get("DEVICE_SIM_USERNAME"), os.environ.get("DEVICE_SIM_PASSWORD")
    host, port = options.broker
    address = Address(host, port, options.prefix, options.qos, username, password)
    count = min(options.connections or _CONNECTIONS, len(names))
    links = [Link(address, n, names[n::count], ear, is_only=count == 1) for n in range(count)]
    for link in links:
        link.open(int(options.connect_retries) + 1)
    return links


def _score(options: argparse.Namespace) -> None:
    truth, alarms = score.read_truth(options.truth), score.read_alarms(options.incidents)
    result = score.score(truth, alarms, grace_s=options.grace)
    sys.stdout.write((score.as_json(result) if options.json else score.as_text(result)) + "\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code: 2 for a wrong argument, 1 when the broker cannot be reached."""
    options = _parser().parse_args(arguments)
    try:
        options.command(options)
    except (UsageError, UnreachableError) as error:
        sys.stderr.write(f"device-sim: {error}\n")
        return 2 if isinstance(error, UsageError) else 1
    except KeyboardInterrupt:  # while still connecting; afterwards the run has its own handler
        return 0
    return 0
