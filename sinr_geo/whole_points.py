"""Points that are observed in some channels only, where they are too few to matter.

A nodata value of single bands takes a few dark cells of a scene for missing in one band. Every
channel would then have a mask of its own, and what all channels of one mask share (neighbours,
superpixels, settings) would be worked out for each of them.
"""

from __future__ import annotations

import numpy as np

from sinr_geo.points import BoolArray, PointSet

__all__ = ["without_partial_points"]

_FEW = 0.01


def without_partial_points(points: PointSet, wanted: BoolArray) -> PointSet:
    """Hide the points that are observed in some channels only, if they are few.

    That is less than a hundredth of the observed points, with less than a hundredth of the wanted
    entries. Those are then recovered from other points, as all others are. In denoising, where
    what was observed is replaced, every reading is needed: nothing may be hidden there.

    Parameters
    ----------
    points : PointSet
    wanted : ndarray of bool, shape (n, s)
        Missing entries that are to be filled.

    Returns
    -------
    PointSet
        The same where partly observed points are not few, or where there are none.
    """
    sampled = points.observed.any(axis=1)
    partial: BoolArray = np.asarray(sampled & ~points.observed.all(axis=1))
    if not partial.any():
        return points
    few = partial.sum() < _FEW * sampled.sum() and wanted[partial].sum() < _FEW * wanted.sum()
    return points.with_observed(points.observed & ~partial[:, None]) if few else points
