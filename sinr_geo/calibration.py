"""Standard errors that hold what they promise on withheld samples."""

from __future__ import annotations

import numpy as np

from sinr_geo.points import FloatArray

__all__ = ["error_scale"]

_LEVEL = 0.95
_LEVEL_IN_SD = 1.96
_FEWEST = 20


def error_scale(errors: FloatArray, predicted: FloatArray) -> float:
    """Return the factor that makes 95 % intervals hold 95 % of the withheld errors.

    Parameters
    ----------
    errors : ndarray, shape (n,)
        Prediction minus truth of withheld samples.
    predicted : ndarray, shape (n,)
        Their standard errors as predicted.

    Returns
    -------
    float
        1 where fewer than 20 samples tell.
    """
    told = predicted > 0
    if told.sum() < _FEWEST:
        return 1.0
    ratio = np.abs(errors[told]) / predicted[told]
    return float(np.quantile(ratio, _LEVEL) / _LEVEL_IN_SD)
