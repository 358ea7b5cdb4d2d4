"""`trees`: extremely randomised trees on rotated coordinates, of scikit-learn.

A tree cuts along axes, so every tree gets a random rotation of the coordinates beside them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.tree import ExtraTreeRegressor

from sinr_geo.kriging.settings import FieldSettings
from sinr_geo.methods.protocol import Choice, Problem
from sinr_geo.methods.tuned_peer import RATIOS, Scattered, choose_peer
from sinr_geo.points import FloatArray, PointSet
from sinr_geo.randomness import generator

__all__ = ["TreeSettings", "TreesMethod"]

_GRIDS = {
    "ratio": RATIOS,
    "normals": (0.0, 8.0, 32.0),
    "leaf": (1, 2, 3, 5, 10),
    "trees": (30, 100),
}
_LEFT_OUT = 3
_SAMPLES_OF_ALL_TREES = 2_000_000
_FEWEST = 20
_CHUNK = 100_000


@dataclass(frozen=True, slots=True)
class TreeSettings:
    """What is chosen for rotated extra trees.

    Parameters
    ----------
    trees : int
        Fewer where there are very many samples.
    leaf : int
        Fewest samples in a leaf.
    normals : float
        Spacings that a unit of difference between normals of a surface counts as.
    ratio : float
        Horizontal spacings that one step of time counts as.
    """

    trees: int = 30
    leaf: int = 2
    normals: float = 0.0
    ratio: float = 1.0

    @property
    def geometry(self) -> FieldSettings:
        """What distance means: it decides what a rotation mixes."""
        return FieldSettings(ratio=self.ratio, normals=self.normals, curvature=self.normals / 4.0)

    def __call__(self, samples: Scattered) -> tuple[FloatArray, FloatArray]:
        """Average the trees; the error grows with their spread.

        A sample itself is predicted by the third of the trees that did not see it.
        """
        rng = generator(samples.seed, "trees")
        lot = rng.permutation(len(samples.places))
        smoothing = bool((samples.own >= 0).any()) and lot.size > 1
        total, squares = np.zeros((2, len(samples.queries), samples.values.shape[1]))
        count = np.zeros((len(samples.queries), 1))
        for number in range(min(self.trees, max(_FEWEST, _SAMPLES_OF_ALL_TREES // lot.size))):
            kept = np.asarray((lot + number) % min(_LEFT_OUT, lot.size) != 0) | (not smoothing)
            rotation, _ = np.linalg.qr(rng.standard_normal((samples.places.shape[1],) * 2))
            tree = ExtraTreeRegressor(
                min_samples_leaf=self.leaf, random_state=int(rng.integers(1 << 31))
            )
            tree.fit(_rotated(samples.places[kept], rotation), samples.values[kept])
            rows = np.flatnonzero((samples.own < 0) | ~kept[samples.own])
            for part in np.array_split(rows, -(-rows.size // _CHUNK)):
                found = tree.predict(_rotated(samples.queries[part], rotation))
                total[part] += found.reshape(part.size, -1)
                squares[part] += found.reshape(part.size, -1) ** 2
            count[rows] += 1.0
        mean = total / count
        return mean, np.sqrt(np.maximum(squares / count - mean**2, 0.0))


class TreesMethod:
    """Rotated extra trees."""

    name = "trees"

    def choose(self, points: PointSet, problem: Problem) -> Choice:
        """Choose leaves, weight of normals and the ratio of time to space on the folds."""
        return choose_peer(self.name, TreeSettings(), _GRIDS, points, problem)


def _rotated(places: FloatArray, rotation: FloatArray) -> FloatArray:
    """Return places (n, d) and, beside them, the same rotated; -> (n, 2 d)."""
    return np.concatenate((places, places @ rotation), axis=1)
