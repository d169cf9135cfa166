"""What is learned of a device as a whole: are its sensors usual together?"""

import math
import zlib
from typing import Any

from river import anomaly

from gateway.learning.chosen import ChosenDetector

WINDOW = 100
"""Rounds after which the trees take over what they have counted."""


class JointLearner:
    """One detector over all sensors of a device; one judgement per round of them.

    By default River's Half-Space Trees on how unusual each sensor is: probabilities, as the trees need features in
    [0, 1]. A detector of the user's choice gets the values themselves. A round ends with the reading that completes
    it: every sensor known so far has reported since the last. That depends on the readings alone, so how they were
    batched cannot matter.
    """

    def __init__(self, device: str, chosen: Any = None) -> None:  # noqa: ANN401 - any of River's detectors
        seed = zlib.crc32(device.encode())  # from the name, so that folding again gives the same trees
        trees = anomaly.HalfSpaceTrees(n_trees=5, height=5, window_size=WINDOW, seed=seed)
        self.is_chosen = chosen is not None
        self.detector = ChosenDetector(chosen if self.is_chosen else trees, is_supervised=False)
        self.sensors: list[str] = []
        self.features: dict[str, float] = {}

    def score_learn_one(self, sensor: str, value: float, sigmas: float | None) -> float | None:
        """The score of the round that this reading completes, None where it completes none.

        `sigmas` is the reading's signed distance from what was expected, None while its stream is warming up.
        """
        if sensor not in self.sensors:
            self.sensors.append(sensor)
        if sigmas is not None:
            self.features[sensor] = value if self.is_chosen else 0.5 * math.erfc(-sigmas / math.sqrt(2.0))
        if len(self.features) < len(self.sensors) or len(self.sensors) < (1 if self.is_chosen else 2):
            return None
        features, self.features = self.features, {}
        return self.detector.score_learn_one(dict(sorted(features.items())), value)
