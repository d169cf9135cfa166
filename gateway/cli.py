"""The command `gateway`."""

import argparse
import json
import logging
import re
import signal
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from gateway import app, config, control, demo, replay, tune
from gateway.errors import ConfigError, GatewayError, RequestError
from gateway.journal import Journal
from gateway.records import Verdict

logger = logging.getLogger("gateway")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; 0 is success, 1 a failure, 2 the operator's mistake."""
    chosen = _parser().parse_args(arguments)
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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="gateway", description="Learns each device's own behaviour from MQTT.")
    parser.add_argument("-v", "--verbose", action="store_true", help="log more")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    run = commands.add_parser("run", help="serve a broker; without a configuration an embedded one on loopback")
    run.add_argument("--config", type=Path, metavar="FILE")
    run.set_defaults(command=_run)
    check = commands.add_parser("check-config", help="validate and print the effective settings")
    check.add_argument("--config", type=Path, metavar="FILE")
    check.set_defaults(command=_check_config)
    status = commands.add_parser("status", help="how the running gateway is, as JSON")
    status.add_argument("--config", type=Path, metavar="FILE")
    status.set_defaults(command=_status)
    _add_feedback(commands.add_parser("feedback", help="say what an alarm was; counts from the next reading on"))
    _add_maintenance(commands.add_parser("maintenance", help="devices are worked on: nothing is judged or learned"))
    _add_replay(commands.add_parser("replay", help="the same learning on recorded data, without a broker"))
    _add_tune(commands.add_parser("tune", help="which settings would have done better; changes nothing"))
    _add_demo(commands.add_parser("demo", help="a simulated fleet, a broker and the gateway, live in the terminal"))
    return parser


def _add_feedback(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("verdict", choices=[str(verdict) for verdict in Verdict])
    parser.add_argument("--device", required=True, metavar="NAME")
    parser.add_argument("--id", metavar="ID", help="of one incident; without, all that is open of the device is meant")
    parser.add_argument("--config", type=Path, metavar="FILE")
    parser.set_defaults(command=_feedback)


def _add_maintenance(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--devices", required=True, metavar="PATTERN", help="a name, or a shell pattern such as 'pump-*'"
    )
    when = parser.add_mutually_exclusive_group(required=True)
    when.add_argument("--for", type=_seconds, dest="for_s", metavar="TIME", help="90s, 30m, 2h or 1d; 7d at most")
    when.add_argument("--off", action="store_true", help="end what was announced for the same pattern")
    parser.add_argument("--config", type=Path, metavar="FILE")
    parser.set_defaults(command=_maintenance)


def _seconds(text: str) -> float:
    """How long, as a person writes it."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", text)
    if found is None:
        message = f"{text!r} is not a time such as 90s, 30m, 2h or 1d"
        raise argparse.ArgumentTypeError(message)
    return float(found[1]) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[found[2]]


def _add_replay(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("input", type=Path, help="a CSV or CSV.gz, or a folder tree of them: each file one device")
    parser.add_argument("--out", type=Path, required=True, help="where to write: a folder, or a file for one input")
    parser.add_argument("--config", type=Path, metavar="FILE")
    parser.set_defaults(command=_replay)


def _add_tune(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "input", type=Path, nargs="?", help="recordings as for replay; without, the log of the settings"
    )
    parser.add_argument("--config", type=Path, metavar="FILE")
    parser.add_argument(
        "--candidate",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="settings to try, too; repeatable",
    )
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.set_defaults(command=_tune)


def _add_demo(parser: argparse.ArgumentParser) -> None:
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
    stop = _stop_on_signals()
    app.Application(config.load(chosen.config)).run(stop)


def _check_config(chosen: argparse.Namespace) -> None:
    settings = config.load(chosen.config)
    app.Application(settings)  # builds every part, starts none
    sys.stdout.write("\n".join(config.describe(settings)) + "\n")


def _status(chosen: argparse.Namespace) -> None:
    sys.stdout.write(json.dumps(_ask(chosen, "status", {}), indent=2) + "\n")


def _feedback(chosen: argparse.Namespace) -> None:
    answer = _ask(chosen, "feedback", {"device": chosen.device, "id": chosen.id, "verdict": chosen.verdict})
    lines = [f"{each['id']} {each['state']}: {each['reason']}" for each in answer["incidents"]]
    sys.stdout.write("\n".join(lines or ["heeded; nothing of it is open any more"]) + "\n")


def _maintenance(chosen: argparse.Namespace) -> None:
    length = {} if chosen.off else {"for_s": chosen.for_s}
    answer = _ask(chosen, "maintenance", {"devices": chosen.devices, **length})
    said = "ended" if chosen.off else f"until {answer['until']}"
    sys.stdout.write(f"{said}; known devices that match: {answer['devices']}\n")


def _ask(chosen: argparse.Namespace, request: str, arguments: Mapping[str, object]) -> dict[str, Any]:
    """What the running gateway answers; raises `RequestError` where it refuses or none is running."""
    log = Path(config.load(chosen.config).journal.path)
    answer = control.ask(control.beside(log), request, arguments, logger.info)
    if answer is None:
        message = f"no gateway is running on {log}"
        raise RequestError(message)
    return answer


def _replay(chosen: argparse.Namespace) -> None:
    replay.run(chosen.input, chosen.out, app.rules(config.load(chosen.config)))


def _tune(chosen: argparse.Namespace) -> None:
    settings = config.load(chosen.config)
    others = {str(path): app.rules(config.load(path)) for path in chosen.candidate}
    tried = tune.candidates(app.rules(settings), others)
    with ExitStack() as stack:
        source = tune.folder(chosen.input) if chosen.input else tune.log(stack.enter_context(_reading(settings)))
        found = tune.run(source, tried)
    lines = [json.dumps(tune.tree(tried, found))] if chosen.json else tune.report(source, tried, found)
    sys.stdout.write("\n".join(lines) + "\n")


@contextmanager
def _reading(settings: config.Settings) -> Iterator[Journal]:
    """The log, for reading beside a running gateway."""
    journal = Journal(Path(settings.journal.path))
    journal.open_for_reading()
    try:
        yield journal
    finally:
        journal.close()


def _demo(chosen: argparse.Namespace) -> int:
    options = demo.Options(chosen.seconds, chosen.devices, chosen.speed, chosen.seed, is_live=not chosen.summary)
    return demo.run(options, _stop_on_signals())


def _stop_on_signals() -> threading.Event:
    stop = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: stop.set())
    return stop
