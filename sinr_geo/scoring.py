"""The one score that all choices are made by."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sinr_geo.folds import Fold
from sinr_geo.methods.protocol import HeldOut
from sinr_geo.points import BoolArray, FloatArray, PointSet

__all__ = ["held_out_rmse", "withheld_rmse", "withheld_rmse_by_channel"]


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
    scores = np.full(withheld.shape[1], np.nan)
    for column in np.flatnonzero(withheld.any(axis=0)):
        rows = withheld[:, column]
        spread = float(points.values[points.observed[:, column], column].std())
        error = values[rows, column] - points.values[rows, column]
        scores[column] = np.sqrt(np.mean(error**2)) / (spread if spread > 0 else 1.0)
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
