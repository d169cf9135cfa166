"""All learners of a shard: a batch in, verdicts out, and what comes next on request."""

import json
import math
import zlib
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from gateway.errors import StateError
from gateway.learning import stock
from gateway.learning.directory import Directory
from gateway.learning.frozen import freeze, thaw
from gateway.learning.heartbeat import Heartbeat
from gateway.learning.joint import JointLearner
from gateway.learning.stream import StreamLearner, Verdict
from gateway.learning.surprise import Surprise
from gateway.records import SECOND, Batch, Forecast, Kind, Verdicts

VERSION = 1
"""Of the saved state; another one means: fold the log again."""

STEPS_AHEAD = 500
"""A forecast is asked for at most this many readings ahead; beyond, the trend is held."""

Z = {0.5: 0.674, 0.8: 1.282, 0.9: 1.645, 0.95: 1.96, 0.99: 2.576}
"""Half-widths, in standard deviations, of a Gaussian's central intervals."""


class Silence(NamedTuple):
    """A device that is later than its habit allows."""

    device: int
    last_at: int
    score: float


class Fleet:
    """The learners of every stream and device of one shard, by row."""

    def __init__(self, directory: Directory, rules: Sequence[stock.ModelRule] = ()) -> None:
        self.directory = directory
        self.rules = [(rule, stock.kind(rule.make())) for rule in rules]
        self.streams: list[StreamLearner] = []
        self.joints: list[JointLearner] = []
        self.hearts: list[Heartbeat] = []
        self.last_at: list[int] = []
        self.interval: list[float] = []

    def learn_many(self, batch: Batch) -> Verdicts:
        """Judge each reading, then learn it, in order; a reading not newer than its stream's last one is stale."""
        self._grow()
        verdicts, stale = [], []
        columns = (batch.stream, batch.observed_at, batch.received_at, batch.value)
        for row, observed_at, received_at, value in zip(*(column.tolist() for column in columns), strict=True):
            stale.append(observed_at <= self.last_at[row])
            if stale[-1]:
                verdicts.append(STALE)
                continue
            self.hearts[self.directory.device_of[row]].learn_one(received_at)
            verdicts.append(self._learn_one(row, observed_at, value))
        score, expected, lower, upper, kind = np.array(verdicts, dtype=np.float64).reshape(-1, 5).T.copy()
        return Verdicts(score, expected, lower, upper, kind.astype(np.uint8), np.array(stale, dtype=bool))

    def _learn_one(self, row: int, observed_at: int, value: float) -> Verdict:
        learner = self.streams[row]
        verdict = learner.score_one(value)
        sigmas = None
        if not math.isnan(verdict.expected):
            sigmas = (value - verdict.expected) / max((verdict.upper - verdict.lower) / 3.92, 1e-300)
        joint = self.joints[self.directory.device_of[row]]
        together = joint.score_learn_one(self.directory.streams[row][1], value, sigmas)
        learner.learn_one(value, verdict)
        if self.last_at[row]:
            gap = (observed_at - self.last_at[row]) / SECOND
            self.interval[row] = (
                gap if not self.interval[row] else self.interval[row] + 0.05 * (gap - self.interval[row])
            )
        self.last_at[row] = observed_at
        return verdict._replace(score=together, kind=Kind.JOINT) if together > verdict.score else verdict

    def _grow(self) -> None:
        for _, device, sensor in self.directory.since(len(self.streams)):
            chosen = self._choose("forecaster", device, sensor)
            scorer = self._choose("scorer", device, sensor)
            self.streams.append(StreamLearner(stock.forecaster(chosen) if chosen is not None else None, scorer))
            self.last_at.append(0)
            self.interval.append(0.0)
        for device in self.directory.devices[len(self.joints) :]:
            seed = zlib.crc32(device.encode())  # from the name, so that folding again gives the same trees
            self.joints.append(JointLearner(seed, self._choose("detector", device, None)))
            self.hearts.append(Heartbeat())

    def _choose(self, kind: str, device: str, sensor: str | None) -> Any:  # noqa: ANN401 - a model of that kind
        for rule, its_kind in self.rules:
            if its_kind == kind and rule.fits(device, sensor if sensor is not None else "*"):
                return rule.make()
        return None

    def silences(self, at: int, floor_s: float) -> list[Silence]:
        """Devices that fall silent at `at`, each told once until it is heard again."""
        found = []
        for device, heart in enumerate(self.hearts):
            score = 0.0 if heart.is_silent else heart.score_one(at, floor_s)
            if score >= 0.5:  # noqa: PLR2004 - the alarm threshold
                heart.is_silent = True
                found.append(Silence(device, heart.last_at, score))
        return found

    def resume(self, at: int) -> None:
        """The gateway was deaf until `at`."""
        for heart in self.hearts:
            heart.resume(at)

    def forecast(self, row: int, horizons_s: Iterable[float], coverage: float) -> list[Forecast]:
        """The next value, and the value after each horizon; empty while nothing can be said."""
        if row >= len(self.streams) or not self.streams[row].residual.is_warm or not self.interval[row]:
            return []
        device, sensor = self.directory.streams[row]
        interval = self.interval[row]
        found = []
        for horizon in (interval, *horizons_s):
            steps = max(1, min(round(horizon / interval), STEPS_AHEAD))
            expected = self.streams[row].predict_one(steps)
            if expected is None or not math.isfinite(expected):
                continue
            width = self.streams[row].half_width() / 1.96 * _quantile(coverage) * math.sqrt(steps)
            due_at = self.last_at[row] + round(horizon * SECOND)
            found.append(
                Forecast(
                    device, sensor, self.last_at[row], due_at, expected, expected - width, expected + width, coverage
                )
            )
        return found

    def failures(self) -> dict[str, str]:
        """Chosen models that were put in quarantine, by `device/sensor` or device, and why."""
        names = ["/".join(name) for name in self.directory.streams] + self.directory.devices
        learners: list[StreamLearner | JointLearner] = [*self.streams, *self.joints]
        return {name: learner.failure for name, learner in zip(names, learners, strict=False) if learner.failure}

    def dumps(self) -> bytes:
        """The whole state; the directory is saved beside it."""
        state = {
            "version": VERSION,
            "streams": [_dump(learner) for learner in self.streams],
            "joints": [_dump(learner) for learner in self.joints],
            "hearts": [[getattr(heart, name) for name in Heartbeat.__slots__] for heart in self.hearts],
            "last_at": self.last_at,
            "interval": [interval.hex() for interval in self.interval],
        }
        return zlib.compress(json.dumps(state, separators=(",", ":")).encode(), 1)

    def loads(self, body: bytes) -> None:
        """Restore what `dumps` saved; raises `StateError` where it does not fit."""
        try:
            state = json.loads(zlib.decompress(body))
        except (zlib.error, ValueError) as error:
            message = "the saved state is damaged"
            raise StateError(message) from error
        if state["version"] != VERSION or len(state["streams"]) > len(self.directory):
            message = "the saved state is of another version or another directory"
            raise StateError(message)
        self._grow()
        for learner, saved in zip([*self.streams, *self.joints], state["streams"] + state["joints"], strict=True):
            _load(learner, saved)
        self.hearts = [Heartbeat(*saved) for saved in state["hearts"]]
        self.last_at = state["last_at"]
        self.interval = [float.fromhex(interval) for interval in state["interval"]]


STALE = Verdict(0.0, math.nan, math.nan, math.nan, Kind.NONE)


def _quantile(coverage: float) -> float:
    return float(np.interp(coverage, list(Z), list(Z.values())))


def _dump(learner: object) -> dict[str, Any]:
    return {name: _dump(value) if isinstance(value, OWN) else freeze(value) for name, value in vars(learner).items()}


def _load(learner: object, saved: dict[str, Any]) -> None:
    for name, value in vars(learner).items():
        if isinstance(value, OWN):
            _load(value, saved[name])
        else:
            setattr(learner, name, thaw(saved[name], value))


OWN = (Surprise, stock.SeriesForecaster, stock.LagForecaster)
"""Our own parts inside a learner; everything else in it is River's or plain data."""
