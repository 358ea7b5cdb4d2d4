"""The nearest samples of places, with or without a sample at the place itself."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from sinr_geo.points import FloatArray, IntArray

__all__ = ["nearest_in"]


def nearest_in(
    tree: cKDTree, places: FloatArray, count: int, *, skip: IntArray | None = None
) -> tuple[FloatArray, NDArray[np.int64]]:
    """Find the nearest sources of every place.

    Parameters
    ----------
    tree : cKDTree
        Of the sources.
    places : ndarray, shape (q, d)
    count : int
        Number of sources, fewer than there are if some are skipped.
    skip : ndarray of int64, shape (q,), optional
        One source that each place leaves out.

    Returns
    -------
    distance : ndarray of float64, shape (q, count)
        In increasing order.
    index : ndarray of int64, shape (q, count)
    """
    asked = np.arange(1, count + 1 + (skip is not None))
    found, sources = tree.query(places, k=asked, workers=-1)
    distance, index = np.asarray(found), np.asarray(sources, dtype=np.int64)
    if skip is None:
        return distance, index
    own = index == skip[:, None]
    # Among sources at one place the skipped one may be missing from the nearest.
    own[:, -1] |= ~own.any(axis=1)
    return distance[~own].reshape(-1, count), index[~own].reshape(-1, count)
