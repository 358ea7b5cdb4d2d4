"""What the completion of a lattice stands on: any head that predicts entries from the others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from sinr_geo.methods.protocol import Problem
from sinr_geo.points import BoolArray, FloatArray, PointSet

__all__ = ["Pilot"]


class Pilot(Protocol):
    """Settings that were chosen, ready to predict."""

    @property
    def score(self) -> float:
        """Withheld RMSE on the folds."""
        ...

    def as_dict(self) -> Mapping[str, Any]:
        """Return what was chosen and what the alternatives scored; JSON types only."""
        ...

    def predict(
        self, points: PointSet, wanted: BoolArray, problem: Problem
    ) -> tuple[FloatArray, FloatArray]:
        """Predict wanted entries from all observed ones.

        Returns
        -------
        mean, variance : ndarray, each of shape (n, s)
            NaN where not wanted.
        """
        ...
