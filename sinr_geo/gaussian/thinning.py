"""Choosing the settings of windows from the noisy data alone (see `split`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from sinr_geo.gaussian.crop import fullest_crop
from sinr_geo.gaussian.denoising import WindowSettings, denoise_directions
from sinr_geo.gaussian.search import search
from sinr_geo.gaussian.split import ADDED, HELD_OUT, split_noise
from sinr_geo.gaussian.subspace import Subspace
from sinr_geo.methods.protocol import Effort, Problem
from sinr_geo.points import BoolArray, FloatArray, Lattice
from sinr_geo.randomness import generator

__all__ = ["WindowChoice", "choose_windows"]

_LEVEL = (1.0 + ADDED**2) ** 0.5
_CELLS = {Effort.FAST: 6_000, Effort.NORMAL: 16_000, Effort.BEST: 65_000}
_WIDTHS = (2, 3, 4, 5, 6)
_CELLS_PER_SUPERPIXEL = (40, 60, 100, 160, 250, 400)
_ALPHAS = (0.3, 1.0, 3.0)
_RANKS = (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 16, 20, 26, 32, 40)
_LARGEST_WINDOW = 200


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
    """

    settings: WindowSettings
    score: float
    tried: Mapping[str, float]


def choose_windows(
    whitened: FloatArray,
    subspace: Subspace,
    lattice: Lattice,
    observed: BoolArray,
    problem: Problem,
) -> WindowChoice:
    """Choose rank, width, superpixel size and weight of coordinates by thinning.

    Parameters
    ----------
    whitened : ndarray, shape (cells, s)
        Centred data in units of the noise of each channel.
    subspace : Subspace
        Fitted to all directions; its signal rank is where the search starts.
    lattice : Lattice
    observed : ndarray of bool, shape (cells,)
        Cells to score on.
    problem : Problem
    """
    trial = _Trial(whitened, subspace, lattice, observed, problem)
    rank = min(subspace.rank, _RANKS[-1])
    width = max(w for w in _WIDTHS if w == _WIDTHS[0] or (w <= 4 and _fits(w, rank, lattice)))
    start = WindowSettings(rank, width, cells=100, alpha=1.0, passes=2)
    found = search(
        start,
        {
            "rank": [rank for rank in _RANKS if rank <= len(subspace.variances)],
            "width": _WIDTHS,
            "cells": _CELLS_PER_SUPERPIXEL,
            "alpha": _ALPHAS,
        },
        trial.score,
        allowed=lambda settings: _fits(settings.width, settings.rank, lattice),
        progress=problem.progress,
        what="choosing windows",
    )
    return WindowChoice(found.settings, found.score, found.tried)


class _Trial:
    """A crop of the cube, thinned."""

    def __init__(
        self,
        whitened: FloatArray,
        subspace: Subspace,
        lattice: Lattice,
        observed: BoolArray,
        problem: Problem,
    ) -> None:
        box = fullest_crop(lattice, _CELLS[problem.effort], observed)
        self._observed = observed[box.cells]
        rows = whitened[box.cells] @ subspace.directions
        noise = generator(problem.seed, "thinning").standard_normal(rows.shape)
        self._lattice = box.lattice
        noisier, self._score_on = split_noise(rows, noise)
        self._fit_to = noisier / _LEVEL
        self._problem = problem

    def score(self, settings: WindowSettings) -> float:
        """Fit to the noisier half and score on the other one."""
        found = denoise_directions(
            self._fit_to,
            self._lattice,
            settings,
            segmentations=1,
            seed=self._problem.seed,
            device=self._problem.device,
        )
        error = (_LEVEL * found.mean - self._score_on)[self._observed]
        return float(np.mean(error**2) - HELD_OUT)


def _fits(width: int, rank: int, lattice: Lattice) -> bool:
    """Whether a window's covariance is small enough to estimate and to invert."""
    places = np.prod([min(width, lattice.shape[d]) for d in lattice.space])
    return bool(places * rank <= _LARGEST_WINDOW)
