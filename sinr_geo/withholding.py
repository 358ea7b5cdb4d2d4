"""Observed samples that no method sees at all, to score methods on a user's own file.

This is the outer withholding. The folds that methods choose on are taken from what it leaves, so
that no method, and no weight of a stack, is chosen on the samples that it is scored on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from sinr_geo.coordinates import Embedding
from sinr_geo.errors import NothingToDoError
from sinr_geo.folds import gap_folds
from sinr_geo.points import BoolArray, PointSet
from sinr_geo.randomness import generator

__all__ = ["Withheld", "withhold_pieces"]

_ENOUGH = 1_000
_SHARE = 0.15
_ROUNDS = 8
_SCATTERED = 0.05
_RADII = (1.5, 6.0)
_MOST_PATCHES = 10_000
_FEWEST = 2


@dataclass(frozen=True, slots=True)
class Withheld:
    """Entries that are taken away.

    Parameters
    ----------
    entries : ndarray of bool, shape (n, s)
    how : str
        The rule, for people.
    """

    entries: BoolArray
    how: str


def withhold_pieces(points: PointSet, wanted: BoolArray, seed: int) -> Withheld:
    """Withhold pieces shaped like the gaps, or by a fixed rule where there are none.

    Pieces are drawn until they hold 1,000 entries or 15 % of the observed ones. Without gaps, 5 %
    of the points are withheld one by one and 10 % in round patches, with radii from 1.5 to 6
    spacings.

    Parameters
    ----------
    points : PointSet
    wanted : ndarray of bool, shape (n, s)
        The gaps that are to be filled.
    seed : int

    Raises
    ------
    NothingToDoError
        If too little was observed to withhold any of it.
    """
    if np.count_nonzero(points.observed.any(axis=1)) < _FEWEST:
        raise NothingToDoError("too little was observed to withhold any of it")
    rng = generator(seed, "withheld from every method")
    if wanted.any():
        found = Withheld(_like_gaps(points, wanted, rng), "in pieces shaped like its gaps")
    else:
        how = "5 % one by one and 10 % in round patches, as there is no gap to take for a model"
        found = Withheld(_without_model(points, rng), how)
    if not found.entries.any():
        raise NothingToDoError("too little was observed to withhold any of it")
    return found


def _like_gaps(points: PointSet, wanted: BoolArray, rng: np.random.Generator) -> BoolArray:
    """Collect folds like the gaps: one holds too little to score on where gaps are few."""
    entries = np.zeros(wanted.shape, dtype=np.bool_)
    most = _SHARE * np.count_nonzero(points.observed)
    for _ in range(_ROUNDS):
        left = points.with_observed(points.observed & ~entries)
        for fold in gap_folds(left, wanted, count=1, seed=int(rng.integers(2**32))):
            entries |= fold
        if np.count_nonzero(entries) >= min(_ENOUGH, most):
            break
    return entries


def _without_model(points: PointSet, rng: np.random.Generator) -> BoolArray:
    """Take single points and round patches."""
    sources = np.flatnonzero(points.observed.any(axis=1))
    chosen = rng.random(sources.size) < _SCATTERED
    place = Embedding.fit(points)(points.coordinates)[sources]
    tree, low, high = cKDTree(place), *np.log(_RADII)
    for _ in range(_MOST_PATCHES):
        if chosen.mean() >= _SHARE:
            break
        radius = float(np.exp(rng.uniform(low, high)))
        inside = np.asarray(tree.query_ball_point(place[rng.integers(sources.size)], radius))
        if (chosen.sum() + inside.size) / sources.size < 2 * _SHARE:
            chosen[inside] = True
    rows = np.zeros(len(points), dtype=np.bool_)
    rows[sources[chosen]] = True
    return np.asarray(points.observed & rows[:, None])
