"""What happened: the truth about the faults, the anomalies heard, and the counts; to files and to standard output."""

import json
import math
from collections import Counter, deque
from dataclasses import asdict
from pathlib import Path
from typing import TextIO

from device_sim.errors import UsageError
from device_sim.faults import Onset

RUN = "run"
"""Name in the truth of what is no fault: the run itself; its size is the number of devices that can be judged."""
REACTION = "reaction"
"""A device behaves otherwise because it was told to."""
RECORDING = "recording"
"""A device replays a recording, which has anomalies of its own that nobody has labelled."""

_REACTIONS_TOLD = 5
_DEVICES_TOLD = 100  # in the last report; a line about 10,000 devices helps nobody


class Chronicle:
    """Files of JSON lines, flushed line by line so that a killed run keeps what it knew."""

    def __init__(self, truth: Path | None, incidents: Path | None) -> None:
        self._truth = _opened(truth, "--truth")
        self._incidents = _opened(incidents, "--incidents")

    def tell(self, onset: Onset) -> None:
        """Write down a fault; of two lines with one id the later holds."""
        line = asdict(onset)
        _write(self._truth, {**line, "ended_at": None if math.isinf(onset.ended_at) else onset.ended_at})

    def heard(self, at: float, device: str, message: object) -> None:
        """Write down an anomaly message that `device` heard at simulated time `at`."""
        _write(self._incidents, {"heard_at": round(at, 3), "device": device, "message": message})

    def close(self) -> None:
        """Close the files."""
        for file in (self._truth, self._incidents):
            if file:
                file.close()


def _opened(path: Path | None, option: str) -> TextIO | None:
    try:
        return path.open("w", encoding="utf-8", buffering=1) if path else None
    except OSError as error:
        message = f"{option}: cannot write {path}: {error.strerror}"
        raise UsageError(message) from error


def _write(file: TextIO | None, line: object) -> None:
    if file:
        file.write(json.dumps(line) + "\n")


class Tally:
    """The counts of a run."""

    def __init__(self) -> None:
        self.sent = 0
        self.predictions = 0
        self.unreadable = 0
        self.max_lag_s = 0.0
        self.anomalies: Counter[tuple[str, str, str, str]] = Counter()
        self.faults: Counter[str] = Counter()
        self.reactions = 0
        self._told: deque[str] = deque(maxlen=_REACTIONS_TOLD)

    def react(self, text: str) -> None:
        """Count a reaction and keep the last few for people."""
        self.reactions += 1
        self._told.append(text)

    def line(self) -> dict[str, object]:
        """Return the counts for a report."""
        return {
            "sent": self.sent,
            "anomalies_received": self.anomalies.total(),
            "predictions_received": self.predictions,
            "faults_injected": self.faults.total(),
            "reactions": {"count": self.reactions, "last": list(self._told)},
        }

    def totals(self) -> dict[str, object]:
        """Return what only the last report says."""
        return {
            "faults_by_kind": dict(self.faults),
            "anomalies_by_state": self._by(1),
            "anomalies_by_kind": self._by(2),
            "anomalies_by_sensor": self._by(3),
            "anomalies_by_device": dict(Counter(self._by(0)).most_common(_DEVICES_TOLD)),
            "unreadable": self.unreadable,
            "max_lag_s": round(self.max_lag_s, 3),
        }

    def _by(self, column: int) -> dict[str, int]:
        counts: Counter[str] = Counter()
        for names, count in self.anomalies.items():
            counts[names[column]] += count
        return dict(counts)
