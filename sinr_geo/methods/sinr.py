"""S-INR with everything chosen on withheld entries.

Two forms of the same network compete. In the spectral form one wide sine layer has its frequencies
drawn from a broad spectrum and the last layer solved in closed form; in the trained form a narrow
and deep one is trained by Adam, in coordinates of each superpixel's own. Either is averaged over
some seeds, each with a segmentation of its own. The mean of both forms is used, or one of them
where its withheld error is clearly lower.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from sinr_geo.error_by_distance import ErrorByDistance
from sinr_geo.methods.protocol import Problem, Task
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
    choice : mapping
    """

    forms: list[list[SineField]]
    error: ErrorByDistance | None
    choice: Mapping[str, Any]

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

    def fit(self, points: PointSet, problem: Problem) -> SineMixture:
        """Choose form and settings on the folds, then fit all observed entries.

        Large data are chosen on in an excerpt of some round regions. Without folds nothing can
        be chosen, and fixed settings are used.
        """
        graph = neighbour_graph(points)
        study = Study.of(points, problem, graph)
        if not study.withheld(1.0):
            return _unchosen(points, problem)
        spectral = spectral_candidate(study, partial(_report, problem, "choosing a spectrum", 0.0))
        ratio = float(spectral.settings["ratio"])
        trained = trained_candidate(
            study, ratio, partial(_report, problem, "choosing a network", 0.3)
        )
        taken, withheld, score = winners(study, ratio, (spectral, trained))
        ground = Ground.of(points, problem.task, problem.device, ratios_of(ratio), graph)
        forms = [_members(candidate, ground, problem) for candidate in taken]
        choice = _described(taken, (spectral, trained), forms, score)
        choice["scored_share"] = len(study.points) / len(points)
        return SineMixture(forms, study.error(ratio, withheld), choice)


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
    taken: list[Candidate],
    candidates: tuple[Candidate, ...],
    forms: list[list[SineField]],
    score: float,
) -> dict[str, Any]:
    return {
        "method": SinrMethod.name,
        "form": " + ".join(candidate.name for candidate in taken),
        "withheld_rmse": score,
        "settings": {candidate.name: candidate.settings for candidate in taken},
        "members": {candidate.name: candidate.members for candidate in taken},
        "steps": sum(c.settings.get("steps", 0) * c.members for c in taken),
        "parameters": sum(field.network.size for members in forms for field in members),
        "alternatives": {
            candidate.name: {"withheld_rmse": candidate.score, "tried": candidate.tried}
            for candidate in candidates
        },
    }


def _unchosen(points: PointSet, problem: Problem) -> SineMixture:
    """Fit with fixed settings: a representation of complete data, else the spectral form."""
    if problem.task is Task.RECONSTRUCTION:
        field = reconstruct(points, seed=problem.seed, device=problem.device).field
    else:
        ground = Ground.of(points, problem.task, problem.device)
        sampled = int(np.count_nonzero(ground.sampled))
        settings = default_spectral(sampled, len(points.channels), problem.task)
        field = fit_spectral(ground, settings, problem.seed)
    choice = {
        "method": SinrMethod.name,
        "form": "fixed settings: nothing could be withheld",
        "withheld_rmse": None,
        "parameters": field.network.size,
    }
    return SineMixture([[field]], None, choice)
