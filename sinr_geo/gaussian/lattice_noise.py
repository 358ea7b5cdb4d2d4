"""The noise of points on a lattice: its level in every channel, and how it follows the signal."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sinr_geo.gaussian.crop import fullest_crop
from sinr_geo.gaussian.noise import noise_levels
from sinr_geo.gaussian.noise_variance import (
    NoiseVariance,
    fit_noise_variance,
    local_means,
    mean_noise_levels,
)
from sinr_geo.nearest import inverse_distance
from sinr_geo.points import BoolArray, FloatArray, Lattice, PointSet

__all__ = [
    "LEVEL_CELLS",
    "LatticeNoise",
    "complete_cube",
    "lattice_noise",
    "observed_cells",
    "stabilised_levels",
]

_LEAST_NOISE = 1e-3
LEVEL_CELLS = 250_000
"""Most cells that the level of the noise is estimated from."""

_VARIANCE_CELLS = 40_000


@dataclass(frozen=True, slots=True)
class LatticeNoise:
    """What is known of the noise of a lattice.

    Parameters
    ----------
    levels : ndarray, shape (s,)
        Root mean square over the cells, in the unit of each channel. Never less than the rounding
        to the stored type, nor a thousandth of the channel's spread.
    variance : NoiseVariance, or None
        How it follows the mean; None where it does not.
    typical : ndarray, shape (s,)
        Level of most cells, by a median; the same as `levels` where it is the same everywhere.
    """

    levels: FloatArray
    variance: NoiseVariance | None
    typical: FloatArray

    @classmethod
    def white(cls, levels: FloatArray) -> LatticeNoise:
        """Describe noise of the same levels (s,) in all cells."""
        return cls(levels, None, levels)

    def by_entry(self, cube: FloatArray, lattice: Lattice) -> FloatArray:
        """Return the standard deviation at every entry of a complete cube (cells, s)."""
        if self.variance is None:
            return np.broadcast_to(self.levels, cube.shape)
        means = local_means(cube.reshape(*lattice.shape, -1), lattice.space)
        return np.sqrt(self.variance.at(means)).reshape(cube.shape)


def lattice_noise(points: PointSet, complete: FloatArray) -> LatticeNoise:
    """Estimate the noise of points on a lattice.

    Parameters
    ----------
    points : PointSet
        With a lattice.
    complete : ndarray, shape (n, s)
        NaN where nothing is known.
    """
    lattice = points.lattice
    assert lattice is not None
    cube, told = complete_cube(complete, lattice), observed_cells(points, lattice)
    least = np.maximum(_least_noise(cube[told]), _quantisation(points))
    part = _Part.of(cube, lattice, told, LEVEL_CELLS)
    typical = np.maximum(noise_levels(part.cube, lattice.space, part.told), least)
    part = _Part.of(cube, lattice, told, _VARIANCE_CELLS)
    variance = fit_noise_variance(part.cube, lattice.space, part.told)
    if variance is None:
        return LatticeNoise.white(typical)
    levels = np.sqrt(variance.at(cube[told].mean(axis=0)))
    return LatticeNoise(np.maximum(levels, least), variance, typical)


def stabilised_levels(cube: FloatArray, lattice: Lattice, told: BoolArray) -> FloatArray:
    """Estimate one level per channel of a cube (cells, s) whose noise was stabilised; -> (s,).

    About 1; less where counts are few, and then not the same in all cells.
    """
    part = _Part.of(cube, lattice, told, _VARIANCE_CELLS)
    levels = mean_noise_levels(part.cube, lattice.space, part.told)
    return np.asarray(np.maximum(levels, _least_noise(cube[told])))


def observed_cells(points: PointSet, lattice: Lattice) -> BoolArray:
    """Mark cells that were observed in all channels, or where there is none in any; (cells,)."""
    everywhere = points.observed.all(axis=1)
    told = everywhere if everywhere.any() else points.observed.any(axis=1)
    return lattice.spread(np.asarray(told), False).ravel()


def complete_cube(complete: FloatArray, lattice: Lattice) -> FloatArray:
    """Lay values out over all cells; unknown ones take their nearest neighbour's; -> (cells, s)."""
    grid = lattice.spread(complete, np.nan).reshape(lattice.size, -1)
    known = np.isfinite(grid)
    if known.all():
        return grid
    index = np.stack(np.unravel_index(np.arange(lattice.size), lattice.shape), axis=1)
    return inverse_distance(index.astype(np.float64), grid, known, 1)


@dataclass(frozen=True, slots=True)
class _Part:
    """The box of a lattice that noise is measured in: (..., s), and observed cells (...)."""

    cube: FloatArray
    told: BoolArray

    @classmethod
    def of(cls, cube: FloatArray, lattice: Lattice, told: BoolArray, most: int) -> _Part:
        """Take the box of at most about `most` cells in which most were observed."""
        box = fullest_crop(lattice, most, told)
        shape = box.lattice.shape
        return cls(cube[box.cells].reshape(*shape, -1), told[box.cells].reshape(shape))


def _least_noise(rows: FloatArray) -> FloatArray:
    spread = rows.std(axis=0)
    return np.asarray(_LEAST_NOISE * np.where(spread > 0, spread, 1.0))


def _quantisation(points: PointSet) -> FloatArray:
    """Return the noise of rounding to the stored step; -> (s,)."""
    steps = np.array([channel.step for channel in points.channels])
    return np.asarray(steps / np.sqrt(12.0))
