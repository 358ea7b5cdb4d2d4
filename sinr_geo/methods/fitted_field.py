"""A trained field as a fitted method, with a standard error learned on withheld entries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from sinr_geo.coordinates import Embedding
from sinr_geo.error_by_distance import ErrorByDistance
from sinr_geo.nearest import distance_to_observed
from sinr_geo.points import FloatArray, PointSet
from sinr_geo.recovery import Prediction

__all__ = ["FittedField"]


class _Field(Protocol):
    def values(self, points: PointSet) -> FloatArray: ...


@dataclass(frozen=True, slots=True)
class FittedField:
    """A field that can be evaluated anywhere, and how large its error is.

    Parameters
    ----------
    field : object
        Its `values` evaluate at points, (n, s).
    fitted_to : PointSet
    error : ErrorByDistance, or None
        None where nothing was withheld, and in denoising, where what is withheld tells the error of
        a new reading, noise and all: the standard error is NaN then.
    report : mapping
    """

    field: _Field
    fitted_to: PointSet
    error: ErrorByDistance | None
    report: Mapping[str, Any]

    def predict(self, points: PointSet) -> Prediction:
        """Predict every entry, at the fitted places or anywhere else."""
        values = self.field.values(points)
        if self.error is None:
            return Prediction(values, np.full(values.shape, np.nan))
        embedding = Embedding.fit(self.fitted_to)
        place, asked = (embedding(each.coordinates) for each in (self.fitted_to, points))
        distance = distance_to_observed(asked, place, self.fitted_to.observed)
        return Prediction(values, self.error(distance))
