"""How much noise a lattice of many channels carries, channel by channel.

A channel is regressed on others; what neighbouring cells then still share is signal, so the
noise of the residual is read off second differences, robustly. The regressors' own noise is in
the residual too: with weights W, residual variance = noise + W^2 noise, solved for noise.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.optimize import nnls

from sinr_geo.points import BoolArray, FloatArray

__all__ = ["MAD_TO_SD", "Residuals", "differences", "noise_levels", "second_differences"]

MAD_TO_SD = 1.4826
"""Standard deviation of a normal variable whose absolute value has median 1."""

_RIDGE = 1e-6
_REGRESSORS = 40


def noise_levels(cube: FloatArray, space: tuple[int, ...], observed: BoolArray) -> FloatArray:
    """Estimate the standard deviation of white noise in every channel.

    The median takes the level of most cells: where it differs between cells, `noise_variance` says
    how.

    Parameters
    ----------
    cube : ndarray, shape (..., s)
        Complete values on a lattice.
    space : tuple of int
        Dimensions of the lattice along which neighbouring cells resemble each other.
    observed : ndarray of bool, shape (...)
        Cells whose values were observed; the others were filled in, without noise, and do not
        count as long as some observed cells lie side by side.

    Returns
    -------
    ndarray of float64, shape (s,)
        In the unit of each channel; 0 where nothing can be told from signal.
    """
    found = Residuals.of(cube, observed)
    channels = range(cube.shape[-1])
    told = observed if observed.any() else np.ones_like(observed)
    alone = np.array([_difference_noise(found.standard[..., j], space, told) for j in channels])
    mixed = np.array([_difference_noise(found.residual[..., j], space, told) for j in channels])
    unmixed, _ = nnls(found.mixing, mixed**2)
    return np.asarray(np.sqrt(np.minimum(unmixed, alone**2)) * found.scale * found.varies)


@dataclass(frozen=True, slots=True)
class Residuals:
    """Channels of unit spread, and what other channels do not say of them.

    Parameters
    ----------
    mean, scale : ndarray, shape (s,)
        Taken off, and divided by.
    varies : ndarray of bool, shape (s,)
        Channels that are not constant.
    standard, residual : ndarray, shape (..., s)
    mixing : ndarray, shape (s, s)
        The noise variances of the residual channels, by those of the channels of unit spread.
    """

    mean: FloatArray
    scale: FloatArray
    varies: BoolArray
    standard: FloatArray
    residual: FloatArray
    mixing: FloatArray

    @classmethod
    def of(cls, cube: FloatArray, observed: BoolArray) -> Residuals:
        """Regress every channel of a cube (..., s) on others, over the observed cells (...)."""
        told = observed if observed.any() else np.ones_like(observed)
        rows = cube[told]
        mean, spread = rows.mean(axis=0), rows.std(axis=0)
        scale = np.where(spread > 0, spread, 1.0)
        standard = (cube - mean) / scale
        weights = _regression_weights(standard[told])
        mixing = np.eye(len(scale)) + weights.T**2
        return cls(mean, scale, spread > 0, standard, standard - standard @ weights, mixing)


def _regression_weights(rows: FloatArray) -> FloatArray:
    """Regress every column on the columns nearest in order, at most 40.

    Hundreds of regressors would fit the noise itself where cells are few.

    Returns
    -------
    ndarray, shape (s, s)
        W with a zero diagonal: the prediction is rows @ W.
    """
    s = rows.shape[1]
    weights = np.zeros((s, s))
    if s == 1:
        return weights
    covariance = rows.T @ rows / len(rows) + _RIDGE * np.eye(s)
    apart = np.abs(np.arange(s)[:, None] - np.arange(s))
    others = np.argsort(apart, axis=1, kind="stable")[:, 1 : _REGRESSORS + 1]
    among = covariance[others[:, :, None], others[:, None, :]]
    with_own = np.take_along_axis(covariance, others, axis=1)
    solved = np.linalg.solve(among, with_own[..., None])[..., 0]
    weights[others, np.arange(s)[:, None]] = solved
    return weights


def _difference_noise(channel: FloatArray, space: tuple[int, ...], observed: BoolArray) -> float:
    """Return the noise of one channel from its second differences along every space dimension."""
    difference, told = second_differences(channel, space, observed)
    counted = difference[told] if told.any() else difference.ravel()
    middle = np.median(counted)
    return float(MAD_TO_SD * np.median(np.abs(counted - middle)))


def second_differences(
    channel: FloatArray, space: tuple[int, ...], observed: BoolArray
) -> tuple[FloatArray, BoolArray]:
    """Difference a channel twice along every space dimension of three cells or more.

    Parameters
    ----------
    channel : ndarray, shape (...)
    space : tuple of int
    observed : ndarray of bool, shape (...)

    Returns
    -------
    differences : ndarray
        Shorter by 2 along those dimensions; white noise keeps its variance.
    told : ndarray of bool, shaped like them
        Those that rest on observed cells alone.
    """
    told = observed
    for axis in space:
        if channel.shape[axis] >= 3:
            told = _three_in_a_row(told, axis)
    return differences(channel, space, 2), told


def differences(values: FloatArray, space: tuple[int, ...], order: int) -> FloatArray:
    """Difference values along every space dimension that is longer than the order.

    Parameters
    ----------
    values : ndarray, shape (...)
    space : tuple of int
    order : int

    Returns
    -------
    ndarray
        Shorter by the order along those dimensions; white noise keeps its variance.
    """
    for axis in space:
        if values.shape[axis] > order:
            # The squares of the binomial coefficients of an order add up to this.
            values = np.diff(values, n=order, axis=axis) / math.sqrt(math.comb(2 * order, order))
    return values


def _three_in_a_row(told: BoolArray, axis: int) -> BoolArray:
    """Mark second differences whose three cells were all observed."""
    size = told.shape[axis] - 2
    parts = [np.take(told, np.arange(start, start + size), axis=axis) for start in range(3)]
    return parts[0] & parts[1] & parts[2]
