"""What choices are made on: a part of the data where it is large, and folds of that part."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from sinr_geo.coordinates import Embedding
from sinr_geo.folds import Fold, gap_folds, scattered_folds
from sinr_geo.methods.protocol import Effort, Problem, Shared, Task
from sinr_geo.part import representative_rows
from sinr_geo.points import PointSet

__all__ = ["Trial"]

_POINTS = {Effort.FAST: 100_000, Effort.NORMAL: 200_000, Effort.BEST: 500_000}
_ASKED = {Effort.FAST: 1_600, Effort.NORMAL: 4_000, Effort.BEST: 10_000}
_FOLDS_BY_SAMPLES = ((2_000, 8), (8_000, 4))
_FOLDS_OF_GRIDS, _SMALL_GRID = 3, 400_000
_FEWEST_FOLDS = 2
_NOISE_SHARE = 0.05


@dataclass(frozen=True, slots=True)
class Trial:
    """Points to choose on, with a problem whose folds are theirs.

    Parameters
    ----------
    points : PointSet
        All points, or some regions of them.
    problem : Problem
    """

    points: PointSet
    problem: Problem

    @classmethod
    def of(cls, points: PointSet, problem: Problem) -> Trial:
        """Cut out a part where there are many points, and withhold entries of it.

        Parameters
        ----------
        points : PointSet
        problem : Problem
            Without folds.
        """
        rows = representative_rows(points, problem.wanted, _POINTS[problem.effort], problem.seed)
        if rows.size < len(points):
            share = rows.size / len(points)
            points = points.take(rows)
            problem = replace(problem, wanted=problem.wanted[rows], share=share)
        return cls(points, replace(problem, folds=_folds(points, problem), shared=Shared()))


def _folds(points: PointSet, problem: Problem) -> tuple[Fold, ...]:
    count = _number_of_folds(points)
    if problem.task is Task.DENOISING and points.lattice is not None:
        masks = scattered_folds(points, count=1, seed=problem.seed, share=_NOISE_SHARE)
    elif problem.task is Task.DENOISING:
        masks = scattered_folds(points, count=count, seed=problem.seed)
    else:
        masks = gap_folds(points, problem.wanted, count=count, seed=problem.seed)
    place = Embedding.fit(points)(points.coordinates)
    asked = _FEWEST_FOLDS * _ASKED[problem.effort] // max(_FEWEST_FOLDS, len(masks))
    return tuple(Fold.of(mask, place, asked, problem.seed) for mask in masks)


def _number_of_folds(points: PointSet) -> int:
    """Return 8 or 4 where there are few samples, 3 on grids, 2 on large data.

    On a grid one fold's gaps differ from another's; few samples leave every fold little to say.
    """
    if points.lattice is not None:
        return _FOLDS_OF_GRIDS if points.values.size <= _SMALL_GRID else _FEWEST_FOLDS
    sampled = int(np.count_nonzero(points.observed.any(axis=1)))
    return next((folds for most, folds in _FOLDS_BY_SAMPLES if sampled <= most), _FEWEST_FOLDS)
