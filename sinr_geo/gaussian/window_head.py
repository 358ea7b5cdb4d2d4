"""The Gaussian head on the windows of a lattice, for denoising."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from sinr_geo.gaussian.crop import fullest_crop
from sinr_geo.gaussian.denoising import Denoised, denoise_leading
from sinr_geo.gaussian.lattice_noise import (
    LatticeNoise,
    complete_cube,
    lattice_noise,
    observed_cells,
    stabilised_levels,
)
from sinr_geo.gaussian.noise_treatment import NoiseTreatment, choose_treatment
from sinr_geo.gaussian.spatial_covariance import spatial_subspace
from sinr_geo.gaussian.subspace import Subspace, shrinkage
from sinr_geo.gaussian.thinning import WindowChoice, choose_windows
from sinr_geo.methods.protocol import Effort, Problem
from sinr_geo.points import BoolArray, FloatArray, Lattice, PointSet
from sinr_geo.recovery import Prediction

__all__ = ["WindowDenoising", "denoise_lattice"]

_SEGMENTATIONS = {Effort.FAST: 1, Effort.NORMAL: 2, Effort.BEST: 3}
_SHARED_CELLS = 65_000
_ELEMENTS = 1 << 22
_NEIGHBOURS = (slice(None, -1), slice(1, None))


@dataclass(frozen=True, slots=True)
class WindowDenoising:
    """A denoised point set and how it was chosen."""

    prediction: Prediction
    noise: LatticeNoise
    treatment: NoiseTreatment
    windows: WindowChoice

    def as_dict(self, names: tuple[str, ...]) -> Mapping[str, Any]:
        """Return JSON types only."""
        chosen = self.windows.settings
        return {
            "noise": dict(zip(names, self.treatment.noise.levels.tolist(), strict=True)),
            "noise_follows_signal": self._following(names),
            "rank": chosen.rank,
            "widths": chosen.widths(),
            "windows_per_superpixel": chosen.cells,
            "alpha": chosen.alpha,
            "passes": chosen.passes,
            "caution": chosen.caution,
            "smoothing": chosen.smoothing,
            "standard_error_scale": self.windows.error_scale,
            "thinning_score": self.windows.score,
            "thinning_tried": dict(self.windows.tried),
        }

    def _following(self, names: tuple[str, ...]) -> Mapping[str, Any] | None:
        """Say how the noise variance follows the mean; None where it does not."""
        variance = self.noise.variance
        if variance is None:
            return None
        return {
            "gain": dict(zip(names, variance.gain.tolist(), strict=True)),
            "offset": dict(zip(names, variance.offset.tolist(), strict=True)),
            "bic_less_constant": dict(variance.bic),
            "treated": min(self.treatment.scores, key=lambda name: self.treatment.scores[name]),
            "thinning_tried": dict(self.treatment.scores),
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
    cube, told = complete_cube(complete, lattice), observed_cells(points, lattice)
    noise = lattice_noise(points, complete)
    treatment = choose_treatment(cube, noise, lattice, told, problem)
    transform, taken = treatment.stabiliser, treatment.noise
    if transform is not None:
        cube = _in_chunks(cube, transform.forward)
        taken = LatticeNoise.white(stabilised_levels(cube, lattice, told))
    values, error, windows = _denoise(cube, taken, lattice, told, problem)
    if transform is not None:
        for part in _chunks(values):
            error[part] *= transform.inverse_slope(values[part])
            values[part] = transform.inverse(values[part])
    prediction = Prediction(values[lattice.place], error[lattice.place])
    return WindowDenoising(prediction, noise, treatment, windows)


def _denoise(
    cube: FloatArray, noise: LatticeNoise, lattice: Lattice, told: BoolArray, problem: Problem
) -> tuple[FloatArray, FloatArray, WindowChoice]:
    """Denoise a cube (cells, s) with one noise level per channel; -> value and error, choice."""
    subspace, smoothing = spatial_subspace(cube, lattice, told, noise.levels)
    windows = choose_windows(cube, subspace, smoothing, noise, lattice, told, problem)
    problem.progress("denoising windows", 0.5)
    rank = windows.settings.rank
    leading = denoise_leading(
        _in_chunks(cube, lambda rows: subspace.whitened(rows) @ subspace.directions[:, :rank]),
        lattice,
        windows.settings,
        segmentations=_SEGMENTATIONS[problem.effort],
        seed=problem.seed,
        device=problem.device,
    )
    remainder = _remainder(cube, told, lattice, subspace, rank)
    values, error = _in_channels(cube, leading, subspace, remainder, windows.error_scale)
    return values, error, windows


@dataclass(frozen=True, slots=True)
class _Remainder:
    """What becomes of the directions that windows do not take.

    Parameters
    ----------
    shrink : ndarray, shape (s, s)
        Keeps of whitened rows what stands out from noise.
    variance : ndarray, shape (s,)
        What is left in every channel.
    """

    shrink: FloatArray
    variance: FloatArray


def _remainder(
    cube: FloatArray, told: BoolArray, lattice: Lattice, subspace: Subspace, rank: int
) -> _Remainder:
    """Shrink further directions; those below the edge of noise are lost, with their signal.

    How much signal that is, all of them together, is what neighbouring cells share.
    """
    gain = shrinkage(subspace.variances, int(told.sum()))
    further = np.arange(len(gain)) >= rank
    lost = subspace.directions[:, further & (gain == 0.0)]
    kept = subspace.directions[:, further]
    box = fullest_crop(lattice, _SHARED_CELLS, told)
    tail = (subspace.whitened(cube[box.cells]) @ lost).reshape(*box.lattice.shape, -1)
    shared = _shared_by_neighbours(tail, told[box.cells].reshape(box.lattice.shape), lattice.space)
    variance = kept**2 @ gain[further] + (lost**2).sum(axis=1) * shared
    return _Remainder((kept * gain[further]) @ kept.T, variance)


def _shared_by_neighbours(grid: FloatArray, told: BoolArray, space: tuple[int, ...]) -> float:
    """Return the mean covariance between neighbouring cells of columns of mean 0, at least 0."""
    products = [np.zeros(0)]
    for axis in space:
        first, second = (np.moveaxis(grid, axis, 0)[part] for part in _NEIGHBOURS)
        both = np.logical_and(*(np.moveaxis(told, axis, 0)[part] for part in _NEIGHBOURS))
        products.append((first * second)[both].ravel())
    joined = np.concatenate(products)
    return max(0.0, float(joined.mean())) if joined.size else 0.0


def _in_channels(
    cube: FloatArray,
    leading: Denoised,
    subspace: Subspace,
    remainder: _Remainder,
    error_scale: float,
) -> tuple[FloatArray, FloatArray]:
    """Put the leading directions and the others together; -> value and error, each (cells, s)."""
    dictionary = subspace.directions[:, : leading.mean.shape[1]]
    values, error = np.empty_like(cube), np.empty_like(cube)
    for part in _chunks(cube):
        rest = subspace.whitened(cube[part]) @ remainder.shrink
        values[part] = subspace.unwhitened(leading.mean[part] @ dictionary.T + rest)
        variance = error_scale**2 * leading.variance[part] @ dictionary.T**2
        error[part] = np.sqrt(variance + remainder.variance) * subspace.scale
    return values, error


def _in_chunks(cube: FloatArray, function: Callable[[FloatArray], FloatArray]) -> FloatArray:
    """Apply a function to rows (cells, s), a bounded number at a time."""
    return np.concatenate([function(cube[part]) for part in _chunks(cube)])


def _chunks(cube: FloatArray) -> list[slice]:
    step = max(1, _ELEMENTS // cube.shape[1])
    return [slice(start, start + step) for start in range(0, len(cube), step)]
