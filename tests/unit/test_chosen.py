"""Models of the user's choice: their word counts, and their failure harms nobody."""

from collections.abc import Callable, Hashable
from typing import Any

import numpy as np
import pytest
from readings import START, Row, batch
from river import anomaly, dummy, linear_model, stats, time_series
from river.base import AnomalyDetector

from gateway.learning.chosen import WARM_UP, ChosenDetector, ChosenForecaster
from gateway.learning.directory import Directory
from gateway.learning.fleet import Fleet
from gateway.learning.stock import ModelRule
from gateway.learning.streams import Policy
from gateway.records import SECOND, Change, Verdict


class Broken(AnomalyDetector):
    """A detector with a fault of its own."""

    def __init__(self, answer: object) -> None:
        self.answer: object = answer
        self.learned = 0

    def score_one(self, x: dict[Hashable, Any]) -> float:
        """Answer as told, or raise what was told."""
        if isinstance(self.answer, BaseException):
            raise self.answer
        return float(self.answer)  # type: ignore[arg-type]

    def learn_one(self, x: dict[Hashable, Any]) -> None:
        """Count."""
        self.learned += 1


def test_a_forecaster_that_fails_is_put_in_quarantine() -> None:
    """Its failure is kept with its reason; from then on it says nothing and is asked nothing."""
    model = ChosenForecaster(dummy.StatisticRegressor(stats.Mean()))
    for value in range(20):
        model.learn_one(float(value))
    assert model.predict_one() is not None
    model.model.model = None  # type: ignore[attr-defined]
    model.learn_one(1.0)
    assert "NoneType" in str(model.failure)
    assert model.predict_one() is None


@pytest.mark.parametrize(("answer", "reason"), [(ValueError("no"), "ValueError: no"), (float("nan"), "not finite")])
def test_a_detector_that_fails_is_put_in_quarantine(answer: object, reason: str) -> None:
    """An exception or a number that is none ends its service; its score is 0 from then on."""
    detector = ChosenDetector(Broken(answer), is_supervised=False)
    assert detector.score_learn_one({"a": 1.0}, 1.0) == 0.0
    assert reason in str(detector.failure)
    assert detector.score_learn_one({"a": 1.0}, 1.0) == 0.0
    assert detector.model.learned == 0


def test_the_end_of_the_process_is_no_failure_of_a_model() -> None:
    """Ctrl-C passes through."""
    detector = ChosenDetector(Broken(KeyboardInterrupt()), is_supervised=False)
    with pytest.raises(KeyboardInterrupt):
        detector.score_learn_one({"a": 1.0}, 1.0)


def test_a_detector_is_judged_by_its_own_past() -> None:
    """A score that is usual for this detector says nothing, whatever its size; one far above its usual ones does."""
    detector = ChosenDetector(Broken(0.97), is_supervised=False)
    draw = np.random.RandomState(1)
    for number in range(2 * WARM_UP):
        detector.model.answer = 0.97 + 0.001 * draw.standard_normal()
        score = detector.score_learn_one({"a": 1.0}, 1.0)
        assert score == 0.0 if number < WARM_UP else score < 0.5
    detector.model.answer = 0.999
    assert detector.score_learn_one({"a": 1.0}, 1.0) > 0.5


def test_it_is_scored_before_it_learns() -> None:
    """The detector has not learned a reading when it is asked about it."""
    seen = []

    class Spy(Broken):
        def score_one(self, x: dict[Hashable, Any]) -> float:
            seen.append(self.learned)
            return 0.0

    detector = ChosenDetector(Spy(0.0), is_supervised=False)
    for _ in range(3):
        detector.score_learn_one({"a": 1.0}, 1.0)
    assert seen == [0, 1, 2]


def fleet(*rules: ModelRule) -> Fleet:
    """Return a fleet with these models."""
    return Fleet(Directory(), Policy(), rules)


def test_a_value_at_the_end_of_float64_does_not_blind_a_detector() -> None:
    """Its score stays a number, and its incident ends."""
    draw, detectors = np.random.RandomState(5), fleet(ModelRule("river.anomaly.StandardAbsoluteDeviation"))
    values = 20.0 + draw.standard_normal(3000)
    values[300] = 1.7e308
    rows = [("pump", "a", START + number * 60 * SECOND, value) for number, value in enumerate(values.tolist())]
    verdicts = detectors.learn_many(batch(detectors.directory, rows))
    assert np.isfinite(verdicts.joint).all()
    assert (verdicts.joint_change[2000:] == Change.NONE).all()
    assert not detectors.scorers[0].failure


def expected(of: Fleet, values: list[float], device: str = "pump") -> list[float]:
    """Return what was expected of each of these values of one sensor, a minute apart."""
    rows = [(device, "a", START + number * 60 * SECOND, value) for number, value in enumerate(values)]
    return list(of.learn_many(batch(of.directory, rows)).expected)


