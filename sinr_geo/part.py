"""A part of a large point set that stands for the whole: some regions, with their gaps."""

from __future__ import annotations

import numpy as np

from sinr_geo.coordinates import Embedding
from sinr_geo.gaussian.crop import Crop, crops
from sinr_geo.nearest import nearest
from sinr_geo.points import BoolArray, FloatArray, IntArray, Lattice, PointSet
from sinr_geo.randomness import generator
from sinr_geo.regions import grown_regions, with_every_channel

__all__ = ["representative_rows"]

_REGIONS = 4


def representative_rows(points: PointSet, wanted: BoolArray, most: int, seed: int) -> IntArray:
    """Choose points in a few regions that hold both observations and gaps.

    Parameters
    ----------
    points : PointSet
    wanted : ndarray of bool, shape (n, s)
        Missing entries that are to be filled.
    most : int
        Number of points; all are returned where there are no more.
    seed : int

    Returns
    -------
    ndarray of int64
        Increasing. On a lattice the regions are boxes, or one box where there are time steps,
        which belong together; elsewhere they are balls. More regions are added for channels of
        which these hold no gap, though there are some, or hardly an observation.
    """
    if len(points) <= most:
        return np.arange(len(points))
    rng = generator(seed, "representative rows")
    place = Embedding.fit(points)(points.coordinates)
    if points.lattice is None:
        rows = grown_regions(place, _beside_gaps(points, wanted, place, rng), most)
    else:
        rows = _boxes(points, points.lattice, wanted, most)
    return with_every_channel(rows, place, points.observed, wanted, most // _REGIONS, rng)


def _boxes(points: PointSet, lattice: Lattice, wanted: BoolArray, most: int) -> IntArray:
    regions = 1 if lattice.steps else _REGIONS
    seen = lattice.spread(points.observed.sum(axis=1), 0).ravel()
    open_ = lattice.spread(wanted.sum(axis=1), 0).ravel()
    boxes = list(crops(lattice, most // regions))

    def share(crop: Crop) -> float:
        here = seen[crop.cells].sum() / max(1, seen.sum())
        return float(min(here, open_[crop.cells].sum() / open_.sum()) if open_.any() else here)

    inside = np.zeros(lattice.size, dtype=np.bool_)
    for crop in sorted(boxes, key=share, reverse=True)[:regions]:
        inside[crop.cells] = True
    return np.flatnonzero(inside[lattice.place])


def _beside_gaps(
    points: PointSet, wanted: BoolArray, place: FloatArray, rng: np.random.Generator
) -> IntArray:
    """Draw observed points, next to gaps where there are any."""
    sampled, gaps = np.flatnonzero(points.observed.any(axis=1)), np.flatnonzero(wanted.any(axis=1))
    if gaps.size == 0 or sampled.size == 0:
        drawn = sampled if sampled.size else np.arange(len(points))
        return rng.choice(drawn, min(_REGIONS, drawn.size), replace=False)
    inside = rng.choice(gaps, min(_REGIONS, gaps.size), replace=False)
    _, beside = nearest(place[sampled], place[inside], 1)
    return np.unique(sampled[beside])
