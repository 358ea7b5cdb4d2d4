"""How much noise a lattice of many channels carries, channel by channel.

A channel is regressed on others; what neighbouring cells then still share is signal, so the
noise of the residual is read off second differences, robustly. The regressors' own noise is in
the residual too: with weights W, residual variance = noise + W^2 noise, solved for noise.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import nnls

from sinr_geo.points import BoolArray, FloatArray

__all__ = ["noise_levels"]

_RIDGE = 1e-6
_REGRESSORS = 40
_MAD_TO_SD = 1.4826


def noise_levels(cube: FloatArray, space: tuple[int, ...], observed: BoolArray) -> FloatArray:
    """Estimate the standard deviation of white noise in every channel.

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
    s = cube.shape[-1]
    told = observed if observed.any() else np.ones_like(observed)
    rows = cube[told]
    spread = rows.std(axis=0)
    scale = np.where(spread > 0, spread, 1.0)
    scaled = (cube - rows.mean(axis=0)) / scale
    weights = _regression_weights(scaled[told])
    residual = scaled - scaled @ weights
    alone = np.array([_difference_noise(scaled[..., j], space, told) for j in range(s)]) ** 2
    mixed = np.array([_difference_noise(residual[..., j], space, told) for j in range(s)]) ** 2
    unmixed, _ = nnls(np.eye(s) + weights.T**2, mixed)
    return np.asarray(np.sqrt(np.minimum(unmixed, alone)) * scale * (spread > 0))


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
    difference, gain, told = channel, 1.0, observed
    for axis in space:
        if channel.shape[axis] >= 3:
            difference = np.diff(difference, n=2, axis=axis)
            told = _three_in_a_row(told, axis)
            gain *= 6.0
    counted = difference[told] if told.any() else difference.ravel()
    middle = np.median(counted)
    return float(_MAD_TO_SD * np.median(np.abs(counted - middle)) / np.sqrt(gain))


def _three_in_a_row(told: BoolArray, axis: int) -> BoolArray:
    """Mark second differences whose three cells were all observed."""
    size = told.shape[axis] - 2
    parts = [np.take(told, np.arange(start, start + size), axis=axis) for start in range(3)]
    return parts[0] & parts[1] & parts[2]
