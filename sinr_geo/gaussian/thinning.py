"""Choosing the settings of windows from the noisy data alone (see `split`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from sinr_geo.gaussian.crop import fullest_crop
from sinr_geo.gaussian.denoising import (
    LARGEST_WINDOW,
    Denoised,
    WindowSettings,
    denoise_directions,
)
from sinr_geo.gaussian.error_ratio import SplitRatio, bootstrap_ratio, pooled_scale
from sinr_geo.gaussian.lattice_noise import LEVEL_CELLS, LatticeNoise
from sinr_geo.gaussian.search import search
from sinr_geo.gaussian.spatial_covariance import SpatialCovariance
from sinr_geo.gaussian.split import ADDED, held_out, split_noise
from sinr_geo.gaussian.subspace import Subspace
from sinr_geo.methods.protocol import Effort, Problem
from sinr_geo.points import BoolArray, FloatArray, Lattice
from sinr_geo.randomness import generator
from sinr_geo.workers import side_by_side

__all__ = ["CELLS", "WindowChoice", "choose_windows", "first_settings"]

CELLS: Mapping[Effort, int] = {Effort.FAST: 6_000, Effort.NORMAL: 20_000, Effort.BEST: 40_000}
"""Cells of the crop that settings are tried on, by effort."""

_SCALES = {Effort.FAST: 1, Effort.NORMAL: 3, Effort.BEST: 5}
_WIDTHS = (2, 3, 4, 5, 6, 8, 10)
_CELLS_PER_SUPERPIXEL = (25, 35, 50, 70, 100, 160, 250, 400)
_ALPHAS = (0.1, 0.3, 1.0, 3.0, 10.0)
_CAUTION = (1.0, 1.1, 1.2, 1.35, 1.5, 2.0)
_PASSES = (1, 2, 3, 4, 5)
_RANKS = (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 16, 20, 26, 32, 40)
_EVEN = 1.0


@dataclass(frozen=True, slots=True)
class WindowChoice:
    """What was chosen for the window head.

    Parameters
    ----------
    settings : WindowSettings
    score : float
        Mean squared error against the held-out half of the noise, in units of the noise variance,
        with the held-out noise itself taken off; it may fall below 0 by chance.
    tried : mapping of str to float
        The same for every setting that was tried.
    error_scale : float
        Factor by which errors exceed what the windows' own variance says.
    """

    settings: WindowSettings
    score: float
    tried: Mapping[str, float]
    error_scale: float


def choose_windows(
    cube: FloatArray,
    subspace: Subspace,
    smoothing: float,
    noise: LatticeNoise,
    lattice: Lattice,
    observed: BoolArray,
    problem: Problem,
) -> WindowChoice:
    """Choose all settings by thinning, one after the other.

    Parameters
    ----------
    cube : ndarray, shape (cells, s)
        Complete data on all cells.
    subspace : Subspace
        Fitted to all directions; its signal rank is where the search starts.
    smoothing : float
        That of the settings.
    noise : LatticeNoise
        Its levels are the scale of the subspace.
    lattice : Lattice
    observed : ndarray of bool, shape (cells,)
        Cells to score on.
    problem : Problem
    """
    trial = _Trial(cube, subspace, noise, lattice, observed, problem)
    found = search(
        first_settings(subspace, lattice, smoothing),
        {
            "rank": [rank for rank in _RANKS if rank <= len(subspace.variances)],
            "width": _WIDTHS,
            "cells": _CELLS_PER_SUPERPIXEL,
            "caution": _CAUTION,
            "alpha": _ALPHAS,
            "passes": _PASSES,
            "scales": range(1, _SCALES[problem.effort] + 1, 2),
        },
        trial.score,
        allowed=lambda settings: _fits(settings.width, settings.rank, lattice),
        progress=problem.progress,
        what="choosing windows",
    )
    return WindowChoice(found.settings, found.score, found.tried, trial.error_scale(found.settings))


def first_settings(subspace: Subspace, lattice: Lattice, smoothing: float) -> WindowSettings:
    """Return the settings that the search starts from."""
    rank = min(subspace.rank, _RANKS[-1])
    width = max(w for w in _WIDTHS if w == _WIDTHS[0] or (w <= 4 and _fits(w, rank, lattice)))
    return WindowSettings(
        rank, width, cells=50, alpha=1.0, passes=3, caution=1.2, smoothing=smoothing
    )


class _Trial:
    """A crop of the cube, thinned."""

    def __init__(
        self,
        cube: FloatArray,
        subspace: Subspace,
        noise: LatticeNoise,
        lattice: Lattice,
        observed: BoolArray,
        problem: Problem,
    ) -> None:
        box = fullest_crop(lattice, CELLS[problem.effort], observed)
        rows = cube[box.cells]
        relative = noise.by_entry(rows, box.lattice) / noise.levels
        self._observed = observed[box.cells]
        self._rows = subspace.whitened(rows)
        draw = relative * generator(problem.seed, "thinning").standard_normal(rows.shape)
        self._draws = (draw, -draw)
        self._noise = float(np.mean(relative[self._observed] ** 2))
        self._samples = min(int(observed.sum()), LEVEL_CELLS) * rows.shape[1]
        self._lattice = box.lattice
        self._problem = problem
        self._thinned = [self._view(ADDED, draw) for draw in self._draws]

    def score(self, settings: WindowSettings) -> float:
        """Fit to the noisier half and score on the other one, with a draw and its opposite.

        What a fit that noise hardly moves says by chance about a draw cancels with the opposite.
        """
        errors = side_by_side([partial(self._error, settings, view) for view in self._thinned])
        return float(np.mean(errors) - self._noise * held_out(ADDED))

    def _error(self, settings: WindowSettings, view: _View) -> float:
        found, scored_on, _ = self._fitted(settings, view)
        return float(np.mean((found.mean - scored_on)[self._observed] ** 2))

    def error_scale(self, settings: WindowSettings) -> float:
        """Compare the errors along the leading directions with their variances, in two ways."""
        return pooled_scale(self._split_ratio(settings), self._bootstrap_ratio(settings))

    def _split_ratio(self, settings: WindowSettings) -> SplitRatio:
        """Fit to one half of the data, and score on the other.

        The split is even: the data lose more by it than in a score, but next to the noise in
        what is scored on, small errors would not be seen otherwise. Each half is fitted to once:
        products of the data's noise with the drawn one cancel, and the drawn one is known.
        """
        told, leading = self._observed, slice(0, settings.rank)
        squares, predicted = [], []
        for draw in self._draws:
            found, scored_on, subspace = self._fitted(settings, self._view(_EVEN, draw))
            squared = (found.mean - scored_on)[told, leading] ** 2
            drawn = (draw[told] @ subspace.directions[:, leading]) ** 2
            squares.append((squared - drawn / _EVEN**2).mean(axis=1))
            predicted.append(found.variance[told, leading].mean())
        return SplitRatio.of(
            np.mean(squares, axis=0), float(np.mean(predicted)), self._noise, self._samples
        )

    def _bootstrap_ratio(self, settings: WindowSettings) -> float:
        """Denoise, add the noise of the draws, and denoise again."""
        told, leading = self._observed, slice(0, settings.rank)
        first, _, subspace = self._fitted(settings, self._view_of(1.0, self._rows, self._rows))
        truth = first.mean @ subspace.directions.T + subspace.mean
        squares, predicted = [], []
        for draw in self._draws:
            again, expected, _ = self._fitted(settings, self._view_of(1.0, truth + draw, truth))
            squares.append(((again.mean - expected)[told, leading] ** 2).mean())
            predicted.append(again.variance[told, leading].mean())
        return bootstrap_ratio(float(np.mean(squares)), float(np.mean(predicted)))

    def _fitted(
        self, settings: WindowSettings, view: _View
    ) -> tuple[Denoised, FloatArray, Subspace]:
        """Denoise one view along its own directions; -> that, the other view along them, and they.

        Directions of the data as they are would hold more of the noise of both views than others.
        """
        subspace = view.covariance.subspace(settings.smoothing)
        scored_on = (view.scored_on - subspace.mean) @ subspace.directions
        found = denoise_directions(
            subspace.whitened(view.fit_to) @ subspace.directions,
            self._lattice,
            settings,
            segmentations=1,
            seed=self._problem.seed,
            device=self._problem.device,
        )
        denoised = Denoised(view.level * found.mean, view.level**2 * found.variance)
        return denoised, scored_on, subspace

    def _view(self, added: float, draw: FloatArray) -> _View:
        return self._view_of(float(np.sqrt(1.0 + added**2)), *split_noise(self._rows, draw, added))

    def _view_of(self, level: float, fit_to: FloatArray, scored_on: FloatArray) -> _View:
        scale = np.full(fit_to.shape[1], level)
        covariance = SpatialCovariance.of(fit_to, self._lattice, self._observed, scale)
        return _View(level, fit_to, scored_on, covariance)


@dataclass(frozen=True, slots=True)
class _View:
    """Split data: the noise level of what is fitted to, both views, the first one's covariance."""

    level: float
    fit_to: FloatArray
    scored_on: FloatArray
    covariance: SpatialCovariance


def _fits(width: int, rank: int, lattice: Lattice) -> bool:
    """Whether a window's covariance is small enough to estimate and to invert."""
    places = np.prod([min(width, lattice.shape[d]) for d in lattice.space])
    return bool(places * rank <= LARGEST_WINDOW)
