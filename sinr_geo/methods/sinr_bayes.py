"""`sinr-bayes`: the Gaussian head, on windows or on a kernel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sinr_geo.calibration import error_scales
from sinr_geo.errors import RequestError
from sinr_geo.folds import gap_folds, thinned_fold
from sinr_geo.gaussian.centres import embedded
from sinr_geo.gaussian.completion_head import choose_completion, complete_lattice
from sinr_geo.gaussian.coregional_head import choose_coregional
from sinr_geo.gaussian.kernel_by_mask import choose_kernels
from sinr_geo.gaussian.pilot import Pilot
from sinr_geo.gaussian.window_head import denoise_lattice
from sinr_geo.methods.protocol import Problem, Task
from sinr_geo.points import FloatArray, PointSet
from sinr_geo.randomness import generator
from sinr_geo.recovery import Prediction

__all__ = ["SinrBayesMethod"]

_CALIBRATION_POINTS = 4_000
_GAP_FOLDS = 2
_SHARE_OF_PARTLY_OBSERVED = 0.2
_CHANNELS_FOR_BOTH = 8


@dataclass(frozen=True, slots=True)
class _Recovered:
    """A prediction for the points that were fitted."""

    fitted_to: PointSet
    prediction: Prediction
    choice: Mapping[str, Any]

    def predict(self, points: PointSet) -> Prediction:
        """Return the prediction for the fitted points; there is none for others."""
        if not np.array_equal(points.coordinates, self.fitted_to.coordinates):
            raise RequestError("sinr-bayes predicts the points that it was fitted to and no others")
        return self.prediction


class SinrBayesMethod:
    """Generalized superpixels with one Gaussian each, solved in closed form."""

    name = "sinr-bayes"

    def fit(self, points: PointSet, problem: Problem) -> _Recovered:
        """Choose settings on the folds, then condition on all observed entries."""
        if problem.task is not Task.DENOISING:
            return _completed(points, problem)
        if points.lattice is None:
            return _smoothed(points, problem)
        return _denoised(points, problem)


def _completed(points: PointSet, problem: Problem) -> _Recovered:
    """Recover the wanted entries on a kernel, and on a lattice on windows over it."""
    pilot = _pilot(points, problem)
    mean, variance = pilot.predict(points, problem.wanted, problem)
    choice = {"method": "sinr-bayes", **pilot.as_dict(), "withheld_rmse": _known(pilot.score)}
    scales = _error_scales(points, pilot, problem)
    error = scales * np.sqrt(variance)
    lattice = points.lattice
    windows = None if lattice is None else choose_completion(points, lattice, pilot, problem)
    if lattice is not None and windows is not None:
        choice["windows"] = windows.as_dict()
        if windows.helps.any():
            problem.progress("completing windows", 0.5)
            found, left = complete_lattice(
                points, lattice, mean, variance, windows.settings, problem
            )
            mean = np.where(windows.helps, found, mean)
            error = np.where(windows.helps, windows.error_scales * np.sqrt(left), error)
            scales = np.where(windows.helps, windows.error_scales, scales)
            choice["withheld_rmse"] = _known(pilot.score * windows.gain)
    choice["standard_error_scale"] = scales.tolist()
    return _Recovered(points, Prediction(mean, error), choice)


def _pilot(points: PointSet, problem: Problem) -> Pilot:
    """Choose the kernel, or the kernel of entries where the mask differs by entry.

    With many channels, each with a mask of its own, only the kernel of entries is affordable.
    """
    partly = points.observed.any(axis=1) & ~points.observed.all(axis=1)
    if partly.mean() < _SHARE_OF_PARTLY_OBSERVED:
        return choose_kernels(points, problem)
    coregional = choose_coregional(points, problem)
    if len(points.channels) > _CHANNELS_FOR_BOTH:
        return coregional
    kernel = choose_kernels(points, problem)
    return coregional if coregional.score < kernel.score else kernel


def _smoothed(points: PointSet, problem: Problem) -> _Recovered:
    """Denoise on a kernel: the conditional mean of the field at every point, nugget left out."""
    kernel = choose_kernels(points, problem)
    mean, variance = kernel.predict(points, problem.wanted | points.observed, problem)
    choice = {"method": "sinr-bayes", **kernel.as_dict(), "withheld_rmse": _known(kernel.score)}
    return _Recovered(points, Prediction(mean, np.sqrt(variance)), choice)


def _denoised(points: PointSet, problem: Problem) -> _Recovered:
    """Recover gaps on a kernel first, then everything on windows."""
    complete, error = np.array(points.values), np.zeros(points.values.shape)
    choice: dict[str, Any] = {"method": "sinr-bayes", "head": "windows"}
    if problem.wanted.any():
        folds = gap_folds(points, problem.wanted, count=_GAP_FOLDS, seed=problem.seed)
        filling = replace(problem, task=Task.COMPLETION, folds=folds)
        gaps = _completed(points, filling)
        complete[problem.wanted] = gaps.prediction.values[problem.wanted]
        error[problem.wanted] = gaps.prediction.standard_error[problem.wanted]
        choice["gaps"] = gaps.choice
    found = denoise_lattice(points, complete, problem)
    choice |= found.as_dict(tuple(channel.name for channel in points.channels))
    joined = np.sqrt(found.prediction.standard_error**2 + error**2)
    return _Recovered(points, Prediction(found.prediction.values, joined), choice)


def _known(score: float) -> float | None:
    """Return a score, or None where nothing could be withheld."""
    return score if np.isfinite(score) else None


def _error_scales(points: PointSet, pilot: Pilot, problem: Problem) -> FloatArray:
    """Compare withheld errors with the standard errors predicted for them; -> (s,)."""
    rng, place = generator(problem.seed, "calibration"), embedded(points, 1.0)
    errors: list[FloatArray] = [np.full((0, len(points.channels)), np.nan)]
    predicted: list[FloatArray] = [np.zeros((0, len(points.channels)))]
    for fold in problem.folds:
        few = thinned_fold(fold, place, _CALIBRATION_POINTS, rng)
        train = points.with_observed(points.observed & ~fold)
        mean, variance = pilot.predict(train, few, problem)
        errors.append(np.where(few, mean - points.values, np.nan))
        predicted.append(np.sqrt(variance))
    return error_scales(np.concatenate(errors), np.concatenate(predicted))
