"""The shared dictionary D of the Gaussian head: the subspace that the channels live in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sinr_geo.points import FloatArray

__all__ = ["Subspace", "shrinkage", "signal_rank"]

_ROWS = 1 << 16


@dataclass(frozen=True, slots=True)
class Subspace:
    """Principal directions of whitened channels.

    Parameters
    ----------
    mean : ndarray, shape (s,)
    scale : ndarray, shape (s,)
        What one unit of a whitened channel is worth: its noise, or its spread.
    directions : ndarray, shape (s, s)
        Orthonormal columns, leading first; the first k of them are D.
    variances : ndarray, shape (s,)
        Variance of the whitened data along each.
    rank : int
        Signal rank k (see `signal_rank`).
    """

    mean: FloatArray
    scale: FloatArray
    directions: FloatArray
    variances: FloatArray
    rank: int

    @classmethod
    def fit(cls, rows: FloatArray, scale: FloatArray) -> Subspace:
        """Fit to complete rows (n, s) with the given scale (s,) per channel."""
        mean = rows.mean(axis=0)
        gram = np.zeros((rows.shape[1], rows.shape[1]))
        for start in range(0, len(rows), _ROWS):
            whitened = (rows[start : start + _ROWS] - mean) / scale
            gram += whitened.T @ whitened
        variances, vectors = np.linalg.eigh(gram / len(rows))
        variances, vectors = variances[::-1], np.ascontiguousarray(vectors[:, ::-1])
        return cls(mean, scale, vectors, variances, signal_rank(variances, len(rows)))

    def whitened(self, rows: FloatArray) -> FloatArray:
        """Centre and scale rows (n, s)."""
        return np.asarray((rows - self.mean) / self.scale)

    def unwhitened(self, rows: FloatArray) -> FloatArray:
        """Undo `whitened`."""
        return np.asarray(rows * self.scale + self.mean)


def signal_rank(variances: FloatArray, count: int) -> int:
    """Count the directions that hold more than unit white noise does.

    Noise alone gives eigenvalues up to (1 + sqrt(s / n))^2 (the Marchenko-Pastur edge); a
    direction counts where its variance lies above the edge. At least one always counts.

    Parameters
    ----------
    variances : ndarray, shape (s,)
        Eigenvalues of the covariance of n whitened rows, decreasing.
    count : int
        Number of rows n.
    """
    return max(1, int((variances > _noise_edge(len(variances), count)).sum()))


def shrinkage(variances: FloatArray, count: int) -> FloatArray:
    """Return the gain (v - 1) / v of every direction, 0 below the edge of noise.

    The best linear estimate, point by point, of what unit noise covers; for directions that are
    too many for windows.

    Parameters
    ----------
    variances : ndarray, shape (s,)
    count : int
        Number of rows n.

    Returns
    -------
    ndarray, shape (s,)
    """
    told = variances > _noise_edge(len(variances), count)
    return np.asarray(np.where(told, 1.0 - 1.0 / np.maximum(variances, 1.0), 0.0))


def _noise_edge(channels: int, count: int) -> float:
    return float((1.0 + np.sqrt(channels / count)) ** 2)
