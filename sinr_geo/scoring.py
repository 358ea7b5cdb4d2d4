"""The one score that all choices are made by."""

from __future__ import annotations

import numpy as np

from sinr_geo.points import BoolArray, FloatArray, PointSet

__all__ = ["withheld_rmse"]


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
    squares = []
    for column in np.flatnonzero(withheld.any(axis=0)):
        rows = withheld[:, column]
        truth = points.values[rows, column]
        spread = float(points.values[points.observed[:, column], column].std())
        error = (values[rows, column] - truth) / (spread if spread > 0 else 1.0)
        squares.append(float(np.mean(error**2)))
    return float(np.sqrt(np.mean(squares))) if squares else float("nan")