def test_the_chosen_forecasters_word_is_used() -> None:
    """The expectation of a stream with a chosen model is that model's, and of every other stream the pool's."""
    values = [20.0 + number % 3 for number in range(40)]
    model, word = time_series.HoltWinters(alpha=0.5), []
    for number, value in enumerate(values):
        word.append(model.forecast(horizon=1)[0] if number > 5 else 0.0)
        model.learn_one(value)
    rule = ModelRule("river.time_series.HoltWinters", "pump", params={"alpha": 0.5})
    chosen, default = fleet(rule), fleet()
    pump, room = expected(chosen, values), expected(chosen, values, "room")
    assert pump[6:] == pytest.approx(word[6:])
    assert room[1:] == expected(default, values)[1:]
    assert pump[6:] != pytest.approx(room[6:])


def test_a_failed_forecaster_leaves_its_stream_to_the_pool() -> None:
    """A model that breaks is reported by name with its reason, and its stream is judged like any other."""
    params = {"alpha": 0.5, "beta": 0.1, "gamma": 0.1, "seasonality": 4, "multiplicative": True}
    of, default = fleet(ModelRule("river.time_series.HoltWinters", "pump", params=params)), fleet()
    values = [0.0] * 10 + [20.0 + number % 3 for number in range(40)]
    found = expected(of, values)
    assert list(of.failures()) == ["pump/a"]
    assert of.failures()["pump/a"].startswith("ZeroDivisionError")
    assert found[20:] == expected(default, values)[20:]


BEAT, LIFE, FAULT, HEARD, AFTER = 12, 600, 50, 4, 120
DAY = 86_400


def after_a_fault(word: Verdict | None) -> tuple[Fleet, list[float], list[float]]:
    """Return how far off a seasonal model was after a fault of four hours, reading by reading.

    The fault, 30 higher, is judged at its fifth reading; its length is no multiple of the season's. The first list is
    from its end on, the second from the end of the incident on.
    """
    params = {"alpha": 0.3, "beta": 0.1, "gamma": 0.3, "seasonality": BEAT}
    of, draw = fleet(ModelRule("river.time_series.HoltWinters", "pump", params=params)), np.random.RandomState(3)
    usual = 20.0 + 3.0 * np.sin(2 * np.pi * np.arange(LIFE + FAULT + AFTER) / BEAT)
    values = usual + 0.1 * draw.standard_normal(len(usual))
    values[LIFE : LIFE + FAULT] += 30.0
    rows = [("pump", "a", START + number * 300 * SECOND, value) for number, value in enumerate(values.tolist())]
    of.learn_many(batch(of.directory, rows[: LIFE + HEARD]))
    if word is not None:
        of.judge(np.zeros(1, np.int64), word)
    said = of.learn_many(batch(of.directory, rows[LIFE + HEARD :]))
    off, ends = np.abs(said.expected - usual[LIFE + HEARD :]), np.flatnonzero(said.change == Change.CLOSED)
    return of, off[FAULT - HEARD :].tolist(), off[ends[0] + 1 :].tolist()


def test_a_fault_does_not_shift_the_forecast_of_a_chosen_model() -> None:
    """Called one, it leaves no trace from the first reading after it on; unjudged, from the end of the incident on."""
    assert max(after_a_fault(Verdict.FAULT)[1]) < 1.0
    _, at_once, later = after_a_fault(None)
    assert at_once[0] > 10.0
    assert len(later) > BEAT
    assert max(later) < 1.0


def test_what_a_model_knew_before_an_incident_is_saved() -> None:
    """Amid an incident a copy of the state, too, falls back to what was before it."""
    of, _, _ = after_a_fault(None)
    model = of.streams.prospects.chosen[0]
    model.keep()
    copy = fleet(*(rule for rule, _ in of.rules))
    copy.directory.add("pump", "a")
    copy.loads(of.dumps())
    for one in (of, copy):
        its = one.streams.prospects.chosen[0]
        its.learn_one(1e6)
        its.fall_back()
    assert copy.dumps() == of.dumps()
    assert copy.streams.prospects.chosen[0].predict_one() == pytest.approx(model.predict_one())


