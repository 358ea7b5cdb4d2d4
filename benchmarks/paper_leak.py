"""The leak of the published point results, for comparison only: never import it elsewhere.

In the released code superpixels of test points are found by the distance to the centres in the
space of coordinates and **true test values**. Nobody who fills a gap has those.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from sinr_geo.gssa import segment
from sinr_geo.points import FloatArray, IntArray
from sinr_geo.sine.ground import Ground

__all__ = ["LeakedGround"]


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
        """Add the truth to a ground."""
        parts = {f.name: getattr(ground, f.name) for f in fields(ground)}
        return cls(**parts, truth=truth)

    def labels(self, count: int, alpha: float, seed: int) -> IntArray:
        """Segment training points (Algorithm 1), then give test points to the nearest centre.

        Islands are left as they are, as in the released code: there is no `connect`.
        """
        values = np.where(np.isfinite(self.truth), self.truth, self.points.values)
        known = self.points.observed.any(axis=1)
        middle, spread = values[known].mean(axis=0), values[known].std(axis=0)
        scaled = (values - middle) / np.where(spread > 0, spread, 1.0)
        label = segment(scaled[known], self.place[known], count, alpha, seed=seed)
        features = _features(scaled, self.place, known, alpha)
        centres = np.stack(
            [features[known][label == k].mean(axis=0) for k in range(label.max() + 1)]
        )
        square = (centres**2).sum(axis=1) - 2.0 * features @ centres.T
        return np.asarray(np.where(known, 0, square.argmin(axis=1)) + _placed(label, known))


def _features(scaled: FloatArray, place: FloatArray, known: FloatArray, alpha: float) -> FloatArray:
    """Join values and weighted coordinates, each of unit total variance over training points."""
    parts = []
    for columns, weight in ((scaled, 1.0), (place, np.sqrt(alpha))):
        centred = columns - columns[known].mean(axis=0)
        total = np.sqrt((centred[known] ** 2).sum(axis=1).mean())
        parts.append(weight * centred / total)
    return np.concatenate(parts, axis=1)


def _placed(label: IntArray, known: FloatArray) -> IntArray:
    """Lay the labels of training points out among all points, 0 elsewhere."""
    out = np.zeros(known.size, dtype=np.int64)
    out[known] = label
    return out
