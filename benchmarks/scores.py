"""What the judge of the ladder measures, of a recovery beside a truth."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from scipy.stats import norm

from benchmarks.rungs import Case
from sinr_geo.points import FloatArray

__all__ = ["scores_of"]


def scores_of(case: Case, values: FloatArray, error: FloatArray | None) -> Mapping[str, float]:
    """Score values (n, s) and their standard errors.

    Returns
    -------
    mapping of str to float
        ``nrmse`` (RMSE over the range of the test values, mean over the channels) and ``r2``, or
        ``rmse`` in the unit of the data or in standard deviations of the truth, or ``psnr`` and
        ``ssim`` over the cube; and, where there are standard errors, ``coverage95``, ``coverage68``
        and ``crps`` (of a Gaussian; for ``nrmse`` rungs in units of the range).
    """
    found = dict(_accuracy(case, values))
    if error is not None and case.kind != "cube":
        found |= _calibration(case, values, error)
    return found


def _accuracy(case: Case, values: FloatArray) -> Mapping[str, float]:
    if case.kind == "range":
        return {"nrmse": _nrmse(case, values), "r2": _r2(case, values)}
    if case.kind in ("unit", "share"):
        return {"rmse": _rms(((values - case.truth) / _SCALE[case.kind](case))[case.scored])}
    return {"psnr": -20.0 * math.log10(_rms(values - case.truth)), "ssim": _ssim(case, values)}


def _nrmse(case: Case, values: FloatArray) -> float:
    rows, scale = case.scored.all(axis=1), _range(case)
    return float(np.mean([_rms(e) for e in ((values - case.truth)[rows] / scale).T]))


def _r2(case: Case, values: FloatArray) -> float:
    from sklearn.metrics import r2_score

    rows = case.scored.all(axis=1)
    return float(r2_score(case.truth[rows], values[rows]))


def _ssim(case: Case, values: FloatArray) -> float:
    from skimage.metrics import structural_similarity

    shown = (array.reshape(case.shape) for array in (case.truth, values))
    return float(structural_similarity(*shown, channel_axis=2, data_range=1.0))


def _calibration(case: Case, values: FloatArray, error: FloatArray) -> Mapping[str, float]:
    scale = _SCALE[case.kind](case)
    off = ((values - case.truth) / scale)[case.scored]
    spread = np.maximum((error / scale)[case.scored], 1e-12)
    ratio = np.abs(off) / spread
    sharp = 2.0 * norm.pdf(ratio) + ratio * (2.0 * norm.cdf(ratio) - 1.0) - 1.0 / np.sqrt(np.pi)
    return {
        "coverage95": float(np.mean(ratio < norm.ppf(0.975))),
        "coverage68": float(np.mean(ratio < norm.ppf(0.84))),
        "crps": float(np.mean(spread * sharp)),
    }


def _range(case: Case) -> FloatArray:
    """Return the range of every channel's test values, shape (s,)."""
    return np.asarray(np.ptp(case.truth[case.scored.all(axis=1)], axis=0))


def _spread(case: Case) -> FloatArray:
    """Return the standard deviation of every channel's scored truth, shape (s,)."""
    columns = zip(case.truth.T, case.scored.T, strict=True)
    return np.array([truth[scored].std() for truth, scored in columns])


def _one(case: Case) -> FloatArray:
    return np.ones(case.truth.shape[1])


_SCALE = {"range": _range, "unit": _one, "share": _spread}


def _rms(values: FloatArray) -> float:
    return float(np.sqrt(np.mean(values**2)))
