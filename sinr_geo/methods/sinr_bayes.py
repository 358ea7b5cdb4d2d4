"""`sinr-bayes`: the Gaussian head, on windows or on a kernel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

from sinr_geo.calibration import error_scales
from sinr_geo.folds import Fold, gap_folds
from sinr_geo.gaussian.centres import embedded
from sinr_geo.gaussian.completion_head import (
    CompletionChoice,
    choose_completion,
    complete_lattice,
)
from sinr_geo.gaussian.coregional_head import choose_coregional
from sinr_geo.gaussian.kernel_by_mask import choose_kernels
from sinr_geo.gaussian.pilot import Pilot
from sinr_geo.gaussian.window_head import denoise_lattice
from sinr_geo.methods.fitted_points import FittedPoints
from sinr_geo.methods.peers import MANY_CHANNELS, differs_by_entry
from sinr_geo.methods.protocol import PREDICTING, Choice, HeldOut, Problem, Shared, Task
from sinr_geo.points import BoolArray, FloatArray, PointSet
from sinr_geo.recovery import Prediction
from sinr_geo.scoring import held_out_errors, held_out_rmse, known_score, scaled
from sinr_geo.workers import side_by_side

__all__ = ["SinrBayesMethod"]

_GAP_FOLDS = 2
_GAP_POINTS = 4_000
_SMALL_WINDOW = 64
_ENOUGH_IN_CROPS = 1_000


class SinrBayesMethod:
    """Generalized superpixels with one Gaussian each, solved in closed form."""

    name = "sinr-bayes"

    def choose(self, points: PointSet, problem: Problem) -> Choice:
        """Choose settings on the folds; denoising on a lattice chooses by thinning, in the fit."""
        if problem.task is not Task.DENOISING:
            return _choose_completion(points, problem)
        if points.lattice is None:
            return _choose_smoothing(points, problem)
        return _Denoising()


@dataclass(frozen=True, slots=True)
class _Completion:
    """A kernel, and the windows over it where they help.

    Parameters
    ----------
    pilot : Pilot
    windows : CompletionChoice, or None
    scales : ndarray, shape (s,)
        What makes the standard errors hold on the withheld entries.
    withheld : tuple of HeldOut
    report : mapping
    """

    pilot: Pilot
    windows: CompletionChoice | None
    scales: FloatArray
    withheld: tuple[HeldOut, ...]
    report: Mapping[str, Any]

    def fit(self, points: PointSet, problem: Problem) -> FittedPoints:
        """Condition on all observed entries."""
        problem.progress("conditioning on all samples", 0.0)
        mean, variance = _completed(points, problem.wanted, self.pilot, self.windows, problem)
        error = self.scales * np.sqrt(variance)
        return FittedPoints(points, Prediction(mean, error), self.report)


@dataclass(frozen=True, slots=True)
class _Smoothing:
    """A kernel that smooths points without a lattice: the field without the nugget."""

    kernel: Pilot
    withheld: tuple[HeldOut, ...]
    report: Mapping[str, Any]

    def fit(self, points: PointSet, problem: Problem) -> FittedPoints:
        """Take the conditional mean of the field at every point."""
        everywhere = problem.wanted | points.observed
        mean, variance = self.kernel.predict(points, everywhere, problem)
        return FittedPoints(points, Prediction(mean, np.sqrt(variance)), self.report)


@dataclass(frozen=True, slots=True)
class _Denoising:
    """Windows on a lattice; what they need is chosen on the data that they are fitted to."""

    withheld: tuple[HeldOut, ...] = ()
    report: Mapping[str, Any] = field(default_factory=lambda: {"method": SinrBayesMethod.name})

    def fit(self, points: PointSet, problem: Problem) -> FittedPoints:
        """Recover gaps on a kernel first, then everything on windows."""
        complete, error = np.array(points.values), np.zeros(points.values.shape)
        report: dict[str, Any] = {**self.report, "head": "windows"}
        if problem.wanted.any():
            folds = _folds_of_gaps(points, problem)
            filling = replace(problem, task=Task.COMPLETION, folds=folds, shared=Shared())
            gaps = _choose_completion(points, filling).fit(points, filling)
            complete[problem.wanted] = gaps.prediction.values[problem.wanted]
            error[problem.wanted] = gaps.prediction.standard_error[problem.wanted]
            report["gaps"] = gaps.report
        found = denoise_lattice(points, complete, problem)
        report |= found.as_dict(tuple(channel.name for channel in points.channels))
        joined = np.sqrt(found.prediction.standard_error**2 + error**2)
        return FittedPoints(points, Prediction(found.prediction.values, joined), report)


def _folds_of_gaps(points: PointSet, problem: Problem) -> tuple[Fold, ...]:
    place = embedded(points, 1.0)
    masks = gap_folds(points, problem.wanted, count=_GAP_FOLDS, seed=problem.seed)
    return tuple(Fold.of(mask, place, _GAP_POINTS, problem.seed) for mask in masks)


def _choose_completion(points: PointSet, problem: Problem) -> _Completion:
    """Choose a kernel, and on a lattice windows over it."""
    pilot, lattice = _pilot(points, problem), points.lattice
    report = {"method": SinrBayesMethod.name, **pilot.as_dict()}
    windows = None if lattice is None else choose_completion(points, lattice, pilot, problem)
    if windows is not None:
        report["windows"] = windows.as_dict()
    told = _held_out(points, pilot, windows, problem)
    scales = error_scales(*held_out_errors(points, problem.folds, told))
    withheld = scaled(problem.folds, told, scales)
    report["standard_error_scale"] = scales.tolist()
    report["withheld_rmse"] = known_score(held_out_rmse(points, problem.folds, withheld))
    return _Completion(pilot, windows, scales, withheld, report)


def _choose_smoothing(points: PointSet, problem: Problem) -> _Smoothing:
    kernel = choose_kernels(points, problem)
    withheld = _held_out(points, kernel, None, problem)
    score = held_out_rmse(points, problem.folds, withheld)
    report = {
        "method": SinrBayesMethod.name,
        **kernel.as_dict(),
        "withheld_rmse": known_score(score),
    }
    return _Smoothing(kernel, withheld, report)


def _completed(
    points: PointSet,
    wanted: BoolArray,
    pilot: Pilot,
    windows: CompletionChoice | None,
    problem: Problem,
) -> tuple[FloatArray, FloatArray]:
    """Recover wanted entries; -> mean and variance (n, s), NaN where not wanted."""
    mean, variance = pilot.predict(points, wanted, problem)
    lattice = points.lattice
    if lattice is None or windows is None or not windows.helps.any():
        return mean, variance
    found, left = complete_lattice(points, lattice, mean, variance, windows.settings, problem)
    return np.where(windows.helps, found, mean), np.where(windows.helps, left, variance)


def _pilot(points: PointSet, problem: Problem) -> Pilot:
    """Choose the kernel, or the kernel of entries where the mask differs by entry.

    With many channels, each with a mask of its own, only the kernel of entries is affordable.
    """
    if not differs_by_entry(points):
        return choose_kernels(points, problem)
    coregional = choose_coregional(points, problem)
    if len(points.channels) > MANY_CHANNELS:
        return coregional
    kernel = choose_kernels(points, problem)
    return coregional if coregional.score < kernel.score else kernel


def _held_out(
    points: PointSet, pilot: Pilot, windows: CompletionChoice | None, problem: Problem
) -> tuple[HeldOut, ...]:
    """Predict the asked entries of every fold.

    Large windows are not tried again where enough of these lie in the crops that they were judged
    on, and on the first fold only where not.
    """
    helping = windows is not None and bool(windows.helps.any())
    problem.progress(PREDICTING, 0.9)
    large = 0
    if windows is not None and helping:
        large = windows.settings.width**2 * windows.settings.rank
        known = sum(int(np.isfinite(held.values).sum()) for held in windows.withheld)
        if large > _SMALL_WINDOW and known >= _ENOUGH_IN_CROPS:
            return windows.withheld

    def told(number: int, fold: Fold) -> HeldOut:
        if number > 0 and large > _SMALL_WINDOW:
            return HeldOut.untried(fold)
        wanted = fold.withheld | problem.wanted if helping else fold.asked
        mean, variance = _completed(fold.train(points), wanted, pilot, windows, problem)
        return HeldOut.of(fold, mean, np.sqrt(variance))

    tasks = [partial(told, number, fold) for number, fold in enumerate(problem.folds)]
    return tuple(side_by_side(tasks))
