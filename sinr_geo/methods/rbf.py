"""`rbf`: linear radial basis functions on the nearest samples, of scipy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import RBFInterpolator

from sinr_geo.kriging.settings import FieldSettings
from sinr_geo.methods.protocol import Choice, Problem
from sinr_geo.methods.tuned_peer import RATIOS, STRETCHES, Scattered, choose_peer
from sinr_geo.nearest import nearest
from sinr_geo.points import FloatArray, PointSet

__all__ = ["RbfMethod", "RbfSettings"]

_CHUNK = 50_000
_GRIDS = {
    "ratio": RATIOS,
    "stretch": STRETCHES,
    "neighbours": (10, 30, 50, 60, 150),
    "smoothing": (0.0, 0.01, 0.05, 0.2, 0.5, 1.0, 3.0, 10.0),
}


@dataclass(frozen=True, slots=True)
class RbfSettings:
    """What is chosen for radial basis functions.

    Parameters
    ----------
    neighbours : int
    smoothing : float
        In spacings.
    stretch : float
        Natural logarithm of how far the second axis of a plane is drawn out.
    ratio : float
        Horizontal spacings that one step of time counts as.
    """

    neighbours: int = 50
    smoothing: float = 0.05
    stretch: float = 0.0
    ratio: float = 1.0

    @property
    def geometry(self) -> FieldSettings:
        """What distance means."""
        return FieldSettings(ratio=self.ratio, stretch=(self.stretch,))

    def __call__(self, samples: Scattered) -> tuple[FloatArray, FloatArray]:
        """Interpolate; the error grows with the distance to the nearest sample."""
        places, values = _distinct(samples.places, samples.values)
        interpolator = RBFInterpolator(
            places,
            values,
            neighbors=min(self.neighbours, len(places)),
            smoothing=self.smoothing,
            kernel="linear",
        )
        parts = np.array_split(samples.queries, -(-len(samples.queries) // _CHUNK))
        distance, _ = nearest(places, samples.queries, 1)
        mean = np.concatenate([interpolator(part) for part in parts])
        return mean, np.broadcast_to(distance, mean.shape)


class RbfMethod:
    """Local radial basis functions."""

    name = "rbf"

    def choose(self, points: PointSet, problem: Problem) -> Choice:
        """Choose neighbours, smoothing and the ratio of time to space on the folds."""
        return choose_peer(self.name, RbfSettings(), _GRIDS, points, problem)


def _distinct(places: FloatArray, values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Average samples at one place: without smoothing, two equations there contradict."""
    distinct, member, size = np.unique(places, axis=0, return_inverse=True, return_counts=True)
    if len(distinct) == len(places):
        return places, values
    sums = [np.bincount(member.reshape(-1), weights=column) for column in values.T]
    return distinct, np.stack(sums, axis=1) / size[:, None]
