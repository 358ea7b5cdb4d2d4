"""What settings of local kriging are scored on: folds, channels of one mask at a time."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from sinr_geo.kriging.field import Ground, KrigedField
from sinr_geo.kriging.settings import FieldSettings
from sinr_geo.methods.protocol import Effort, Problem
from sinr_geo.nearest import same_pattern
from sinr_geo.pieces_of_space import pieces_of_space
from sinr_geo.points import BoolArray, FloatArray, IntArray, PointSet
from sinr_geo.randomness import generator
from sinr_geo.scoring import channel_spreads
from sinr_geo.sure_gain import PieceErrors
from sinr_geo.workers import side_by_side

__all__ = ["Trials"]

_QUERIES = {Effort.FAST: 1_500, Effort.NORMAL: 2_500, Effort.BEST: 12_000}


@dataclass(frozen=True, slots=True)
class _Trial:
    """Samples of one mask without what a fold withholds, and the entries that are asked for.

    Parameters
    ----------
    rows : ndarray of int64, shape (m,)
        Points with samples.
    values : ndarray, shape (m, q)
    asked : ndarray of int64, shape (k,)
        Points to predict.
    truth : ndarray, shape (k, q)
        NaN where not asked for.
    columns : ndarray of int64, shape (q,)
    """

    rows: IntArray
    values: FloatArray
    asked: IntArray
    truth: FloatArray
    columns: IntArray


@dataclass(frozen=True, slots=True)
class Trials:
    """All folds of some channels, a few thousand of the asked points.

    Parameters
    ----------
    ground : Ground
    parts : tuple of _Trial
    spread : ndarray, shape (s,)
        Standard deviation of each channel.
    piece : ndarray of int64, shape (sum of k,)
        Piece of space of every asked point, parts one after the other.
    device : str
    """

    ground: Ground
    parts: tuple[_Trial, ...]
    spread: FloatArray
    piece: IntArray
    device: str

    @classmethod
    def of(cls, points: PointSet, ground: Ground, problem: Problem) -> Trials:
        """Prepare the folds of a problem."""
        rng = generator(problem.seed, "asked of kriging")
        groups = [
            (fold.asked, train, columns)
            for fold, train in zip(problem.folds, _trains(points, problem), strict=True)
            for columns in same_pattern(train.observed)
            if train.observed[:, columns[0]].any() and fold.asked[:, columns].any()
        ]
        most = max(1, _QUERIES[problem.effort] // max(1, len(groups)))
        parts = []
        for asked, train, columns in groups:
            rows = np.flatnonzero(train.observed[:, columns[0]])
            queries = np.flatnonzero(asked[:, columns].any(axis=1))
            queries = np.sort(rng.choice(queries, min(most, queries.size), replace=False))
            entries = np.ix_(queries, columns)
            truth = np.where(asked[entries], points.values[entries], np.nan)
            values = train.values[np.ix_(rows, columns)]
            parts.append(_Trial(rows, values, queries, truth, columns))
        none = np.empty(0, dtype=np.int64)
        everywhere = np.concatenate([none, *(part.asked for part in parts)])
        piece = pieces_of_space(points, problem.folds, everywhere)
        return cls(ground, tuple(parts), channel_spreads(points), piece, problem.device)

    def errors(self, settings: FieldSettings, skewed: BoolArray) -> PieceErrors:
        """Return the errors of settings by pieces of space, in units of the channel's spread.

        Parameters
        ----------
        settings : FieldSettings
        skewed : ndarray of bool, shape (s,)
            Channels that are made nearly normal before kriging.
        """
        tasks = [partial(self._errors_of, part, settings, skewed) for part in self.parts]
        found = [np.empty((0, self.spread.size)), *side_by_side(tasks)]
        return PieceErrors.of(np.concatenate(found), self.piece)

    def _errors_of(self, part: _Trial, settings: FieldSettings, skewed: BoolArray) -> FloatArray:
        """Return the errors (m, s) of one trial, NaN in channels of other masks."""
        field = KrigedField.fit(
            self.ground,
            part.rows,
            part.values,
            settings,
            skewed=skewed[part.columns],
            device=self.device,
        )
        error = np.full((part.asked.size, self.spread.size), np.nan)
        error[:, part.columns] = field.mean(self.ground, part.asked) - part.truth
        return np.asarray(error / self.spread)


def _trains(points: PointSet, problem: Problem) -> list[PointSet]:
    return [fold.train(points) for fold in problem.folds]
