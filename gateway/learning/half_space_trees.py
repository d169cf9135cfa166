"""Half-Space Trees of many devices at once (Tan, Ting and Liu, "Fast anomaly detection for streaming data", IJCAI 2011).

River's `anomaly.HalfSpaceTrees`, number for number: the same trees from the same seed, the same masses, the same
score. All devices share the random splits, which depend on nothing that is learned; each has masses of its own.
"""

import random
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gateway.learning.rows import Rows
from gateway.records import Floats, Ints

_PADDING = 0.15  # of a node's range that is kept free of splits at either end, as in the paper and in River
_SIZE_LIMIT = 0.1  # of the window; the mass below which scoring stops, from the paper

Nodes = npt.NDArray[np.intp]


class Forest(NamedTuple):
    """Complete binary trees, node by node: the children of node `n` are `2n + 1` and `2n + 2`."""

    feature: Nodes  # (tree, inner node)
    threshold: Floats


def grow_forest(n_trees: int, height: int, features: int, seed: int) -> Forest:
    """The trees that River builds from this seed for features named 0, 1, ... in [0, 1]."""
    draw = random.Random(seed)  # noqa: S311 - the splits need no secrecy
    forest = Forest(np.zeros((n_trees, 2**height - 1), np.intp), np.zeros((n_trees, 2**height - 1)))
    for tree in range(n_trees):
        _split(forest, tree, 0, [(0.0, 1.0)] * features, draw)
    return forest


def _split(forest: Forest, tree: int, node: int, limits: list[tuple[float, float]], draw: random.Random) -> None:
    if node >= forest.feature.shape[1]:
        return
    on = draw.choices(range(len(limits)), weights=[high - low for low, high in limits])[0]
    low, high = limits[on]
    at = draw.uniform(low + _PADDING * (high - low), high - _PADDING * (high - low))
    forest.feature[tree, node], forest.threshold[tree, node] = on, at
    _split(forest, tree, 2 * node + 1, [*limits[:on], (low, at), *limits[on + 1 :]], draw)
    _split(forest, tree, 2 * node + 2, [*limits[:on], (at, high), *limits[on + 1 :]], draw)


class HalfSpaceTrees(Rows):
    """The masses of one forest for every device; the columns of `features` are the devices' points in [0, 1]."""

    def __init__(self, n_trees: int, height: int, window: int, features: int, seed: int) -> None:
        """`window` is the number of points after which what was counted takes over, at most 255."""
        nodes = (n_trees, 2 ** (height + 1) - 1)
        super().__init__(
            {
                "counted": ((), np.uint8, 0),
                "is_warm": ((), np.bool_, False),
                "reference": (nodes, np.uint8, 0),
                "latest": (nodes, np.uint8, 0),
            }
        )
        self._forest = grow_forest(n_trees, height, features, seed)
        self._trees, self._height, self._window = np.arange(n_trees)[:, None], height, window

    def paths(self, features: Floats) -> Nodes:
        """The nodes each point passes through: (level, tree, device)."""
        place = np.arange(features.shape[1])
        node = np.zeros((len(self._trees), len(place)), np.intp)
        found = [node]
        for _ in range(self._height):
            feature = self._forest.feature[self._trees, node]
            is_right = features[feature, place] >= self._forest.threshold[self._trees, node]
            node = 2 * node + 1 + is_right
            found.append(node)
        return np.stack(found)

    def score(self, rows: Ints, paths: Nodes) -> Floats:
        """How rarely each of `rows` was where its point is now, in [0, 1]; 0 during its first window."""
        mass = self.arrays["reference"][self._trees, paths, rows].astype(np.float64)
        total, is_open = np.zeros(paths.shape[1:]), np.ones(paths.shape[1:], np.bool_)
        for level, of_level in enumerate(mass):
            total += np.where(is_open, of_level * 2.0**level, 0.0)
            is_open &= of_level >= _SIZE_LIMIT * self._window
        forest = np.zeros(len(rows))
        for tree in total:
            forest = forest + tree
        most = len(total) * self._window * (2.0 ** (self._height + 1) - 1.0)
        return np.where(self.arrays["is_warm"][rows], 1.0 - forest / most, 0.0)

    def learn(self, rows: Ints, paths: Nodes) -> None:
        """Count one point for each of `rows`."""
        a = self.arrays
        a["latest"][self._trees, paths, rows] += 1
        a["counted"][rows] += 1
        full = rows[a["counted"][rows] == self._window]
        if len(full):
            a["reference"][:, :, full] = a["latest"][:, :, full]
            a["latest"][:, :, full] = 0
            a["counted"][full] = 0
            a["is_warm"][full] = True
