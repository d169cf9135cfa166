"""What other settings would have made of the same readings."""

import math

import pytest
from readings import START, batch, learn, life

from gateway.learning.stock import ModelRule
from gateway.learning.streams import Policy
from gateway.records import SECOND, Feedback, Incident, Kind, State, Verdict
from gateway.shard import Rules, Shard
from gateway.trials import LEAST, Halves, Label, Score, Trial, labels, pattern

MINUTE = 60 * SECOND
RULES = Rules(policy=Policy(budget_s=86_400.0))


def lived(rules: Rules = RULES, minutes: int = 400) -> Trial:
    """Return a trial that has lived through the ordinary life of two pumps and a room."""
    halves = Halves()
    trial = Trial(rules, halves)
    entry = batch(trial.shard.directory, life(minutes, ("pump-1", "pump-2", "room")))
    halves.note(entry)
    trial.apply(entry)
    return trial


def incident(id_: str, state: State, at: int, device: str = "pump-1") -> Incident:
    """Return a change of an incident that began at START."""
    numbers = (None, None, None, None)
    return Incident(id_, state, device, "a", Kind.SPIKE, "high", 0.6, START, at, *numbers, "why")


@pytest.mark.parametrize(
    ("device", "kind"), [("pump-12", "pump-*"), ("a1b2", "a*b*"), ("room", "room"), ("x[3]", "x[[]*]")]
)
def test_sisters_share_a_pattern(device: str, kind: str) -> None:
    """What differs by a number is of a kind; signs that mean something in a pattern are kept apart."""
    assert pattern(device) == kind


def test_errors_are_those_of_a_fold_by_hand() -> None:
    """Over the readings after the first 200, in each half of the time, against the last value; by pattern."""
    scores = lived().scores([])
    assert set(scores) == {"pump-*", "room"}
    assert scores["pump-*"].devices == 2
    assert scores["pump-*"].readings == 2 * 2 * (400 - LEAST)
    shard_said = learn(Shard(RULES), life(400, ("pump-1", "pump-2", "room")))
    (fed, said), ratios = shard_said[0], [[], []]  # type: ignore[var-annotated]
    for row in (4, 5):
        mine = (fed.stream == row).nonzero()[0]
        for half in (0, 1):
            kept = [place for place in range(LEAST, 400) if (place >= (400 + LEAST) // 2) == bool(half)]
            error = sum(abs(fed.value[mine[each]] - said.expected[mine[each]]) for each in kept)
            ratios[half].append(error / sum(abs(fed.value[mine[each]] - fed.value[mine[each - 1]]) for each in kept))
    assert scores["room"].error == pytest.approx([sum(each) / 2 for each in ratios], rel=1e-12)
    assert 0.8 < scores["room"].coverage < 1.0


def test_another_forecaster_has_another_error() -> None:
    """A model of River's does worse on plain noise than the pool does, and the gain says so."""
    tree = ModelRule("river.time_series.HoltWinters", params={"alpha": 0.99, "beta": 0.9})
    now, tried = lived().scores([])["room"], lived(Rules(RULES.policy, (tree,))).scores([])["room"]
    assert tried.gain(now) < 0.0 < now.gain(tried)


def test_incidents_and_labels_are_counted() -> None:
    """Opened ones by device and 30 days; a labelled one is told again where an incident opened in its time."""
    trial = lived()
    jump = START + 400 * MINUTE
    rows = [("room", "a", jump + minute * MINUTE, 500.0) for minute in range(5)]
    trial.apply(Feedback(jump, "room", None, Verdict.FAULT))
    trial.apply(batch(trial.shard.directory, rows))
    known = [
        Label("room", jump, jump + MINUTE, Verdict.FAULT),
        Label("room", START, START + MINUTE, Verdict.FALSE_ALARM),
        Label("pump-1", jump, jump + MINUTE, Verdict.FAULT),
    ]
    trial.apply(batch(trial.shard.directory, [("room", "a", jump + 2000 * MINUTE, 20.0)]))
    score = trial.scores(known)["room"]
    assert (score.found, score.repeated) == (1, 0)
    assert score.incidents > 0


def test_labels_come_from_words_and_incidents() -> None:
    """By id, or without one from all that was open on that device; what is still open lasts until the end."""
    told = [
        incident("a", State.OPEN, START), incident("a", State.CLOSED, START + 5), incident("b", State.OPEN, START),
        incident("c", State.OPEN, START, "room"),
    ]  # fmt: skip
    words = [
        Feedback(START + 9, "pump-1", "a", Verdict.FAULT),
        Feedback(START + 9, "pump-1", None, Verdict.FALSE_ALARM),
        Feedback(START + 9, "pump-1", "c", Verdict.FAULT),
    ]
    assert labels(words, told, START + 100) == [
        Label("pump-1", START, START + 5, Verdict.FAULT),
        Label("pump-1", START, START + 100, Verdict.FALSE_ALARM),
    ]


def test_a_word_is_on_what_was_told_by_then() -> None:
    """Silences of one device begin with its last message, each of them: none is meant that was told later."""
    told = [
        incident("a", State.OPEN, START + 10), incident("a", State.CLOSED, START + 20),
        incident("b", State.OPEN, START + 30), incident("b", State.CLOSED, START + 40),
    ]  # fmt: skip
    words = [Feedback(START + at, "pump-1", None, Verdict.FALSE_ALARM) for at in (20, 40)]
    assert len(labels(words, told, START + 100)) == 2


def test_what_was_said_of_one_pattern_is_not_asked_of_another() -> None:
    """Of a device that nobody spoke of there are no false alarms to tell again; a life of hours has no rate."""
    scores = lived().scores([Label("pump-1", START, START + MINUTE, Verdict.FALSE_ALARM)])
    assert (scores["pump-*"].refuted, scores["room"].refuted) == (1, 0)
    assert math.isnan(scores["room"].incidents)


def test_a_gain_must_hold_in_both_halves() -> None:
    """Better by luck in one half of the time is no gain."""
    now, lucky = Score(1, 1, (1.0, 1.0), 0.9, 0, 0, 0, 0, 0), Score(1, 1, (0.5, 1.1), 0.9, 0, 0, 0, 0, 0)
    assert lucky.gain(now) == pytest.approx(-0.1)
    exact = Score(1, 1, (0.0, 0.0), 0.9, 0, 0, 0, 0, 0)
    assert (exact.gain(now), exact.gain(exact), now.gain(exact)) == (1.0, 0.0, -math.inf)
    unknown = Score(1, 0, (math.nan, math.nan), 0.0, 0, 0, 0, 0, 0)
    assert not unknown.gain(now) > 0.0
