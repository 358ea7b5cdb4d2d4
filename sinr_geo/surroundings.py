"""What the nearest observed values say of a place before anything is fitted.

How much they differ tells how rough the field is there. Inside a gap the nearest of them all lie on
one rim: how far to one side they lie tells what is interpolated from what hangs on one edge.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.spatial import cKDTree

from sinr_geo.coordinates import Embedding
from sinr_geo.folds import Fold
from sinr_geo.nearest import same_pattern
from sinr_geo.points import BoolArray, FloatArray, PointSet

__all__ = ["Surroundings"]

_NEIGHBOURS = 8
_CHUNK = 100_000


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Of entries: what the eight nearest observed values of their channel look like from there.

    Parameters
    ----------
    spread : ndarray, shape (n, s) or (m,)
        Their standard deviation, in the unit of each channel.
    one_sidedness : ndarray of the same shape
        Length of the mean step to them, over the mean length of these steps: near 0 where they lie
        all around, 1 where they all lie in one direction. Steps are those of the embedding: on a
        circle (longitude, the year) chords.
    """

    spread: FloatArray
    one_sidedness: FloatArray

    @classmethod
    def of(cls, samples: PointSet, points: PointSet, entries: BoolArray) -> Surroundings:
        """Look around entries.

        Parameters
        ----------
        samples : PointSet
            Holds the observed values.
        points : PointSet
            Places that are asked for, with the same axes and channels; its values play no part.
        entries : ndarray of bool, shape (n, s)
            Which entries of `points` are asked for.

        Returns
        -------
        Surroundings
            Of shape (n, s); 0 where not asked for or nothing was observed.
        """
        embedding = Embedding.fit(samples)
        place, where = embedding(samples.coordinates), embedding(points.coordinates)
        spread, one_sided = np.zeros((2, *entries.shape))
        for columns in same_pattern(samples.observed):
            sources = np.flatnonzero(samples.observed[:, columns[0]])
            rows = np.flatnonzero(entries[:, columns].any(axis=1))
            if sources.size == 0 or rows.size == 0:
                continue
            known = place[sources]
            tree, count = cKDTree(known), np.arange(1, min(_NEIGHBOURS, sources.size) + 1)
            for part in np.array_split(rows, -(-rows.size // _CHUNK)):
                distance, index = map(np.asarray, tree.query(where[part], k=count, workers=-1))
                steps = known[index].mean(axis=1) - where[part]
                one_sided[np.ix_(part, columns)] = _ratio(steps, distance)[:, None]
                for column in columns:
                    spread[part, column] = samples.values[sources, column][index].std(axis=1)
        spread[~entries], one_sided[~entries] = 0.0, 0.0
        return cls(spread, one_sided)

    @classmethod
    def left_by(cls, fold: Fold, points: PointSet) -> Surroundings:
        """Look around what a fold asks for, shape (m,), at what it leaves of the points."""
        return cls.of(fold.train(points), points, fold.asked).at(fold.asked)

    @classmethod
    def joined(cls, parts: Sequence[Surroundings]) -> Surroundings:
        """Put entries, shape (m,) each, one after the other."""
        return cls(
            np.concatenate([part.spread for part in parts]),
            np.concatenate([part.one_sidedness for part in parts]),
        )

    def scaled(self, unit: FloatArray | float) -> Surroundings:
        """Return them with the spread in other units, which broadcast to its shape."""
        return Surroundings(self.spread / unit, self.one_sidedness)

    def at(self, entries: Any) -> Surroundings:
        """Return those of some entries; any index of NumPy."""
        return Surroundings(self.spread[entries], self.one_sidedness[entries])


def _ratio(mean_step: FloatArray, distance: FloatArray) -> FloatArray:
    """Divide the lengths of mean steps (m, d) by mean distances (m, q); 0 where both are 0."""
    far = distance.mean(axis=1)
    length = np.linalg.norm(mean_step, axis=1)
    return np.asarray(np.divide(length, far, out=np.zeros_like(far), where=far > 0))
