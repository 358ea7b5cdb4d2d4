"""A standard error that grows with the distance to the nearest observation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.isotonic import isotonic_regression

from sinr_geo.points import BoolArray, FloatArray

__all__ = ["ErrorByDistance"]

_BINS = 8
_PER_BIN = 30
_STEEPEST = 3.0
_MOST_BEYOND, _FARTHEST = float(np.log(4.0)), 100.0
_NARROWEST = float(np.log(1.5))
"""Over a narrower range of distances a rise is rather one by chance."""


@dataclass(frozen=True, slots=True)
class ErrorByDistance:
    """Root mean square of withheld errors per channel, in bins of the log distance.

    Between the centres of the bins it is interpolated, and it never falls with the distance. Beyond
    the last one it goes on with the power of the distance that the farther half of them shows, to
    four times what it is there at most. Build one with `ErrorByDistance.fit`.

    Parameters
    ----------
    log_distance : tuple of ndarray, length s
        Centres of each channel's bins, increasing.
    error : tuple of ndarray, length s
        Standard errors there, in the channel's unit.
    at_zero : tuple of float, length s
        Standard error of entries that are observed themselves.
    """

    log_distance: tuple[FloatArray, ...]
    error: tuple[FloatArray, ...]
    at_zero: tuple[float, ...]

    @classmethod
    def fit(
        cls, residual: FloatArray, distance: FloatArray, withheld: BoolArray
    ) -> ErrorByDistance:
        """Learn from withheld entries.

        Parameters
        ----------
        residual : ndarray, shape (m, s)
            Predicted less true values.
        distance : ndarray, shape (m, s)
            Distance to the nearest entry that was not withheld, in any unit; 0 and infinity
            are allowed.
        withheld : ndarray of bool, shape (m, s)
            Entries that count; folds may be stacked.
        """
        channels = [
            _channel(residual[rows, j], distance[rows, j])
            for j, rows in enumerate(np.asarray(withheld).T)
        ]
        centres, errors, zeros = zip(*channels, strict=True)
        return cls(tuple(centres), tuple(errors), tuple(zeros))

    def __call__(self, distance: FloatArray) -> FloatArray:
        """Return the standard error of entries at some distances.

        Parameters
        ----------
        distance : ndarray, shape (n, s)

        Returns
        -------
        ndarray of float64, shape (n, s)
            NaN in a channel that had no withheld entry.
        """
        out = np.empty(distance.shape)
        for j, (centres, errors) in enumerate(zip(self.log_distance, self.error, strict=True)):
            away = distance[:, j] > 0
            log = np.log(np.where(away, distance[:, j], 1.0))
            log = np.minimum(log, centres[-1] + _FARTHEST)
            farther = np.maximum(log - centres[-1], 0.0)
            beyond = np.exp(np.minimum(_slope(centres, errors) * farther, _MOST_BEYOND))
            out[:, j] = np.where(away, np.interp(log, centres, errors) * beyond, self.at_zero[j])
        return out


def _slope(centres: FloatArray, errors: FloatArray) -> float:
    """Return by which power of the distance the error rises over the farther half of the bins."""
    first = (len(centres) - 1) // 2
    if not errors[first] > 0:
        return 0.0
    rise = np.log(errors[-1] / errors[first])
    return float(np.clip(rise / max(centres[-1] - centres[first], _NARROWEST), 0.0, _STEEPEST))


def _channel(residual: FloatArray, distance: FloatArray) -> tuple[FloatArray, FloatArray, float]:
    """Return centres and errors of the bins of one channel, and the error at distance 0."""
    if residual.size == 0:
        return np.zeros(1), np.full(1, np.nan), float("nan")
    overall = _rms(residual)
    near, away = distance <= 0, (distance > 0) & np.isfinite(distance)
    at_zero = _rms(residual[near]) if near.any() else None
    if not away.any():
        return np.zeros(1), np.full(1, overall), overall if at_zero is None else at_zero
    log = np.log(distance[away])
    order = np.argsort(log, kind="stable")
    bins = np.array_split(order, max(1, min(_BINS, order.size // _PER_BIN)))
    centres = np.array([log[part].mean() for part in bins])
    squares = np.array([np.mean(residual[away][part] ** 2) for part in bins])
    weights = np.array([float(part.size) for part in bins])
    rising = np.sqrt(isotonic_regression(squares, sample_weight=weights))
    return centres, rising, float(rising[0]) if at_zero is None else at_zero


def _rms(residual: FloatArray) -> float:
    return float(np.sqrt(np.mean(residual**2)))
