"""Everything drawn in a terminal; rich lives here alone."""

import math
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.progress import BarColumn, Progress, TextColumn
from rich.progress import track as rich_track
from rich.table import Table
from rich.text import Text

from gateway.alarms.reasons import number
from gateway.records import Batch, Entry, Incident, Reason, State
from gateway.shard import Outcome, Shard

T = TypeVar("T")

INCIDENTS_SHOWN = 8
SENSORS_SHOWN = 3
COLOURS = {"critical": "bold red", "high": "red", "medium": "yellow"}


def track(items: Sequence[T], doing: str) -> Iterable[T]:
    """The items, with a progress bar on standard error."""
    return rich_track(items, description=f"{doing:10}", console=Console(stderr=True))


@contextmanager
def waiting(doing: str, seconds: float) -> Iterator[Callable[[float, str], None]]:
    """A bar on standard error that fills in `seconds`; the function it yields takes those that passed, and a word."""
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[word]}", markup=False))
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(doing, total=seconds, word="")
        yield lambda passed, word: progress.update(task, completed=passed, word=word)


def table(titles: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table on standard output; what is in it may come from strangers."""
    drawn = Table(box=None, pad_edge=False)
    for title in titles:
        drawn.add_column(title, overflow="fold")  # nothing is cut off, however narrow the terminal is
    for row in rows:
        drawn.add_row(*(Text(_shown(str(cell))) for cell in row))
    Console().print(drawn)


def _shown(text: str) -> str:
    return "".join(letter if letter.isprintable() or letter == "\n" else "\N{REPLACEMENT CHARACTER}" for letter in text)


class View:
    """What a person sees of the gateway: devices, readings against what was expected, incidents, reactions.

    `observe` is called by the loop, everything else by the main thread; they share only plain dictionaries whose
    single entries are replaced whole.
    """

    def __init__(self, shard: Shard, counts: Counter[str], rejected: Counter[Reason]) -> None:
        self._shard, self._counts, self._rejected = shard, counts, rejected
        self._newest: dict[int, tuple[float, float, float]] = {}
        self._open: dict[str, Incident] = {}
        self._marks: list[tuple[float, int]] = []

    def observe(self, entry: Entry, outcome: Outcome) -> None:
        """Take note of an entry of the log and what followed from it."""
        if isinstance(entry, Batch) and outcome.verdicts is not None:
            columns = (entry.stream, entry.value, outcome.verdicts.lower, outcome.verdicts.upper)
            for stream, *numbers in zip(*(column.tolist() for column in columns), strict=True):
                self._newest[stream] = (numbers[0], numbers[1], numbers[2])
        for _, incident in outcome.changes:
            if incident.state is State.CLOSED:
                self._open.pop(incident.id, None)
            else:
                self._open[incident.id] = incident

    @contextmanager
    def shown(self, *, is_live: bool) -> Iterator[Callable[[Mapping[str, Any]], None]]:
        """Draw on the terminal, if `is_live`; the function it yields draws anew, given the fleet's last report."""
        if not is_live:
            yield lambda _: None
            return
        with Live(console=Console(), screen=Console().is_terminal, auto_refresh=False) as live:
            yield lambda report: live.update(self.draw(report), refresh=True)

    def draw(self, report: Mapping[str, Any]) -> RenderableType:
        """The whole picture."""
        return Group(self._header(report), self._devices(), self._incidents(), self._reactions(report))

    def _rate(self) -> float:
        now = time.monotonic()
        self._marks = [*self._marks[-20:], (now, self._counts["messages"])]
        (first, before), (last, after) = self._marks[0], self._marks[-1]
        return (after - before) / (last - first) if last > first else 0.0

    def _header(self, report: Mapping[str, Any]) -> RenderableType:
        rejected = ", ".join(f"{count} {reason}" for reason, count in sorted(self._rejected.items())) or "none"
        return Text.assemble(
            ("edge learning gateway", "bold"),
            f"   simulated time {report.get('simulated_at', '…')[:16]}   {self._rate():.0f} messages/s   ",
            f"{self._counts['readings']} readings   rejected: {rejected}   Ctrl-C ends",
        )

    def _devices(self) -> RenderableType:
        columns = Console().width // 62 or 1
        grid = Table.grid(*(["", ""] * columns), padding=(0, 1), expand=False)
        alarmed = {incident.device for incident in tuple(self._open.values())}
        names = sorted(self._shard.directory.devices)
        cells = [self._device(name, alarmed) for name in names]
        height = -(-len(cells) // columns) or 1
        for line in range(height):
            grid.add_row(*(part for cell in cells[line::height] for part in cell))
        return Panel(grid, title=r"reading \[expected]", border_style="dim")

    def _device(self, name: str, alarmed: set[str]) -> tuple[Text, Text]:
        directory = self._shard.directory
        sensors = Text()
        for stream in directory.rows_of[directory.device_row(name) or 0][:SENSORS_SHOWN]:
            value, lower, upper = self._newest.get(stream, (math.nan,) * 3)
            is_outside = not math.isnan(lower) and not lower <= value <= upper
            band = (
                "learning" if math.isnan(lower) else f"{number(lower, upper - lower)} to {number(upper, upper - lower)}"
            )
            sensors.append(f"{directory.streams[stream][1][:11]} ", "dim")
            sensors.append(directory.text(stream, value) or f"{value:.5g}", "yellow" if is_outside else "green")
            sensors.append(f" [{band}] ", "dim")
        sensors.truncate(46, overflow="ellipsis")
        return Text(name, "bold red" if name in alarmed else "bold"), sensors

    def _incidents(self) -> RenderableType:
        newest = sorted(self._open.values(), key=lambda incident: -incident.started_at)
        lines = [
            Text.assemble((f"{incident.device} ", "bold"), (incident.reason, COLOURS.get(incident.severity, "")))
            for incident in newest[:INCIDENTS_SHOWN]
        ]
        title = f"{len(newest)} open incidents; {self._counts['incidents_closed']} closed"
        return Panel(Group(*lines or [Text("all as expected", "green")]), title=title, border_style="dim")

    def _reactions(self, report: Mapping[str, Any]) -> RenderableType:
        last = report.get("reactions", {}).get("last", [])
        anomalies, predictions = (report.get(f"{name}_received", 0) for name in ("anomalies", "predictions"))
        told = f"heard {anomalies} anomalies, {predictions} predictions"
        return Panel(Text("   ".join(last) or "nothing yet"), title=f"what the devices did; {told}", border_style="dim")
