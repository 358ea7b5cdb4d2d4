"""Fewer withheld samples to score on, where all of them would cost too much."""

from __future__ import annotations

import numpy as np

from sinr_geo.nearest import nearest
from sinr_geo.points import BoolArray, FloatArray

__all__ = ["thinned_fold"]

_TOGETHER = 16


def thinned_fold(
    fold: BoolArray, place: FloatArray, points: int, rng: np.random.Generator
) -> BoolArray:
    """Keep the withheld entries of about so many points, in small clusters spread at random.

    Points of one cluster ask the same superpixels, so scoring them costs little more than one.

    Parameters
    ----------
    fold : ndarray of bool, shape (n, s)
    place : ndarray, shape (n, d)
    points : int
    rng : Generator

    Returns
    -------
    ndarray of bool, shape (n, s)
    """
    rows = np.flatnonzero(fold.any(axis=1))
    if rows.size <= points:
        return fold
    seeds = rng.choice(rows, max(1, points // _TOGETHER), replace=False)
    _, index = nearest(place[rows], place[seeds], min(_TOGETHER, rows.size))
    kept = np.zeros((len(fold), 1), dtype=np.bool_)
    kept[rows[index.ravel()]] = True
    return np.asarray(fold & kept)
