"""The covariance of channels that neighbouring cells share, and the directions that it gives.

The covariance of noisy cells holds the noise: weak directions of the signal are lost among those of
the noise. Products of *neighbouring* cells hold none on average, so their covariance is added to
that of the cells, which knows the strong directions better. Where channels are ordered
(wavelengths), the covariance of what the strong directions leave is smooth along them, and a blur
takes most of its noise away (see `channels`, which does so for entries with gaps). How much to blur
is chosen on cells that the directions were not taken from.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter, gaussian_filter1d

from sinr_geo.gaussian.subspace import Subspace, signal_rank
from sinr_geo.points import BoolArray, FloatArray, Lattice

__all__ = ["SpatialCovariance", "choose_smoothing", "spatial_subspace"]

_REACH = float(np.sqrt(2.0))
_WEIGHT = 3.0
_LEAST = 1e-6
_SMOOTHING = (0.0, 1.0, 2.0, 3.0)
_BLOCK = 16
_WEAK = 4
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


def spatial_subspace(
    cube: FloatArray, lattice: Lattice, told: BoolArray, scale: FloatArray
) -> tuple[Subspace, float]:
    """Return directions with the blur along channels that is chosen for them, and that blur.

    Parameters
    ----------
    cube, lattice, told, scale
        As in `SpatialCovariance.of`.
    """
    smoothing = choose_smoothing(cube, lattice, told, scale)
    return SpatialCovariance.of(cube, lattice, told, scale).subspace(smoothing), smoothing


def choose_smoothing(
    cube: FloatArray, lattice: Lattice, told: BoolArray, scale: FloatArray
) -> float:
    """Choose the blur along channels whose weak directions hold most of other cells' signal.

    The cells are split into the black and the white blocks of a checkerboard; directions of the one
    half are scored by what neighbours share along them in the other half, where there is neither
    the noise that they were taken from nor, on average, any other.

    Parameters
    ----------
    cube, lattice, told, scale
        As in `SpatialCovariance.of`.

    Returns
    -------
    float
        0 where a half has no neighbouring cells.
    """
    index = np.unravel_index(np.arange(lattice.size), lattice.shape)
    parity = np.sum([index[dim] // _BLOCK for dim in lattice.space], axis=0) % 2
    masks: list[BoolArray] = [told & (parity == colour) for colour in (0, 1)]
    if not all(mask.any() for mask in masks):
        return 0.0
    halves = [SpatialCovariance.of(cube, lattice, mask, scale) for mask in masks]
    pairs = ((halves[0], halves[1]), (halves[1], halves[0]))

    def held(smoothing: float) -> float:
        return sum(_weak_signal(one.subspace(smoothing), other.shared) for one, other in pairs)

    return max(_SMOOTHING, key=held)


def _weak_signal(subspace: Subspace, shared: FloatArray) -> float:
    """Add up what cells share along the first directions that do not stand out from noise.

    The first counts four times, the second three times, and so on: how many windows will take is
    not known yet.
    """
    weak = subspace.directions[:, subspace.rank : subspace.rank + _WEAK]
    along = np.einsum("ij,ik,kj->j", weak, shared, weak, optimize=True)
    return float(along @ np.arange(_WEAK, 0, -1)[: len(along)])


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
