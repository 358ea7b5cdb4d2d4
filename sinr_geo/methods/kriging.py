"""`kriging`: local kriging with everything about it chosen on withheld samples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from sinr_geo.calibration import error_scales
from sinr_geo.kriging.choose import FieldChoice, choose_field
from sinr_geo.kriging.field import Ground, KrigedField
from sinr_geo.kriging.space import Space
from sinr_geo.methods.peers import (
    entries_to_predict,
    groups_that_choose,
    masks,
)
from sinr_geo.methods.protocol import PREDICTING, HeldOut, Problem, Task
from sinr_geo.points import BoolArray, FloatArray, IntArray, PointSet
from sinr_geo.recovery import Prediction
from sinr_geo.scoring import held_out_errors, held_out_rmse, known_score, scaled

__all__ = ["KrigingMethod"]


class KrigingMethod:
    """Kriging of every place from its own neighbourhood."""

    name = "kriging"

    def choose(self, points: PointSet, problem: Problem) -> KrigingChoice:
        """Choose kernel, neighbourhood, anisotropy and transforms on the folds."""
        space = Space.fit(points)
        ground = Ground.of(points, space)
        groups = []
        for columns in groups_that_choose(points, problem):
            own = problem.select_channels(columns)
            groups.append((columns, choose_field(points.select_channels(columns), ground, own)))
        problem.progress(PREDICTING, 0.9)
        told = []
        for fold in problem.folds:
            fields = _fields(fold.train(points), ground, tuple(groups), problem.device)
            mean, variance = _predicted(fields, ground, fold.asked)
            told.append(HeldOut.of(fold, mean, np.sqrt(variance)))
        # Withheld readings carry noise of their own, which is no error of the field.
        scales: FloatArray = np.ones(len(points.channels))
        if problem.task is not Task.DENOISING:
            scales = error_scales(*held_out_errors(points, problem.folds, told))
        withheld = scaled(problem.folds, told, scales)
        names = [channel.name for channel in points.channels]
        report = {
            "method": self.name,
            "by_channel": {names[columns[0]]: choice.as_dict() for columns, choice in groups},
            "standard_error_scale": scales.tolist(),
            "withheld_rmse": known_score(held_out_rmse(points, problem.folds, withheld)),
        }
        return KrigingChoice(space, tuple(groups), scales, withheld, report)


@dataclass(frozen=True, slots=True)
class KrigingChoice:
    """Settings for every group of channels.

    Parameters
    ----------
    space : Space
    groups : tuple of (ndarray of int64, FieldChoice)
        Columns and what was chosen for them.
    scales : ndarray, shape (s,)
        What makes standard errors hold on the withheld entries.
    withheld : tuple of HeldOut
    report : mapping
    """

    space: Space
    groups: tuple[tuple[IntArray, FieldChoice], ...]
    scales: FloatArray
    withheld: tuple[HeldOut, ...]
    report: Mapping[str, Any]

    def fit(self, points: PointSet, problem: Problem) -> FittedKriging:
        """Index all observed entries."""
        space = self.space.over(points)
        fields = _fields(points, Ground.of(points, space), self.groups, problem.device)
        return FittedKriging(points, problem, space, fields, self.scales, self.report)


_Fields = tuple[tuple[IntArray, KrigedField], ...]


@dataclass(frozen=True, slots=True)
class FittedKriging:
    """Samples, ready to be kriged from."""

    fitted_to: PointSet
    problem: Problem
    space: Space
    fields: _Fields
    scales: FloatArray
    report: Mapping[str, Any]

    def predict(self, points: PointSet) -> Prediction:
        """Krige the wanted entries, or every entry of other points."""
        entries = entries_to_predict(points, self.fitted_to, self.problem)
        mean, variance = _predicted(self.fields, Ground.of(points, self.space), entries)
        return Prediction(mean, self.scales * np.sqrt(variance))


def _fields(
    points: PointSet,
    ground: Ground,
    groups: tuple[tuple[IntArray, FieldChoice], ...],
    device: str,
) -> _Fields:
    """Index the samples of every mask."""
    fields = []
    for columns, choice in groups:
        for own, rows in masks(points, columns):
            field = KrigedField.fit(
                ground,
                rows,
                points.values[np.ix_(rows, own)],
                choice.settings,
                skewed=choice.skewed[np.searchsorted(columns, own)],
                device=device,
            )
            fields.append((own, field))
    return tuple(fields)


def _predicted(
    fields: _Fields, ground: Ground, entries: BoolArray
) -> tuple[FloatArray, FloatArray]:
    """Return mean and variance, each (n, s), of the marked entries; NaN elsewhere."""
    mean, variance = np.full((2, *entries.shape), np.nan)
    for columns, field in fields:
        rows = np.flatnonzero(entries[:, columns].any(axis=1))
        if rows.size:
            index = np.ix_(rows, columns)
            mean[index], variance[index] = field.predict(ground, rows)
    return np.where(entries, mean, np.nan), np.where(entries, variance, np.nan)
