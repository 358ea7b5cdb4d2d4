"""How the variance of noise follows the signal: variance = gain x mean + offset.

The second differences of `noise` are read off within bins of equal local mean instead of all at
once. The mean of three cells in a row and their second difference carry independent noise, so a
bin does not select the noise that is measured in it. Every bin's variance is a non-negative sum:
for each channel that its residual mixes, a floor and a ramp that rises from the darkest bin. One
level per channel, one gain for all channels and a gain per channel compete by BIC, with the
variances of bins gamma-distributed as much as they scatter around the richest of the three.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from scipy.linalg import solve_triangular
from scipy.ndimage import uniform_filter
from scipy.optimize import nnls
from scipy.sparse import csr_array

from sinr_geo.cholesky import safe_cholesky
from sinr_geo.gaussian.noise import MAD_TO_SD, Residuals, noise_levels, second_differences
from sinr_geo.points import BoolArray, FloatArray

__all__ = ["NoiseVariance", "fit_noise_variance", "local_means", "mean_noise_levels"]

_CONSTANT, _SHARED, _PER_CHANNEL = "constant", "one gain", "a gain per channel"

_BINS = 16
_CELLS_PER_BIN = 50
_REWEIGHTINGS = 3
_LEAST = 1e-6
_LEAST_SHARE = 1e-3
_FEWEST_BINS = 3


@dataclass(frozen=True, slots=True)
class NoiseVariance:
    """Noise of variance gain x mean + offset.

    Parameters
    ----------
    gain, offset : ndarray, shape (s,)
        The gain is at least 0; 0 where the variance of a channel does not depend on its mean.
    bic : mapping of str to float
        What each form of the dependence scored, less what a constant variance did.
    """

    gain: FloatArray
    offset: FloatArray
    bic: Mapping[str, float]

    def at(self, mean: FloatArray) -> FloatArray:
        """Return the variance at means (..., s); not below 0."""
        return np.asarray(np.maximum(self.gain * mean + self.offset, 0.0))


def fit_noise_variance(
    cube: FloatArray, space: tuple[int, ...], observed: BoolArray
) -> NoiseVariance | None:
    """Estimate how the variance of noise follows the mean.

    Parameters
    ----------
    cube : ndarray, shape (..., s)
        Complete values on a lattice.
    space : tuple of int
        Dimensions of the lattice along which neighbouring cells resemble each other.
    observed : ndarray of bool, shape (...)
        Cells whose values were observed.

    Returns
    -------
    NoiseVariance, or None
        None where a constant variance explains the data best, or cells are too few to tell.
    """
    residuals = Residuals.of(cube, observed)
    bins = _Bins.of(residuals, space, observed)
    if bins is None:
        return None
    designs = bins.designs(residuals)
    fits = {name: _Fit.of(design, bins.variance) for name, design in designs.items()}
    shape = fits[_PER_CHANNEL].gamma_shape(bins.variance)
    scores = {name: fit.bic(bins.variance, shape) for name, fit in fits.items()}
    best = min(scores, key=lambda name: scores[name])
    if best == _CONSTANT:
        return None
    floors, slopes = np.split(fits[best].coefficients, [len(residuals.scale)])
    if best == _PER_CHANNEL:
        slopes = slopes * residuals.scale
    gain = np.broadcast_to(slopes, floors.shape) * residuals.varies
    darkest = bins.darkest * residuals.scale + residuals.mean
    offset = floors * residuals.scale**2 - gain * darkest
    relative = {name: score - scores[_CONSTANT] for name, score in scores.items()}
    return NoiseVariance(gain, offset, relative)


def mean_noise_levels(cube: FloatArray, space: tuple[int, ...], observed: BoolArray) -> FloatArray:
    """Estimate the root mean square of noise in every channel, where it differs between cells.

    Parameters are those of `fit_noise_variance`; -> (s,), 0 where nothing can be told from signal.
    """
    residuals = Residuals.of(cube, observed)
    bins = _Bins.of(residuals, space, observed)
    if bins is None:
        return noise_levels(cube, space, observed)
    variance, _ = nnls(residuals.mixing, bins.variance.mean(axis=1))
    return np.asarray(np.sqrt(variance) * residuals.scale * residuals.varies)


def local_means(cube: FloatArray, space: tuple[int, ...]) -> FloatArray:
    """Average every cell of a cube (..., s) with its neighbours along space dimensions."""
    width = [3 if axis in space else 1 for axis in range(cube.ndim - 1)]
    return np.asarray(uniform_filter(cube, (*width, 1), mode="nearest"))


@dataclass(frozen=True, slots=True)
class _Bins:
    """Cells binned by the local mean of one channel, for each channel in turn.

    Parameters
    ----------
    variance : ndarray, shape (s, b)
        Of the noise of the channel's residual in every bin.
    mean : ndarray, shape (s, b, s)
        Of all channels in every bin.
    """

    variance: FloatArray
    mean: FloatArray

    @classmethod
    def of(cls, residuals: Residuals, space: tuple[int, ...], observed: BoolArray) -> _Bins | None:
        """Bin second differences whose cells were all observed; None where they are too few."""
        channels = range(len(residuals.scale))
        inside = tuple(
            slice(1, -1) if axis in space and size >= 3 else slice(None)
            for axis, size in enumerate(observed.shape)
        )
        _, told = second_differences(residuals.residual[..., 0], space, observed)
        cells = int(told.sum())
        count = min(_BINS, cells // _CELLS_PER_BIN)
        if count < _FEWEST_BINS:
            return None
        means = local_means(residuals.standard, space)[inside][told]
        variance, mean = (
            np.empty((len(channels), count)),
            np.empty((len(channels), count, len(channels))),
        )
        for j in channels:
            difference = second_differences(residuals.residual[..., j], space, observed)[0][told]
            order = np.argsort(means[:, j], kind="stable")
            parts = np.array_split(order, count)
            variance[j] = [np.median(np.abs(difference[part])) for part in parts]
            edges = np.cumsum([0, *(part.size for part in parts)])
            sums = csr_array((np.ones(cells), order, edges), shape=(count, cells)) @ means
            mean[j] = sums / np.diff(edges)[:, None]
        return cls((MAD_TO_SD * variance) ** 2, mean)

    @property
    def darkest(self) -> FloatArray:
        """The lowest mean of a bin of every channel, shape (s,)."""
        each = np.arange(len(self.mean))
        return np.asarray(self.mean[each, :, each].min(axis=1))

    def designs(self, residuals: Residuals) -> dict[str, FloatArray]:
        """Return what a unit of every coefficient adds to every bin, for each form; (s b, p).

        First the floor of every channel, then the gain, of all in the unit of the data or of each
        in the unit of its spread.
        """
        above = np.maximum(self.mean - self.darkest, 0.0)
        ramps = (residuals.mixing[:, None, :] * above).reshape(-1, len(residuals.mixing))
        floors = np.repeat(residuals.mixing, self.mean.shape[1], axis=0)
        shared = (ramps @ (1.0 / residuals.scale))[:, None]
        return {
            _CONSTANT: floors,
            _SHARED: np.hstack((floors, shared)),
            _PER_CHANNEL: np.hstack((floors, ramps)),
        }


@dataclass(frozen=True, slots=True)
class _Fit:
    """Non-negative coefficients of a design, and the variances (s, b) that they give."""

    coefficients: FloatArray
    variance: FloatArray

    @classmethod
    def of(cls, design: FloatArray, variance: FloatArray) -> _Fit:
        """Fit by least squares, weighted anew so that relative errors are alike."""
        overall = np.maximum(np.repeat(variance.mean(axis=1), variance.shape[1]), _LEAST)
        coefficients, expected = np.zeros(design.shape[1]), overall
        for _ in range(_REWEIGHTINGS):
            weighted = design / expected[:, None]
            # With R'R = A'A, |R x - R'^-1 A'y| differs from |A x - y| by what no x changes.
            factor = safe_cholesky(torch.as_tensor(weighted.T @ weighted)[None])[0].numpy()
            target = weighted.T @ (variance.ravel() / expected)
            coefficients, _ = nnls(factor.T, solve_triangular(factor, target, lower=True))
            expected = np.maximum(design @ coefficients, _LEAST_SHARE * overall)
        return cls(coefficients, expected.reshape(variance.shape))

    def gamma_shape(self, variance: FloatArray) -> float:
        """Return the shape of the gamma distribution whose relative variance is what is left."""
        left = float(np.mean((variance / self.variance - 1.0) ** 2))
        return 1.0 / max(left, _LEAST)

    def bic(self, variance: FloatArray, shape: float) -> float:
        """Return the Bayesian information criterion, but for what all fits share."""
        deviance = 2.0 * shape * np.sum(np.log(self.variance) + variance / self.variance)
        return float(deviance + self.coefficients.size * np.log(variance.size))
