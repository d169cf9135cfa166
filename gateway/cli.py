"""The command `gateway`."""

import argparse
import json
import logging
import re
import signal
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from gateway import (
    app,
    backfill,
    config,
    control,
    demo,
    discover,
    doctor,
    history,
    moments,
    replay,
    report,
    terminal,
    tune,
)
from gateway.errors import ConfigError, GatewayError, RequestError
from gateway.journal import Reader
from gateway.records import SECOND, Verdict

logger = logging.getLogger("gateway")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; 0 is success, 1 a failure, 2 the operator's mistake."""
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
    _add_doctor(
        commands.add_parser("doctor", help="what is wrong, in plain words, and how to mend it; changes nothing")
    )
    _add_discover(commands.add_parser("discover", help="which devices speak which dialects on the broker"))
    _add_feedback(commands.add_parser("feedback", help="say what an alarm was; counts from the next reading on"))
    _add_maintenance(commands.add_parser("maintenance", help="devices are worked on: nothing is judged or learned"))
    _add_forget(commands.add_parser("forget", help="take what a device said out of everything, with a receipt"))
    _add_undo(commands.add_parser("undo", help="unlearn what was said in a time, and keep the readings"))
    refold = commands.add_parser("refold", help="learn the whole log anew")
    refold.add_argument("--config", type=Path, metavar="FILE")
    refold.set_defaults(command=_refold)
    _add_history(commands.add_parser("history", help="what was believed of a device at some moment"))
    _add_replay(commands.add_parser("replay", help="the same learning on recorded data, without a broker"))
    _add_tune(commands.add_parser("tune", help="which settings would have done better; changes nothing"))
    _add_backfill(
        commands.add_parser("backfill", help="learn what an InfluxDB already holds; the gateway must not run")
    )
    _add_report(commands.add_parser("report", help="what one device did, as a page or a picture"))
    _add_demo(commands.add_parser("demo", help="a simulated fleet, a broker and the gateway, live in the terminal"))
    return parser


def _add_doctor(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, metavar="FILE")
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.set_defaults(command=_doctor)


def _add_discover(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, metavar="FILE", help="how to reach the broker")
    parser.add_argument("--for", type=float, dest="seconds", default=60.0, metavar="SECONDS", help="60; Ctrl-C ends it")
    parser.add_argument("--write", type=Path, metavar="FILE", help="a new file for the settings; else printed")
    parser.set_defaults(command=_discover)


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


def _add_forget(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, metavar="FILE")
    parser.add_argument("--device", required=True)
    parser.add_argument("--sensor", help="of this sensor only")
    _add_times(parser)
    parser.add_argument("--verify", action="store_true", help="compare with a gateway that never saw it")
    parser.add_argument("--receipt", type=Path, metavar="FILE", help="write the receipt there, too")
    parser.set_defaults(command=_forget)


def _add_undo(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, metavar="FILE")
    parser.add_argument("--device", help="without it, all")
    _add_times(parser)
    parser.set_defaults(command=_undo)


def _add_history(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, metavar="FILE")
    parser.add_argument("--device", required=True)
    parser.add_argument("--at", type=datetime.fromisoformat, required=True, metavar="TIME", help="by its own clock")
    parser.add_argument("--json", action="store_true")
    parser.set_defaults(command=_history)


def _add_times(parser: argparse.ArgumentParser) -> None:
    text = "such as 2026-11-23T14:00, by the device's clock"
    parser.add_argument("--from", dest="since", type=datetime.fromisoformat, metavar="TIME", help=text)
    parser.add_argument("--to", dest="until", type=datetime.fromisoformat, metavar="TIME", help="not included")


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


