"""`gateway tune`: which settings would have done better on what was heard; nothing is ever applied by itself."""

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import NamedTuple, TypeAlias

from gateway import recordings, terminal, trials
from gateway.errors import InputError
from gateway.journal import Reader
from gateway.learning.directory import Directory
from gateway.learning.stock import ModelRule
from gateway.records import Batch, Entry, Feedback
from gateway.recovery import Numbering
from gateway.replay import ROWS, Player
from gateway.shard import Rules
from gateway.trials import Halves, Label, Score, Trial

MODELS = {
    "HoltWinters": ModelRule("river.time_series.HoltWinters", params={"alpha": 0.3, "beta": 0.1}),
    "SNARIMAX": ModelRule("river.time_series.SNARIMAX", params={"p": 4, "d": 0, "q": 0}),
    "LinearRegression": ModelRule("river.preprocessing.StandardScaler | river.linear_model.LinearRegression"),
    "HoeffdingTree": ModelRule("river.tree.HoeffdingAdaptiveTreeRegressor", params={"seed": 1}),
}
"""Stock forecasters that are tried beside the pool: one of each family that River has."""

BUDGETS = {"half the budget": 2.0, "twice the budget": 0.5}
"""Factors on the time between two false alarms: what a person would try."""

WORTH = 0.05
"""Less of a gain than this is not worth a setting: it would be noise in the next month."""

Scores: TypeAlias = dict[str, Score]


class Candidate(NamedTuple):
    """Settings to be tried, under the name they have in the report; `model` is the forecaster that they add, if any."""

    name: str
    rules: Rules
    model: ModelRule | None = None


@dataclass(slots=True)
class Source:
    """Where the entries come from, in `steps` steps and as often as needed, and what people said of incidents."""

    entries: Callable[[Directory], Iterator[Entry]]
    steps: int = 0
    halves: Halves = field(default_factory=Halves)
    said: list[Feedback] = field(default_factory=list)
    labels: list[Label] = field(default_factory=list)

    def survey(self) -> None:
        """Look through the entries once; raises `InputError` where there are no readings."""
        for entry in self.entries(Directory()):
            self.steps += 1
            if isinstance(entry, Batch):
                self.halves.note(entry)
            elif isinstance(entry, Feedback):
                self.said.append(entry)
        if self.halves.last is None:
            message = "there are no readings to try settings on"
            raise InputError(message)


def log(reader: Reader) -> Source:
    """The retained log, also of a gateway that is running."""

    def entries(directory: Directory) -> Iterator[Entry]:
        numbering = Numbering(reader, directory)
        for _, entry in reader.entries(0):
            if not isinstance(entry, tuple):
                yield entry
            elif len(entry[0]):  # none is left where all of an entry was stale
                yield numbering.renumbered(entry[0])

    source = Source(entries)
    source.survey()
    end = max([source.halves.last or 0, *(word.at for word in source.said)])
    source.labels = trials.labels(source.said, reader.incidents(), end)
    return source


def folder(path: Path) -> Source:
    """Recorded files, as `gateway replay` reads them."""
    loaded = [recordings.read(each, relative) for each, relative in terminal.track(recordings.find(path), "reading")]

    def entries(directory: Directory) -> Iterator[Entry]:
        player = Player(loaded, directory)
        for first in range(0, player.rows, ROWS):
            _, batch = player.batch(first, first + ROWS)
            if len(batch):
                yield batch

    source = Source(entries)
    source.survey()
    return source


def candidates(now: Rules, others: Mapping[str, Rules]) -> list[Candidate]:
    """The settings as they are, then all that are tried: the user's own, stock forecasters, and other budgets."""
    policies = {name: replace(now.policy, budget_s=now.policy.budget_s * factor) for name, factor in BUDGETS.items()}
    return [
        Candidate("as it is", now),
        *(Candidate(name, rules) for name, rules in others.items()),
        *(Candidate(name, replace(now, models=(model, *now.models)), model) for name, model in MODELS.items()),
        *(Candidate(name, replace(now, policy=policy)) for name, policy in policies.items()),
    ]


