"""A trend towards the gaps, carried on into them: the correction that a user may ask for.

A drift b g(x), with g the share of gap around x (`sinr_geo.missingness.closeness`), is taken off
the observed values before a method sees them and put back on what it predicts. b is estimated from
observed values alone, within small tiles, so that the field's own variation does not enter. The
width of g is chosen on withheld pieces. Whether there should be a drift at all cannot be chosen
there: withheld pieces were observed, which is what gaps were not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sinr_geo.coordinates import Embedding
from sinr_geo.folds import gap_folds
from sinr_geo.local_association import local_association
from sinr_geo.missingness import EdgeTrend, closeness, edge_trends, mask_groups, trend_notes
from sinr_geo.nearest import inverse_distance
from sinr_geo.part import representative_rows
from sinr_geo.points import BoolArray, FloatArray, IntArray, Lattice, PointSet
from sinr_geo.recovery import Prediction

__all__ = ["GapDrift"]

_SCALES = (1.0, 2.0, 4.0)
_TILE = 8
_TILE_PER_SCALE = 4
_PART = 50_000
_FOLDS = 2
_NEIGHBOURS = 8


@dataclass(frozen=True, slots=True)
class GapDrift:
    """What missingness says about the values, and the drift that was taken off for it.

    Parameters
    ----------
    trends : tuple of EdgeTrend
        What was found in the data.
    asked : bool
        Whether the user wants it corrected.
    drift : ndarray of shape (n, s), or None
        Taken off; None where it was not asked for, or no trend was found.
    chosen : tuple of mapping
        Scale, coefficient and withheld errors by channel; JSON types only.
    """

    trends: tuple[EdgeTrend, ...]
    asked: bool
    drift: FloatArray | None = None
    chosen: tuple[dict[str, Any], ...] = ()

    @classmethod
    def of(cls, points: PointSet, wanted: BoolArray, seed: int, *, correct: bool) -> GapDrift:
        """Look for trends, and where the user wants it estimate the drift of those found.

        Parameters
        ----------
        points : PointSet
        wanted : ndarray of bool, shape (n, s)
            The gaps.
        seed : int
        correct : bool
        """
        trends = edge_trends(points, wanted, seed)
        columns = {trend.column for trend in trends if trend.detected}
        if not correct or not columns:
            return cls(trends, correct)
        lattice = points.lattice
        assert lattice is not None
        drift, chosen = np.zeros(points.values.shape), []
        for group in mask_groups(points, wanted):
            near = _closeness_by_scale(lattice, points, wanted, int(group[0]))
            for column in sorted(columns & set(map(int, group))):
                scale, coefficient, told = _choose(points, wanted, near, column, seed)
                drift[:, column] = coefficient * near[scale]
                chosen.append(told)
        return cls(trends, correct, drift, tuple(chosen))

    @property
    def notes(self) -> tuple[str, ...]:
        """One sentence for the user where a trend was found."""
        told = trend_notes(self.trends, corrected=self.drift is not None)
        if self.asked and self.drift is None:
            why = "no trend was found" if self.trends else "there is too little to test"
            return (*told, f"nothing was corrected for missingness: {why}")
        return told

    def as_dict(self) -> dict[str, Any]:
        """Return JSON types only."""
        return {
            "trends": [trend.as_dict() for trend in self.trends],
            "corrected": [dict(told) for told in self.chosen],
        }

    def without(self, points: PointSet) -> PointSet:
        """Take the drift off the observed values."""
        return points if self.drift is None else points.with_values(points.values - self.drift)

    def restored(self, found: Prediction) -> Prediction:
        """Put the drift back on predicted values (n, s)."""
        if self.drift is None:
            return found
        return Prediction(found.values + self.drift, found.standard_error)


def _closeness_by_scale(
    lattice: Lattice, points: PointSet, wanted: BoolArray, column: int
) -> dict[float, FloatArray]:
    seen, gaps = points.observed[:, column], wanted[:, column]
    return {scale: closeness(lattice, seen, gaps, scale) for scale in _SCALES}


def _choose(
    points: PointSet, wanted: BoolArray, near: dict[float, FloatArray], column: int, seed: int
) -> tuple[float, float, dict[str, Any]]:
    """Choose the scale for a channel; -> scale, coefficient, and what the alternatives scored."""
    alone, gaps = points.select_channels(np.array([column])), wanted[:, [column]]
    rows = representative_rows(alone, gaps, _PART, seed)
    part = alone.take(rows)
    folds = gap_folds(part, gaps[rows], count=_FOLDS, seed=seed)
    trained = [_without(alone, rows, fold) for fold in folds]
    scores = {}
    for scale in _SCALES:
        drifts = [_coefficient(left, near[scale], scale) * near[scale][rows] for left in trained]
        scores[scale] = _withheld_error(part, drifts, folds)
    best = min(scores, key=lambda scale: scores[scale])
    coefficient = _coefficient(alone, near[best], best)
    told = {
        "channel": points.channels[column].name,
        "scale_cells": best,
        "coefficient": coefficient,
        "withheld_rmse": {f"{scale:g}": score for scale, score in scores.items()},
        "withheld_rmse_without": _withheld_error(part, [np.zeros(len(part)) for _ in folds], folds),
    }
    return best, coefficient, told


def _without(alone: PointSet, rows: IntArray, fold: BoolArray) -> PointSet:
    """Take what a fold withholds, among some rows, out of all points."""
    observed = np.array(alone.observed)
    observed[rows] &= ~fold
    return alone.with_observed(observed)


def _coefficient(alone: PointSet, near: FloatArray, scale: float) -> float:
    lattice = alone.lattice
    assert lattice is not None
    seen = np.flatnonzero(alone.observed[:, 0])
    tile = max(_TILE, int(_TILE_PER_SCALE * scale))
    found = local_association(alone.values[seen, 0], near[seen], seen, lattice, tile)
    return 0.0 if found is None else found.coefficient


def _withheld_error(
    part: PointSet, drifts: Sequence[FloatArray], folds: tuple[BoolArray, ...]
) -> float:
    """Return the error of withheld entries, predicted by inverse distances from what is left.

    Parameters
    ----------
    part : PointSet
    drifts : sequence of ndarray, each of shape (n,)
        One per fold, estimated without it.
    folds : tuple of ndarray of bool, each of shape (n, 1)
    """
    place, squares = Embedding.fit(part)(part.coordinates), []
    for withheld, drift in zip(folds, drifts, strict=True):
        kept = part.observed & ~withheld
        level = np.where(kept, part.values - drift[:, None], np.nan)
        found = inverse_distance(place, level, kept, _NEIGHBOURS) + drift[:, None]
        squares.append(((found - part.values)[withheld] ** 2).mean())
    return float(np.sqrt(np.mean(squares)))
