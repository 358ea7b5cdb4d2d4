"""The one judge of every choice: observed entries that a fit did not see."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from sinr_geo.error_by_distance import ErrorByDistance
from sinr_geo.methods.protocol import Task
from sinr_geo.nearest import nearest_distance
from sinr_geo.points import BoolArray, FloatArray, PointSet
from sinr_geo.scoring import withheld_rmse
from sinr_geo.sine.field import SineField
from sinr_geo.sine.ground import Ground

__all__ = ["Withheld", "error_of"]


@dataclass(frozen=True, slots=True)
class Withheld:
    """A point set, one fold of it, and the ground that is left without the fold.

    Parameters
    ----------
    points : PointSet
        With the withheld entries.
    fold : ndarray of bool, shape (n, s)
        Withheld entries of channels that keep some others.
    ground : Ground
        Without them.
    """

    points: PointSet
    fold: BoolArray
    ground: Ground

    @classmethod
    def of(
        cls,
        points: PointSet,
        fold: BoolArray,
        task: Task,
        device: str,
        graph: csr_array,
        embedding: Callable[[FloatArray], FloatArray] | None = None,
    ) -> Withheld | None:
        """Withhold a fold; None if nothing would be left to fit, or nothing to score."""
        kept = points.with_observed(points.observed & ~fold)
        scored = fold & kept.observed.any(axis=0)
        if not scored.any():
            return None
        return cls(points, scored, Ground.of(kept, task, device, embedding, graph))

    def predict(self, field: SineField) -> FloatArray:
        """Evaluate a field at the withheld entries' points; NaN elsewhere, shape (n, s)."""
        rows = np.flatnonzero(self.fold.any(axis=1))
        out = np.full(self.fold.shape, np.nan)
        out[rows] = field.at_fitted(rows)
        return out

    def score(self, values: FloatArray) -> float:
        """Return the withheld RMSE, in standard deviations."""
        return withheld_rmse(self.points, self.fold, values)

    def distance(self) -> FloatArray:
        """Return the distance of every entry to the nearest one that was kept, (n, s)."""
        return nearest_distance(self.ground.place, self.ground.points.observed)


def error_of(folds: Sequence[Withheld], values: Sequence[FloatArray]) -> ErrorByDistance:
    """Learn the standard error from withheld predictions of all folds."""
    residual = [v - fold.points.values for fold, v in zip(folds, values, strict=True)]
    distance = [fold.distance() for fold in folds]
    mask = [fold.fold for fold in folds]
    return ErrorByDistance.fit(
        np.concatenate(residual), np.concatenate(distance), np.concatenate(mask)
    )
