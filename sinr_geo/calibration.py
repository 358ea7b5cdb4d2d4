"""Standard errors that hold what they promise on withheld samples."""

from __future__ import annotations

import numpy as np

from sinr_geo.points import FloatArray

__all__ = ["error_scales"]

_LEVEL = 0.95
_LEVEL_IN_SD = 1.96
_FEWEST = 20
_FEWEST_ALONE = 200


def error_scales(errors: FloatArray, predicted: FloatArray) -> FloatArray:
    """Return the factors that make 95 % intervals hold 95 % of the withheld errors.

    Parameters
    ----------
    errors : ndarray, shape (n, s)
        Prediction minus truth of withheld samples, NaN elsewhere.
    predicted : ndarray, shape (n, s)
        Their standard errors as predicted.

    Returns
    -------
    ndarray, shape (s,)
        A factor of its own for every channel with 200 samples, that of all channels together for
        the others; 1 where fewer than 20 samples tell.
    """
    told = np.isfinite(errors) & (predicted > 0)
    ratio = np.abs(errors) / np.where(told, predicted, 1.0)
    together = _scale(ratio[told], _FEWEST, 1.0)
    columns = zip(ratio.T, told.T, strict=True)
    return np.array([_scale(r[t], _FEWEST_ALONE, together) for r, t in columns])


def _scale(ratio: FloatArray, fewest: int, otherwise: float) -> float:
    if ratio.size < fewest:
        return otherwise
    return float(np.quantile(ratio, _LEVEL) / _LEVEL_IN_SD)