def run(source: Source, tried: Sequence[Candidate]) -> dict[str, Scores]:
    """Let each candidate live through the entries; scores by candidate and pattern."""
    found = {}
    for candidate in tried:
        trial = Trial(candidate.rules, source.halves)
        entries = source.entries(trial.shard.directory)
        for _ in terminal.track(range(source.steps), candidate.name):
            trial.apply(next(entries))
        found[candidate.name] = trial.scores(source.labels)
    return found


def advice(tried: Sequence[Candidate], found: Mapping[str, Scores]) -> dict[str, tuple[Candidate, float]]:
    """For each pattern the candidate that forecasts best, and by which share, where that is worth a setting."""
    now, best = found[tried[0].name], dict[str, tuple[Candidate, float]]()
    for candidate in tried[1:]:
        for kind, score in found[candidate.name].items():
            gain = score.gain(now[kind])
            if gain >= max(WORTH, best[kind][1] if kind in best else 0.0):
                best[kind] = (candidate, gain)
    return best


def report(tried: Sequence[Candidate], found: Mapping[str, Scores]) -> Iterator[str]:
    """The outcome for people: a table for each pattern, then what would be worth setting."""
    for kind in found[tried[0].name]:
        first = found[tried[0].name][kind]
        yield f"{kind}: {first.devices} devices, {first.readings:,} readings judged"
        yield f"  {'settings':18} {'error':>7} {'coverage':>9} {'incidents':>10}  (of one device in 30 days)"
        for candidate in tried:
            yield _line(candidate.name, found[candidate.name][kind])
        yield ""
    yield from _advise(advice(tried, found))


def _line(name: str, score: Score) -> str:
    error = (score.error[0] + score.error[1]) / 2
    told = []
    if score.refuted:
        told.append(f"tells {score.repeated} of {score.refuted} false alarms again")
    if score.confirmed:
        told.append(f"finds {score.found} of {score.confirmed} confirmed faults")
    shown = f"{error:7.3f}" if math.isfinite(error) else f"{'-':>7}"
    opened = f"{score.incidents:10.2f}" if math.isfinite(score.incidents) else f"{'-':>10}"
    return f"  {name:18} {shown} {score.coverage:9.1%} {opened}  {', '.join(told)}".rstrip()


def _advise(best: Mapping[str, tuple[Candidate, float]]) -> Iterator[str]:
    if not best:
        yield f"Nothing that was tried forecasts {WORTH:.0%} better in both halves of the time."
        return
    yield "Better in both halves of the time; nothing was changed. In the settings that would be:"
    for kind, (candidate, gain) in best.items():
        yield f"# {kind}: {candidate.name} forecasts {gain:.0%} better"
        if candidate.model:
            model, params = json.dumps(candidate.model.model), _inline(candidate.model.params)
            yield f"[[learning.models]]\ndevices = {json.dumps(kind)}\nmodel = {model}\nparams = {params}"


def _inline(params: Mapping[str, object]) -> str:
    """An inline table of TOML, which for numbers and text is written as JSON is."""
    return "{ " + ", ".join(f"{name} = {json.dumps(value)}" for name, value in params.items()) + " }"


def _known(score: Score) -> dict[str, object]:
    """A score for programs: JSON has no NaN."""
    error = [each if math.isfinite(each) else None for each in score.error]
    return asdict(score) | {"error": error, "incidents": score.incidents if math.isfinite(score.incidents) else None}


def tree(tried: Sequence[Candidate], found: Mapping[str, Scores]) -> dict[str, object]:
    """The outcome for programs; null for what is not known."""
    best = advice(tried, found)
    return {
        "scores": {name: {kind: _known(score) for kind, score in kinds.items()} for name, kinds in found.items()},
        "better": {kind: {"settings": candidate.name, "gain": gain} for kind, (candidate, gain) in best.items()},
    }
