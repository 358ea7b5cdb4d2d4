"""The leak of the published point results, for comparison only: never import it elsewhere.

In the released code (https://github.com/jiayili11/S-INR, ``models.py`` and ``test_swi.py``) k-means
finds the superpixels of training points and of test points with interpolated values; then a test
point goes to the centre that is nearest in the space of coordinates and its **true value**, and the
network of that superpixel alone is asked. Nobody who fills a gap has those values.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
from scipy.sparse import csr_array
from sklearn.cluster import KMeans

from sinr_geo.nearest import inverse_distance
from sinr_geo.points import BoolArray, FloatArray, IntArray
from sinr_geo.sine.ground import Ground

__all__ = ["LeakedGround"]

_NEAREST = 3
_STARTS = 10


@dataclass(frozen=True)
class LeakedGround(Ground):
    """A ground whose superpixels know the values of test points.

    Parameters
    ----------
    truth : ndarray, shape (n, s)
        Values at test points; NaN elsewhere.
    """

    truth: FloatArray = None  # type: ignore[assignment]

    @classmethod
    def of_truth(cls, ground: Ground, truth: FloatArray) -> LeakedGround:
        """Add the truth to a ground, and take the neighbours away: points overlap nowhere there."""
        alone = replace(ground, graph=csr_array((len(truth), len(truth))))
        parts = {f.name: getattr(alone, f.name) for f in fields(ground)}
        return cls(**parts, truth=truth)

    def labels(self, count: int, alpha: float, seed: int) -> IntArray:
        """Cluster all points, then give test points to the nearest centre by their true values.

        As in the released code coordinates and values have no weight (`alpha`) against each other,
        and islands are left as they are.
        """
        known = np.asarray(self.points.observed.any(axis=1))
        hidden = np.isfinite(self.truth)
        given = self.points
        filled = inverse_distance(self.place, given.values, given.observed, _NEAREST, power=0.0)
        guessed = _features(self.place, filled, known)
        told = _features(self.place, np.where(hidden, self.truth, filled), known)
        found = KMeans(count, n_init=_STARTS, random_state=seed).fit(guessed)
        nearest = found.predict(told)
        return np.asarray(np.where(known, found.labels_, nearest), dtype=np.int64)


def _features(place: FloatArray, values: FloatArray, known: BoolArray) -> FloatArray:
    """Join coordinates in 0 ... 1 and values over their maxima, both those of training points."""
    spread = (place - place[known].mean(axis=0)) / place[known].std(axis=0)
    low, high = spread[known].min(), spread[known].max()
    largest = np.abs(values[known]).max(axis=0)
    scaled = values / np.where(largest > 0, largest, 1.0)
    return np.concatenate(((spread - low) / (high - low), scaled), axis=1)
