"""`subspace-bm3d`: BM3D on the eigenimages of the signal's subspace, as FastHyDe does.

Zhuang and Bioucas-Dias 2018: channels are whitened by their noise and projected on the leading
eigenvectors; each eigenimage, whose noise is 1, is denoised by BM3D (Dabov et al. 2007). The
package bm3d is optional (extra ``peers``); its licence allows non-commercial use only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from sinr_geo.coordinates import Embedding
from sinr_geo.errors import RequestError
from sinr_geo.gaussian.noise import noise_levels
from sinr_geo.gaussian.subspace import Subspace
from sinr_geo.methods.protocol import Choice, HeldOut, Problem, Task
from sinr_geo.nearest import inverse_distance
from sinr_geo.points import FloatArray, PointSet
from sinr_geo.recovery import Prediction
from sinr_geo.scoring import held_out_rmse, known_score

__all__ = ["SubspaceBm3dMethod", "denoised"]

_NEIGHBOURS = 4
_LEAST_NOISE = 1e-9

Denoiser = Callable[[FloatArray, float], FloatArray]


class SubspaceBm3dMethod:
    """``--method subspace-bm3d``: for noise on plane grids alone."""

    name = "subspace-bm3d"

    def choose(self, points: PointSet, problem: Problem) -> Choice:
        """Learn the standard error on the folds; nothing is chosen.

        Raises
        ------
        RequestError
            If the task is not denoising, the points lie on no plane grid, or bm3d is missing.
        """
        if problem.task is not Task.DENOISING:
            raise RequestError(
                "--method subspace-bm3d removes noise and fills no gaps; use it with denoise, or "
                "choose another method"
            )
        lattice = points.lattice
        if lattice is None or len(lattice.shape) != 2:
            raise RequestError(
                "--method subspace-bm3d needs a grid of rows and columns; choose another method"
            )
        held, error = [], np.full((len(problem.folds), len(points.channels)), np.nan)
        for number, fold in enumerate(problem.folds):
            found = _image(fold.train(points), _bm3d())
            off = np.where(fold.asked, found.values - points.values, 0.0)
            square = (off**2).sum(axis=0) / np.maximum(fold.asked.sum(axis=0), 1)
            error[number] = np.sqrt(np.maximum(square - found.sigma**2, 0.0))
            spread = np.broadcast_to(error[number], off.shape)
            held.append(HeldOut.of(fold, found.values, spread))
        mean = error.mean(axis=0) if held else np.full(len(points.channels), np.nan)
        return _Bm3dChoice(tuple(held), mean, held_out_rmse(points, problem.folds, held))


@dataclass(frozen=True, slots=True)
class _Bm3dChoice:
    """Nothing is chosen; only the error is learned.

    Parameters
    ----------
    withheld : tuple of HeldOut
    error : ndarray, shape (s,)
        Root mean square of the errors at withheld entries, less their noise.
    score : float
    """

    withheld: tuple[HeldOut, ...]
    error: FloatArray
    score: float

    @property
    def report(self) -> Mapping[str, Any]:
        """What was chosen: nothing."""
        return {"method": SubspaceBm3dMethod.name, "withheld_rmse": known_score(self.score)}

    def fit(self, points: PointSet, problem: Problem) -> _FittedBm3d:
        """Denoise the image."""
        found = _image(points, _bm3d())
        report = {**self.report, "rank": found.rank, "noise": found.sigma.tolist()}
        return _FittedBm3d(points, found.values, self.error, report)


@dataclass(frozen=True, slots=True)
class _FittedBm3d:
    """A denoised image with one standard error per channel."""

    fitted_to: PointSet
    values: FloatArray
    error: FloatArray
    report: Mapping[str, Any]

    def predict(self, points: PointSet) -> Prediction:
        """Return the image that was fitted."""
        if not np.array_equal(points.coordinates, self.fitted_to.coordinates):
            raise RequestError("--method subspace-bm3d predicts the grid that it was fitted to")
        return Prediction(self.values, np.broadcast_to(self.error, self.values.shape).copy())


@dataclass(frozen=True, slots=True)
class _Image:
    """What became of an image: values (n, s), noise (s,) and rank of the subspace."""

    values: FloatArray
    sigma: FloatArray
    rank: int


def _image(points: PointSet, denoise: Denoiser) -> _Image:
    """Denoise points on a grid; what is missing among them is interpolated first."""
    lattice = points.lattice
    assert lattice is not None
    place = Embedding.fit(points)(points.coordinates)
    complete = inverse_distance(place, points.values, points.observed, _NEIGHBOURS)
    cube = lattice.spread(complete, 0.0)
    cube[~lattice.spread(np.ones(len(points), dtype=np.bool_), False)] = complete.mean(axis=0)
    seen = lattice.spread(np.asarray(points.observed.all(axis=1)), False)
    sigma = np.maximum(noise_levels(cube, lattice.space, seen), _LEAST_NOISE)
    clean, rank = denoised(cube, sigma, denoise)
    return _Image(lattice.gather(clean), sigma, rank)


def denoised(cube: FloatArray, sigma: FloatArray, denoise: Denoiser) -> tuple[FloatArray, int]:
    """Denoise the eigenimages of a cube.

    Parameters
    ----------
    cube : ndarray, shape (rows, columns, s)
    sigma : ndarray, shape (s,)
        Standard deviation of each channel's noise.
    denoise : callable
        Denoises an image (rows, columns) whose noise has a given standard deviation.

    Returns
    -------
    ndarray, shape (rows, columns, s)
    int
        Rank of the subspace.
    """
    rows = cube.reshape(-1, cube.shape[-1])
    space = Subspace.fit(rows, sigma)
    directions = space.directions[:, : space.rank]
    images = (space.whitened(rows) @ directions).reshape(*cube.shape[:2], space.rank)
    clean = np.stack([denoise(images[..., k], 1.0) for k in range(space.rank)], axis=-1)
    back = clean.reshape(-1, space.rank) @ directions.T
    return space.unwhitened(back).reshape(cube.shape), space.rank


def _bm3d() -> Denoiser:
    try:
        from bm3d import bm3d
    except ImportError as error:
        raise RequestError(
            "--method subspace-bm3d needs the package bm3d: pip install 'sinr-geo[peers]'"
        ) from error
    denoise: Denoiser = bm3d
    return denoise
