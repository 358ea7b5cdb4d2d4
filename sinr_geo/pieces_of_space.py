"""Pieces of space whose withheld samples tell independently, or nearly so."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sinr_geo.axes import OWN_SCALE, AxisKind
from sinr_geo.coordinates import Embedding
from sinr_geo.folds import Fold
from sinr_geo.nearest import nearest, same_pattern
from sinr_geo.points import FloatArray, IntArray, PointSet

__all__ = ["pieces_of_space"]

_FAR = 100.0
_DEEP = 0.9
_WIDTH = 2.0
_ACROSS = 8


def pieces_of_space(points: PointSet, folds: Sequence[Fold], rows: IntArray) -> IntArray:
    """Split the places of withheld samples into pieces.

    Errors inside one gap go together. Steps of time (or heights, or wavelengths) at one place
    belong to one piece, for a front or a coast is there on all days; where there is one place only,
    they are what is split.

    Parameters
    ----------
    points : PointSet
    folds : sequence of Fold
    rows : ndarray of int64, shape (m,)
        Points that are asked for, those of one fold after the other.

    Returns
    -------
    ndarray of int64, shape (m,)
        Which piece each lies in, from 0 on. Pieces are cubes, as wide as twice the depth that nine
        of ten asked samples do not exceed; a spacing wide at least, and an eighth of the whole at
        most.
    """
    own = _beside_space(points)
    place = _embedded(points, own, 0.0)
    low = place.min(axis=0)
    # A little more, so that the last place lies in the last of so many pieces.
    most = (1.0 + 1e-9) * float((place - low).max()) / _ACROSS
    within = _embedded(points, own, _FAR)
    depths = np.concatenate([_depths(points, within, fold) for fold in folds])
    width = _WIDTH * float(np.quantile(depths, _DEEP)) if depths.size else most
    cubes = np.floor((place[rows] - low) / max(1.0, min(width, most))).astype(np.int64)
    _, piece = np.unique(cubes, axis=0, return_inverse=True)
    return np.asarray(piece.reshape(-1), dtype=np.int64)


def _beside_space(points: PointSet) -> list[AxisKind]:
    """Return the kinds of axes that are not space; none where all points are at one place."""
    own = [axis.kind for axis in points.axes if axis.kind in OWN_SCALE]
    return own if np.ptp(_embedded(points, own, 0.0), axis=0).any() else []


def _embedded(points: PointSet, kinds: Sequence[AxisKind], ratio: float) -> FloatArray:
    return Embedding.fit(points, dict.fromkeys(kinds, ratio))(points.coordinates)


def _depths(points: PointSet, place: FloatArray, fold: Fold) -> FloatArray:
    """Return how far asked entries are from the nearest sample of their channel left; -> (q,)."""
    left = points.observed & ~fold.withheld
    depths: list[FloatArray] = [np.empty(0)]
    for columns in same_pattern(left):
        near = left[:, columns[0]]
        asked = fold.asked[:, columns].any(axis=1)
        if near.any() and asked.any():
            depths.append(nearest(place[near], place[asked], 1)[0][:, 0])
    return np.concatenate(depths)
