"""A part of a large point set to make choices on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sinr_geo.nearest import nearest
from sinr_geo.points import FloatArray, IntArray, PointSet
from sinr_geo.randomness import generator

__all__ = ["BALLS", "excerpt", "take"]

BALLS = 2


def excerpt(place: FloatArray, centres: IntArray, size: int, seed: int) -> IntArray:
    """Choose rows in a few round regions, so that neighbours stay together.

    Parameters
    ----------
    place : ndarray, shape (n, d)
        Embedded coordinates.
    centres : ndarray of int64, shape (c,)
        Points that regions may be laid around; at least one.
    size : int
        Number of rows wanted; all rows are returned where there are no more.
    seed : int

    Returns
    -------
    ndarray of int64
        Increasing.
    """
    if len(place) <= size:
        return np.arange(len(place))
    rng = generator(seed, "excerpt")
    centres = rng.choice(centres, min(BALLS, centres.size), replace=False)
    _, index = nearest(place, place[centres], max(1, size // centres.size))
    return np.unique(index)


def take(points: PointSet, rows: IntArray) -> PointSet:
    """Return some of the points, in increasing order, as a point set of their own."""
    lattice = points.lattice
    return PointSet(
        points.coordinates[rows],
        points.values[rows],
        points.observed[rows],
        points.axes,
        points.channels,
        None if lattice is None else replace(lattice, place=lattice.place[rows]),
        None if points.edges is None else _kept_edges(points.edges, rows, len(points)),
    )


def _kept_edges(edges: IntArray, rows: IntArray, count: int) -> IntArray:
    renumbered = np.full(count, -1, dtype=np.int64)
    renumbered[rows] = np.arange(rows.size)
    inside = renumbered[edges]
    return inside[(inside >= 0).all(axis=1)]
