"""Weights for members that were scored on the same withheld entries (Breiman 1996, Stacking).

Weights are not negative and add up to 1, which keeps a stack inside what its members say. Shrinking
them towards equal ones keeps it from betting on differences that the withheld entries cannot tell;
how much is chosen by leaving out one fold after the other.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import nnls

from sinr_geo.points import FloatArray, IntArray

__all__ = ["RIDGE", "channel_weights", "chosen_ridge", "simplex_weights"]

RIDGE = 0.1
_RIDGES = (3.0, 1.0, 0.3, 0.1, 0.03)
_DROPPED = 0.05
_SUM_TO_ONE = 1e3
_ENOUGH = 300


def simplex_weights(
    predictions: FloatArray, truth: FloatArray, towards: FloatArray, ridge: float
) -> FloatArray:
    """Minimise the squared error of a weighted mean, in units of the best member's.

    Parameters
    ----------
    predictions : ndarray, shape (m, q)
        What q members say of m entries.
    truth : ndarray, shape (m,)
    towards : ndarray, shape (q,)
        Weights to shrink to.
    ridge : float
        Weight of the squared distance from those.

    Returns
    -------
    ndarray, shape (q,)
        Not negative, adding up to 1. Members below 0.05 are dropped and the others weighed again.
    """
    kept = np.arange(len(towards))
    while True:
        found = _solved(predictions[:, kept], truth, towards[kept], ridge)
        if (found >= _DROPPED).all() or kept.size == 1:
            break
        kept = np.delete(kept, int(np.argmin(found)))
    weights = np.zeros(len(towards))
    weights[kept] = found
    return weights


def chosen_ridge(predictions: FloatArray, truth: FloatArray, fold: IntArray) -> float:
    """Choose the ridge whose weights, found without a fold, miss that fold least.

    Parameters
    ----------
    predictions : ndarray, shape (m, q)
    truth : ndarray, shape (m,)
    fold : ndarray of int, shape (m,)
        Fold of each entry.

    Returns
    -------
    float
        The largest of those that are tried where there is one fold.
    """
    equal = np.full(predictions.shape[1], 1.0 / predictions.shape[1])
    numbers = np.unique(fold)
    if numbers.size < 2:
        return _RIDGES[0]

    def missed(ridge: float) -> float:
        total = 0.0
        for number in numbers:
            out = fold == number
            weights = simplex_weights(predictions[~out], truth[~out], equal, ridge)
            total += float(np.sum((predictions[out] @ weights - truth[out]) ** 2))
        return total

    return min(_RIDGES, key=missed)


def channel_weights(
    predictions: FloatArray, truth: FloatArray, channel: IntArray, ridge: float = RIDGE
) -> FloatArray:
    """Weigh members for every channel.

    Parameters
    ----------
    predictions : ndarray, shape (m, q)
        In units of each channel's spread.
    truth : ndarray, shape (m,)
    channel : ndarray of int, shape (m,)
        Channel of each entry.
    ridge : float

    Returns
    -------
    ndarray, shape (channels, q)
        Weights that all channels share, shrunk to equal ones; a channel with 300 withheld entries
        has weights of its own, shrunk to those.
    """
    members = predictions.shape[1]
    shared = simplex_weights(predictions, truth, np.full(members, 1.0 / members), ridge)
    weights = np.tile(shared, (int(channel.max(initial=-1)) + 1, 1))
    used = np.flatnonzero(shared)
    for number in range(len(weights)):
        rows = np.flatnonzero(channel == number)
        if rows.size >= _ENOUGH:
            part = predictions[np.ix_(rows, used)]
            weights[number, used] = simplex_weights(part, truth[rows], shared[used], ridge)
    return weights


def _solved(
    predictions: FloatArray, truth: FloatArray, towards: FloatArray, ridge: float
) -> FloatArray:
    """Solve the ridge problem on the simplex as one of non-negative least squares."""
    error = ((predictions - truth[:, None]) ** 2).mean(axis=0).min()
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
