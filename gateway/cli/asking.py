"""Commands for the running gateway; those that need none do it on the log themselves."""

import argparse
import json
import logging
import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import IO, Any

from gateway import app, control, history, moments, terminal
from gateway.cli.command import Commands, command, moment, print_json, settings
from gateway.errors import ConfigError, RequestError
from gateway.journal import Reader
from gateway.records import Verdict

logger = logging.getLogger("gateway")


def add(commands: Commands) -> None:
    """Name the commands."""
    parser = command(commands, "feedback", _feedback, "say what an alarm was; counts from the next reading on")
    parser.add_argument("verdict", choices=[str(verdict) for verdict in Verdict])
    parser.add_argument("--device", required=True, metavar="NAME")
    parser.add_argument("--id", metavar="ID", help="of one incident; without, all that is open of the device is meant")
    _add_maintenance(
        command(commands, "maintenance", _maintenance, "devices are worked on: nothing is judged or learned")
    )
    parser = command(commands, "forget", _forget, "take what a device said out of everything, with a receipt")
    parser.add_argument("--device", required=True, metavar="NAME")
    parser.add_argument("--sensor", metavar="NAME", help="of this sensor only")
    _add_times(parser)
    parser.add_argument("--verify", action="store_true", help="compare with a gateway that never saw it")
    parser.add_argument("--receipt", type=Path, metavar="FILE", help="write the receipt there, too")
    parser = command(commands, "undo", _undo, "unlearn what was said in a time, and keep the readings")
    parser.add_argument("--device", metavar="NAME", help="without it, all")
    _add_times(parser)
    command(commands, "refold", _refold, "learn the whole log anew while what is known serves")
    parser = command(commands, "history", _history, "what was believed of a device at some moment")
    parser.add_argument("--device", required=True, metavar="NAME")
    parser.add_argument("--at", required=True, metavar="MOMENT", help="by its own clock: 2026-11-23T14:00 or -2h")
    parser.add_argument("--json", action="store_true", help="for programs")


def _add_maintenance(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--devices", required=True, metavar="PATTERN", help="a name, or a shell pattern such as 'pump-*'"
    )
    when = parser.add_mutually_exclusive_group(required=True)
    when.add_argument("--for", dest="length", metavar="TIME", help="90s, 30m, 2h or 1d; 7d at most")
    when.add_argument("--off", action="store_true", help="end what was announced for the same pattern")


def _add_times(parser: argparse.ArgumentParser) -> None:
    text = "by the device's clock: 2026-11-23T14:00 or -2h"
    parser.add_argument("--from", dest="since", metavar="MOMENT", help=text)
    parser.add_argument("--to", dest="until", metavar="MOMENT", help="not included")


def ask(chosen: argparse.Namespace, request: str, arguments: Mapping[str, object]) -> dict[str, Any]:
    """What the running gateway answers; raises `RequestError` where it refuses or none is running."""
    log = Path(settings(chosen).journal.path)
    answer = control.ask(control.beside(log), request, arguments, logger.info)
    if answer is None:
        message = f"no gateway is running on {log}"
        raise RequestError(message)
    return answer


def _request(chosen: argparse.Namespace, name: str, arguments: dict[str, object]) -> dict[str, Any]:
    """What the running gateway answers, or, where none is running, what comes of doing it here."""
    known = settings(chosen)
    answer = control.ask(control.beside(Path(known.journal.path)), name, arguments, logger.info)
    return app.answer(known, name, arguments) if answer is None else answer


def _feedback(chosen: argparse.Namespace) -> None:
    answer = ask(chosen, "feedback", {"device": chosen.device, "id": chosen.id, "verdict": chosen.verdict})
    lines = [f"{each['id']} {each['state']}: {each['reason']}" for each in answer["incidents"]]
    sys.stdout.write("\n".join(lines or ["heeded; nothing of it is open any more"]) + "\n")


def _maintenance(chosen: argparse.Namespace) -> None:
    length = {} if chosen.off else {"for_s": moments.duration(chosen.length)}
    answer = ask(chosen, "maintenance", {"devices": chosen.devices, **length})
    said = "ended" if chosen.off else f"until {answer['until']}"
    sys.stdout.write(f"{said}; known devices that match: {answer['devices']}\n")


def _forget(chosen: argparse.Namespace) -> None:
    with _opened(chosen.receipt) as file:  # before anything is gone
        receipt = _request(chosen, "forget", {**_span(chosen), "sensor": chosen.sensor, "verify": chosen.verify})
        print_json(receipt)
        if file:
            file.write(json.dumps(receipt, indent=2, ensure_ascii=False) + "\n")
    if not receipt["known"]:
        alike = ", ".join(receipt["called alike"])
        message = f"nothing was known here of {chosen.device!r}" + (f"; known are {alike}" if alike else "")
        raise RequestError(message)


def _opened(path: Path | None) -> AbstractContextManager[IO[str] | None]:
    try:
        return path.open("w", encoding="utf-8") if path else nullcontext()
    except OSError as error:
        message = f"{path}: {error.strerror or error}"
        raise ConfigError(message) from error


def _undo(chosen: argparse.Namespace) -> None:
    print_json(_request(chosen, "undo", _span(chosen)))


def _refold(chosen: argparse.Namespace) -> None:
    print_json(_request(chosen, "refold", {}))


def _span(chosen: argparse.Namespace) -> dict[str, object]:
    """The device and the time that were named."""
    since, until = (None if text is None else moment(chosen, text) for text in (chosen.since, chosen.until))
    return {"device": chosen.device, "since": since, "until": until}


def _history(chosen: argparse.Namespace) -> None:
    with Reader(Path(settings(chosen).journal.path)) as log:
        found = history.believed(log, chosen.device, moment(chosen, chosen.at))
    if chosen.json:
        print_json(found)
        return
    terminal.table(history.TITLES, history.rows(found))
    for incident in found["open"]:
        sys.stdout.write(f"open since {incident['since']}: {incident['reason']}\n")
