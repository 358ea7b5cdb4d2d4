"""S-INR with everything chosen on withheld entries.

Two forms of the same network are averaged, with weights from what was withheld. In the spectral
form one wide sine layer has its frequencies drawn from a broad spectrum and the last layer is the
posterior mean given the data; in the trained form, for data that are not too large, a narrow and
deep one is trained by Adam. Either is the mean of some members, each with a segmentation of its
own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from sinr_geo.folds import Fold
from sinr_geo.kriging.space import Space
from sinr_geo.methods.protocol import PREDICTING, Choice, Fitted, HeldOut, Problem, Task
from sinr_geo.points import FloatArray, PointSet
from sinr_geo.reconstruction import reconstruct
from sinr_geo.recovery import Prediction
from sinr_geo.scoring import channel_spreads, held_out_rmse
from sinr_geo.sine.choose_spectral import default_spectral
from sinr_geo.sine.choose_trained import trainable
from sinr_geo.sine.ensemble import Ensemble, Told, mixed
from sinr_geo.sine.error import SineError, asked_entries
from sinr_geo.sine.field import SineField
from sinr_geo.sine.forms import Form, SpectralForm, TrainedForm
from sinr_geo.sine.ground import Ground
from sinr_geo.sine.metric import Metric, Placed
from sinr_geo.sine.study import PLANS, Study
from sinr_geo.stacking import channel_weights
from sinr_geo.surroundings import Surroundings
from sinr_geo.workers import side_by_side

__all__ = ["FittedSinr", "Represented", "SinrMethod"]


class SinrMethod:
    """``--method sinr``: the sine head, honest, with everything chosen on withheld entries."""

    name = "sinr"

    def choose(self, points: PointSet, problem: Problem) -> Choice:
        """Choose settings on the folds, and predict what every fold asks for.

        Large data are chosen on in an excerpt of some round regions, all but what distance means,
        which local kriging chooses on a part of all folds; what is held out comes from
        fits to all points but the fold. Without folds nothing can be chosen, and fixed settings
        are used.
        """
        problem.progress("choosing sines", 0.0)
        study = Study.of(points, problem)
        if not study.withheld(Metric()):
            return _unchosen(points, problem, study.space)
        forms = _chosen_forms(study, problem)
        placed = Placed.of(study.space, forms[0].metric)
        graph = placed.neighbours(points)
        problem.progress(PREDICTING, 0.6)
        told = side_by_side(
            [partial(_told, points, fold, forms, placed, graph, problem) for fold in problem.folds]
        )
        weights = _weights(points, problem, told)
        channels = [np.nonzero(fold.asked)[1] for fold in problem.folds]
        parts = [mixed(part, weights[c]) for part, c in zip(told, channels, strict=True)]
        around = [Surroundings.left_by(fold, points) for fold in problem.folds]
        error = SineError.fit(points, problem, parts, around)
        withheld = tuple(
            HeldOut(part.values, error(part, seen, channel))
            for part, seen, channel in zip(parts, around, channels, strict=True)
        )
        report = _described(forms, weights, held_out_rmse(points, problem.folds, withheld))
        return _Chosen(forms, weights, placed, error, withheld, report)


@dataclass(frozen=True, slots=True)
class _Chosen:
    """Forms with their settings, their weights (s, q), their space and the law of the error."""

    forms: tuple[Form, ...]
    weights: FloatArray
    placed: Placed
    error: SineError
    withheld: tuple[HeldOut, ...]
    report: Mapping[str, Any]

    def fit(self, points: PointSet, problem: Problem) -> Fitted:
        """Fit every member of every form with weight to all observed entries."""
        placed = self.placed.over(points)
        graph = placed.neighbours(points)
        ground = Ground.of(points, problem.task, problem.device, placed, graph)
        members = _members(points, problem, fits=1)
        used = np.flatnonzero(self.weights.any(axis=0))
        ensembles: list[Ensemble] = []
        for number in used:
            form = self.forms[number]
            problem.progress(f"fitting the {form.name} form", len(ensembles) / used.size)
            ensembles.append(form.fit(ground, members, problem.seed))
        report = {**self.report, "parameters": sum(part.parameters for part in ensembles)}
        return FittedSinr(points, ensembles, self.weights[:, used], self.error, report)


@dataclass(frozen=True, slots=True)
class FittedSinr:
    """Members that were fitted to all observed entries.

    Parameters
    ----------
    samples : PointSet
        That they were fitted to.
    ensembles : list of Ensemble
        One of each form.
    weights : ndarray, shape (s, q)
        Weight of each of them in every channel.
    error : SineError
    report : mapping
    """

    samples: PointSet
    ensembles: list[Ensemble]
    weights: FloatArray
    error: SineError
    report: Mapping[str, Any]

    def predict(self, points: PointSet) -> Prediction:
        """Predict every entry, at the fitted places or anywhere else."""
        told = mixed([ensemble.told(points) for ensemble in self.ensembles], self.weights)
        return Prediction(told.values, self.error.of_all(told, self.samples, points))


@dataclass(frozen=True, slots=True)
class Represented:
    """A trained representation of complete data; it does not know its error.

    Parameters
    ----------
    field : SineField
    report : mapping
    """

    field: SineField
    report: Mapping[str, Any]

    def predict(self, points: PointSet) -> Prediction:
        """Predict every entry; the standard error is NaN."""
        return Prediction(self.field.values(points), np.full(points.values.shape, np.nan))


@dataclass(frozen=True, slots=True)
class _Representing:
    """A representation of complete data is trained to the end: there is nothing to choose."""

    withheld: tuple[HeldOut, ...]
    report: Mapping[str, Any]

    def fit(self, points: PointSet, problem: Problem) -> Fitted:
        """Train on all observed entries."""
        found = reconstruct(
            points,
            effort=problem.effort,
            seed=problem.seed,
            device=problem.device,
            progress=lambda share: problem.progress("fitting", share),
        )
        return Represented(found.field, {**self.report, "parameters": found.parameters})


def _chosen_forms(study: Study, problem: Problem) -> tuple[SpectralForm, *tuple[Form, ...]]:
    """Choose both forms, or the spectral one alone; it says what distance means."""
    spectral = SpectralForm.choose(study, partial(_report, problem, "choosing sines", 0.0))
    if not trainable(study):
        return (spectral,)
    progress = partial(_report, problem, "choosing a network", 0.3)
    return (spectral, TrainedForm.choose(study, spectral.metric, progress))


def _unchosen(points: PointSet, problem: Problem, space: Space) -> Choice:
    """Return fixed settings, where nothing could be withheld."""
    report = {
        "method": SinrMethod.name,
        "form": "fixed settings: nothing could be withheld",
        "withheld_rmse": None,
    }
    if problem.task is Task.RECONSTRUCTION:
        return _Representing((), report)
    forms = (SpectralForm((default_spectral(points, problem.task),), []),)
    weights = np.ones((len(points.channels), 1))
    placed = Placed.of(space, Metric())
    untried = tuple(HeldOut.untried(fold) for fold in problem.folds)
    return _Chosen(
        forms, weights, placed, SineError(None, channel_spreads(points)), untried, report
    )


def _told(
    points: PointSet,
    fold: Fold,
    forms: Sequence[Form],
    placed: Placed,
    graph: csr_array,
    problem: Problem,
) -> list[Told]:
    """Fit every form without a fold, and take what it asks for; (m,) each."""
    ground = Ground.of(fold.train(points), problem.task, problem.device, placed, graph)
    members = _members(ground.points, problem, fits=len(problem.folds))
    rows = np.flatnonzero(fold.asked.any(axis=1))
    return [
        form.fit(ground, members, problem.seed, rows).told_at_fitted(rows).entries(fold.asked[rows])
        for form in forms
    ]


def _members(points: PointSet, problem: Problem, fits: int) -> int:
    """Return how many members each of some fits gets."""
    sampled = int(np.count_nonzero(points.observed.any(axis=1)))
    return PLANS[problem.effort].members_for(fits * sampled)


def _weights(points: PointSet, problem: Problem, told: Sequence[Sequence[Told]]) -> FloatArray:
    """Weigh the forms in every channel by what they said of all folds; -> (s, q)."""
    channel, truth = asked_entries(points, problem.folds)
    values = np.concatenate([np.stack([t.values for t in part], axis=1) for part in told])
    scale, known = channel_spreads(points)[channel], np.isfinite(values).all(axis=1)
    scaled = (values / scale[:, None])[known]
    channels = len(points.channels)
    return channel_weights(scaled, (truth / scale)[known], channel[known], channels)


def _report(problem: Problem, what: str, start: float, share: float) -> None:
    problem.progress(what, start + 0.3 * share)


def _described(forms: Sequence[Form], weights: FloatArray, score: float) -> dict[str, Any]:
    return {
        "method": SinrMethod.name,
        "form": " + ".join(form.name for form in forms),
        "withheld_rmse": score,
        "forms": {
            form.name: {"weight": float(own.mean()), "weight_by_channel": own.tolist()}
            for form, own in zip(forms, weights.T, strict=True)
        },
        "settings": {form.name: form.settings_report for form in forms},
        "alternatives": {form.name: form.tried for form in forms},
    }
