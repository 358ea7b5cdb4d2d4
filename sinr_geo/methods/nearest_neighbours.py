"""`nearest`: the mean of the nearest samples, weighted by distance, of scikit-learn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.neighbors import KNeighborsRegressor

from sinr_geo.kriging.settings import FieldSettings
from sinr_geo.methods.protocol import Choice, Problem
from sinr_geo.methods.tuned_peer import RATIOS, STRETCHES, Scattered, choose_peer
from sinr_geo.points import FloatArray, PointSet

__all__ = ["NearestMethod", "NearestSettings"]

_GRIDS = {
    "ratio": RATIOS,
    "stretch": STRETCHES,
    "neighbours": (1, 2, 3, 4, 5, 6, 8, 12, 16, 24, 40),
}


@dataclass(frozen=True, slots=True)
class NearestSettings:
    """What is chosen for nearest neighbours.

    Parameters
    ----------
    neighbours : int
    stretch : float
        Natural logarithm of how far the second axis of a plane is drawn out.
    ratio : float
        Horizontal spacings that one step of time counts as.
    """

    neighbours: int = 4
    stretch: float = 0.0
    ratio: float = 1.0

    @property
    def geometry(self) -> FieldSettings:
        """What distance means."""
        return FieldSettings(ratio=self.ratio, stretch=(self.stretch,))

    def __call__(self, samples: Scattered) -> tuple[FloatArray, FloatArray]:
        """Average; a sample is no neighbour of itself. The error grows with the distance."""
        count = len(samples.places)
        model = KNeighborsRegressor(
            min(self.neighbours, count), weights="distance", algorithm="kd_tree"
        ).fit(samples.places, samples.values)
        mean = np.asarray(model.predict(samples.queries)).reshape(len(samples.queries), -1)
        distance = np.array(model.kneighbors(samples.queries, 1)[0])
        at_sample = samples.own >= 0
        if count > 1 and at_sample.any():
            model.set_params(n_neighbors=min(self.neighbours, count - 1))
            others = np.asarray(model.predict(None)).reshape(count, -1)
            mean[at_sample] = others[samples.own[at_sample]]
            distance[at_sample] = model.kneighbors(n_neighbors=1)[0][samples.own[at_sample]]
        return mean, np.broadcast_to(distance, mean.shape)


class NearestMethod:
    """Nearest neighbours."""

    name = "nearest"

    def choose(self, points: PointSet, problem: Problem) -> Choice:
        """Choose the number of neighbours and the ratio of time to space on the folds."""
        return choose_peer(self.name, NearestSettings(), _GRIDS, points, problem)
