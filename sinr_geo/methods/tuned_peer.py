"""An interpolator whose settings are chosen on withheld samples, as a method.

It predicts channels of one mask from the places and values of their samples. Its standard error is
learned from withheld residuals, by a quantity that it gives (how far its parts disagree) or, by
default, by the distance to the nearest sample.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Protocol

import numpy as np

from sinr_geo.error_by_distance import ErrorByDistance
from sinr_geo.folds import Fold
from sinr_geo.gaussian.search import Searched, search
from sinr_geo.kriging.settings import FieldSettings
from sinr_geo.kriging.space import Space
from sinr_geo.methods.peers import (
    entries_to_predict,
    groups_that_choose,
    masks,
)
from sinr_geo.methods.protocol import PREDICTING, Effort, HeldOut, Problem, Task
from sinr_geo.nearest import nearest
from sinr_geo.pieces_of_space import pieces_of_space
from sinr_geo.points import BoolArray, FloatArray, IntArray, PointSet
from sinr_geo.randomness import generator
from sinr_geo.recovery import Prediction
from sinr_geo.scoring import channel_spreads, held_out_errors, held_out_rmse, known_score
from sinr_geo.sure_gain import PieceErrors

__all__ = ["RATIOS", "STRETCHES", "Interpolator", "Scattered", "choose_peer"]

RATIOS = (0.125, 0.25, 0.5, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)
STRETCHES = (-1.5, -1.0, -0.5, -0.2, 0.0, 0.2, 0.5, 1.0, 1.5)
_QUERIES = {Effort.FAST: 1_000, Effort.NORMAL: 2_000, Effort.BEST: 6_000}


@dataclass(frozen=True, slots=True)
class Scattered:
    """Samples of channels of one mask, and the places that are asked for.

    Parameters
    ----------
    places : ndarray, shape (m, d)
        In spacings.
    values : ndarray, shape (m, s)
    queries : ndarray, shape (q, d)
    own : ndarray of int64, shape (q,)
        Sample at each query, -1 where there is none: noise is not removed by what has the same.
    seed : int
    """

    places: FloatArray
    values: FloatArray
    queries: FloatArray
    own: IntArray
    seed: int

    def nearest_to_queries(self, most: int) -> Scattered:
        """Return the same with so many samples at most: those nearest to a query.

        Of samples that are equally near, as most are on a grid, chance decides which are kept.
        """
        if len(self.places) <= most:
            return self
        distance, _ = nearest(self.queries, self.places, 1)
        lot = generator(self.seed, "samples near queries").permutation(len(self.places))
        kept = np.sort(lot[np.argsort(distance[lot, 0], kind="stable")[:most]])
        renumbered = np.full(len(self.places) + 1, -1, dtype=np.int64)
        renumbered[kept] = np.arange(most)
        return replace(
            self, places=self.places[kept], values=self.values[kept], own=renumbered[self.own]
        )


class Interpolator(Protocol):
    """Settings of an interpolator: a frozen dataclass."""

    @property
    def geometry(self) -> FieldSettings:
        """What distance means between the places that it is given."""
        ...

    def __call__(self, samples: Scattered) -> tuple[FloatArray, FloatArray]:
        """Return predictions (q, s), and what their error grows with (q, s)."""
        ...


def choose_peer(
    name: str,
    start: Interpolator,
    grids: Mapping[str, Sequence[float]],
    points: PointSet,
    problem: Problem,
    *,
    lighter: Mapping[str, float] | None = None,
) -> PeerChoice:
    """Choose the settings of an interpolator for every group of channels.

    Parameters
    ----------
    name : str
        Of the method.
    start : Interpolator
        Where the search starts.
    grids : mapping of str to sequence of float
        Values to try by field; those of `ratio`, `stretch` and `normals` only where there is
        time beside space, a plane or a surface.
    points : PointSet
    problem : Problem
    lighter : mapping of str to float, optional
        Fields that are smaller while settings are compared: what costs time and changes little
        about which settings are best.
    """
    space = Space.fit(points)
    usable = {"ratio": space.own_scale, "stretch": space.sheared, "normals": space.surface}
    grids = {field: grid for field, grid in grids.items() if usable.get(field, True)}
    groups, tried = [], {}
    for columns in groups_that_choose(points, problem):
        own = problem.select_channels(columns)
        compared: Any = replace(start, **(lighter or {}))  # type: ignore[type-var]
        found = _searched(compared, grids, points.select_channels(columns), space, own)
        full = {field: getattr(start, field) for field in lighter or {}}
        settings: Any = replace(found.settings, **full)
        groups.append((columns, settings))
        tried[points.channels[columns[0]].name] = {**asdict(settings), "tried": dict(found.tried)}
    return _choice(name, space, tuple(groups), tried, points, problem)


def _searched(
    start: Interpolator,
    grids: Mapping[str, Sequence[float]],
    points: PointSet,
    space: Space,
    problem: Problem,
) -> Searched[Any]:
    """Choose settings that all channels share."""
    folds = [_thinned(fold, problem) for fold in problem.folds]
    if not folds:
        return Searched(start, float("nan"), {})
    columns = np.arange(len(points.channels))

    rows = [np.flatnonzero(fold.asked.any(axis=1)) for fold in folds]
    piece = pieces_of_space(points, folds, np.concatenate(rows))
    spread = channel_spreads(points)

    def score(settings: Interpolator) -> PieceErrors:
        errors = []
        for fold, asked in zip(folds, rows, strict=True):
            train = fold.train(points)
            mean, _ = _predicted(((columns, settings),), train, train, space, fold.asked, problem)
            errors.append((mean[asked] - points.values[asked]) / spread)
        return PieceErrors.of(np.concatenate(errors), piece)

    return search(
        start,
        grids,
        score,
        better=PieceErrors.clearly_better,
        progress=problem.progress,
        what="choosing settings",
    )


def _thinned(fold: Fold, problem: Problem) -> Fold:
    """Ask for fewer points of a fold."""
    rows = np.flatnonzero(fold.asked.any(axis=1))
    most = max(1, _QUERIES[problem.effort] // len(problem.folds))
    rng = generator(problem.seed, "asked of a peer")
    few = np.zeros((len(fold.asked), 1), dtype=np.bool_)
    few[rng.choice(rows, min(most, rows.size), replace=False)] = True
    return Fold(fold.withheld, fold.asked & few)


_Groups = tuple[tuple[IntArray, Interpolator], ...]


@dataclass(frozen=True, slots=True)
class PeerChoice:
    """Settings for every group of channels, and how large their errors are."""

    space: Space
    groups: _Groups
    error: ErrorByDistance
    withheld: tuple[HeldOut, ...]
    report: Mapping[str, Any]

    def fit(self, points: PointSet, problem: Problem) -> FittedPeer:
        """Take all observed entries."""
        return FittedPeer(points, problem, self)


@dataclass(frozen=True, slots=True)
class FittedPeer:
    """Samples, ready to be interpolated."""

    fitted_to: PointSet
    problem: Problem
    choice: PeerChoice

    @property
    def report(self) -> Mapping[str, Any]:
        """What was chosen and what the alternatives scored."""
        return self.choice.report

    def predict(self, points: PointSet) -> Prediction:
        """Predict the wanted entries, or every entry of other points.

        In denoising the standard error is NaN: what is withheld tells the error of a new reading,
        noise and all, not that of the field.
        """
        entries = entries_to_predict(points, self.fitted_to, self.problem)
        space = self.choice.space.over(self.fitted_to)
        mean, grows = _predicted(
            self.choice.groups, self.fitted_to, points, space, entries, self.problem
        )
        if self.problem.task is Task.DENOISING:
            return Prediction(mean, np.full(mean.shape, np.nan))
        return Prediction(mean, np.where(entries, self.choice.error(np.nan_to_num(grows)), np.nan))


def _choice(
    name: str,
    space: Space,
    groups: _Groups,
    tried: Mapping[str, Any],
    points: PointSet,
    problem: Problem,
) -> PeerChoice:
    """Predict every fold with the settings chosen and learn the standard error from it."""
    problem.progress(PREDICTING, 0.9)
    shape = (0, len(points.channels))
    means: list[HeldOut] = []
    grown: list[FloatArray] = [np.empty(shape)]
    for fold in problem.folds:
        train = fold.train(points)
        mean, grows = _predicted(groups, train, train, space, fold.asked, problem)
        means.append(HeldOut.of(fold, mean, grows))
        grown.append(grows[fold.asked.any(axis=1)])
    errors, _ = held_out_errors(points, problem.folds, means)
    told = np.isfinite(errors)
    error = ErrorByDistance.fit(np.where(told, errors, 0.0), np.concatenate(grown), told)
    withheld = []
    for fold, held in zip(problem.folds, means, strict=True):
        grows = np.zeros(fold.asked.shape)
        grows[fold.asked] = np.nan_to_num(held.standard_error)
        withheld.append(HeldOut(held.values, error(grows)[fold.asked]))
    score = held_out_rmse(points, problem.folds, withheld)
    report = {"method": name, "by_channel": dict(tried), "withheld_rmse": known_score(score)}
    return PeerChoice(space, groups, error, tuple(withheld), report)


def _predicted(
    groups: _Groups,
    train: PointSet,
    points: PointSet,
    space: Space,
    entries: BoolArray,
    problem: Problem,
) -> tuple[FloatArray, FloatArray]:
    """Return predictions (n, s) of the marked entries of points, and what their error grows with.

    Both are NaN elsewhere.
    """
    mean, grows = np.full((2, *entries.shape), np.nan)
    known, asked = space(train.coordinates), space(points.coordinates)
    same = np.array_equal(train.coordinates, points.coordinates)
    for columns, settings in groups:
        geometry = settings.geometry
        for own, rows in masks(train, columns):
            queries = np.flatnonzero(entries[:, own].any(axis=1))
            if queries.size == 0:
                continue
            sample = np.full(len(points), -1, dtype=np.int64)
            if same:
                sample[rows] = np.arange(rows.size)
            samples = Scattered(
                known.rows(rows).scaled(geometry),
                train.values[np.ix_(rows, own)],
                asked.rows(queries).scaled(geometry),
                sample[queries],
                problem.seed,
            )
            index = np.ix_(queries, own)
            mean[index], grows[index] = settings(samples)
    return np.where(entries, mean, np.nan), np.where(entries, grows, np.nan)
