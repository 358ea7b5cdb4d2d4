"""Weights for members that were scored on the same withheld entries (Breiman 1996, Stacking).

Weights are not negative and add up to 1, which keeps a stack inside what its members say. Shrinking
them towards equal ones keeps it from betting on differences that the withheld entries cannot tell:
the more entries there are, the weaker the pull.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import nnls

from sinr_geo.points import FloatArray, IntArray

__all__ = ["channel_weights", "simplex_weights"]

_RIDGE = 0.3
_PRIOR = 500
_DROPPED = 0.05
_SUM_TO_ONE = 1e3
_ENOUGH = 1_000


def simplex_weights(predictions: FloatArray, truth: FloatArray, towards: FloatArray) -> FloatArray:
    """Minimise the squared error of a weighted mean, in units of the best member's.

    Parameters
    ----------
    predictions : ndarray, shape (m, q)
        What q members say of m entries.
    truth : ndarray, shape (m,)
    towards : ndarray, shape (q,)
        Weights to shrink to.

    Returns
    -------
    ndarray, shape (q,)
        Not negative, adding up to 1. Members below 0.05 are dropped and the others weighed again.
    """
    kept = np.arange(len(towards))
    while True:
        found = _solved(predictions[:, kept], truth, towards[kept])
        if (found >= _DROPPED).all() or kept.size == 1:
            break
        kept = np.delete(kept, int(np.argmin(found)))
    weights = np.zeros(len(towards))
    weights[kept] = found
    return weights


def channel_weights(
    predictions: FloatArray, truth: FloatArray, channel: IntArray, channels: int
) -> FloatArray:
    """Weigh members for every channel.

    Parameters
    ----------
    predictions : ndarray, shape (m, q)
        In units of each channel's spread.
    truth : ndarray, shape (m,)
    channel : ndarray of int, shape (m,)
        Channel of each entry.
    channels : int
        How many there are, with those that no entry tells of.

    Returns
    -------
    ndarray, shape (channels, q)
        Weights that all channels share, shrunk to equal ones; a channel with 1,000 withheld entries
        has weights of its own, shrunk to those. Equal ones where there is no entry at all.
    """
    members = predictions.shape[1]
    equal = np.full(members, 1.0 / members)
    shared = simplex_weights(predictions, truth, equal) if len(truth) else equal
    weights = np.tile(shared, (channels, 1))
    used = np.flatnonzero(shared)
    for number in range(channels):
        rows = np.flatnonzero(channel == number)
        if rows.size >= _ENOUGH:
            part = predictions[np.ix_(rows, used)]
            weights[number, used] = simplex_weights(part, truth[rows], shared[used])
    return weights


def _solved(predictions: FloatArray, truth: FloatArray, towards: FloatArray) -> FloatArray:
    """Solve the ridge problem on the simplex as one of non-negative least squares."""
    error = ((predictions - truth[:, None]) ** 2).mean(axis=0).min()
    ridge = min(_RIDGE, _PRIOR / len(truth))
    unit = np.sqrt(max(float(error), 1e-300) * len(truth))
    # The mean of the members is taken off first: it changes nothing where weights add up to 1,
    # and keeps the equations well scaled where all values are large and alike.
    centre = predictions.mean(axis=1)
    total = towards.sum()
    rows = np.concatenate(
        (
            (predictions - centre[:, None]) / unit,
            np.sqrt(ridge) * np.eye(len(towards)),
            np.full((1, len(towards)), _SUM_TO_ONE),
        )
    )
    right = np.concatenate(
        ((truth - centre) / unit, np.sqrt(ridge) * towards / total, [_SUM_TO_ONE])
    )
    gram = rows.T @ rows
    factor = np.linalg.cholesky(gram + 1e-12 * np.trace(gram) * np.eye(len(gram)))
    found, _ = nnls(factor.T, np.linalg.solve(factor, rows.T @ right))
    return np.asarray(found / found.sum())
