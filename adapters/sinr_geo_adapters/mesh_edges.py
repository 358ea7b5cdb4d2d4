"""Pairs of neighbouring vertices from the faces of a mesh."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sinr_geo.points import IntArray

__all__ = ["outline_pairs", "unique_edges"]


def outline_pairs(corners: NDArray[Any], sizes: NDArray[Any]) -> IntArray:
    """Walk around polygons.

    Parameters
    ----------
    corners : ndarray of int, shape (sum of sizes,)
        Vertices of all polygons, one polygon behind the other.
    sizes : ndarray of int, shape (p,)
        Corners of each polygon.

    Returns
    -------
    ndarray of int64, shape (sum of sizes, 2)
        Every corner with the next one of its polygon; the last with the first.
    """
    corners = corners.astype(np.int64)
    sizes = sizes.astype(np.int64)
    following = np.roll(corners, -1)
    ends = np.cumsum(sizes)
    closed = sizes > 0
    following[ends[closed] - 1] = corners[(ends - sizes)[closed]]
    return np.stack([corners, following], axis=1)


def unique_edges(pairs: IntArray, vertices: int) -> IntArray:
    """Return every undirected edge once, the lower vertex first, without loops.

    Parameters
    ----------
    pairs : ndarray of int, shape (k, 2)
    vertices : int
        Number of vertices.

    Returns
    -------
    ndarray of int64, shape (m, 2)
        In rising order.
    """
    lower, upper = pairs.min(axis=1), pairs.max(axis=1)
    keys = np.unique((lower * vertices + upper)[lower < upper])
    return np.stack(np.divmod(keys, max(vertices, 1)), axis=1)
