"""How rough a field is around a place: the spread of the nearest observed values."""

from __future__ import annotations

import numpy as np

from sinr_geo.coordinates import Embedding
from sinr_geo.nearest import nearest, same_pattern
from sinr_geo.points import BoolArray, FloatArray, PointSet

__all__ = ["local_spread"]

_NEIGHBOURS = 8
_CHUNK = 100_000


def local_spread(samples: PointSet, points: PointSet, entries: BoolArray) -> FloatArray:
    """Return the standard deviation of the eight observed values nearest to entries.

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
    ndarray, shape (n, s)
        In the unit of each channel; 0 where not asked for or nothing was observed.
    """
    embedding = Embedding.fit(samples)
    place, where = embedding(samples.coordinates), embedding(points.coordinates)
    spread = np.zeros(entries.shape)
    for columns in same_pattern(samples.observed):
        sources = np.flatnonzero(samples.observed[:, columns[0]])
        rows = np.flatnonzero(entries[:, columns].any(axis=1))
        if sources.size == 0 or rows.size == 0:
            continue
        count = min(_NEIGHBOURS, sources.size)
        for part in np.array_split(rows, -(-rows.size // _CHUNK)):
            _, index = nearest(place[sources], where[part], count)
            for column in columns:
                spread[part, column] = samples.values[sources, column][index].std(axis=1)
    return np.where(entries, spread, 0.0)
