"""The Gaussian head on the windows of a lattice, for denoising."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from sinr_geo.gaussian.denoising import denoise_directions
from sinr_geo.gaussian.noise import noise_levels
from sinr_geo.gaussian.subspace import Subspace
from sinr_geo.gaussian.thinning import WindowChoice, choose_windows
from sinr_geo.methods.protocol import Effort, Problem
from sinr_geo.nearest import inverse_distance
from sinr_geo.points import BoolArray, FloatArray, Lattice, PointSet
from sinr_geo.recovery import Prediction

__all__ = ["WindowDenoising", "denoise_lattice", "lattice_noise"]

_SEGMENTATIONS = {Effort.FAST: 1, Effort.NORMAL: 3, Effort.BEST: 5}
_LEAST_NOISE = 1e-3


@dataclass(frozen=True, slots=True)
class WindowDenoising:
    """A denoised point set and how it was chosen."""

    prediction: Prediction
    noise: FloatArray
    windows: WindowChoice

    def as_dict(self, names: tuple[str, ...]) -> Mapping[str, Any]:
        """Return JSON types only."""
        chosen = self.windows.settings
        return {
            "noise": dict(zip(names, self.noise.tolist(), strict=True)),
            "rank": chosen.rank,
            "width": chosen.width,
            "windows_per_superpixel": chosen.cells,
            "alpha": chosen.alpha,
            "passes": chosen.passes,
            "thinning_score": self.windows.score,
            "thinning_tried": dict(self.windows.tried),
        }


def denoise_lattice(points: PointSet, complete: FloatArray, problem: Problem) -> WindowDenoising:
    """Denoise points on a lattice.

    Parameters
    ----------
    points : PointSet
        With a lattice.
    complete : ndarray, shape (n, s)
        Observed values, and recovered ones at the gaps; NaN where nothing is known.
    problem : Problem
    """
    lattice = points.lattice
    assert lattice is not None
    cube = _complete_cube(complete, lattice)
    noise = lattice_noise(points, complete)
    told = _observed_cells(points, lattice)
    subspace = Subspace.fit(cube[told], noise)
    whitened = subspace.whitened(cube)
    windows = choose_windows(whitened, subspace, lattice, told, problem)
    problem.progress("denoising windows", 0.5)
    found = denoise_directions(
        whitened @ subspace.directions,
        lattice,
        windows.settings,
        segmentations=_SEGMENTATIONS[problem.effort],
        seed=problem.seed,
        device=problem.device,
    )
    values = lattice.gather(_grid(subspace.unwhitened(found.mean @ subspace.directions.T), lattice))
    variance = lattice.gather(_grid(found.variance @ subspace.directions.T**2, lattice))
    error = np.sqrt(variance) * subspace.scale
    return WindowDenoising(Prediction(values, error), noise, windows)


def lattice_noise(points: PointSet, complete: FloatArray) -> FloatArray:
    """Estimate the noise of every channel of points on a lattice.

    Never less than the rounding to the stored type, nor a thousandth of the channel's spread.

    Parameters
    ----------
    points : PointSet
        With a lattice.
    complete : ndarray, shape (n, s)
        NaN where nothing is known.

    Returns
    -------
    ndarray, shape (s,)
    """
    lattice = points.lattice
    assert lattice is not None
    cube = _complete_cube(complete, lattice)
    told = _observed_cells(points, lattice)
    spread = cube[told].std(axis=0)
    least = np.maximum(_LEAST_NOISE * np.where(spread > 0, spread, 1.0), _quantisation(points))
    shaped = cube.reshape(*lattice.shape, -1)
    noise = noise_levels(shaped, lattice.space, told.reshape(lattice.shape))
    return np.asarray(np.maximum(noise, least))


def _observed_cells(points: PointSet, lattice: Lattice) -> BoolArray:
    """Mark cells that were observed in all channels, or where there is none in any; (cells,)."""
    everywhere = points.observed.all(axis=1)
    told = everywhere if everywhere.any() else points.observed.any(axis=1)
    return lattice.spread(np.asarray(told), False).ravel()


def _quantisation(points: PointSet) -> FloatArray:
    """Return the noise of rounding to the stored step; -> (s,)."""
    steps = np.array([channel.step for channel in points.channels])
    return np.asarray(steps / np.sqrt(12.0))


def _complete_cube(complete: FloatArray, lattice: Lattice) -> FloatArray:
    """Lay values out over all cells; unknown ones take their nearest neighbour's; -> (cells, s)."""
    grid = lattice.spread(complete, np.nan).reshape(lattice.size, -1)
    known = np.isfinite(grid)
    if known.all():
        return grid
    index = np.stack(np.unravel_index(np.arange(lattice.size), lattice.shape), axis=1)
    return inverse_distance(index.astype(np.float64), grid, known, 1)


def _grid(cells: FloatArray, lattice: Lattice) -> FloatArray:
    return cells.reshape(*lattice.shape, -1)
