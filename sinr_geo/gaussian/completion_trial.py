"""Crops of the folds that completion on windows is tried on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sinr_geo.gaussian.completion import Cube
from sinr_geo.gaussian.crop import cropped_points, fullest_crop
from sinr_geo.gaussian.pilot import Pilot
from sinr_geo.gaussian.scaling import Scaling
from sinr_geo.methods.protocol import HeldOut, Problem
from sinr_geo.points import BoolArray, FloatArray, IntArray, Lattice, PointSet

__all__ = ["CompletionTrial", "pilot_cube", "root_mean"]

_FEWEST = 30


@dataclass(frozen=True, slots=True)
class CompletionTrial:
    """A crop of a fold: the pilot's cube, and the withheld entries to score on.

    Parameters
    ----------
    cube : Cube
        Standardised, without what the fold withholds.
    truth : ndarray, shape (cells, s)
        Standardised values of the withheld entries, NaN elsewhere.
    fold : int
        Number of the fold.
    asked : ndarray of bool, shape (n, s)
        Entries that the fold asks for.
    rows : ndarray of int64, shape (m,)
        Points of the crop.
    place : ndarray of int64, shape (m,)
        Cell of the crop under each.
    scaling : Scaling
    """

    cube: Cube
    truth: FloatArray
    fold: int
    asked: BoolArray
    rows: IntArray
    place: IntArray
    scaling: Scaling

    @classmethod
    def of(
        cls,
        points: PointSet,
        lattice: Lattice,
        pilot: Pilot,
        problem: Problem,
        number: int,
        most: int,
    ) -> CompletionTrial | None:
        """Take the crop of at most about `most` cells that holds most of what a fold withholds.

        Returns None where that is next to nothing.
        """
        fold = problem.folds[number]
        train = fold.train(points)
        count = lattice.spread(fold.withheld.sum(axis=1), 0).ravel()
        crop = fullest_crop(lattice, most, count)
        if (train.observed.sum(axis=0) < 2).any():
            return None
        part = cropped_points(train, lattice, crop)
        small = part.points.lattice
        assert small is not None
        near = np.zeros((len(points), 1), dtype=np.bool_)
        near[part.rows] = True
        mean, variance = pilot.predict(train, (fold.withheld | problem.wanted) & near, problem)
        mean, variance = mean[part.rows], variance[part.rows]
        told = fold.withheld[part.rows] & np.isfinite(mean)
        if told.sum() < _FEWEST:
            return None
        scaling = Scaling.of(train)
        truth = np.where(told, scaling.standardised(points.values[part.rows]), np.nan)
        return cls(
            pilot_cube(part.points, small, mean, variance, scaling),
            small.spread(truth, np.nan).reshape(small.size, -1),
            number,
            fold.asked,
            part.rows,
            small.place,
            scaling,
        )

    def held_out(self, values: FloatArray, variance: FloatArray) -> HeldOut:
        """Sort standardised values and variances (cells, s) into the asked entries of the fold."""
        mean, error = np.full((2, *self.asked.shape), np.nan)
        mean[self.rows] = self.scaling.restored(values[self.place])
        error[self.rows] = np.sqrt(variance[self.place]) * self.scaling.spread
        return HeldOut(mean[self.asked], error[self.asked])

    def squares(self, values: FloatArray) -> FloatArray:
        """Return the mean squared error of every channel; (cells, s) -> (s,), NaN if unasked."""
        error = (values - self.truth) ** 2
        told = np.isfinite(error)
        total = np.where(told, error, 0.0).sum(axis=0)
        return np.asarray(np.where(told.any(axis=0), total / told.sum(axis=0).clip(min=1), np.nan))

    def score(self, values: FloatArray) -> float:
        """Return the RMSE over channels in standard deviations; NaN where nothing is asked."""
        return root_mean(self.squares(values))


def root_mean(squares: FloatArray) -> float:
    """Return the root of the mean of what is known."""
    told = np.isfinite(squares)
    return float(np.sqrt(squares[told].mean())) if told.any() else float("nan")


def pilot_cube(
    points: PointSet, lattice: Lattice, mean: FloatArray, variance: FloatArray, scaling: Scaling
) -> Cube:
    """Lay observed values and a pilot's (n, s) out over all cells, standardised."""
    filled = np.where(points.observed, points.values, mean)
    known = np.isfinite(filled)
    values = np.where(known, scaling.standardised(filled), 0.0)
    spread = np.where(points.observed | ~known, 0.0, variance / scaling.spread**2)
    flat = (lattice.size, values.shape[1])
    return Cube(
        lattice,
        lattice.spread(values, 0.0).reshape(flat),
        lattice.spread(spread, 0.0).reshape(flat),
        lattice.spread(points.observed, False).reshape(flat),
        lattice.spread(known, False).reshape(flat),
    )
