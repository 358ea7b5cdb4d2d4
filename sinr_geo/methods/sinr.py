"""S-INR with everything chosen on withheld entries.

Two forms of the same network compete. In the spectral form one wide sine layer has its frequencies
drawn from a broad spectrum and the last layer solved in closed form; in the trained form a narrow
and deep one is trained by Adam, in coordinates of each superpixel's own. Either is averaged over
some seeds, each with a segmentation of its own. The mean of both forms is used, or one of them
where its withheld error is clearly lower.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from sinr_geo.error_by_distance import ErrorByDistance
from sinr_geo.folds import Fold
from sinr_geo.methods.protocol import Choice, HeldOut, Problem, Task
from sinr_geo.nearest import nearest_distance
from sinr_geo.neighbours import neighbour_graph
from sinr_geo.points import FloatArray, PointSet
from sinr_geo.reconstruction import reconstruct
from sinr_geo.recovery import Prediction
from sinr_geo.sine.candidates import Candidate, spectral_candidate, trained_candidate, winners
from sinr_geo.sine.choose_spectral import default_spectral
from sinr_geo.sine.field import SineField
from sinr_geo.sine.ground import Ground
from sinr_geo.sine.spectral import fit_spectral
from sinr_geo.sine.study import Study, ratios_of

__all__ = ["SineMixture", "SinrMethod"]


@dataclass(frozen=True, slots=True)
class SineMixture:
    """The mean of some fitted sine heads, with a standard error learned on withheld entries.

    Parameters
    ----------
    forms : list of list of SineField
        Members of each form; forms count alike.
    error : ErrorByDistance, or None
        None where nothing was withheld; the standard error is NaN then.
    report : mapping
    """

    forms: list[list[SineField]]
    error: ErrorByDistance | None
    report: Mapping[str, Any]

    def predict(self, points: PointSet) -> Prediction:
        """Predict every entry, at the fitted places or anywhere else."""
        values = np.zeros(points.values.shape)
        for members in self.forms:
            for field in members:
                values += field.values(points) / (len(members) * len(self.forms))
        return Prediction(values, self._standard_error(points))

    def _standard_error(self, points: PointSet) -> FloatArray:
        if self.error is None:
            return np.full(points.values.shape, np.nan)
        ground = self.forms[0][0].ground
        return self.error(ground.distance(points))


class SinrMethod:
    """``--method sinr``: the sine head, honest, with everything chosen on withheld entries."""

    name = "sinr"

    def choose(self, points: PointSet, problem: Problem) -> Choice:
        """Choose form and settings on the folds.

        Large data are chosen on in an excerpt of some round regions. Without folds nothing can
        be chosen, and fixed settings are used.
        """
        graph = neighbour_graph(points)
        study = Study.of(points, problem, graph)
        if not study.withheld(1.0):
            return _Unchosen()
        spectral = spectral_candidate(study, partial(_report, problem, "choosing a spectrum", 0.0))
        ratio = float(spectral.settings["ratio"])
        trained = trained_candidate(
            study, ratio, partial(_report, problem, "choosing a network", 0.3)
        )
        taken, predicted, score = winners(study, ratio, (spectral, trained))
        error = study.error(ratio, predicted)
        known = predicted if len(study.points) == len(points) else []
        withheld = tuple(
            _held_out(points, fold, known[number : number + 1], taken, error, ratio, problem)
            for number, fold in enumerate(problem.folds)
        )
        return _Chosen(taken, ratio, error, withheld, _described(taken, (spectral, trained), score))


@dataclass(frozen=True, slots=True)
class _Chosen:
    """Forms with their settings, and the ratio of the other axes to space."""

    taken: list[Candidate]
    ratio: float
    error: ErrorByDistance
    withheld: tuple[HeldOut, ...]
    report: Mapping[str, Any]

    def fit(self, points: PointSet, problem: Problem) -> SineMixture:
        """Fit every member of every form to all observed entries."""
        ground = Ground.of(points, problem.task, problem.device, ratios_of(self.ratio))
        forms = [_members(candidate, ground, problem) for candidate in self.taken]
        parameters = sum(field.network.size for members in forms for field in members)
        return SineMixture(forms, self.error, {**self.report, "parameters": parameters})


@dataclass(frozen=True, slots=True)
class _Unchosen:
    """Fixed settings, where nothing could be withheld."""

    withheld: tuple[HeldOut, ...] = ()
    report: Mapping[str, Any] = field(default_factory=lambda: {"method": SinrMethod.name})

    def fit(self, points: PointSet, problem: Problem) -> SineMixture:
        """Fit a representation of complete data, else the spectral form."""
        if problem.task is Task.RECONSTRUCTION:
            fitted = reconstruct(points, seed=problem.seed, device=problem.device).field
        else:
            ground = Ground.of(points, problem.task, problem.device)
            sampled = int(np.count_nonzero(ground.sampled))
            settings = default_spectral(sampled, len(points.channels), problem.task)
            fitted = fit_spectral(ground, settings, problem.seed)
        report = {
            **self.report,
            "form": "fixed settings: nothing could be withheld",
            "withheld_rmse": None,
            "parameters": fitted.network.size,
        }
        return SineMixture([[fitted]], None, report)


def _held_out(
    points: PointSet,
    fold: Fold,
    known: list[FloatArray],
    taken: list[Candidate],
    error: ErrorByDistance,
    ratio: float,
    problem: Problem,
) -> HeldOut:
    """Predict what a fold asks: as was `known` from choosing, else with one member per form."""
    ground = Ground.of(fold.train(points), problem.task, problem.device, ratios_of(ratio))
    rows = np.flatnonzero(fold.asked.any(axis=1))
    values = np.full(fold.asked.shape, np.nan)
    if known:
        values[rows] = known[0][rows]
    else:
        fields = [candidate.fit(ground, problem.seed) for candidate in taken]
        values[rows] = np.mean([field.at_fitted(rows) for field in fields], axis=0)
    spread = error(nearest_distance(ground.place, ground.points.observed, fold.asked))
    return HeldOut.of(fold, values, spread)


def _report(problem: Problem, what: str, start: float, share: float) -> None:
    problem.progress(what, start + 0.3 * share)


def _members(candidate: Candidate, ground: Ground, problem: Problem) -> list[SineField]:
    """Fit the final members of a form, each with a seed of its own."""
    fields = []
    for member in range(candidate.members):
        problem.progress(
            f"fitting the {candidate.name} form", 0.6 + 0.4 * member / candidate.members
        )
        fields.append(candidate.fit(ground, problem.seed + member))
    return fields


def _described(
    taken: list[Candidate], candidates: tuple[Candidate, ...], score: float
) -> dict[str, Any]:
    return {
        "method": SinrMethod.name,
        "form": " + ".join(candidate.name for candidate in taken),
        "withheld_rmse": score,
        "settings": {candidate.name: candidate.settings for candidate in taken},
        "members": {candidate.name: candidate.members for candidate in taken},
        "steps": sum(c.settings.get("steps", 0) * c.members for c in taken),
        "alternatives": {
            candidate.name: {"withheld_rmse": candidate.score, "tried": candidate.tried}
            for candidate in candidates
        },
    }
