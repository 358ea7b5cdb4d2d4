"""The error of any method on noisy data whose truth nobody knows, by splitting their noise."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from sinr_geo.folds import Fold, scattered_folds
from sinr_geo.gaussian.crop import cropped_points, fullest_crop
from sinr_geo.gaussian.lattice_noise import LatticeNoise, complete_cube, lattice_noise
from sinr_geo.gaussian.split import HELD_OUT, split_noise
from sinr_geo.methods.protocol import Method, Problem, Shared
from sinr_geo.points import FloatArray, PointSet
from sinr_geo.randomness import generator

__all__ = ["Thinned"]

_CELLS = 8_000
_SHARE = 0.05
_FEWEST = 30


@dataclass(frozen=True, slots=True)
class Thinned:
    """The box of a lattice where most was observed, its noise split; built by `Thinned.of`.

    Parameters
    ----------
    noisier : PointSet
        What methods are fitted to.
    scored_on : ndarray, shape (n, s)
        Values whose noise is independent of the noisier one's.
    noise : ndarray, shape (s,)
        Its level in every channel.
    held_out : float
        What a perfect method would leave, in units of the noise variance.
    """

    noisier: PointSet
    scored_on: FloatArray
    noise: FloatArray
    held_out: float

    @classmethod
    def of(cls, points: PointSet, problem: Problem) -> Thinned | None:
        """Split points on a lattice; None where no channel has 30 observed entries to score on."""
        lattice = points.lattice
        assert lattice is not None
        count = lattice.spread(points.observed.sum(axis=1), 0).ravel()
        crop = cropped_points(points, lattice, fullest_crop(lattice, _CELLS, count)).points
        enough = np.flatnonzero(crop.observed.sum(axis=0) >= _FEWEST)
        if enough.size == 0:
            return None
        crop = crop.select_channels(enough)
        noise = lattice_noise(crop, crop.values)
        level = _by_entry(crop, noise)
        draw = generator(problem.seed, "thinned error").standard_normal(level.shape) * level
        noisier, scored_on = split_noise(crop.values, draw)
        held_out = HELD_OUT * np.mean((level / noise.levels)[crop.observed] ** 2)
        return cls(crop.with_values(noisier), scored_on, noise.levels, float(held_out))

    def error(self, method: Method, problem: Problem) -> float:
        """Score a method.

        Parameters
        ----------
        method : Method
        problem : Problem
            Its folds and wanted entries are not used: the crop has its own.

        Returns
        -------
        float
            Mean squared error in units of each channel's noise variance, the noise of the data
            that it is scored against taken off; about 0 for a perfect method, so it may fall below.
        """
        points, seen = self.noisier, self.noisier.observed
        masks = scattered_folds(points, count=1, seed=problem.seed, share=_SHARE)
        folds = tuple(Fold(mask, mask) for mask in masks)
        trial = replace(problem, wanted=np.zeros_like(seen), folds=folds, shared=Shared())
        found = method.choose(points, trial).fit(points, trial).predict(points).values
        error = ((found - self.scored_on) / self.noise)[seen]
        return float(np.mean(error**2) - self.held_out)


def _by_entry(points: PointSet, noise: LatticeNoise) -> FloatArray:
    """Return the noise of every entry of points on a lattice, shape (n, s)."""
    lattice = points.lattice
    assert lattice is not None
    cube = complete_cube(points.values, lattice)
    return np.asarray(noise.by_entry(cube, lattice)[lattice.place])
