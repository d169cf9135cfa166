"""What is learned of a device as a whole: are its sensors usual together?"""

import math

from river import anomaly

from gateway.learning import stock
from gateway.learning.surprise import Surprise, score_of


class JointLearner:
    """River's Half-Space Trees on how unusual each sensor is; one judgement per round of all the device's sensors.

    A round ends with the reading that completes it: every sensor known so far has reported since the last round.
    That depends on the readings alone, so how they were batched cannot matter.
    """

    WINDOW = 100

    def __init__(self, seed: int, chosen: object = None) -> None:
        self.chosen = chosen
        self.default = anomaly.HalfSpaceTrees(n_trees=5, height=5, window_size=self.WINDOW, seed=seed)
        self.failure: str | None = None
        self.own = Surprise(warm_up=3 * self.WINDOW)
        self.values: dict[str, float] = {}
        self.features: dict[str, float] = {}
        self.sensors: set[str] = set()

    def score_learn_one(self, sensor: str, value: float, sigmas: float | None) -> float:
        """The score of the round this reading completes, 0 where it completes none; then learn it.

        `sigmas` is the reading's signed distance from what was expected, None while its stream is warming up.
        """
        if sensor in self.features and self.sensors <= self.features.keys():
            self._next_round()
        self.sensors.add(sensor)
        if sigmas is None:
            return 0.0
        self.values[sensor] = value
        self.features[sensor] = 0.5 * (1 + math.erf(sigmas / math.sqrt(2)))  # a probability: the trees need [0, 1]
        if len(self.sensors) < 2 or self.features.keys() != self.sensors:  # noqa: PLR2004 - one sensor is not joint
            return 0.0
        score = self._judge()
        self._next_round()
        return score

    def _next_round(self) -> None:
        self.values, self.features = {}, {}

    def _judge(self) -> float:
        raw = self._chosen_round() if self.chosen is not None else None
        if raw is None:
            raw = self.default.score_one(self.features)
            self.default.learn_one(self.features)
        score = score_of(max(raw - self.own.mean.get(), 0.0) / self.own.scale(0.02)) if self.own.is_warm else 0.0
        self.own.learn_one(raw)
        return score

    def _chosen_round(self) -> float | None:
        model, values = self.chosen, self.values
        raw, self.failure = stock.quarantined(lambda: float(model.score_one(values)))  # type: ignore[attr-defined]
        if self.failure is None and math.isfinite(raw):
            _, self.failure = stock.quarantined(lambda: model.learn_one(values))  # type: ignore[attr-defined]
        if self.failure is not None or not math.isfinite(raw):
            self.failure, self.chosen = self.failure or "the model's answer is not finite", None
            return None
        return raw  # type: ignore[no-any-return]
