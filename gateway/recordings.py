"""Recorded data: CSV files, each one device, read into columns and written back with what was said of every row."""

import csv
import gzip
import zlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from gateway.codecs.values import parse_state, parse_time, parse_value
from gateway.errors import InputError, PayloadError
from gateway.records import Floats, Ints, Names, code_of

SUFFIXES = (".csv", ".csv.gz")

STATES = 32
"""Different texts of a column, as of a sensor (`intake`): a column with more is one of remarks."""

LOOK_AHEAD = 100
"""Rows looked at to tell which columns are numbers."""


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """One file: `values` has a row per reading and a column per sensor, NaN where there is no usable value.

    A column without numbers is a sensor of texts, which `names` has.
    """

    path: Path
    device: str
    times: tuple[str, ...]
    observed_at: Ints
    sensors: tuple[str, ...]
    values: Floats
    names: Names

    def __len__(self) -> int:
        return len(self.times)


def find(source: Path) -> list[tuple[Path, Path]]:
    """Every recording under `source` and its path relative to it, `.gz` left off; `InputError` where there is none."""
    if source.is_file():
        return [(source, _plain(Path(source.name)))]
    found = [path for path in sorted(source.rglob("*")) if path.name.endswith(SUFFIXES) and path.is_file()]
    if not found:
        message = f"{source}: no .csv or .csv.gz file there"
        raise InputError(message)
    return [(path, _plain(path.relative_to(source))) for path in found]


def _plain(path: Path) -> Path:
    return path.with_suffix("") if path.suffix == ".gz" else path


def read(path: Path, relative: Path) -> Recording:
    """Read a file; `InputError` names the file and the row that cannot be understood."""
    try:
        with _opened(path) as file:
            rows = csv.reader(file)
            header = next(rows, None)
            numbered = [(rows.line_num, row) for row in rows if row]
    except (OSError, EOFError, zlib.error, UnicodeDecodeError, csv.Error) as error:
        message = f"{path}: {error}"
        raise InputError(message) from error
    if not header or not numbered:
        message = f"{path}: needs a header and at least one row"
        raise InputError(message)
    table = [row for _, row in numbered]
    texts = dict[float, str]()
    columns = {column: read for column in range(1, len(header)) if (read := _column(table, column, texts)) is not None}
    if not columns:
        message = f"{path}: no column of numbers or states beside the time"
        raise InputError(message)
    observed_at = np.array([_time(path, line, row[0]) for line, row in numbered], dtype=np.int64)
    values = np.array(list(columns.values())).T
    names = tuple(header[column] or f"column_{column}" for column in columns)
    if len(set(names)) < len(names):
        message = f"{path}: two columns have the same name"
        raise InputError(message)
    device = relative.with_suffix("").as_posix()
    return Recording(relative, device, tuple(row[0] for row in table), observed_at, names, values, texts)


def _opened(path: Path) -> IO[str]:
    opened = gzip.open if path.suffix == ".gz" else open
    return opened(path, "rt", encoding="utf-8-sig", newline="")


def _column(table: Sequence[Sequence[str]], column: int, texts: dict[float, str]) -> Floats | None:
    """The values of a column, if it is one of numbers or of states; `texts` gets the texts of the latter."""
    numbers = np.array([_value(row, column) for row in table])
    is_known, is_switch = ~np.isnan(numbers), np.isin(numbers, (0.0, 1.0))
    is_numeric = bool(is_known[:LOOK_AHEAD].any())
    said = {
        place: text
        for place in np.flatnonzero(~is_known).tolist()
        if column < len(table[place]) and (text := parse_state(table[place][column])) is not None
    }
    codes = {text: code_of(text) for text in said.values()}
    if (is_known & ~is_switch).any() or not 0 < len(codes) <= STATES:
        return numbers if is_numeric else None
    texts.update((code, text) for text, code in codes.items())
    numbers[list(said)] = [codes[text] for text in said.values()]
    return numbers


def _value(row: Sequence[str], column: int) -> float:
    value = parse_value(row[column]) if column < len(row) else None
    return value if isinstance(value, float) else np.nan


def _time(path: Path, number: int, text: str) -> int:
    try:
        at = parse_time(_epoch(text))
    except PayloadError as error:
        message = f"{path}: row {number}: {text!r} is no time (ISO 8601 or an epoch number)"
        raise InputError(message) from error
    assert at is not None  # noqa: S101 - text always has a time or fails
    return at


def _epoch(text: str) -> str | float:
    for number in (int, float):  # a float would not hold the nanoseconds
        with suppress(ValueError):
            return number(text)
    return text


def write(path: Path, recording: Recording, told: Floats, bands: Floats) -> None:
    """Write what was said: `told` holds score, alarm, incident; `bands` expected, lower, upper of each sensor.

    Raises `InputError` where it cannot be written.
    """
    bounds = [f"{sensor}_{name}" for sensor in recording.sensors for name in ("expected", "lower", "upper")]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["time", "score", "alarm", "incident", *bounds])
            writer.writerows(_lines(recording, told, bands))
    except OSError as error:
        message = f"{path}: {error.strerror or error}"
        raise InputError(message) from error


def _lines(recording: Recording, told: Floats, bands: Floats) -> Iterator[list[str]]:
    for time, (score, alarm, incident), band in zip(recording.times, told.tolist(), bands.tolist(), strict=True):
        limits = ("" if np.isnan(limit) else f"{limit:.7g}" for limit in band)
        yield [time, f"{score:.6g}", f"{alarm:.6g}", f"{incident:.0f}", *limits]
