"""Where the points lie and where superpixels have their centres."""

from __future__ import annotations

import numpy as np

from sinr_geo.axes import OWN_SCALE
from sinr_geo.coordinates import Embedding
from sinr_geo.gssa import segment
from sinr_geo.methods.protocol import Problem
from sinr_geo.points import FloatArray, PointSet

__all__ = ["embedded", "superpixel_centres"]


def embedded(points: PointSet, ratio: float) -> FloatArray:
    """Embed all points with one ratio for time, height and wavelength; -> (n, d)."""
    return Embedding.fit(points, dict.fromkeys(OWN_SCALE, ratio))(points.coordinates)


def superpixel_centres(
    values: FloatArray, place: FloatArray, count: int, alpha: float, problem: Problem
) -> FloatArray:
    """Segment points by GSSA and return the mean place of every superpixel.

    Parameters
    ----------
    values : ndarray, shape (n, q)
    place : ndarray, shape (n, d)
    count : int
    alpha : float
    problem : Problem

    Returns
    -------
    ndarray, shape (K, d)
    """
    labels = segment(values, place, count, alpha, seed=problem.seed, device=problem.device)
    sums = [np.bincount(labels, weights=column) for column in place.T]
    return np.asarray(np.stack(sums, axis=1) / np.bincount(labels)[:, None])
