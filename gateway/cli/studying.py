"""Commands on what was recorded: replay, tune, backfill, report."""

import argparse
import json
import sys
from contextlib import ExitStack
from pathlib import Path

from gateway import backfill, config, replay, report, rulebook, tune
from gateway.cli.command import Commands, command, moment, settings
from gateway.journal import Reader


def add(commands: Commands) -> None:
    """Name the commands."""
    parser = command(commands, "replay", _replay, "the same learning on recorded data, without a broker")
    parser.add_argument("input", type=Path, help="a CSV or CSV.gz, or a folder tree of them: each file one device")
    parser.add_argument("--out", type=Path, required=True, help="where to write: a folder, or a file for one input")
    parser = command(commands, "tune", _tune, "which settings would have done better; changes nothing")
    parser.add_argument("input", type=Path, nargs="?", help="recordings as for replay; without, the gateway's log")
    candidate = "settings to try, too; repeatable"
    parser.add_argument("--candidate", type=Path, action="append", default=[], metavar="FILE", help=candidate)
    parser.add_argument("--json", action="store_true", help="for programs")
    parser = command(commands, "backfill", _backfill, "learn what an InfluxDB already holds; the gateway must not run")
    parser.add_argument("--from", default="-90d", dest="since", metavar="MOMENT", help="such as -90d or 2026-08-01")
    parser.add_argument("--to", default="now", dest="until", metavar="MOMENT")
    parser = command(commands, "report", _report, "what one device did, as a page or a picture")
    parser.add_argument("--device", required=True, metavar="NAME")
    parser.add_argument("--since", default="-7d", metavar="MOMENT", help="such as -7d or 2026-11-20")
    parser.add_argument("--to", default="now", dest="until", metavar="MOMENT")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help=".html or .png")


def _replay(chosen: argparse.Namespace) -> None:
    replay.run(chosen.input, chosen.out, rulebook.rules(settings(chosen)))


def _tune(chosen: argparse.Namespace) -> None:
    known = settings(chosen)
    others = {str(path): rulebook.rules(config.load(path)) for path in chosen.candidate}
    tried = tune.candidates(rulebook.rules(known), others)
    with ExitStack() as stack:
        if chosen.input:
            source = tune.folder(chosen.input)
        else:
            source = tune.log(stack.enter_context(Reader(Path(known.journal.path))))
        found = tune.run(source, tried)
    lines = [json.dumps(tune.tree(tried, found))] if chosen.json else tune.report(tried, found)
    sys.stdout.write("\n".join(lines) + "\n")


def _backfill(chosen: argparse.Namespace) -> None:
    start, end = moment(chosen, chosen.since), moment(chosen, chosen.until)
    backfill.run(settings(chosen), start, end, sys.stdout.write)


def _report(chosen: argparse.Namespace) -> None:
    start, end = moment(chosen, chosen.since), moment(chosen, chosen.until)
    report.run(settings(chosen), chosen.device, start, end, chosen.out)