def test_what_a_model_says_before_its_first_reading_is_no_forecast() -> None:
    """SNARIMAX says 0 then: of how far off forecasts of that hour are, nothing is known by it a few days later."""
    params = {"p": 2, "d": 1, "q": 0}
    of, draw = fleet(ModelRule("river.time_series.SNARIMAX", "pump", params=params)), np.random.RandomState(1)
    count = 4 * DAY // 300 + 2
    values = 1e5 + draw.standard_normal(count)
    rows = [("pump", "a", START + number * 300 * SECOND, value) for number, value in enumerate(values.tolist())]
    said = of.learn_many(batch(of.directory, rows))
    assert np.isnan(said.expected[0])
    half = (said.upper - said.lower) / 2
    assert half[-1] < 2.0 * half[-1 - DAY // 600], "at the hour of its birth, and twelve hours before"


@pytest.mark.parametrize("third", [lambda _: "idle", lambda number: 1.0 if number < 3 else None], ids=["text", "dead"])
def test_a_detector_of_a_device_waits_for_nobody_for_ever(third: Callable[[int], float | str | None]) -> None:
    """A sensor that speaks is none of its features, and one that has died is forgotten after a day."""
    params = {"n_trees": 2, "height": 3, "window_size": 20}
    of, rows = fleet(ModelRule("river.anomaly.HalfSpaceTrees", "pump", params=params)), list[Row]()
    for number in range(3 * DAY // 600):
        at, value = START + number * 600 * SECOND, third(number)
        rows += [("pump", "a", at, 0.5), ("pump", "b", at, 0.1 * (number % 7))]
        rows += [("pump", "c", at, value)] if value is not None else []
    of.learn_many(batch(of.directory, rows))
    assert of.joints[0].detector.own.seen > DAY // 600


def test_a_detector_of_a_device_is_the_same_however_a_sensor_that_turns_out_to_speak_is_batched() -> None:
    """What it said before were numbers."""
    rule = ModelRule("river.anomaly.HalfSpaceTrees", "pump", params={"n_trees": 2, "window_size": 20})
    rows: list[Row] = [
        ("pump", sensor, START + number * SECOND, value)
        for number in range(9)
        for sensor, value in (("mode", "x" if number > 4 else 1.0), ("a", 20.0 + number))
    ]
    whole, cut = fleet(rule), fleet(rule)
    whole.learn_many(batch(whole.directory, rows))
    for row in rows:
        cut.learn_many(batch(cut.directory, [row]))
    assert whole.dumps() == cut.dumps()


def test_asking_changes_nothing_of_a_model_that_keeps_what_it_was_asked() -> None:
    """River's Bayesian regression reckons its mean when it is asked first."""
    of, draw = fleet(ModelRule("river.linear_model.BayesianLinearRegression", "pump")), np.random.RandomState(1)
    expected(of, draw.standard_normal(200).tolist())
    known = of.dumps()
    assert of.forecast([0], (600.0,), 0.9)
    assert of.dumps() == known


def test_models_of_each_kind_are_put_to_their_work() -> None:
    """A forecaster serves its stream, a scorer its stream, a detector its device; none is reported as failed."""
    of = fleet(
        ModelRule("river.linear_model.PARegressor", "pump"),
        ModelRule("river.anomaly.GaussianScorer", "room", params={"grace_period": 10}),
        ModelRule("river.preprocessing.MinMaxScaler | river.anomaly.HalfSpaceTrees", "meter"),
    )
    rows = [
        (device, "a", START + number * 60 * SECOND, 20.0 + number % 5)
        for number in range(30)
        for device in ("pump", "room", "meter")
    ]
    verdicts = of.learn_many(batch(of.directory, rows))
    assert isinstance(of.streams.prospects.chosen[0].model.model, linear_model.PARegressor)  # type: ignore[attr-defined]
    assert isinstance(of.scorers[1].model, anomaly.GaussianScorer)
    assert of.failures() == {}
    joint = verdicts.joint.reshape(-1, 3)
    assert np.isnan(joint[:, 0]).all()
    assert np.isfinite(joint[-1, 1:]).all()


def followed(*scores: float, settled_after: int | None = None) -> list[Change]:
    """Return what these scores do to the incident of a detector."""
    detector, found = ChosenDetector(None, is_supervised=False), []
    for number, score in enumerate(scores):
        found.append(detector.follow(score))
        if number == settled_after:
            detector.settle()
    return found


def test_a_detector_opens_grows_and_calms_down() -> None:
    """Told again when much worse, closed after ten scores in a row as expected, and open for the next."""
    found = followed(0.3, 0.5, 0.55, 0.6, *[0.39] * 9, 0.45, *[0.39] * 10, 0.5)
    assert [change for change in found if change] == [Change.OPEN, Change.ESCALATE, Change.CLOSED, Change.OPEN]
    assert [number for number, change in enumerate(found) if change] == [1, 3, 23, 24]


def test_a_detector_is_silent_of_what_a_person_calls_fine() -> None:
    """Until it has calmed down; what is odd after that is told again."""
    found = followed(0.6, 0.9, *[0.1] * 10, 0.6, settled_after=0)
    assert [change for change in found if change] == [Change.OPEN, Change.OPEN]
