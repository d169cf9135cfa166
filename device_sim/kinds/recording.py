"""Replay of a real recording: any CSV whose first column is the time and whose other columns are numbers."""

import csv
import gzip
import math
import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import TextIO

from device_sim.chance import Chance
from device_sim.errors import UsageError
from device_sim.kinds.kind import DAY, Command, Kind, Sensor, Values

_LIMIT = 1e15  # a double still tells whole numbers apart here
_EPOCH_MS = 1e11  # as seconds this is the year 5138, as milliseconds 1973


def water_flow() -> Path:
    """Return the path of River's WaterFlow recording without importing River, which costs 100 MB.

    Hourly litres per second through a pipeline branch, March to May 2022, given by Tecnojest s.r.l.
    """
    river = find_spec("river")
    if river is None or river.origin is None:
        message = "the recording WaterFlow comes with the package river, which is not installed; name one: --recording"
        raise UsageError(message)
    return Path(river.origin).parent / "datasets" / "water-flow.csv"


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """Rows of a recording; `offsets` are seconds since its first row, which was taken at `began_at`."""

    began_at: float
    offsets: list[float]
    rows: list[Values]
    interval_s: float

    @property
    def length_s(self) -> float:
        """Return after how long the recording begins anew."""
        return self.offsets[-1] + self.interval_s

    def paced(self, interval_s: float | None) -> "Recording":
        """Return the recording with one row every `interval_s`, or at its own pace for None."""
        if interval_s is None:
            return self
        return Recording(self.began_at, [n * interval_s for n in range(len(self.rows))], self.rows, interval_s)


def load(path: Path) -> Recording:
    """Read a recording, plain or gzipped.

    Raises:
        UsageError: The file cannot be read or holds fewer than two timed rows with a number.
    """
    try:
        with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as file:
            timed = dict(_rows(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        message = f"cannot read the recording {path}: {error}"
        raise UsageError(message) from error
    times = sorted(timed)
    if len(times) < 2:  # noqa: PLR2004 (one row has no pace)
        message = f"the recording {path} needs at least two rows of a time and a number"
        raise UsageError(message)
    offsets = [t - times[0] for t in times]
    return Recording(times[0], offsets, [timed[t] for t in times], median(b - a for a, b in pairwise(times)))


def _rows(file: TextIO) -> Iterator[tuple[float, Values]]:
    lines = csv.reader(file)
    names = [_sensor_name(title) for title in next(lines, [])[1:]]
    for line in lines:
        numbers = {name: _number(text) for name, text in zip(names, line[1:], strict=False)}
        values = {name: number for name, number in numbers.items() if math.isfinite(number)}
        time = _time(line[0]) if line else math.nan
        if values and math.isfinite(time):
            yield time, values


def _sensor_name(title: str) -> str:
    """Return a topic-safe name: "Water flow [l/s]" is `water_flow`."""
    return re.sub(r"[^a-z0-9]+", "_", re.sub(r"[\[(].*?[\])]", "", title.lower())).strip("_") or "value"


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _time(text: str) -> float:
    number = _number(text)
    if math.isfinite(number):
        return number / 1000.0 if abs(number) >= _EPOCH_MS else number
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        return math.nan
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def replay(name: str, recording: Recording, start: float) -> Kind:
    """Return the kind that replays `recording` over and over from about `start`.

    It is moved by whole days, so that its mornings stay mornings; at most its first day is skipped.
    """
    anchor = recording.began_at + math.floor((start - recording.began_at) / DAY) * DAY
    names = sorted({name for row in recording.rows for name in row})
    return Kind(
        name,
        recording.interval_s,
        tuple(Sensor(sensor, 0.0, 0.0, -_LIMIT, _LIMIT) for sensor in names),
        partial(_row, recording, anchor),
        partial(_next_row, recording, anchor),
        is_recording=True,
    )


def _row(recording: Recording, anchor: float, _chance: Chance, t: float, _: Command) -> Values:
    offset = round((t - anchor) % recording.length_s, 3)
    return recording.rows[bisect_right(recording.offsets, offset) - 1]


def _next_row(recording: Recording, anchor: float, _chance: Chance, t: float) -> float:
    rounds, offset = divmod(t - anchor, recording.length_s)
    n = bisect_right(recording.offsets, round(offset, 3))
    ahead = recording.offsets[n] if n < len(recording.offsets) else recording.length_s
    return anchor + rounds * recording.length_s + ahead
