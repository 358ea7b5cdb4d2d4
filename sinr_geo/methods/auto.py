"""`auto`: the better of the two heads on samples that neither was fitted to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sinr_geo.methods.protocol import Effort, Fitted, Method, Problem
from sinr_geo.methods.sinr import SinrMethod
from sinr_geo.methods.sinr_bayes import SinrBayesMethod
from sinr_geo.points import PointSet
from sinr_geo.recovery import Prediction

__all__ = ["AutoMethod"]


@dataclass(frozen=True, slots=True)
class _Chosen:
    """The winner, and what everyone scored."""

    winner: Fitted
    choice: Mapping[str, Any]

    def predict(self, points: PointSet) -> Prediction:
        """Predict with the winner."""
        return self.winner.predict(points)


class AutoMethod:
    """Both heads scored on the same folds; the better one is used.

    The sine head competes at one effort lower than was asked for, so that it never takes most of
    the time; if it wins it is fitted again at full effort.
    """

    name = "auto"

    def fit(self, points: PointSet, problem: Problem) -> _Chosen:
        """Fit both heads and keep the one with the lower withheld error."""
        gaussian: Method = SinrBayesMethod()
        sine: Method = SinrMethod()
        first = gaussian.fit(points, problem)
        second = sine.fit(points, replace(problem, effort=_lower(problem.effort)))
        scores = {m.name: _score(f) for m, f in ((gaussian, first), (sine, second))}
        winner = first if scores[gaussian.name] <= scores[sine.name] else sine.fit(points, problem)
        return _Chosen(winner, {**winner.choice, "chosen_by": "withheld_rmse", "scores": scores})


def _lower(effort: Effort) -> Effort:
    return Effort.NORMAL if effort is Effort.BEST else Effort.FAST


def _score(fitted: Fitted) -> float:
    return float(fitted.choice["withheld_rmse"])
