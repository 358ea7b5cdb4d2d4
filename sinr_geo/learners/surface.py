"""The shape of a surface around every point, at several scales.

Colour goes with shape: crevices are dark, edges are where one object ends. Where every point lies
is known even where its value is not, so the shape around a query is as good as around a sample.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from sinr_geo.kriging.normals import SurfaceNormals
from sinr_geo.learners.neighbourhood import nearest_in
from sinr_geo.points import FloatArray

__all__ = ["SHAPES", "surface_shape"]

_NEIGHBOURS = (10, 30, 100)
_PER_SCALE = 7
_ELEMENTS = 1 << 21
_TINY = 1e-12

SHAPES = _PER_SCALE * len(_NEIGHBOURS)
"""Number of columns that `surface_shape` gives."""


def surface_shape(surface: SurfaceNormals, places: FloatArray) -> FloatArray:
    """Describe the surface around places.

    Parameters
    ----------
    surface : SurfaceNormals
    places : ndarray, shape (n, 3)
        In the unit of the surface's own places.

    Returns
    -------
    ndarray, shape (n, 21)
        For 10, 30 and 100 nearest points: their oriented normal, the log share of variance across
        it, how much longer than wide they spread, the height of the place above their middle in
        units of their spread, and the log distance of the last one.
    """
    tree: cKDTree = surface.tree
    normals, _ = surface.at(places)
    counts = [min(count, tree.n) for count in _NEIGHBOURS]
    step = max(1, _ELEMENTS // counts[-1])
    parts = [np.empty((0, SHAPES))]
    for start in range(0, len(places), step):
        rows = slice(start, start + step)
        distance, near = nearest_in(tree, places[rows], counts[-1])
        scales = [
            _scale(places[rows], tree.data[near[:, :count]], distance[:, count - 1], normals[rows])
            for count in counts
        ]
        parts.append(np.concatenate(scales, axis=1))
    return np.concatenate(parts)


def _scale(
    places: FloatArray, near: FloatArray, reach: FloatArray, outward: FloatArray
) -> FloatArray:
    """Describe neighbours (n, k, 3) of places (n, 3) that reach (n,) far; -> (n, 7)."""
    middle = near.mean(axis=1)
    offset = near - middle[:, None]
    variances, vectors = np.linalg.eigh(offset.transpose(0, 2, 1) @ offset / near.shape[1])
    floor = _TINY * np.maximum(variances[:, 2:], 1e-300)
    variances = np.maximum(variances, floor)
    total = variances.sum(axis=1)
    normal = vectors[:, :, 0]
    normal = normal * np.where((normal * outward).sum(axis=1, keepdims=True) < 0, -1.0, 1.0)
    height = ((places - middle) * normal).sum(axis=1) / np.sqrt(total)
    numbers = (
        np.log(variances[:, 0] / total),
        variances[:, 1] / variances[:, 2],
        height,
        np.log(np.maximum(reach, 1e-300)),
    )
    return np.column_stack((normal, *numbers))
