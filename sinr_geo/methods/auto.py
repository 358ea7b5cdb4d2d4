"""`auto`: methods scored on the same withheld entries, and stacked by what they scored."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sinr_geo.methods.catalogue import method_named
from sinr_geo.methods.members import members_for
from sinr_geo.methods.protocol import Choice, Effort, Fitted, HeldOut, Problem, Progress, Task
from sinr_geo.methods.stack import SHARE_OF_CHOOSING, Stack
from sinr_geo.methods.thinned import Thinned
from sinr_geo.points import PointSet
from sinr_geo.recovery import Prediction
from sinr_geo.scoring import held_out_rmse
from sinr_geo.workers import named_side_by_side

__all__ = ["AutoMethod"]

_HEADS = ("sinr-bayes", "sinr")


class AutoMethod:
    """Every method that suits the data, stacked with weights from what was withheld from all.

    The sine head is tried at one effort lower than was asked for, so that it never takes most of
    the time; ask for it by name to give it more.
    """

    name = "auto"

    def choose(self, points: PointSet, problem: Problem) -> Choice:
        """Choose the settings of every member, and the weights."""
        if problem.task is Task.DENOISING and points.lattice is not None:
            return _best_by_thinning(points, problem)
        return _stacked(points, problem)


@dataclass(frozen=True, slots=True)
class _Winner:
    """One method alone, and what the others scored."""

    choice: Choice
    told: Mapping[str, Any]

    @property
    def report(self) -> Mapping[str, Any]:
        """What the method chose, and all scores."""
        return {**self.choice.report, **self.told}

    @property
    def withheld(self) -> tuple[HeldOut, ...]:
        """What the method says of the folds."""
        return self.choice.withheld

    def fit(self, points: PointSet, problem: Problem) -> Fitted:
        """Fit the method."""
        fitted = self.choice.fit(points, problem)
        return _Fitted(fitted, {**fitted.report, **self.told})


@dataclass(frozen=True, slots=True)
class _Fitted:
    """A method fitted alone, with all scores in its report."""

    fitted: Fitted
    report: Mapping[str, Any]

    def predict(self, points: PointSet) -> Prediction:
        """Predict as the method does."""
        return self.fitted.predict(points)


def _stacked(points: PointSet, problem: Problem) -> Choice:
    """Choose every member on the folds, and stack those that could be scored."""
    names = members_for(points, problem)

    def chosen(name: str, progress: Progress) -> Choice:
        effort = _effort(name, problem)
        trial = replace(problem, progress=progress, effort=effort, shared_effort=problem.effort)
        return method_named(name).choose(points, trial)

    choices = named_side_by_side(names, chosen, problem.progress, (0.0, SHARE_OF_CHOOSING))
    scored = {
        name: choice
        for name, choice in choices.items()
        if math.isfinite(held_out_rmse(points, problem.folds, choice.withheld))
    }
    if not scored:
        return _Winner(choices[names[0]], {"scores": dict.fromkeys(names)})
    problem.progress("weighing methods", SHARE_OF_CHOOSING)
    return Stack.of(scored, points, problem)


def _best_by_thinning(points: PointSet, problem: Problem) -> Choice:
    """Score both heads on thinned data in a crop; the better one is fitted to everything."""
    thinned = Thinned.of(points, problem)
    trial = replace(problem, effort=_lower(problem.effort))
    scores = {
        name: math.nan if thinned is None else thinned.error(method_named(name), trial)
        for name in _HEADS
    }
    best = min(scores, key=lambda name: scores[name] if math.isfinite(scores[name]) else math.inf)
    chosen = method_named(best).choose(points, replace(problem, effort=_effort(best, problem)))
    return _Winner(chosen, {"chosen_by": "thinned_error", "scores": scores})


def _effort(name: str, problem: Problem) -> Effort:
    return _lower(problem.effort) if name == "sinr" else problem.effort


def _lower(effort: Effort) -> Effort:
    return Effort.NORMAL if effort is Effort.BEST else Effort.FAST
