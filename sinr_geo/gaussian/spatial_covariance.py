"""The covariance of channels that neighbouring cells share, and the directions that it gives.

The covariance of noisy cells holds the noise: weak directions of the signal are lost among those of
the noise. Products of *neighbouring* cells hold none on average, so their covariance is added to
that of the cells, which knows the strong directions better. Where channels are ordered
(wavelengths), the covariance of what the strong directions leave is smooth along them, and a blur
takes most of its noise away (see `channels`, which does so for entries with gaps).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter, gaussian_filter1d

from sinr_geo.gaussian.subspace import Subspace, signal_rank
from sinr_geo.points import BoolArray, FloatArray, Lattice

__all__ = ["SpatialCovariance"]

_REACH = float(np.sqrt(2.0))
_WEIGHT = 3.0
_LEAST = 1e-6
_CHANNELS = 16
_ROWS = 1 << 16


@dataclass(frozen=True, slots=True)
class SpatialCovariance:
    """Covariances of whitened channels.

    Parameters
    ----------
    mean, scale : ndarray, each of shape (s,)
        As in `Subspace`.
    own : ndarray, shape (s, s)
        Of cells with themselves: signal and unit noise.
    shared : ndarray, shape (s, s)
        Of cells with their neighbours, weighted by a Gaussian of their distance with a standard
        deviation of sqrt(2) cells; symmetric, 0 where no two cells are neighbours.
    count : int
        Number of cells.
    """

    mean: FloatArray
    scale: FloatArray
    own: FloatArray
    shared: FloatArray
    count: int

    @classmethod
    def of(
        cls, cube: FloatArray, lattice: Lattice, told: BoolArray, scale: FloatArray
    ) -> SpatialCovariance:
        """Take the covariances of the cells that were observed.

        Parameters
        ----------
        cube : ndarray, shape (cells, s)
            Complete.
        lattice : Lattice
        told : ndarray of bool, shape (cells,)
        scale : ndarray, shape (s,)
            Noise of every channel.
        """
        count, s = int(told.sum()), cube.shape[1]
        mean = cube[told].mean(axis=0)
        own, blurred = np.zeros((s, s)), np.zeros((s, s))
        for first in range(0, s, _CHANNELS):
            part = slice(first, first + _CHANNELS)
            whitened = ((cube[:, part] - mean[part]) / scale[part]) * told[:, None]
            around = _blurred(whitened, lattice)
            for start in range(0, len(cube), _ROWS):
                rows = slice(start, start + _ROWS)
                all_channels = (cube[rows] - mean) / scale * told[rows, None]
                own[:, part] += all_channels.T @ whitened[rows]
                blurred[:, part] += all_channels.T @ around[rows]
        itself = _weight_of_itself(lattice)
        seen = told.astype(np.float64)[:, None]
        pairs = float(seen[:, 0] @ _blurred(seen, lattice)[:, 0]) - itself * count
        shared = (blurred - itself * own) / pairs if pairs > _LEAST * count else np.zeros((s, s))
        return cls(mean, scale, own / count, (shared + shared.T) / 2.0, count)

    def subspace(self, smoothing: float) -> Subspace:
        """Return the principal directions: those that stand out from noise, then the others.

        Parameters
        ----------
        smoothing : float
            Standard deviation, in channels, of the blur of what the directions that stand out
            leave; 0 for none.

        Returns
        -------
        Subspace
            Its rank is the number of directions that stand out from noise.
        """
        noise = np.eye(len(self.own))
        rank = signal_rank(np.linalg.eigvalsh(self.own)[::-1], self.count)
        signal = self.own - noise + _WEIGHT * self.shared
        directions = _principal(signal)
        others = directions[:, rank:]
        if smoothing > 0 and others.shape[1] > 1:
            inside = others @ (others.T @ signal @ others) @ others.T
            smooth = gaussian_filter(inside, smoothing, mode="nearest")
            others = others @ _principal(others.T @ smooth @ others)
            directions = np.concatenate((directions[:, :rank], others), axis=1)
        variances = np.einsum("ij,ik,kj->j", directions, self.own, directions, optimize=True)
        return Subspace(self.mean, self.scale, np.ascontiguousarray(directions), variances, rank)


def _principal(matrix: FloatArray) -> FloatArray:
    """Return eigenvectors of a symmetric matrix, leading first."""
    return np.asarray(np.linalg.eigh((matrix + matrix.T) / 2.0)[1][:, ::-1])


def _blurred(columns: FloatArray, lattice: Lattice) -> FloatArray:
    """Add the columns (cells, q) of neighbouring cells up, weighted by distance."""
    sigma = [_REACH if dim in lattice.space else 0.0 for dim in range(len(lattice.shape))]
    grid = columns.reshape(*lattice.shape, -1)
    blurred = gaussian_filter(grid, (*sigma, 0.0), mode="constant")
    return np.asarray(blurred.reshape(columns.shape))


def _weight_of_itself(lattice: Lattice) -> float:
    """Return the weight of a cell in its own blur."""
    line = np.zeros(33)
    line[16] = 1.0
    return float(gaussian_filter1d(line, _REACH)[16]) ** len(lattice.space)
