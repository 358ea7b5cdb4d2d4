"""S-INR as the paper and its authors' released code have it, but for their leak and their steps.

Sizes, losses and steps are those that the released code has for the kind of data at hand; alpha, K,
omega_0 and the learning rate come from the sets of section 3.1, chosen on withheld entries; and
what an unknown place belongs to is found without its value. The number of steps is the one with
the best withheld score in a last training, and the final fit sees all observed entries.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from sinr_geo.error_by_distance import ErrorByDistance
from sinr_geo.methods.fitted_field import FittedField
from sinr_geo.methods.protocol import Choice, Effort, HeldOut, Problem, Task
from sinr_geo.neighbours import neighbour_graph
from sinr_geo.points import FloatArray, PointSet
from sinr_geo.sine.choice import Search, Trial
from sinr_geo.sine.field import SineField
from sinr_geo.sine.ground import Ground
from sinr_geo.sine.trained import BATCH, PAPER, TrainedSettings, fit_trained
from sinr_geo.sine.withheld import Withheld, error_of

__all__ = ["SinrPaperMethod", "published_settings"]

_WORK = {Effort.FAST: 5e10, Effort.NORMAL: 5e11, Effort.BEST: 8e12}
_TRIALS = 20
_WORTH = 0.02
_FEWEST_STEPS = 20
_SOLID = 3
_FEW_CHANNELS = 4
_LATTICE_STEPS = {Task.COMPLETION: 8_001, Task.DENOISING: 1_001, Task.RECONSTRUCTION: 10_001}
_LADDERS: Mapping[str, tuple[float, ...]] = {
    "omega": (30.0, 150.0, 300.0),
    "rate": (1e-5, 5e-5, 1e-4, 5e-4, 1e-3),
    "superpixels": (15, 25, 50),
    "alpha": (1.0, 5.0, 20.0),
}


def published_settings(points: PointSet, task: Task) -> TrainedSettings:
    """Return what the released code uses for this kind of data, but for alpha.

    alpha is 5, of the set of section 3.1; how the code weighs coordinates follows from their units.

    Scattered points: K = 15, width 60, r = 6 s, omega_0 = 30, dilated by 1 ring of neighbours.
    Lattices: K one per 2,500 points, or 8,000 for a few channels to be reconstructed, width 35,
    r = 120, omega_0 = 150, or 300 to reconstruct few channels; dilated by 2 rings, not to
    reconstruct.
    """
    n, channels = points.values.shape
    if points.lattice is None:
        return TrainedSettings(
            superpixels=15,
            alpha=5.0,
            rings=2 if points.edges is not None else 1,
            omega=30.0,
            width=60,
            layers=4,
            atoms=6 * channels,
            rate=5e-4,
            decay=1e-6,
            steps=2_001 if points.coordinates.shape[1] < _SOLID else 6_001,
        )
    picture = task is Task.RECONSTRUCTION and channels <= _FEW_CHANNELS
    return TrainedSettings(
        superpixels=max(1, round(n / (8_000 if picture else 2_500))),
        alpha=5.0,
        rings=0 if task is Task.RECONSTRUCTION else 2,
        omega=300.0 if picture else 150.0,
        width=35,
        layers=4,
        atoms=120,
        rate=1e-3 if task is Task.COMPLETION else 5e-4,
        decay=0.0 if task is Task.RECONSTRUCTION else 1e-6,
        steps=_LATTICE_STEPS[task],
    )


class SinrPaperMethod:
    """``--method sinr-paper``: the published method, without its leak.

    The published numbers of steps would take hours on a CPU, so the work is bounded: half of it
    goes into trials with shortened trainings, the rest into the last training and the final fit.
    Beyond 32,768 points a step sees a part of every superpixel, where the released code sees all.
    """

    name = "sinr-paper"

    def choose(self, points: PointSet, problem: Problem) -> Choice:
        """Choose on the first fold; the others are not predicted."""
        graph = neighbour_graph(points)
        start = published_settings(points, problem.task)
        budget = _WORK[problem.effort]
        found = [
            Withheld.of(points, fold.withheld, problem.task, problem.device, graph)
            for fold in problem.folds[:1]
        ]
        if not found or found[0] is None:
            return _Chosen(_shortened(start, points, budget), None, (), {"withheld_rmse": None})
        fold = found[0]
        search = Search[TrainedSettings](
            lambda settings: _tried(fold, settings, problem, budget / 2.0 / _TRIALS), _WORTH
        )
        best = search.run(
            start, _ladders(start), lambda share: problem.progress("choosing", 0.5 * share)
        )
        settings, score, values = _timed(fold, best.settings, problem, budget / 4.0)
        error = error_of([fold], [values])
        first, *others = problem.folds
        held = (
            HeldOut.of(first, values, error(fold.distance())),
            *(HeldOut.untried(other) for other in others),
        )
        tried = {"withheld_rmse": score, "alternatives": {"tried": search.summary()}}
        return _Chosen(settings, error, held, tried)


@dataclass(frozen=True, slots=True)
class _Chosen:
    """Settings with their number of steps, and what was found out about them."""

    settings: TrainedSettings
    error: ErrorByDistance | None
    withheld: tuple[HeldOut, ...]
    found_out: Mapping[str, Any]

    @property
    def report(self) -> Mapping[str, Any]:
        """What was chosen and what the alternatives scored."""
        return {
            "method": SinrPaperMethod.name,
            "settings": asdict(self.settings),
            "steps": self.settings.steps,
            **self.found_out,
        }

    def fit(self, points: PointSet, problem: Problem) -> FittedField:
        """Train on all observed entries."""
        field, _ = fit_trained(
            Ground.of(points, problem.task, problem.device),
            PAPER,
            self.settings,
            points=BATCH,
            seed=problem.seed,
            progress=lambda share: problem.progress("fitting", 0.75 + 0.25 * share),
        )
        error = None if problem.task is Task.DENOISING else self.error
        return FittedField(field, points, error, {**self.report, "parameters": field.network.size})


def _ladders(start: TrainedSettings) -> dict[str, tuple[float, ...]]:
    """Return the sets of section 3.1, those settings first that matter most."""
    return {name: (*values, getattr(start, name)) for name, values in _LADDERS.items()}


def _shortened(settings: TrainedSettings, points: PointSet, work: float) -> TrainedSettings:
    """Return settings with no more steps than the work allows."""
    slots = min(BATCH, int(np.count_nonzero(points.observed.any(axis=1))))
    channels, axes = points.values.shape[1], points.coordinates.shape[1]
    steps = int(work / settings.work(slots, axes, channels))
    return replace(settings, steps=int(np.clip(steps, _FEWEST_STEPS, settings.steps)))


def _tried(
    fold: Withheld, settings: TrainedSettings, problem: Problem, work: float
) -> Trial[TrainedSettings]:
    """Score the best moment of a shortened training; the settings keep their own steps."""
    short = _shortened(settings, fold.points, work)
    _, track = fit_trained(
        fold.ground,
        PAPER,
        short,
        points=BATCH,
        seed=problem.seed,
        score=lambda field: fold.score(fold.predict(field)),
    )
    return Trial(settings, track.best[1])


def _timed(
    fold: Withheld, settings: TrainedSettings, problem: Problem, work: float
) -> tuple[TrainedSettings, float, FloatArray]:
    """Find the number of steps: settings with it, their score, and what they predict then."""
    best: tuple[float, FloatArray] = (np.inf, np.empty(0))

    def score(field: SineField) -> float:
        nonlocal best
        values = fold.predict(field)
        now = fold.score(values)
        best = min(best, (now, values), key=lambda pair: pair[0])
        return now

    longest = _shortened(settings, fold.points, work)
    _, track = fit_trained(
        fold.ground,
        PAPER,
        longest,
        points=BATCH,
        seed=problem.seed,
        score=score,
        progress=lambda share: problem.progress("choosing the steps", 0.5 + 0.25 * share),
    )
    steps, _ = track.best
    return replace(settings, steps=steps), *best
