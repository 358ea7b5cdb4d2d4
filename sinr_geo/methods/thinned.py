"""The error of any method on noisy data whose truth nobody knows, by splitting their noise."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sinr_geo.folds import Fold, scattered_folds
from sinr_geo.gaussian.crop import cropped_points, fullest_crop
from sinr_geo.gaussian.lattice_noise import LatticeNoise, complete_cube, lattice_noise
from sinr_geo.gaussian.split import HELD_OUT, split_noise
from sinr_geo.methods.protocol import Method, Problem, Shared
from sinr_geo.points import FloatArray, PointSet
from sinr_geo.randomness import generator

__all__ = ["thinned_error"]

_CELLS = 8_000
_SHARE = 0.05
_FEWEST = 30


def thinned_error(points: PointSet, method: Method, problem: Problem) -> float:
    """Score a method by thinning, in the box of the lattice where most was observed.

    Parameters
    ----------
    points : PointSet
        With a lattice.
    method : Method
    problem : Problem
        Its folds and wanted entries are not used: the crop has its own.

    Returns
    -------
    float
        Mean squared error in units of each channel's noise variance, the noise of the data that
        it is scored against taken off; about 0 for a perfect method, so it may fall below. NaN
        where no channel has 30 observed entries to score on.
    """
    lattice = points.lattice
    assert lattice is not None
    count = lattice.spread(points.observed.sum(axis=1), 0).ravel()
    crop = cropped_points(points, lattice, fullest_crop(lattice, _CELLS, count)).points
    enough = np.flatnonzero(crop.observed.sum(axis=0) >= _FEWEST)
    if enough.size == 0:
        return float("nan")
    crop = crop.select_channels(enough)
    seen = crop.observed
    noise = lattice_noise(crop, crop.values)
    level = _by_entry(crop, noise)
    draw = generator(problem.seed, "thinned error").standard_normal(seen.shape) * level
    noisier, scored_on = split_noise(crop.values, draw)
    fitted_to = crop.with_values(noisier)
    masks = scattered_folds(fitted_to, count=1, seed=problem.seed, share=_SHARE)
    folds = tuple(Fold(mask, mask) for mask in masks)
    trial = replace(problem, wanted=np.zeros_like(seen), folds=folds, shared=Shared())
    found = method.choose(fitted_to, trial).fit(fitted_to, trial).predict(fitted_to).values
    error = ((found - scored_on) / noise.levels)[seen]
    return float(np.mean(error**2) - HELD_OUT * np.mean((level / noise.levels)[seen] ** 2))


def _by_entry(points: PointSet, noise: LatticeNoise) -> FloatArray:
    """Return the noise of every entry of points on a lattice, shape (n, s)."""
    lattice = points.lattice
    assert lattice is not None
    cube = complete_cube(points.values, lattice)
    return np.asarray(noise.by_entry(cube, lattice)[lattice.place])
