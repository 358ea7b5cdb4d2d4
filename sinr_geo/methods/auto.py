"""`auto`: the better of the two heads on samples that neither was fitted to."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sinr_geo.methods.protocol import Effort, Fitted, Method, Problem, Task
from sinr_geo.methods.sinr import SinrMethod
from sinr_geo.methods.sinr_bayes import SinrBayesMethod
from sinr_geo.methods.thinned import thinned_error
from sinr_geo.points import PointSet
from sinr_geo.recovery import Prediction

__all__ = ["AutoMethod"]


@dataclass(frozen=True, slots=True)
class _Chosen:
    """The winner, and what both scored."""

    winner: Fitted
    choice: Mapping[str, Any]

    def predict(self, points: PointSet) -> Prediction:
        """Predict with the winner."""
        return self.winner.predict(points)


class AutoMethod:
    """Both heads scored on what was withheld from both; the better one is used.

    The sine head is fitted at one effort lower than was asked for, so that it never takes most of
    the time; ask for it by name to give it more.
    """

    name = "auto"

    def fit(self, points: PointSet, problem: Problem) -> _Chosen:
        """Fit both heads and keep the one with the lower error."""
        if problem.task is Task.DENOISING and points.lattice is not None:
            return _chosen_by_thinning(points, problem)
        return _chosen_on_folds(points, problem)


def _chosen_on_folds(points: PointSet, problem: Problem) -> _Chosen:
    """Compare what the heads scored on the same folds.

    Of large data the sine head sees an excerpt when it chooses, and its score is that of a few
    regions; such a score is reported but does not win.
    """
    bayes = SinrBayesMethod().fit(points, problem)
    sine: Fitted = SinrMethod().fit(points, replace(problem, effort=_lower(problem.effort)))
    scores = {f.choice["method"]: f.choice["withheld_rmse"] for f in (bayes, sine)}
    comparable = sine.choice.get("scored_share", 1.0) == 1.0
    wins = comparable and _beats(scores["sinr"], scores["sinr-bayes"])
    return _report(sine if wins else bayes, "withheld_rmse", scores)


def _chosen_by_thinning(points: PointSet, problem: Problem) -> _Chosen:
    """Fit both heads to thinned data in a crop, then the better one to everything."""
    heads: tuple[Method, ...] = (SinrBayesMethod(), SinrMethod())
    trial = replace(problem, effort=_lower(problem.effort))
    scores = {head.name: thinned_error(points, head, trial) for head in heads}
    if _beats(scores["sinr"], scores["sinr-bayes"]):
        return _report(SinrMethod().fit(points, trial), "thinned_error", scores)
    return _report(SinrBayesMethod().fit(points, problem), "thinned_error", scores)


def _report(winner: Fitted, by: str, scores: Mapping[str, float | None]) -> _Chosen:
    return _Chosen(winner, {**winner.choice, "chosen_by": by, "scores": dict(scores)})


def _lower(effort: Effort) -> Effort:
    return Effort.NORMAL if effort is Effort.BEST else Effort.FAST


def _beats(score: float | None, other: float | None) -> bool:
    """Whether a score is known and lower than the other, or the only one."""
    if score is None or math.isnan(score):
        return False
    return other is None or math.isnan(other) or score < other
