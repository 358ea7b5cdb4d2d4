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
from scipy.ndimage import uniform_filter
from scipy.optimize import nnls
from scipy.sparse import csr_array

from sinr_geo.gaussian.noise import MAD_TO_SD, Residuals, second_differences
from sinr_geo.points import BoolArray, FloatArray

__all__ = ["NoiseVariance", "fit_noise_variance", "local_means"]

CONSTANT, SHARED, PER_CHANNEL = "constant", "one gain", "a gain per channel"

_BINS = 16
_CELLS_PER_BIN = 50
_REWEIGHTINGS = 3
_LEAST = 1e-6


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

    def scaled(self, factor: float) -> NoiseVariance:
        """Multiply the variance."""
        return NoiseVariance(factor * self.gain, factor * self.offset, self.bic)


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
    s = len(residuals.scale)
    floors, ramps = bins.floors(residuals.mixing), bins.ramps(residuals.mixing)
    fits = {
        CONSTANT: _Fit.of(floors, bins.variance),
        SHARED: _Fit.of(np.hstack((floors, ramps @ (1.0 / residuals.scale)[:, None])), bins.variance),
        PER_CHANNEL: _Fit.of(np.hstack((floors, ramps)), bins.variance),
    }
    shape = fits[PER_CHANNEL].gamma_shape(bins.variance)
    scores = {name: fit.bic(bins.variance, shape) for name, fit in fits.items()}
    best = min(scores, key=lambda name: scores[name])
    if best == CONSTANT:
        return None
    coefficients = fits[best].coefficients
    slopes = coefficients[s:] * residuals.scale if best == PER_CHANNEL else coefficients[s:]
    gain = np.broadcast_to(slopes, s) * residuals.varies
    darkest = bins.darkest * residuals.scale + residuals.mean
    offset = coefficients[:s] * residuals.scale**2 - gain * darkest
    return NoiseVariance(gain, offset, {n: score - scores[CONSTANT] for n, score in scores.items()})


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
    def of(
        cls, residuals: Residuals, space: tuple[int, ...], observed: BoolArray
    ) -> _Bins | None:
        """Bin second differences whose cells were all observed; None where they are too few."""
        channels = range(len(residuals.scale))
        inside = tuple(
            slice(1, -1) if axis in space and size >= 3 else slice(None)
            for axis, size in enumerate(observed.shape)
        )
        _, told = second_differences(residuals.residual[..., 0], space, observed)
        cells = int(told.sum())
        count = min(_BINS, cells // _CELLS_PER_BIN)
        if count < 3:
            return None
        means = local_means(residuals.standard, space)[inside][told]
        variance, mean = np.empty((len(channels), count)), np.empty((len(channels), count, len(channels)))
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

    def floors(self, mixing: FloatArray) -> FloatArray:
        """Return what a unit of every channel's floor adds to every bin, shape (s b, s)."""
        return np.repeat(mixing, self.mean.shape[1], axis=0)

    def ramps(self, mixing: FloatArray) -> FloatArray:
        """Return what a unit of every channel's gain adds to every bin, shape (s b, s)."""
        above = np.maximum(self.mean - self.darkest, 0.0)
        return np.asarray((mixing[:, None, :] * above).reshape(-1, len(mixing)))


@dataclass(frozen=True, slots=True)
class _Fit:
    """Non-negative coefficients of a design, and the variances (s, b) that they give."""

    coefficients: FloatArray
    variance: FloatArray

    @classmethod
    def of(cls, design: FloatArray, variance: FloatArray) -> _Fit:
        """Fit with relative errors alike, by least squares weighted anew."""
        given = variance.ravel()
        least = np.maximum(1e-3 * np.repeat(variance.mean(axis=1), variance.shape[1]), _LEAST)
        expected = np.maximum(np.repeat(variance.mean(axis=1), variance.shape[1]), least)
        coefficients = np.zeros(design.shape[1])
        for _ in range(_REWEIGHTINGS):
            coefficients, _ = nnls(design / expected[:, None], given / expected)
            expected = np.maximum(design @ coefficients, least)
        return cls(coefficients, expected.reshape(variance.shape))

    def gamma_shape(self, variance: FloatArray) -> float:
        """Return the shape of the gamma distribution whose relative variance is what is left."""
        return float(1.0 / max(np.mean((variance / self.variance - 1.0) ** 2), _LEAST))

    def bic(self, variance: FloatArray, shape: float) -> float:
        """Return the Bayesian information criterion, but for what all fits share."""
        deviance = 2.0 * shape * np.sum(np.log(self.variance) + variance / self.variance)
        return float(deviance + self.coefficients.size * np.log(variance.size))
