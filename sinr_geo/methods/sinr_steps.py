"""`sinr-steps`: time as channels. Effects of cells and steps, then a Gaussian field of the rest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from sinr_geo.calibration import error_scales
from sinr_geo.folds import Fold
from sinr_geo.gaussian.search import search
from sinr_geo.gaussian.step_field import StepSettings
from sinr_geo.gaussian.step_model import EFFECTS, StepModel
from sinr_geo.gaussian.step_tiles import some_tiles
from sinr_geo.methods.fitted_points import FittedPoints
from sinr_geo.methods.protocol import PREDICTING, Effort, HeldOut, Problem, Task
from sinr_geo.points import BoolArray, FloatArray, PointSet
from sinr_geo.randomness import generator
from sinr_geo.recovery import Prediction
from sinr_geo.roles import StepsAsChannels, has_steps
from sinr_geo.scoring import held_out_errors, held_out_rmse, known_score, scaled, withheld_rmse

__all__ = ["SinrStepsMethod"]

_FEWEST_STEPS = 3
_MOST_CHANNELS = 1_000
_SEEN_TWICE = 0.5
_CELLS = {Effort.FAST: 300, Effort.NORMAL: 500, Effort.BEST: 3_000}
_GRID: Mapping[str, tuple[float, ...]] = {
    "nugget": (0.003, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4),
    "reach": (3.0, 6.0, 12.0, 25.0, 50.0),
    "rank": (4, 8, 12, 16, 24),
}


@dataclass(frozen=True, slots=True)
class _Choice:
    """Effects and settings, ready for all of the data.

    Parameters
    ----------
    effects : str
        Which effects are taken off first.
    settings : StepSettings
    scales : ndarray, shape (s,)
        What makes the standard errors hold on the withheld entries.
    withheld : tuple of HeldOut
    report : mapping
    """

    effects: str
    settings: StepSettings
    scales: FloatArray
    withheld: tuple[HeldOut, ...]
    report: Mapping[str, Any]

    def fit(self, points: PointSet, problem: Problem) -> FittedPoints:
        """Condition the wanted entries on all observed ones."""
        view = StepsAsChannels.of(points)
        model = StepModel.fit(view, self.effects, self.settings, problem)
        values, error = _predicted(view, model, problem.wanted)
        return FittedPoints(points, Prediction(values, error * self.scales), self.report)


class SinrStepsMethod:
    """Steps of time as channels over the cells of space."""

    name = "sinr-steps"

    @staticmethod
    def applies(points: PointSet, problem: Problem) -> bool:
        """Whether most cells that were observed at all were observed at two steps or more."""
        if problem.task is not Task.COMPLETION or not has_steps(points, _FEWEST_STEPS):
            return False
        view = StepsAsChannels.of(points)
        if len(view.points.channels) > _MOST_CHANNELS:
            return False
        times = view.points.observed.reshape(len(view.points), view.variables, view.steps).sum(2)
        return bool((times >= 2).sum() >= _SEEN_TWICE * max(1, (times >= 1).sum()))

    def choose(self, points: PointSet, problem: Problem) -> _Choice:
        """Choose which effects to take off, then the settings of the field, on the folds."""
        view = StepsAsChannels.of(points)
        trials = [_Trial(points, view, fold, problem) for fold in problem.folds]
        effects, by_effects = _chosen_effects(trials)
        settings, tried = _chosen_settings(trials, effects, problem)
        problem.progress(PREDICTING, 0.9)
        told = tuple(trial.held_out(effects, settings) for trial in trials)
        scales = error_scales(*held_out_errors(points, problem.folds, told))
        withheld = scaled(problem.folds, told, scales)
        score = held_out_rmse(points, problem.folds, withheld)
        report = {
            "method": self.name,
            "head": "time as channels",
            "effects": effects,
            **asdict(settings),
            "effects_tried": by_effects,
            "tried": tried,
            "standard_error_scale": scales.tolist(),
            "withheld_rmse": known_score(score),
        }
        return _Choice(effects, settings, scales, withheld, report)


class _Trial:
    """One fold: models without what is withheld, scored on some of the cells that are asked for."""

    def __init__(
        self, points: PointSet, view: StepsAsChannels, fold: Fold, problem: Problem
    ) -> None:
        self._points, self._fold, self._problem = points, fold, problem
        self._view = view.with_observed(fold.train(points).observed)
        self._few = self._some_of(fold.asked)
        self._models: dict[str, StepModel] = {}

    def score(self, effects: str, settings: StepSettings) -> float:
        """Return the withheld RMSE; the covariance of channels is learned once for an effect."""
        if effects not in self._models:
            self._models[effects] = StepModel.fit(
                self._view, effects, StepSettings(), self._problem
            )
        model = self._models[effects].with_settings(settings)
        values, _ = _predicted(self._view, model, self._few)
        return withheld_rmse(self._points, self._few, values)

    def held_out(self, effects: str, settings: StepSettings) -> HeldOut:
        """Fit as the final model is fitted and predict all asked entries."""
        model = StepModel.fit(self._view, effects, settings, self._problem)
        return HeldOut.of(self._fold, *_predicted(self._view, model, self._fold.asked))

    def _some_of(self, asked: BoolArray) -> BoolArray:
        """Keep the asked entries of a bounded number of cells."""
        over = self._view.over(asked, False)
        lattice = self._view.points.lattice
        assert lattice is not None
        cells = np.flatnonzero(over.any(axis=1))
        rng = generator(self._problem.seed, "cells to choose by")
        kept = some_tiles(cells, lattice, _CELLS[self._problem.effort], rng)
        over[np.setdiff1d(cells, kept)] = False
        return self._view.back(over)


def _chosen_effects(trials: list[_Trial]) -> tuple[str, dict[str, float]]:
    """Return the effects with the lowest score, the first where nothing was withheld."""
    if not trials:
        return EFFECTS[0], {}
    scores = {name: _mean_score(trials, name, StepSettings()) for name in EFFECTS}
    return min(scores, key=scores.__getitem__), scores


def _chosen_settings(
    trials: list[_Trial], effects: str, problem: Problem
) -> tuple[StepSettings, dict[str, float]]:
    """Search the settings of the field; those that the search starts from without folds."""
    if not trials:
        return StepSettings(), {}
    found = search(
        StepSettings(),
        _GRID,
        lambda settings: _mean_score(trials, effects, settings),
        progress=problem.progress,
        what="choosing the field of steps",
    )
    return found.settings, dict(found.tried)


def _predicted(
    view: StepsAsChannels, model: StepModel, wanted: BoolArray
) -> tuple[FloatArray, FloatArray]:
    """Predict wanted entries (n, s); -> values and standard errors, NaN where not wanted."""
    over = view.over(wanted, False)
    cells = np.flatnonzero(over.any(axis=1))
    values, variance = np.full((2, *over.shape), np.nan)
    values[cells], variance[cells] = model.predict(cells)
    error = np.sqrt(variance)
    return view.back(np.where(over, values, np.nan)), view.back(np.where(over, error, np.nan))


def _mean_score(trials: list[_Trial], effects: str, settings: StepSettings) -> float:
    return float(np.mean([trial.score(effects, settings) for trial in trials]))
