"""What was fitted by a method that predicts the points that it was fitted to and no others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from sinr_geo.errors import RequestError
from sinr_geo.points import PointSet
from sinr_geo.recovery import Prediction

__all__ = ["FittedPoints"]


@dataclass(frozen=True, slots=True)
class FittedPoints:
    """A prediction for the points that were fitted.

    Parameters
    ----------
    fitted_to : PointSet
    prediction : Prediction
    report : mapping
        Names the method under ``method``.
    """

    fitted_to: PointSet
    prediction: Prediction
    report: Mapping[str, Any]

    def predict(self, points: PointSet) -> Prediction:
        """Return the prediction for the fitted points.

        Raises
        ------
        RequestError
            Where other points are asked for.
        """
        if not np.array_equal(points.coordinates, self.fitted_to.coordinates):
            name = self.report["method"]
            raise RequestError(f"{name} predicts the points that it was fitted to and no others")
        return self.prediction
