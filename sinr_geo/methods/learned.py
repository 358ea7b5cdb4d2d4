"""`residual-trees` and `attention`: learners that correct local kriging.

Both are trained on what kriging misses at every sample when it is left out, so they are for many
samples and gaps that are scattered or small: a hole looks like nothing that they were trained on.
Their kriging is that of `kriging`; what it misses is theirs to learn.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from scipy.spatial import cKDTree

from sinr_geo.coordinates import Embedding
from sinr_geo.error_by_distance import ErrorByDistance
from sinr_geo.kriging.choose import FieldChoice, choose_field
from sinr_geo.kriging.field import Ground
from sinr_geo.kriging.space import Space
from sinr_geo.learners.attention_training import Attention
from sinr_geo.learners.corrected import CorrectedField
from sinr_geo.learners.learner import Learner
from sinr_geo.learners.residual_trees import ResidualTrees
from sinr_geo.learners.sight import Scene
from sinr_geo.methods.peers import (
    entries_to_predict,
    groups_that_choose,
    masks,
)
from sinr_geo.methods.protocol import PREDICTING, Effort, HeldOut, Problem, Task
from sinr_geo.nearest import same_pattern
from sinr_geo.points import BoolArray, FloatArray, IntArray, PointSet
from sinr_geo.randomness import generator
from sinr_geo.recovery import Prediction
from sinr_geo.scoring import held_out_errors, held_out_rmse

__all__ = ["AttentionMethod", "ResidualTreesMethod", "applies"]

_FEWEST_SAMPLES = 1_000
_MOST_MASKS = 3
_MOST_CHANNELS = 8
_MOST_POINTS = 300_000
_WIDEST_GAP = 2.0
_SAMPLE = 2_000
_TREES = {Effort.FAST: 50, Effort.NORMAL: 100, Effort.BEST: 250}
_NETWORKS = {Effort.FAST: 1, Effort.NORMAL: 3, Effort.BEST: 10}
_LAYERS = {Effort.FAST: 1, Effort.NORMAL: 1, Effort.BEST: 2}


def applies(points: PointSet, problem: Problem) -> bool:
    """Whether learners can be worth their time.

    There have to be 1,000 samples of every channel that is wanted, no more than three masks and
    eight channels, 300,000 points at most, and gaps so narrow that the typical wanted entry lies
    within two spacings of samples from the nearest one.
    """
    wanted = np.flatnonzero(problem.wanted.any(axis=0))
    if problem.task is not Task.COMPLETION or not 0 < wanted.size <= _MOST_CHANNELS:
        return False
    observed = points.observed[:, wanted]
    if len(points) > _MOST_POINTS or observed.sum(axis=0).min() < _FEWEST_SAMPLES:
        return False
    groups = same_pattern(observed)
    if len(groups) > _MOST_MASKS:
        return False
    place = Embedding.fit(points)(points.coordinates)
    rng = generator(problem.seed, "how wide gaps are")
    entries = problem.wanted[:, wanted]
    return all(_narrow(place, observed[:, own[0]], entries[:, own], rng) for own in groups)


class ResidualTreesMethod:
    """Local kriging corrected by extremely randomised trees."""

    name = "residual-trees"

    def choose(self, points: PointSet, problem: Problem) -> LearnedChoice:
        """Choose the kriging, and learn on the folds."""
        return _choose(self.name, (ResidualTrees(_TREES[problem.effort]),), points, problem)


class AttentionMethod:
    """Local kriging corrected by attention networks over the nearest samples."""

    name = "attention"

    def choose(self, points: PointSet, problem: Problem) -> LearnedChoice:
        """Choose the kriging and what networks may know of the place, and learn on the folds."""
        nearby = Attention(_NETWORKS[problem.effort], layers=_LAYERS[problem.effort])
        learners = (nearby, replace(nearby, everywhere=True))
        return _choose(self.name, learners, points, problem)


_Groups = tuple[tuple[IntArray, FieldChoice], ...]


@dataclass(frozen=True, slots=True)
class LearnedChoice:
    """The kriging of every group of channels, and the learner.

    Parameters
    ----------
    space : Space
    groups : tuple of (ndarray of int64, FieldChoice)
        Columns and the kriging that was chosen for them.
    learner : Learner
    error : ErrorByDistance
        Standard error by uncertainty.
    withheld : tuple of HeldOut
    report : mapping
    """

    space: Space
    groups: _Groups
    learner: Learner
    error: ErrorByDistance
    withheld: tuple[HeldOut, ...]
    report: Mapping[str, Any]

    def fit(self, points: PointSet, problem: Problem) -> FittedLearned:
        """Learn from all observed entries."""
        space = self.space.over(points)
        scene = Scene.of(points, Ground.of(points, space))
        fields = _fields(points, scene, self.groups, self.learner, problem)
        return FittedLearned(points, problem, scene, fields, self.error, self.report)


_Fields = tuple[tuple[IntArray, CorrectedField], ...]


@dataclass(frozen=True, slots=True)
class FittedLearned:
    """Corrected fields of every mask."""

    fitted_to: PointSet
    problem: Problem
    scene: Scene
    fields: _Fields
    error: ErrorByDistance
    report: Mapping[str, Any]

    def predict(self, points: PointSet) -> Prediction:
        """Predict the wanted entries, or every entry of other points.

        In denoising the standard error is NaN: what is withheld tells the error of a new reading,
        noise and all, not that of the field.
        """
        entries = entries_to_predict(points, self.fitted_to, self.problem)
        scene = self.scene
        if not np.array_equal(points.coordinates, self.fitted_to.coordinates):
            scene = Scene.of(points, Ground.of(points, scene.ground.places.space))
        mean, uncertainty = _predicted(self.fields, scene, entries)
        if self.problem.task is Task.DENOISING:
            return Prediction(mean, np.full(mean.shape, np.nan))
        return Prediction(mean, np.where(entries, self.error(np.nan_to_num(uncertainty)), np.nan))


def _choose(
    name: str, learners: tuple[Learner, ...], points: PointSet, problem: Problem
) -> LearnedChoice:
    """Choose the kriging, then the learner, and predict every fold."""
    space = Space.fit(points)
    scene = Scene.of(points, Ground.of(points, space))
    groups = []
    for columns in groups_that_choose(points, problem):
        own = problem.select_channels(columns)
        part = points.select_channels(columns)
        groups.append((columns, choose_field(part, scene.ground, own)))
    problem.progress("choosing a learner", 0.5)
    learner, tried = _best(learners, points, scene, tuple(groups), problem)
    found = []
    for number in range(len(problem.folds)):
        problem.progress(PREDICTING, number / len(problem.folds))
        found.append(_on_fold(number, points, scene, tuple(groups), learner, problem))
    error, withheld = _with_errors(points, found, problem)
    names = [channel.name for channel in points.channels]
    report = {
        "method": name,
        "learner": asdict(learner),  # type: ignore[call-overload]
        "tried": tried,
        "kriging": {names[columns[0]]: choice.as_dict() for columns, choice in groups},
        "withheld_rmse": held_out_rmse(points, problem.folds, withheld),
    }
    return LearnedChoice(space, tuple(groups), learner, error, withheld, report)


def _best(
    learners: tuple[Learner, ...],
    points: PointSet,
    scene: Scene,
    groups: _Groups,
    problem: Problem,
) -> tuple[Learner, list[dict[str, Any]]]:
    """Return the learner that does best on the first fold, and what all scored there."""
    if len(learners) == 1 or not problem.folds:
        return learners[0], []
    tried = []
    for learner in learners:
        mean, _ = _on_fold(0, points, scene, groups, learner.lighter(), problem)
        held = HeldOut.of(problem.folds[0], mean, mean)
        score = held_out_rmse(points, problem.folds[:1], (held,))
        tried.append({**asdict(learner), "withheld_rmse": score})  # type: ignore[call-overload]
    scores = [
        np.inf if np.isnan(found["withheld_rmse"]) else found["withheld_rmse"] for found in tried
    ]
    return learners[int(np.argmin(scores))], tried


def _on_fold(
    number: int,
    points: PointSet,
    scene: Scene,
    groups: _Groups,
    learner: Learner,
    problem: Problem,
) -> tuple[FloatArray, FloatArray]:
    """Learn without what a fold withholds; -> mean and uncertainty, each (n, s), of its entries."""
    fold = problem.folds[number]
    fields = _fields(fold.train(points), scene, groups, learner, problem)
    return _predicted(fields, scene, fold.asked)


def _with_errors(
    points: PointSet, found: list[tuple[FloatArray, FloatArray]], problem: Problem
) -> tuple[ErrorByDistance, tuple[HeldOut, ...]]:
    """Learn standard errors from what was withheld, by uncertainty."""
    plain = [HeldOut.of(fold, *each) for fold, each in zip(problem.folds, found, strict=True)]
    errors, uncertain = held_out_errors(points, problem.folds, plain)
    told = np.isfinite(errors)
    error = ErrorByDistance.fit(np.where(told, errors, 0.0), np.nan_to_num(uncertain), told)
    withheld = tuple(
        HeldOut.of(fold, mean, error(np.nan_to_num(uncertainty)))
        for fold, (mean, uncertainty) in zip(problem.folds, found, strict=True)
    )
    return error, withheld


def _fields(
    points: PointSet, scene: Scene, groups: _Groups, learner: Learner, problem: Problem
) -> _Fields:
    """Learn from the samples of every mask."""
    fields = []
    for columns, choice in groups:
        for own, rows in masks(points, columns):
            skewed = choice.skewed[np.searchsorted(columns, own)]
            field = CorrectedField.fit(
                scene,
                rows,
                points.values[np.ix_(rows, own)],
                replace(choice, skewed=skewed),
                learner,
                seed=problem.seed,
                device=problem.device,
            )
            fields.append((own, field))
    return tuple(fields)


def _predicted(fields: _Fields, scene: Scene, entries: BoolArray) -> tuple[FloatArray, FloatArray]:
    """Return mean and uncertainty, each (n, s), of the marked entries; NaN elsewhere."""
    mean, uncertainty = np.full((2, *entries.shape), np.nan)
    for columns, field in fields:
        rows = np.flatnonzero(entries[:, columns].any(axis=1))
        if rows.size:
            index = np.ix_(rows, columns)
            mean[index], uncertainty[index] = field.predict(scene, rows)
    return np.where(entries, mean, np.nan), np.where(entries, uncertainty, np.nan)


def _narrow(
    place: FloatArray, observed: BoolArray, entries: BoolArray, rng: np.random.Generator
) -> bool:
    """Whether the typical wanted entry lies within some spacings of a sample."""
    sources = np.flatnonzero(observed)
    asked = np.flatnonzero(entries.any(axis=1))
    if asked.size == 0:
        return True
    few = rng.choice(sources, min(_SAMPLE, sources.size), replace=False)
    tree = cKDTree(place[sources])
    spacing = np.median(tree.query(place[few], k=[2])[0])
    asked = rng.choice(asked, min(_SAMPLE, asked.size), replace=False)
    away = np.median(tree.query(place[asked], k=[1])[0])
    return bool(away <= _WIDEST_GAP * max(float(spacing), 1e-12))
