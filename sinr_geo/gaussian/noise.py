"""How much noise a lattice of many channels carries, channel by channel.

A channel is regressed on others; what neighbouring cells then still share is signal, so the
noise of the residual is read off second differences, robustly. The regressors' own noise is in
the residual too: with weights W, residual variance = noise + W^2 noise, solved for noise.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import nnls

from sinr_geo.points import FloatArray

__all__ = ["noise_levels"]

_RIDGE = 1e-6
_REGRESSORS = 40
_MAD_TO_SD = 1.4826


def noise_levels(cube: FloatArray, space: tuple[int, ...]) -> FloatArray:
    """Estimate the standard deviation of white noise in every channel.

    Parameters
    ----------
    cube : ndarray, shape (..., s)
        Complete values on a lattice.
    space : tuple of int
        Dimensions of the lattice along which neighbouring cells resemble each other.

    Returns
    -------
    ndarray of float64, shape (s,)
        In the unit of each channel; 0 where nothing can be told from signal.
    """
    s = cube.shape[-1]
    spread = cube.reshape(-1, s).std(axis=0)
    scale = np.where(spread > 0, spread, 1.0)
    scaled = (cube - cube.reshape(-1, s).mean(axis=0)) / scale
    weights = _regression_weights(scaled.reshape(-1, s))
    residual = scaled - scaled @ weights
    alone = np.array([_difference_noise(scaled[..., j], space) for j in range(s)]) ** 2
    mixed = np.array([_difference_noise(residual[..., j], space) for j in range(s)]) ** 2
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


def _difference_noise(channel: FloatArray, space: tuple[int, ...]) -> float:
    """Return the noise of one channel from its second differences along every space dimension."""
    difference, gain = channel, 1.0
    for axis in space:
        if channel.shape[axis] >= 3:
            difference = np.diff(difference, n=2, axis=axis)
            gain *= 6.0
    middle = np.median(difference)
    return float(_MAD_TO_SD * np.median(np.abs(difference - middle)) / np.sqrt(gain))
