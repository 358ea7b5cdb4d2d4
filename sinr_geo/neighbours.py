"""Who is next to whom: from the mesh's edges, from the grid, else the k nearest."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.sparse import coo_array, csr_array

from sinr_geo.coordinates import Embedding
from sinr_geo.nearest import nearest
from sinr_geo.points import FloatArray, IntArray, Lattice, PointSet

__all__ = ["neighbour_graph"]

_NEAREST = 8


def neighbour_graph(
    points: PointSet, embedding: Callable[[FloatArray], FloatArray] | None = None
) -> csr_array:
    """Return the symmetric graph of neighbouring points.

    Parameters
    ----------
    points : PointSet
    embedding : callable, optional
        Coordinates (n, c) to places (n, d), between which the nearest are found; by default that of
        `Embedding.fit`.

    Returns
    -------
    csr_array of bool, shape (n, n)
        No point is its own neighbour.
    """
    if points.edges is not None:
        pairs = points.edges
    elif points.lattice is not None:
        pairs = _grid_pairs(points.lattice)
    else:
        pairs = _nearest_pairs((embedding or Embedding.fit(points))(points.coordinates))
    return _symmetric(pairs, len(points))


def _grid_pairs(lattice: Lattice) -> IntArray:
    """Pair every point with the next one along every dimension."""
    point_at = np.full(lattice.size, -1, dtype=np.int64)
    point_at[lattice.place] = np.arange(lattice.place.size)
    grid = point_at.reshape(lattice.shape)
    pairs = []
    for dim, (size, wraps) in enumerate(zip(lattice.shape, lattice.wraps, strict=True)):
        last = size if wraps and size > 2 else size - 1
        here = np.take(grid, np.arange(last), axis=dim)
        there = np.take(grid, np.arange(1, last + 1) % size, axis=dim)
        pair = np.stack((here.ravel(), there.ravel()), axis=1)
        pairs.append(pair[(pair >= 0).all(axis=1)])
    return np.concatenate(pairs)


def _nearest_pairs(place: FloatArray) -> IntArray:
    count = min(_NEAREST + 1, len(place))
    _, index = nearest(place, place, count)
    here = np.repeat(np.arange(len(place)), count)
    return np.stack((here, index.ravel()), axis=1)


def _symmetric(pairs: IntArray, size: int) -> csr_array:
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    both = np.concatenate((pairs, pairs[:, ::-1]))
    ones = np.ones(len(both), dtype=np.bool_)
    graph = coo_array((ones, (both[:, 0], both[:, 1])), shape=(size, size)).tocsr()
    graph.sum_duplicates()
    graph.data[:] = True
    return graph
