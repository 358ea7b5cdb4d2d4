"""`knr`, `dt`, `rf`: the regressors of scikit-learn that the S-INR paper compares with.

They have scikit-learn's own settings, three neighbours excepted, see every axis and channel with
mean 0 and spread 1, and choose nothing; so they score what the paper says of them on its weather
points. The tuned forms are the methods `nearest` and `trees`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import RandomForestRegressor
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeRegressor

from sinr_geo.kriging.settings import FieldSettings
from sinr_geo.methods.protocol import Choice, Problem
from sinr_geo.methods.tuned_peer import Scattered, choose_peer
from sinr_geo.nearest import nearest
from sinr_geo.points import FloatArray, PointSet

__all__ = [
    "DecisionTreeMethod",
    "DecisionTreeSettings",
    "ForestMethod",
    "ForestSettings",
    "NeighboursMethod",
    "NeighboursSettings",
]


@dataclass(frozen=True, slots=True)
class NeighboursSettings:
    """The plain mean of the nearest samples.

    Parameters
    ----------
    neighbours : int
    """

    neighbours: int = 3

    @property
    def geometry(self) -> FieldSettings:
        """What distance means."""
        return FieldSettings()

    def __call__(self, samples: Scattered) -> tuple[FloatArray, FloatArray]:
        """Average; a sample counts among its own neighbours."""
        return _regressed(KNeighborsRegressor(min(self.neighbours, len(samples.places))), samples)


@dataclass(frozen=True, slots=True)
class DecisionTreeSettings:
    """One decision tree, grown to its leaves."""

    @property
    def geometry(self) -> FieldSettings:
        """What distance means."""
        return FieldSettings()

    def __call__(self, samples: Scattered) -> tuple[FloatArray, FloatArray]:
        """Predict."""
        return _regressed(DecisionTreeRegressor(random_state=samples.seed), samples)


@dataclass(frozen=True, slots=True)
class ForestSettings:
    """A random forest.

    Parameters
    ----------
    trees : int
    """

    trees: int = 100

    @property
    def geometry(self) -> FieldSettings:
        """What distance means."""
        return FieldSettings()

    def __call__(self, samples: Scattered) -> tuple[FloatArray, FloatArray]:
        """Predict."""
        return _regressed(RandomForestRegressor(self.trees, random_state=samples.seed), samples)


class NeighboursMethod:
    """``--method knr``."""

    name = "knr"

    def choose(self, points: PointSet, problem: Problem) -> Choice:
        """Learn the standard error on the folds; nothing is chosen."""
        return choose_peer(self.name, NeighboursSettings(), {}, points, problem)


class DecisionTreeMethod:
    """``--method dt``."""

    name = "dt"

    def choose(self, points: PointSet, problem: Problem) -> Choice:
        """Learn the standard error on the folds; nothing is chosen."""
        return choose_peer(self.name, DecisionTreeSettings(), {}, points, problem)


class ForestMethod:
    """``--method rf``."""

    name = "rf"

    def choose(self, points: PointSet, problem: Problem) -> Choice:
        """Learn the standard error on the folds; nothing is chosen."""
        return choose_peer(self.name, ForestSettings(), {}, points, problem)


def _regressed(model: Any, samples: Scattered) -> tuple[FloatArray, FloatArray]:
    """Fit and predict; the error grows with the distance to the nearest sample."""
    scaled = TransformedTargetRegressor(
        make_pipeline(StandardScaler(), model), transformer=StandardScaler()
    )
    values = samples.values[:, 0] if samples.values.shape[1] == 1 else samples.values
    found = np.asarray(scaled.fit(samples.places, values).predict(samples.queries))
    mean = found.reshape(len(samples.queries), -1)
    distance, _ = nearest(samples.places, samples.queries, 1)
    return mean, np.broadcast_to(distance, mean.shape)
