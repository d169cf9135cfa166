"""`gateway replay`: the core on recorded data, without a broker. What is measured here is what users run."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from gateway import recordings, terminal
from gateway.errors import InputError
from gateway.learning.directory import Directory
from gateway.recordings import Recording
from gateway.records import Batch, Floats, Ints, State, together
from gateway.shard import Outcome, Rules, Shard

ROWS = 256
"""Rows of every file in one batch; by law this changes no result, only the speed."""


class Sheet:
    """What is said of one recording, row by row."""

    def __init__(self, recording: Recording) -> None:
        rows, sensors = recording.values.shape
        self.recording = recording
        self.told = np.zeros((rows, 3))
        self.bands = np.full((rows, sensors, 3), np.nan)


class Player:
    """Plays recordings as one fleet: row n of each together, each on its own timeline."""

    def __init__(self, recordings: Sequence[Recording], directory: Directory) -> None:
        self.recordings = recordings
        self.rows = max(map(len, recordings))
        self.names = {code: text for recording in recordings for code, text in recording.names.items()}
        self.streams = [
            np.array([directory.add(recording.device, sensor) for sensor in recording.sensors])
            for recording in recordings
        ]

    def batch(self, first: int, last: int) -> tuple[Ints, Batch]:
        """Rows `first` to `last` (not included) in order of row, file, sensor, and where each came from as numbers."""
        parts = []
        for number, (recording, streams) in enumerate(zip(self.recordings, self.streams, strict=True)):
            values = recording.values[first:last]
            row, sensor = np.nonzero(~np.isnan(values))
            at = recording.observed_at[first:last][row]
            parts.append((np.full(len(row), number), row + first, sensor, streams[sensor], at, values[row, sensor]))
        sheets, rows, sensors, stream, at, value = (np.concatenate(column) for column in zip(*parts, strict=True))
        order = np.lexsort((sensors, sheets, rows))
        origin = np.stack([sheets, rows, sensors], axis=1)[order]
        return origin, Batch(stream[order], at[order], at[order], value[order], self.names)


class Scribe:
    """Lets a shard live through recordings and writes down what it says."""

    def __init__(self, recordings: Sequence[Recording], shard: Shard) -> None:
        self.sheets = [Sheet(recording) for recording in recordings]
        self.player = Player(recordings, shard.directory)
        self._shard = shard
        self._open: dict[int, dict[str, float]] = {}

    def play(self, first: int, last: int) -> None:
        """Feed rows `first` to `last` (not included)."""
        origin, batch = self.player.batch(first, last)
        if len(batch):
            outcome = self._shard.apply(batch)
            self._note_verdicts(origin, outcome)
            self._note_incidents(origin, outcome)
        self._carry(first, last)

    def _note_verdicts(self, origin: Ints, outcome: Outcome) -> None:
        verdicts = outcome.verdicts
        assert verdicts is not None  # noqa: S101 - readings have verdicts
        table = zip(verdicts.expected, verdicts.lower, verdicts.upper, strict=True)
        for (number, row, sensor), band in zip(origin.tolist(), table, strict=True):
            self.sheets[number].bands[row, sensor] = band
        begins = np.flatnonzero((np.diff(origin[:, :2], axis=0, prepend=-1) != 0).any(axis=1))  # of each row of a file
        worst, joint = (np.maximum.reduceat(each, begins) for each in (verdicts.score, np.nan_to_num(verdicts.joint)))
        for (number, row, _), score in zip(origin[begins].tolist(), together(worst, joint), strict=True):
            self.sheets[number].told[row, 0] = score

    def _note_incidents(self, origin: Ints, outcome: Outcome) -> None:
        changes: dict[int, list[tuple[State, str, float]]] = {}
        for row, incident in outcome.changes:
            if row is not None:
                changes.setdefault(row, []).append((incident.state, incident.id, incident.score))
        for position, (number, row, _) in enumerate(origin.tolist()):
            told, opened = self.sheets[number].told[row], self._open.setdefault(number, {})
            for state, name, score in changes.get(position, ()):
                if state is State.CLOSED:
                    opened.pop(name, None)
                elif score > opened.get(name, 0.0):  # what is only told again is no further alarm
                    told[1] = max(told[1], score)
                    opened[name] = score
            told[2] = bool(opened)

    def _carry(self, first: int, last: int) -> None:
        """An incident stays open in rows that hold no number."""
        for sheet in self.sheets:
            for row in first + np.flatnonzero(np.isnan(sheet.recording.values[first:last]).all(axis=1)):
                sheet.told[row, 2] = sheet.told[row - 1, 2] if row else 0.0


def run(source: Path, out: Path, rules: Rules) -> None:
    """Read every recording under `source`, play them, write one file each under `out`; `InputError` for bad input."""
    found = recordings.find(source)
    _check(found, source, out)
    sheets = play([recordings.read(path, relative) for path, relative in terminal.track(found, "reading")], rules)
    for sheet in terminal.track(sheets, "writing"):
        recordings.write(_target(source, out, sheet.recording.path), sheet.recording, sheet.told, _flat(sheet.bands))


def _check(found: Sequence[tuple[Path, Path]], source: Path, out: Path) -> None:
    """Refuse to write over a recording, and to write two into one."""
    taken = {path.resolve(): path for path, _ in found}
    for path, relative in found:
        target = _target(source, out, relative).resolve()
        if target in taken:
            message = f"{path}: what is said of it would be written over {taken[target]}"
            raise InputError(message)
        taken[target] = path


def _target(source: Path, out: Path, relative: Path) -> Path:
    is_folder = source.is_dir() or out.is_dir() or out.suffix != ".csv"
    return out / relative if is_folder else out


def _flat(bands: Floats) -> Floats:
    return bands.reshape(len(bands), -1)


def play(loaded: Sequence[Recording], rules: Rules) -> list[Sheet]:
    """What a gateway with these rules says of each recording."""
    scribe = Scribe(loaded, Shard(rules))
    for first in terminal.track(range(0, scribe.player.rows, ROWS), "learning"):
        scribe.play(first, first + ROWS)
    return scribe.sheets
