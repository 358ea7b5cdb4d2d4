"""Extremely randomised trees on what kriging misses.

Half of them see the place and the shape of the surface beside kriging and its error; the other
half also what kriging with other kernels says. The first are better where samples are few, the
second where they are many.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from sklearn.ensemble import ExtraTreesRegressor

from sinr_geo.learners.sight import Sight
from sinr_geo.points import FloatArray
from sinr_geo.randomness import generator

__all__ = ["FittedTrees", "ResidualTrees"]

_SHARE_OF_FEATURES = 0.4
_TINY = 1e-12


@dataclass(frozen=True, slots=True)
class ResidualTrees:
    """Settings of the two forests.

    Parameters
    ----------
    trees : int
        In each of the two.
    leaf : int
        Fewest samples of a leaf.
    """

    trees: int = 100
    leaf: int = 3

    def lighter(self) -> ResidualTrees:
        """Return the same with a quarter of the trees."""
        return replace(self, trees=max(1, self.trees // 4))

    def fit(self, sight: Sight, residual: FloatArray, *, seed: int, device: str) -> FittedTrees:
        """Learn residuals (n, s) from what was seen at n samples; the processor does the work."""
        rng = generator(seed, "residual trees")
        forests = []
        for kernels in (False, True):
            forest = ExtraTreesRegressor(
                self.trees,
                min_samples_leaf=self.leaf,
                max_features=_SHARE_OF_FEATURES,
                random_state=int(rng.integers(1 << 31)),
                n_jobs=-1,
            )
            target = residual[:, 0] if residual.shape[1] == 1 else residual
            forest.fit(_table(sight, kernels=kernels), target)
            # Several threads would add up the trees in an order that changes from run to run.
            forests.append(forest.set_params(n_jobs=1))
        return FittedTrees(forests[0], forests[1])


@dataclass(frozen=True, slots=True)
class FittedTrees:
    """The forest without and the forest with other kernels."""

    plain: ExtraTreesRegressor
    with_kernels: ExtraTreesRegressor

    def predict(self, sight: Sight) -> tuple[FloatArray, FloatArray]:
        """Return the mean of both forests and half their difference, each (q, s)."""
        shape = sight.mean.shape
        first = self.plain.predict(_table(sight, kernels=False)).reshape(shape)
        second = self.with_kernels.predict(_table(sight, kernels=True)).reshape(shape)
        return (first + second) / 2.0, np.abs(first - second) / 2.0


def _table(sight: Sight, *, kernels: bool) -> FloatArray:
    """Lay out what a forest sees, one row per place."""
    columns = [
        sight.mean,
        np.log(np.maximum(sight.error, _TINY)),
        np.log(np.maximum(sight.relative.std(axis=1), _TINY)),
        sight.shape,
        sight.place,
    ]
    if kernels:
        columns.append(sight.kernels.reshape(len(sight), -1))
    return np.concatenate(columns, axis=1).astype(np.float32)
