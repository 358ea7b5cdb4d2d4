"""Normals and curvature of a surface, from the places of all its points, observed or not.

Two places close in space but on surfaces that face elsewhere (both sides of a wing, a wall and
the floor) have little to do with each other. Their normals say so, and where every point lies is
known even where its value is not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import breadth_first_order, connected_components, minimum_spanning_tree
from scipy.spatial import cKDTree

from sinr_geo.axes import AxisKind
from sinr_geo.points import FloatArray, IntArray, PointSet

__all__ = ["SurfaceNormals", "is_surface"]

_NEIGHBOURS = 16
_FEWEST = 64
_LENGTHS = (AxisKind.PROJECTED, AxisKind.INDEX)
_FLAT = 0.04
_SAMPLE = 4_000
_ELEMENTS = 1 << 21


def is_surface(points: PointSet) -> bool:
    """Whether points in three dimensions of length lie close to a surface.

    They do where half of them have neighbours that leave their best plane by at most 4 % of their
    variance; points that fill space leave it by about 15 %.
    """
    kinds = {axis.kind for axis in points.axes}
    if points.lattice is not None or len(points.axes) != 3 or len(kinds) > 1:
        return False
    if not kinds <= set(_LENGTHS) or len(points) < _FEWEST:
        return False
    stride = max(1, len(points) // _SAMPLE)
    tree = cKDTree(points.coordinates)
    variances, _ = _principal(tree, points.coordinates[::stride])
    share = variances[:, 0] / np.maximum(variances.sum(axis=1), 1e-300)
    return bool(np.median(share) <= _FLAT)


@dataclass(frozen=True, slots=True)
class SurfaceNormals:
    """Unit normals of a surface, the same side out wherever it is connected.

    Parameters
    ----------
    tree : cKDTree
        Of the places of all points.
    normals : ndarray, shape (n, 3)
    curvature : ndarray, shape (n,)
        How far neighbours lie above a point along its normal, in standard deviations.
    """

    tree: cKDTree
    normals: FloatArray
    curvature: FloatArray

    @classmethod
    def fit(cls, places: FloatArray) -> SurfaceNormals:
        """Estimate the normals of a surface through places (n, 3) and orient them.

        The normal is the direction in which 16 neighbours vary least. It is oriented along a
        minimum spanning tree over neighbours that prefers small turns (Hoppe et al. 1992).
        """
        tree = cKDTree(places)
        _, normals = _principal(tree, places)
        normals = normals * _signs(tree, normals)[:, None]
        return cls(tree, normals, _curvature(tree, normals))

    def at(self, places: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return normals (m, 3) and curvature (m,) of the points nearest to places (m, 3)."""
        _, index = self.tree.query(places, workers=-1)
        return self.normals[index], self.curvature[index]


def _principal(tree: cKDTree, places: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return variances (m, 3) of neighbours, increasing, and the direction (m, 3) of the first."""
    variances, normals = np.empty((2, len(places), 3))
    step = _ELEMENTS // _NEIGHBOURS
    for start in range(0, len(places), step):
        rows = slice(start, start + step)
        near = _near(tree, places[rows])
        offset = tree.data[near] - tree.data[near].mean(axis=1, keepdims=True)
        values, vectors = np.linalg.eigh(offset.transpose(0, 2, 1) @ offset)
        variances[rows], normals[rows] = np.maximum(values, 0.0), vectors[:, :, 0]
    return variances, normals


def _near(tree: cKDTree, places: FloatArray) -> IntArray:
    _, index = tree.query(places, k=np.arange(1, min(_NEIGHBOURS, tree.n) + 1), workers=-1)
    return np.asarray(index, dtype=np.int64)


def _curvature(tree: cKDTree, normals: FloatArray) -> FloatArray:
    """Return the height of neighbours above every point in units of their distance; -> (n,)."""
    height = np.empty(len(normals))
    step = _ELEMENTS // _NEIGHBOURS
    for start in range(0, len(normals), step):
        rows = slice(start, start + step)
        offset = tree.data[_near(tree, tree.data[rows])] - tree.data[rows, None]
        reach = np.sqrt((offset**2).sum(axis=2).mean(axis=1))
        height[rows] = (offset.mean(axis=1) * normals[rows]).sum(axis=1) / np.maximum(reach, 1e-300)
    return np.asarray((height - height.mean()) / max(float(height.std()), 1e-12))


def _signs(tree: cKDTree, normals: FloatArray) -> FloatArray:
    """Return 1 or -1 for every normal, so that neighbours along a spanning tree agree; (n,)."""
    n = len(normals)
    near = _near(tree, tree.data)
    here, there = np.repeat(np.arange(n), near.shape[1]), near.ravel()
    turn = 1.0 - np.abs((normals[here] * normals[there]).sum(axis=1)) + 1e-6
    graph = coo_array((turn, (here, there)), shape=(n, n)).tocsr()
    spanning = minimum_spanning_tree(graph)
    parent = _parents(spanning)
    agree = (normals * normals[parent]).sum(axis=1) >= 0
    sign = np.where(agree | (parent == np.arange(n)), 1.0, -1.0)
    while not np.array_equal(parent, parent[parent]):
        sign, parent = sign * sign[parent], parent[parent]
    return sign


def _parents(spanning: csr_array) -> NDArray[np.int64]:
    """Return every node's parent in a spanning forest; roots are their own; -> (n,)."""
    count, label = connected_components(spanning, directed=False)
    parent = np.arange(len(label), dtype=np.int64)
    _, roots = np.unique(label, return_index=True)
    # One extra node joins the trees, so that one search visits all of them.
    n = len(label)
    joined = spanning.tocoo()
    here, there = (np.asarray(part, dtype=np.int64) for part in joined.coords)
    rows = np.concatenate((here, np.full(count, n)))
    columns = np.concatenate((there, roots))
    graph = coo_array((np.ones(rows.size), (rows, columns)), shape=(n + 1, n + 1)).tocsr()
    _, before = breadth_first_order(graph, n, directed=False)
    below = before[:n] < n
    parent[below] = before[:n][below]
    return parent
