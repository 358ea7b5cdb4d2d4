"""The one score that all choices are made by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from sinr_geo.folds import Fold
from sinr_geo.methods.protocol import HeldOut
from sinr_geo.points import BoolArray, FloatArray, PointSet

__all__ = [
    "channel_spreads",
    "held_out_errors",
    "held_out_rmse",
    "known_score",
    "scaled",
    "withheld_rmse",
    "withheld_rmse_by_channel",
]


def channel_spreads(points: PointSet) -> FloatArray:
    """Return the standard deviation of each channel's observed values, 1 where it is 0; -> (s,)."""
    columns = zip(points.values.T, points.observed.T, strict=True)
    spread = np.array([float(v[seen].std()) if seen.any() else 0.0 for v, seen in columns])
    return np.where(spread > 0, spread, 1.0)


def known_score(score: float) -> float | None:
    """Return a score, or None where nothing could be withheld: JSON has no NaN."""
    return score if np.isfinite(score) else None


def held_out_errors(
    points: PointSet, folds: Sequence[Fold], withheld: Sequence[HeldOut]
) -> tuple[FloatArray, FloatArray]:
    """Return errors and predicted standard errors of the asked entries, folds stacked.

    Returns
    -------
    errors, predicted : ndarray, each of shape (m, s)
        A row per asked point of every fold; NaN where an entry was not asked for.
    """
    errors, predicted = [np.empty((0, len(points.channels)))], [np.empty((0, len(points.channels)))]
    for fold, held in zip(folds, withheld, strict=True):
        rows = fold.asked.any(axis=1)
        asked = fold.asked[rows]
        error, spread = np.full((2, *asked.shape), np.nan)
        error[asked] = held.values - points.values[fold.asked]
        spread[asked] = held.standard_error
        errors.append(error)
        predicted.append(spread)
    return np.concatenate(errors), np.concatenate(predicted)


def scaled(
    folds: Sequence[Fold], withheld: Sequence[HeldOut], scales: FloatArray
) -> tuple[HeldOut, ...]:
    """Return what was said of every fold with the standard errors times those of a channel (s,).

    A law that is learned from what is withheld must see the standard errors that it will be used
    on.
    """
    return tuple(
        replace(held, standard_error=held.standard_error * scales[np.nonzero(fold.asked)[1]])
        for fold, held in zip(folds, withheld, strict=True)
    )


def withheld_rmse(points: PointSet, withheld: BoolArray, values: FloatArray) -> float:
    """Score predictions of withheld entries.

    Parameters
    ----------
    points : PointSet
        Holds the truth of the withheld entries among its observed ones.
    withheld : ndarray of bool, shape (n, s)
    values : ndarray, shape (n, s)
        Predictions.

    Returns
    -------
    float
        Root of the mean squared error in standard deviations of each channel's observed values,
        the mean of the squares taken over the channels that have withheld entries.
    """
    squares = withheld_rmse_by_channel(points, withheld, values) ** 2
    told = np.isfinite(squares)
    return float(np.sqrt(squares[told].mean())) if told.any() else float("nan")


def withheld_rmse_by_channel(
    points: PointSet, withheld: BoolArray, values: FloatArray
) -> FloatArray:
    """Score each channel alone, in its own standard deviations; parameters as in `withheld_rmse`.

    Returns
    -------
    ndarray, shape (s,)
        NaN where nothing was withheld.
    """
    scores, spreads = np.full(withheld.shape[1], np.nan), channel_spreads(points)
    for column in np.flatnonzero(withheld.any(axis=0)):
        rows = withheld[:, column]
        error = values[rows, column] - points.values[rows, column]
        scores[column] = np.sqrt(np.mean(error**2)) / spreads[column]
    return scores


def held_out_rmse(points: PointSet, folds: Sequence[Fold], withheld: Sequence[HeldOut]) -> float:
    """Score what a method held out, all folds together; entries that it left NaN do not count.

    Returns
    -------
    float
        As in `withheld_rmse`; NaN where nothing was withheld.
    """
    squares = np.full((len(folds), points.values.shape[1]), np.nan)
    for number, (fold, held) in enumerate(zip(folds, withheld, strict=True)):
        values = np.full(fold.asked.shape, np.nan)
        values[fold.asked] = held.values
        told = np.isfinite(values)
        squares[number] = withheld_rmse_by_channel(points, told, values) ** 2
    told = np.isfinite(squares)
    return float(np.sqrt(squares[told].mean())) if told.any() else float("nan")
