"""Standard errors that hold what they promise on withheld samples."""

from __future__ import annotations

import numpy as np

from sinr_geo.points import FloatArray

__all__ = ["error_scales"]

_LEVEL = 0.95
_LEVEL_IN_SD = 1.96
_FEWEST, _PRIOR, _MOST_OF_ONE = 20, 20, 10.0
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
        the others. Fewer than 20 samples in all count the less the fewer they are, as if 20 more
        had said that the standard errors are right.
    """
    told = np.isfinite(errors) & (predicted > 0)
    ratio = np.abs(errors) / np.where(told, predicted, 1.0)
    together = _scale(ratio[told], _FEWEST, _of_few(ratio[told]))
    columns = zip(ratio.T, told.T, strict=True)
    return np.array([_scale(r[t], _FEWEST_ALONE, together) for r, t in columns])


def _of_few(ratio: FloatArray) -> float:
    """Return the root mean square, drawn towards 1; a quantile of few says too little.

    One of them alone says no more than that it is ten times as large, or as small.
    """
    if ratio.size == 0:
        return 1.0
    square = np.clip(ratio, 1.0 / _MOST_OF_ONE, _MOST_OF_ONE) ** 2
    return float(np.sqrt(square.mean()) ** (ratio.size / (ratio.size + _PRIOR)))


def _scale(ratio: FloatArray, fewest: int, otherwise: float) -> float:
    if ratio.size < fewest:
        return otherwise
    return float(np.quantile(ratio, _LEVEL) / _LEVEL_IN_SD)
