"""Completion on windows over a pilot: whether it helps, and with which settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from sinr_geo.calibration import error_scales
from sinr_geo.gaussian.completion import CompletionSettings, Cube, complete_windows
from sinr_geo.gaussian.crop import Crop, cropped_points, fullest_crop
from sinr_geo.gaussian.pilot import Pilot
from sinr_geo.gaussian.search import search
from sinr_geo.methods.protocol import Effort, Problem
from sinr_geo.points import BoolArray, FloatArray, IntArray, Lattice, PointSet
from sinr_geo.scoring import withheld_rmse, withheld_rmse_by_channel

__all__ = ["CompletionChoice", "choose_completion", "complete_lattice"]

_CELLS = {Effort.FAST: 6_000, Effort.NORMAL: 12_000, Effort.BEST: 40_000}
_LARGEST_WINDOW = 100
_LEAST_GAIN = 0.98
_ENERGY = 2e-3
_FEWEST = 30
_GRID: Mapping[str, tuple[float, ...]] = {
    "width": (2, 3, 4, 6, 8),
    "cells": (80, 150, 300, 600),
    "passes": (1, 2, 3),
    "share": (0.1, 0.3, 1.0),
}


@dataclass(frozen=True, slots=True)
class CompletionChoice:
    """Whether windows improve on the pilot, and how.

    Parameters
    ----------
    settings : CompletionSettings
    helps : ndarray of bool, shape (s,)
        Channels that windows improve; the others keep the pilot's values.
    pilot_score, score : float
        Withheld RMSE in a crop, of the pilot and of the best windows.
    gain : float
        Withheld RMSE of the mixture that `helps` makes, over the pilot's.
    error_scales : ndarray, shape (s,)
        What makes the windows' 95 % intervals hold on the withheld samples.
    tried : mapping of str to float
    """

    settings: CompletionSettings
    helps: BoolArray
    pilot_score: float
    score: float
    gain: float
    error_scales: FloatArray
    tried: Mapping[str, float]

    def as_dict(self) -> dict[str, Any]:
        """Return JSON types only."""
        return {
            **asdict(self.settings),
            "helps": self.helps.tolist(),
            "pilot_score": self.pilot_score,
            "score": self.score,
            "tried": dict(self.tried),
        }


def choose_completion(
    points: PointSet, lattice: Lattice, pilot: Pilot, problem: Problem
) -> CompletionChoice | None:
    """Score windows against the pilot alone, in the crop that holds most withheld samples.

    Returns None where there is nothing to score on.
    """
    trial = _Trial.of(points, lattice, pilot, problem)
    if trial is None:
        return None
    alone = trial.score(trial.pilot_values)
    rank = _rank(trial.cube, trial.columns)
    width = max(w for w in (2, 3, 4) if w == 2 or w * w * rank <= _LARGEST_WINDOW)
    found = search(
        CompletionSettings(rank, width, cells=150, alpha=1.0, passes=2, share=1.0),
        _GRID,
        lambda settings: trial.score(trial.recovered(settings)[0]),
        allowed=lambda settings: settings.width**2 * settings.rank <= _LARGEST_WINDOW,
        progress=problem.progress,
        what="choosing windows",
    )
    values, variance = trial.recovered(found.settings)
    by_channel = trial.score_by_channel(values)
    helps = by_channel < _LEAST_GAIN * trial.score_by_channel(trial.pilot_values)
    mixture = np.where(helps, values, trial.pilot_values)
    gain = trial.score(mixture) / alone
    errors = np.where(trial.withheld, values - points.values, np.nan)
    scales = error_scales(errors, np.sqrt(variance))
    return CompletionChoice(found.settings, helps, alone, found.score, gain, scales, found.tried)


def complete_lattice(
    points: PointSet,
    lattice: Lattice,
    mean: FloatArray,
    variance: FloatArray,
    settings: CompletionSettings,
    problem: Problem,
) -> tuple[FloatArray, FloatArray]:
    """Recover the gaps that a pilot filled; mean and variance (n, s) -> the same, improved."""
    scaling = _Scaling.of(points)
    cube = _cube(points, lattice, mean, variance, scaling)
    found, left = complete_windows(cube, settings, seed=problem.seed, device=problem.device)
    values = scaling.restored(_points_of(found, lattice))
    return values, _points_of(left, lattice) * scaling.spread**2


@dataclass(frozen=True, slots=True)
class _Scaling:
    """Mean and spread of every channel, each of shape (s,)."""

    offset: FloatArray
    spread: FloatArray

    @classmethod
    def of(cls, points: PointSet) -> _Scaling:
        spread = np.nanstd(points.values, axis=0)
        return cls(np.nanmean(points.values, axis=0), np.where(spread > 0, spread, 1.0))

    def standardised(self, values: FloatArray) -> FloatArray:
        return np.asarray((values - self.offset) / self.spread)

    def restored(self, values: FloatArray) -> FloatArray:
        return np.asarray(values * self.spread + self.offset)


@dataclass(frozen=True, slots=True)
class _Trial:
    """One crop of one fold: the pilot's cube, and the withheld entries to score on.

    `cube` covers the crop; `rows` are its points, `cells` their cells in the crop.
    """

    points: PointSet
    withheld: BoolArray
    cube: Cube
    rows: IntArray
    cells: IntArray
    scaling: _Scaling
    pilot_values: FloatArray
    problem: Problem

    @classmethod
    def of(
        cls, points: PointSet, lattice: Lattice, pilot: Pilot, problem: Problem
    ) -> _Trial | None:
        best = _fullest(lattice, problem)
        if best is None:
            return None
        fold, crop = best
        train = points.with_observed(points.observed & ~fold)
        if (train.observed.sum(axis=0) < 2).any():
            return None
        part = cropped_points(train, lattice, crop)
        near = np.zeros((len(points), 1), dtype=np.bool_)
        near[part.rows] = True
        mean, variance = pilot.predict(train, (fold | problem.wanted) & near, problem)
        scaling = _Scaling.of(train)
        small = part.points.lattice
        assert small is not None
        cube = _cube(part.points, small, mean[part.rows], variance[part.rows], scaling)
        asked = fold & near & np.isfinite(mean)
        return cls(points, asked, cube, part.rows, small.place, scaling, mean, problem)

    @property
    def columns(self) -> int:
        return int(self.withheld.shape[1])

    def score(self, values: FloatArray) -> float:
        return withheld_rmse(self.points, self.withheld, values)

    def score_by_channel(self, values: FloatArray) -> FloatArray:
        return withheld_rmse_by_channel(self.points, self.withheld, values)

    def recovered(self, settings: CompletionSettings) -> tuple[FloatArray, FloatArray]:
        """Return what windows make of the crop: mean and variance (n, s), NaN elsewhere."""
        found, left = complete_windows(
            self.cube, settings, seed=self.problem.seed, device=self.problem.device
        )
        values, variance = np.full((2, *self.withheld.shape), np.nan)
        values[self.rows] = self.scaling.restored(found[self.cells])
        variance[self.rows] = left[self.cells] * self.scaling.spread**2
        return values, variance


def _fullest(lattice: Lattice, problem: Problem) -> tuple[BoolArray, Crop] | None:
    """Return the fold and the crop that hold most withheld entries together."""
    best, most = None, 0
    for fold in (fold.withheld for fold in problem.folds):
        count = lattice.spread(fold.sum(axis=1), 0).ravel()
        crop = fullest_crop(lattice, _CELLS[problem.effort], count)
        if count[crop.cells].sum() > most:
            best, most = (fold, crop), int(count[crop.cells].sum())
    return best if most >= _FEWEST else None


def _cube(
    points: PointSet, lattice: Lattice, mean: FloatArray, variance: FloatArray, scaling: _Scaling
) -> Cube:
    """Lay observed values and the pilot's out over all cells, standardised."""
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


def _points_of(cells: FloatArray, lattice: Lattice) -> FloatArray:
    return cells[lattice.place]


def _rank(cube: Cube, channels: int) -> int:
    """Count the directions that hold more than 0.2 % of the variance of the pilot's cube."""
    known = cube.values[cube.known.all(axis=1)]
    if channels == 1 or len(known) == 0:
        return 1
    spectrum = np.linalg.eigvalsh(known.T @ known)[::-1]
    return int(np.clip((spectrum > _ENERGY * spectrum.sum()).sum(), 1, 8))