def _add_backfill(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--from", default="-90d", dest="start", metavar="MOMENT", help="such as -90d or 2026-08-01")
    parser.add_argument("--to", default="now", dest="end", metavar="MOMENT")
    parser.add_argument("--config", type=Path, metavar="FILE")
    parser.set_defaults(command=_backfill)


def _add_report(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--device", required=True, metavar="ID")
    parser.add_argument("--since", default="-7d", metavar="MOMENT", help="such as -7d or 2026-11-20")
    parser.add_argument("--to", default="now", metavar="MOMENT")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help=".html or .png")
    parser.add_argument("--config", type=Path, metavar="FILE")
    parser.set_defaults(command=_report)


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


def _doctor(chosen: argparse.Namespace) -> int:
    findings = list(doctor.examine(chosen.config))
    if chosen.json:
        sys.stdout.write(json.dumps({"findings": [finding._asdict() for finding in findings]}, indent=2) + "\n")
    else:
        terminal.table(doctor.TITLES, doctor.rows(findings))
    return doctor.exit_code(findings)


def _discover(chosen: argparse.Namespace) -> None:
    settings, stop = config.load(chosen.config), _stop_on_signals()
    if chosen.write is not None:
        discover.refuse_existing(chosen.write)
    logging.getLogger("gateway.intake").setLevel(logging.ERROR)  # what cannot be read is in the table
    with terminal.waiting("listening", chosen.seconds) as show:
        for heard, passed in discover.listen(settings, chosen.seconds, stop):
            show(passed, f"{sum(heard.counts.values())} messages on {len(heard.counts)} topics")
    discovery = discover.judge(heard, settings)
    terminal.table(discover.TITLES, discover.rows(discovery))
    sys.stdout.write("\n".join(discover.remarks(discovery)) + "\n")
    if not discovery.found:
        return
    text = discover.settings_text(discovery, settings)
    if chosen.write is None:
        sys.stdout.write(f"\n{text}")
    else:
        discover.write(text, chosen.write)


def _forget(chosen: argparse.Namespace) -> None:
    settings = config.load(chosen.config)
    receipt = _request(settings, "forget", _asked(settings, chosen) | {"verify": chosen.verify})
    text = json.dumps(receipt, indent=2, ensure_ascii=False) + "\n"
    if chosen.receipt:
        chosen.receipt.write_text(text, encoding="utf-8")
    sys.stdout.write(text)


def _undo(chosen: argparse.Namespace) -> None:
    settings = config.load(chosen.config)
    _print(_request(settings, "undo", _asked(settings, chosen)))


def _refold(chosen: argparse.Namespace) -> None:
    _print(_request(config.load(chosen.config), "refold", {}))


def _asked(settings: config.Settings, chosen: argparse.Namespace) -> dict[str, object]:
    """The device, sensor and time that were named; a time without a zone is the gateway's."""
    zone = ZoneInfo(settings.gateway.time_zone)
    times = {"since": chosen.since, "until": chosen.until}
    found: dict[str, object] = {name: chosen.__dict__.get(name) for name in ("device", "sensor")}
    return found | {name: time and round(_in(zone, time).timestamp()) * SECOND for name, time in times.items()}


def _in(zone: ZoneInfo, time: datetime) -> datetime:
    return time if time.tzinfo else time.replace(tzinfo=zone)


def _request(settings: config.Settings, name: str, arguments: dict[str, object]) -> dict[str, object]:
    """What the running gateway answers, or, where none is running, what comes of doing it here."""
    answer = control.ask(control.beside(Path(settings.journal.path)), name, arguments, logger.info)
    return app.answer(settings, name, arguments) if answer is None else answer


def _history(chosen: argparse.Namespace) -> None:
    settings = config.load(chosen.config)
    at = round(_in(ZoneInfo(settings.gateway.time_zone), chosen.at).timestamp()) * SECOND
    with Reader(Path(settings.journal.path)) as log:
        found = history.believed(log, chosen.device, at)
    if chosen.json:
        _print(found)
        return
    terminal.table(history.TITLES, history.rows(found))
    for incident in found["open"]:
        sys.stdout.write(f"open since {incident['since']}: {incident['reason']}\n")


def _print(answer: Mapping[str, object]) -> None:
    sys.stdout.write(json.dumps(answer, indent=2, ensure_ascii=False) + "\n")


def _replay(chosen: argparse.Namespace) -> None:
    replay.run(chosen.input, chosen.out, app.rules(config.load(chosen.config)))


def _tune(chosen: argparse.Namespace) -> None:
    settings = config.load(chosen.config)
    others = {str(path): app.rules(config.load(path)) for path in chosen.candidate}
    tried = tune.candidates(app.rules(settings), others)
    with ExitStack() as stack:
        source = (
            tune.folder(chosen.input)
            if chosen.input
            else tune.log(stack.enter_context(Reader(Path(settings.journal.path))))
        )
        found = tune.run(source, tried)
    lines = [json.dumps(tune.tree(tried, found))] if chosen.json else tune.report(source, tried, found)
    sys.stdout.write("\n".join(lines) + "\n")


def _backfill(chosen: argparse.Namespace) -> None:
    now = time.time_ns()
    start, end = moments.parse(chosen.start, now), moments.parse(chosen.end, now)
    backfill.run(config.load(chosen.config), start, end, sys.stdout.write)


def _report(chosen: argparse.Namespace) -> None:
    now = time.time_ns()
    start, end = moments.parse(chosen.since, now), moments.parse(chosen.to, now)
    report.run(config.load(chosen.config), chosen.device, start, end, chosen.out)


def _demo(chosen: argparse.Namespace) -> int:
    options = demo.Options(chosen.seconds, chosen.devices, chosen.speed, chosen.seed, is_live=not chosen.summary)
    return demo.run(options, _stop_on_signals())


def _stop_on_signals() -> threading.Event:
    stop = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: stop.set())
    return stop
