"""A trained method whose settings and number of steps are chosen on withheld entries.

As published, most of these methods are stopped where the test score is best. Here the number of
steps is the one with the best withheld score, and the final fit sees all observed entries.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Generic, Protocol, TypeVar

import numpy as np

from sinr_geo.coordinates import Embedding
from sinr_geo.error_by_distance import ErrorByDistance
from sinr_geo.folds import Fold
from sinr_geo.gaussian.search import search
from sinr_geo.methods.fitted_field import FittedField
from sinr_geo.methods.protocol import Choice, Effort, HeldOut, Problem, Task
from sinr_geo.nearest import nearest_distance
from sinr_geo.points import FloatArray, IntArray, PointSet
from sinr_geo.scoring import withheld_rmse
from sinr_geo.sine.training import Track

__all__ = ["Field", "Settings", "WatchedMethod"]

_WORK = {Effort.FAST: 1e11, Effort.NORMAL: 1e12, Effort.BEST: 2e13}
_TRIALS = 8
_FEWEST_STEPS = 20


class Field(Protocol):
    """What a training gives."""

    @property
    def parameters(self) -> int:
        """Number of parameters."""
        ...

    def values(self, points: PointSet) -> FloatArray:
        """Evaluate at points, (n, s)."""
        ...

    def at(self, points: PointSet, rows: IntArray) -> FloatArray:
        """Evaluate at some of the points, (q, s)."""
        ...


class Settings(Protocol):
    """A frozen dataclass of settings."""

    @property
    def steps(self) -> int:
        """Steps that the training is laid out for."""
        ...


S = TypeVar("S", bound=Settings)


class WatchedMethod(ABC, Generic[S]):
    """A method that is trained; half of its work goes into trials with shortened trainings."""

    name: str
    start: S
    grids: Mapping[str, Sequence[float]]

    @abstractmethod
    def fit_field(
        self,
        points: PointSet,
        settings: S,
        problem: Problem,
        *,
        stop: int,
        score: Callable[[Field], float] | None = None,
        progress: Callable[[float], None] = lambda share: None,
    ) -> tuple[Field, Track]:
        """Train on the observed entries of points."""

    @abstractmethod
    def work(self, points: PointSet, settings: S) -> float:
        """Estimate the multiplications of one step."""

    def choose(self, points: PointSet, problem: Problem) -> Choice:
        """Choose on the first fold; the others are not predicted."""
        budget = _WORK[problem.effort]
        if not problem.folds:
            settings = self._shortened(points, self.start, budget)
            return _Chosen(self, settings, settings.steps, None, (), {"withheld_rmse": None})
        fold = problem.folds[0]

        def tried(settings: S) -> float:
            short = self._shortened(points, settings, 0.5 * budget / _TRIALS)
            return self._watched(points, fold, short, problem)[0]

        best = self.start
        alternatives: Mapping[str, float] = {}
        if self.grids:
            found = search(
                self.start, self.grids, tried, progress=problem.progress, what="choosing settings"
            )
            best, alternatives = found.settings, found.tried
        settings = self._shortened(points, best, 0.25 * budget)
        score, stop, values = self._watched(points, fold, settings, problem)
        error, held = _learned_error(points, problem.folds, values)
        report = {"withheld_rmse": score, "alternatives": dict(alternatives)}
        return _Chosen(self, settings, stop, error, held, report)

    def _watched(
        self, points: PointSet, fold: Fold, settings: S, problem: Problem
    ) -> tuple[float, int, FloatArray]:
        """Train without a fold: the best score on it, at which step, and what was said there."""
        rows = np.flatnonzero(fold.asked.any(axis=1))
        best = np.full(fold.asked.shape, np.nan)
        lowest = np.inf

        def score(field: Field) -> float:
            nonlocal best, lowest
            values = np.full(fold.asked.shape, np.nan)
            values[rows] = field.at(points, rows)
            now = withheld_rmse(points, fold.asked, values)
            if now < lowest:
                lowest, best = now, values
            return now

        train = fold.train(points)
        _, track = self.fit_field(train, settings, problem, stop=settings.steps, score=score)
        return lowest, track.best[0], best

    def _shortened(self, points: PointSet, settings: S, work: float) -> S:
        """Return settings with no more steps than the work allows."""
        steps = int(work / self.work(points, settings))
        fewer: Any = {"steps": int(np.clip(steps, _FEWEST_STEPS, settings.steps))}
        shortened: S = replace(settings, **fewer)  # type: ignore[type-var]
        return shortened


@dataclass(frozen=True, slots=True)
class _Chosen(Generic[S]):
    """Settings, the number of steps, and what was found out about them."""

    method: WatchedMethod[S]
    settings: S
    stop: int
    error: ErrorByDistance | None
    withheld: tuple[HeldOut, ...]
    found_out: Mapping[str, Any]

    @property
    def report(self) -> Mapping[str, Any]:
        """What was chosen and what the alternatives scored."""
        return {
            "method": self.method.name,
            "settings": asdict(self.settings),  # type: ignore[call-overload]
            "steps": self.stop,
            **self.found_out,
        }

    def fit(self, points: PointSet, problem: Problem) -> FittedField:
        """Train on all observed entries."""
        field, _ = self.method.fit_field(
            points,
            self.settings,
            problem,
            stop=self.stop,
            progress=lambda share: problem.progress("fitting", share),
        )
        report = {**self.report, "parameters": field.parameters}
        error = None if problem.task is Task.DENOISING else self.error
        return FittedField(field, points, error, report)


def _learned_error(
    points: PointSet, folds: Sequence[Fold], values: FloatArray
) -> tuple[ErrorByDistance, tuple[HeldOut, ...]]:
    """Learn the standard error from what was said of the first fold; of others nothing is known."""
    first, *others = folds
    place = Embedding.fit(points)(points.coordinates)
    distance = nearest_distance(place, points.observed & ~first.withheld)
    error = ErrorByDistance.fit(values - points.values, distance, first.asked)
    held = HeldOut.of(first, values, error(distance))
    return error, (held, *(HeldOut.untried(other) for other in others))
