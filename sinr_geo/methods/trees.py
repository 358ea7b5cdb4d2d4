"""`trees`: extremely randomised trees (of scikit-learn) that cut in any direction.

A tree cuts along its features, so every tree gets the places along random directions of its own
instead of the coordinates (Tomita et al. 2020, sparse projection oblique randomer forests).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.tree import ExtraTreeRegressor

from sinr_geo.kriging.settings import FieldSettings
from sinr_geo.methods.protocol import Choice, Problem
from sinr_geo.methods.tuned_peer import RATIOS, STRETCHES, Scattered, choose_peer
from sinr_geo.points import FloatArray, PointSet
from sinr_geo.randomness import generator

__all__ = ["TreeSettings", "TreesMethod"]

_GRIDS = {
    "ratio": RATIOS,
    "normals": (0.0, 8.0, 32.0),
    "stretch": STRETCHES,
    "directions": (1, 2, 4),
    "leaf": (1, 2, 3, 5, 10),
}
_LIGHTER = {"trees": 40, "samples_a_query": 8}
_FEWEST_NEAR = 5_000
_LEFT_OUT = 3
_WORK = 2e7
_FEWEST = 16
_CHUNK = 100_000


@dataclass(frozen=True, slots=True)
class TreeSettings:
    """What is chosen for oblique extra trees.

    Parameters
    ----------
    trees : int
        At most: fewer where there are many samples. More are never worse but for their time, so 40
        are enough to choose the rest by.
    samples_a_query : int
        Trees are grown from so many times as many samples as are asked for, those nearest to what
        is asked, but from no fewer than 5,000; 0 for all. 8 are enough to compare settings by.
    directions : int
        Random directions that a tree may cut across, per dimension.
    leaf : int
        Fewest samples in a leaf.
    normals : float
        Spacings that a unit of difference between normals of a surface counts as.
    ratio : float
        Horizontal spacings that one step of time counts as.
    stretch : float
        Natural logarithm of how far the second axis of a plane is drawn out.
    """

    trees: int = 300
    samples_a_query: int = 0
    directions: int = 4
    leaf: int = 2
    normals: float = 0.0
    ratio: float = 1.0
    stretch: float = 0.0

    @property
    def geometry(self) -> FieldSettings:
        """What distance means: it decides what a direction mixes."""
        return FieldSettings(
            ratio=self.ratio,
            stretch=(self.stretch,),
            normals=self.normals,
            curvature=self.normals / 4.0,
        )

    def __call__(self, samples: Scattered) -> tuple[FloatArray, FloatArray]:
        """Average the trees; the error grows with their spread.

        A sample itself is predicted by the third of the trees that did not see it.
        """
        if self.samples_a_query > 0:
            most = max(_FEWEST_NEAR, self.samples_a_query * len(samples.queries))
            samples = samples.nearest_to_queries(most)
        rng = generator(samples.seed, "trees")
        lot = rng.permutation(len(samples.places))
        smoothing = bool((samples.own >= 0).any()) and lot.size > 1
        total, squares = np.zeros((2, len(samples.queries), samples.values.shape[1]))
        count = np.zeros((len(samples.queries), 1))
        dimensions, values = samples.places.shape[1], np.ascontiguousarray(samples.values)
        for number in range(self._affordable(lot.size * self.directions * dimensions)):
            kept = np.asarray((lot + number) % min(_LEFT_OUT, lot.size) != 0) | (not smoothing)
            across = rng.standard_normal((dimensions, self.directions * dimensions))
            tree = ExtraTreeRegressor(
                min_samples_leaf=self.leaf, random_state=int(rng.integers(1 << 31))
            )
            tree.fit(_across(samples.places[kept], across), values[kept], check_input=False)
            rows = np.flatnonzero((samples.own < 0) | ~kept[samples.own])
            for part in np.array_split(rows, -(-rows.size // _CHUNK)):
                found = tree.predict(_across(samples.queries[part], across), check_input=False)
                total[part] += found.reshape(part.size, -1)
                squares[part] += found.reshape(part.size, -1) ** 2
            count[rows] += 1.0
        mean = total / count
        return mean, np.sqrt(np.maximum(squares / count - mean**2, 0.0))

    def _affordable(self, size: int) -> int:
        """Return how many trees, but no fewer than 16, a table of some size allows."""
        return min(self.trees, max(_FEWEST, int(_WORK / size)))


def _across(places: FloatArray, directions: FloatArray) -> NDArray[np.float32]:
    """Return places (n, d) along directions (d, m) as trees read them, (n, m)."""
    return np.ascontiguousarray(places @ directions, dtype=np.float32)


class TreesMethod:
    """Oblique extra trees."""

    name = "trees"

    def choose(self, points: PointSet, problem: Problem) -> Choice:
        """Choose directions, leaves, and what distance means, on the folds."""
        return choose_peer(self.name, TreeSettings(), _GRIDS, points, problem, lighter=_LIGHTER)
