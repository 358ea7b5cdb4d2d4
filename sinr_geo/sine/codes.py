"""Values as codes: their coefficients in the shared dictionary D, and how noisy those are."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from sinr_geo.gaussian.channels import PairProducts
from sinr_geo.gaussian.subspace import signal_rank
from sinr_geo.methods.protocol import Task
from sinr_geo.points import BoolArray, FloatArray
from sinr_geo.sine.dictionary import principal_components
from sinr_geo.sine.ground import Ground
from sinr_geo.sine.scaling import Standardisation

__all__ = ["Codes", "points_are_whole"]

_LEAST_VARIANCE = 1e-6
_HELD = 1e-2
_AMPLITUDES = np.geomspace(0.03, 3_000.0, 16)


@dataclass(frozen=True, slots=True)
class Codes:
    """D of a point set, and the prior of the coefficients in it.

    Parameters
    ----------
    scale : Standardisation
        Brings channels to their observed spread, or where it is known to that of their noise.
    dictionary : ndarray, shape (r, s)
        Orthonormal rows, the largest variance first.
    variance : ndarray, shape (r,)
        Signal variance along each.
    unit : ndarray, shape (r,)
        Variance of a signal of amplitude 1.
    amplitudes : ndarray, shape (a,)
        Amplitudes that the signal of a superpixel may have.
    noise_known : bool
        Whether `scale` makes the noise variance 1.
    """

    scale: Standardisation
    dictionary: FloatArray
    variance: FloatArray
    unit: FloatArray
    amplitudes: FloatArray
    noise_known: bool

    @classmethod
    def of(cls, ground: Ground, atoms: int, smoothing: float) -> Codes:
        """Find the leading directions of the observed entries.

        Where points are observed whole they are principal components; where every channel has
        gaps of its own they come from pairs of entries at neighbouring points. Noise on a lattice
        is measured, and leaves the rank to the edge of its eigenvalues.

        Parameters
        ----------
        ground : Ground
        atoms : int
            Directions r to keep, at most.
        smoothing : float
            Blur of a covariance of pairs along the channels.
        """
        scale = Standardisation.fit(ground.points.values, ground.points.observed)
        if ground.task is Task.DENOISING and ground.points.lattice is not None:
            return _of_noisy(ground, scale, atoms)
        if points_are_whole(ground.points.observed):
            components, variance = principal_components(ground, scale)
            found: FloatArray = components.cpu().numpy().astype(np.float64)
        else:
            found, variance = _of_pairs(ground, scale, atoms, smoothing)
        kept = _floored(variance[:atoms])
        return cls(scale, found[:atoms], kept, kept, np.ones(1), False)

    def noise(self, penalty: float, *, white: bool) -> FloatArray:
        """Return the noise variance of every code over that of a signal of amplitude 1.

        Parameters
        ----------
        penalty : float
            Mean noise variance over mean signal variance; not used where the noise is known.
        white : bool
            Whether all codes have the same noise, or noise in proportion to their signal.

        Returns
        -------
        ndarray, shape (r,)
        """
        if self.noise_known:
            return np.asarray(1.0 / self.unit)
        if not white:
            return np.full(self.variance.shape, penalty)
        return np.asarray(penalty * self.variance.mean() / self.variance)

    def entry_noise(self, penalty: float) -> float:
        """Return the noise variance of an entry, in scaled units."""
        return 1.0 if self.noise_known else penalty

    def refitted(self, pilot: FloatArray, values: FloatArray, observed: BoolArray) -> Codes:
        """Fit D to the observed entries, given codes of all points: one alternating step.

        Every channel is regressed on the codes of the points that it was observed at, held to its
        old row of D as if by a hundredth of all points.

        Parameters
        ----------
        pilot : ndarray, shape (n, r)
        values : ndarray, shape (n, s)
            Scaled.
        observed : ndarray of bool, shape (n, s)

        Returns
        -------
        Codes
            With orthonormal rows again, and the variance of the pilot along each.
        """
        rows = np.empty_like(self.dictionary)
        held = _HELD * len(pilot) * np.diag((pilot**2).mean(axis=0))
        for channel, seen in enumerate(observed.T):
            known = pilot[seen]
            right = known.T @ values[seen, channel] + held @ self.dictionary[:, channel]
            rows[:, channel] = np.linalg.solve(known.T @ known + held, right)
        second = rows.T @ (pilot.T @ pilot / len(pilot)) @ rows
        variance, vectors = np.linalg.eigh(second)
        rank = len(self.dictionary)
        dictionary = np.ascontiguousarray(vectors[:, ::-1][:, :rank].T)
        floored = _floored(variance[::-1][:rank])
        return replace(self, dictionary=dictionary, variance=floored, unit=floored)


def points_are_whole(observed: BoolArray) -> bool:
    """Whether every point is observed in all channels or in none; `observed` (n, s)."""
    return bool((observed.all(axis=1) == observed.any(axis=1)).all())


def _of_noisy(ground: Ground, scale: Standardisation, atoms: int) -> Codes:
    """Measure the noise, and keep the directions that hold more than it."""
    whitening = Standardisation(scale.mean, ground.noise_levels())
    components, variance = principal_components(ground, whitening)
    rank = min(atoms, signal_rank(variance, int(ground.sampled.sum())))
    signal = np.maximum(variance[:rank] - 1.0, 0.0)
    dictionary = components.cpu().numpy().astype(np.float64)[:rank]
    return Codes(whitening, dictionary, _floored(signal), np.ones(rank), _AMPLITUDES, True)


def _of_pairs(
    ground: Ground, scale: Standardisation, atoms: int, smoothing: float
) -> tuple[FloatArray, FloatArray]:
    points = ground.points
    values = scale(points.values, points.observed).astype(np.float64)
    channels = PairProducts.of(values, points.observed, ground.graph).channels(smoothing, atoms)
    return np.ascontiguousarray(channels.dictionary.T), channels.variances


def _floored(variance: FloatArray) -> FloatArray:
    return np.maximum(variance, _LEAST_VARIANCE * max(float(variance.max()), _LEAST_VARIANCE))
