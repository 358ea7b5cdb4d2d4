"""Completion on windows over a pilot: whether it helps, and with which settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from sinr_geo.folds import Fold
from sinr_geo.gaussian.completion import Completion, CompletionSettings, Cube, complete_windows
from sinr_geo.gaussian.completion_trial import CompletionTrial, pilot_cube, root_mean
from sinr_geo.gaussian.pilot import Pilot
from sinr_geo.gaussian.scaling import Scaling
from sinr_geo.gaussian.search import search
from sinr_geo.gaussian.tiles import Tile, tiles
from sinr_geo.methods.protocol import Effort, HeldOut, Problem
from sinr_geo.points import BoolArray, FloatArray, IntArray, Lattice, PointSet
from sinr_geo.workers import side_by_side

__all__ = ["CompletionChoice", "choose_completion", "complete_lattice"]

_WITHHELD = {Effort.FAST: 1_000, Effort.NORMAL: 4_500, Effort.BEST: 6_000}
_FEWEST_IN_CROP, _MOST_IN_CROP = 6_000, 30_000
_MOST_PASSES = {Effort.FAST: 2, Effort.NORMAL: 5, Effort.BEST: 8}
_LARGEST_WINDOW = {Effort.FAST: 64, Effort.NORMAL: 100, Effort.BEST: 150}
_FIRST_PASS = 150
_FEWEST_CELLS = 20
_LEAST_GAIN = 0.98
_LEAST_GAIN_OF_A_PASS = 0.998
_ENERGY = 2e-3
_ELEMENTS, _SMALLEST_TILE = 1 << 22, 20_000
_HALO = 2
_GRID: Mapping[str, tuple[float, ...]] = {
    "rank": (1, 2, 3, 4, 6, 8, 12),
    "noise": (1e-3, 3e-3, 1e-2, 3e-2, 1e-1),
    "alpha": (0.3, 1.0, 3.0),
    "width": (2, 3, 4, 5, 6, 8),
}


@dataclass(frozen=True, slots=True)
class CompletionChoice:
    """Whether windows improve on the pilot, and how.

    Parameters
    ----------
    settings : CompletionSettings
    helps : ndarray of bool, shape (s,)
        Channels that windows improve; the others keep the pilot's values.
    pilot_score, score : float
        Withheld RMSE in crops of the folds, of the pilot and of the windows.
    tried : mapping of str to float
        Withheld RMSE in the crop that settings were chosen on.
    withheld : tuple of HeldOut
        What windows, or the pilot where they do not help, say of the asked entries in the crop of
        every fold; NaN outside.
    """

    settings: CompletionSettings
    helps: BoolArray
    pilot_score: float
    score: float
    tried: Mapping[str, float]
    withheld: tuple[HeldOut, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return JSON types only."""
        return {
            **asdict(self.settings),
            "passes": list(self.settings.passes),
            "helps": self.helps.tolist(),
            "pilot_score": self.pilot_score,
            "score": self.score,
            "tried": dict(self.tried),
        }


def choose_completion(
    points: PointSet, lattice: Lattice, pilot: Pilot, problem: Problem
) -> CompletionChoice | None:
    """Choose settings in a crop of the first fold, and judge them on crops of all folds.

    Returns None where there is nothing to score on.
    """
    tried_on = (
        CompletionTrial.of(
            points, lattice, pilot, problem, number, _crop_size(lattice, fold, problem)
        )
        for number, fold in enumerate(problem.folds)
    )
    trials = [trial for trial in tried_on if trial is not None]
    if not trials:
        return None
    found, tried = _chosen(trials[0], problem)
    settings = found.settings
    recovered = [found.entries()] + [
        complete_windows(trial.cube, settings, seed=problem.seed, device=problem.device)
        for trial in trials[1:]
    ]
    alone = _mean_squares(trials, [trial.cube.values for trial in trials])
    squares = _mean_squares(trials, [values for values, _ in recovered])
    helps = _pooled(squares) < _LEAST_GAIN**2 * _pooled(alone)
    said = {
        trial.fold: trial.held_out(
            np.where(helps, values, trial.cube.values), np.where(helps, left, trial.cube.variance)
        )
        for trial, (values, left) in zip(trials, recovered, strict=True)
    }
    withheld = tuple(
        said.get(number, HeldOut.untried(fold)) for number, fold in enumerate(problem.folds)
    )
    return CompletionChoice(settings, helps, root_mean(alone), root_mean(squares), tried, withheld)


def complete_lattice(
    points: PointSet,
    lattice: Lattice,
    mean: FloatArray,
    variance: FloatArray,
    settings: CompletionSettings,
    problem: Problem,
) -> tuple[FloatArray, FloatArray]:
    """Recover the gaps that a pilot filled; mean and variance (n, s) -> the same, improved.

    A lattice whose windows would hold more numbers than are kept at a time is cut into tiles, side
    by side, each with superpixels and a dictionary of its own.
    """
    scaling = Scaling.of(points)
    values, left = np.empty(mean.shape), np.empty(variance.shape)

    def complete(tile: Tile) -> None:
        rows, inner, part = _part(points, lattice, tile)
        small = part.lattice
        if small is None or not inner.any():
            return
        cube = pilot_cube(part, small, mean[rows], variance[rows], scaling)
        found, spread = complete_windows(cube, settings, seed=problem.seed, device=problem.device)
        values[rows[inner]] = scaling.restored(found[small.place[inner]])
        left[rows[inner]] = spread[small.place[inner]] * scaling.spread**2

    most = max(_SMALLEST_TILE, _ELEMENTS // (settings.width**2 * settings.rank + mean.shape[1]))
    side_by_side([partial(complete, tile) for tile in tiles(lattice, most, _HALO * settings.width)])
    return values, left


def _part(points: PointSet, lattice: Lattice, tile: Tile) -> tuple[IntArray, BoolArray, PointSet]:
    """Return the points of a tile: rows (m,), whether each is the tile's own, and the points."""
    at = np.searchsorted(lattice.place, tile.cells).clip(max=len(points) - 1)
    there = np.flatnonzero(lattice.place[at] == tile.cells)
    rows = at[there]
    return (
        rows,
        tile.inner[there],
        replace(points.bare(rows), lattice=replace(tile.lattice, place=there)),
    )


def _crop_size(lattice: Lattice, fold: Fold, problem: Problem) -> int:
    """Return how many cells hold enough withheld entries to choose by."""
    per_cell = fold.withheld.sum() / lattice.size
    cells = _WITHHELD[problem.effort] / max(per_cell, 1e-9)
    return int(np.clip(cells, _FEWEST_IN_CROP, _MOST_IN_CROP))


def _chosen(trial: CompletionTrial, problem: Problem) -> tuple[Completion, dict[str, float]]:
    """Choose by one pass each, then add passes for as long as they help."""
    cube, largest = trial.cube, _LARGEST_WINDOW[problem.effort]
    rank = _rank(cube)
    width = max(w for w in (2, 3, 4) if w == 2 or w * w * rank <= largest)

    def one_pass(settings: CompletionSettings) -> Completion:
        state = Completion.start(cube, settings, problem.device)
        return state.improved(settings.passes[0], problem.seed)

    found = search(
        CompletionSettings(rank, width, alpha=1.0, noise=1e-2, passes=(_FIRST_PASS,)),
        _GRID,
        lambda settings: trial.score(one_pass(settings).entries()[0]),
        allowed=lambda settings: (
            settings.width**2 * settings.rank <= largest and settings.rank <= cube.values.shape[1]
        ),
        progress=problem.progress,
        what="choosing windows",
    )
    tried = dict(found.tried)
    state, lowest = one_pass(found.settings), found.score
    while len(state.settings.passes) < _MOST_PASSES[problem.effort]:
        further, score = _next_pass(state, trial, problem, tried)
        if not score < _LEAST_GAIN_OF_A_PASS * lowest:
            break
        state, lowest = further, score
    return state, tried


def _next_pass(
    state: Completion, trial: CompletionTrial, problem: Problem, tried: dict[str, float]
) -> tuple[Completion, float]:
    """Make one more pass with superpixels as large as the last one's, or half as large."""
    passes = state.settings.passes
    found = []
    for cells in sorted({passes[-1], max(_FEWEST_CELLS, passes[-1] // 2)}):
        settings = replace(state.settings, passes=(*passes, cells))
        further = replace(state.improved(cells, problem.seed), settings=settings)
        score = trial.score(further.entries()[0])
        tried["passes=" + "-".join(map(str, settings.passes))] = score
        found.append((further, score))
    return min(found, key=lambda pair: pair[1])


def _mean_squares(trials: list[CompletionTrial], values: list[FloatArray]) -> FloatArray:
    """Average the squared errors of channels over the trials that tell; -> (s,)."""
    rows = np.stack([trial.squares(found) for trial, found in zip(trials, values, strict=True)])
    told = np.isfinite(rows)
    total = np.where(told, rows, 0.0).sum(axis=0)
    return np.asarray(np.where(told.any(axis=0), total / told.sum(axis=0).clip(min=1), np.nan))


def _pooled(squares: FloatArray) -> FloatArray:
    """Draw every channel half way to the mean: a channel alone has few withheld entries."""
    mean = squares[np.isfinite(squares)].mean()
    return np.asarray(np.where(np.isfinite(squares), (squares + mean) / 2.0, mean))


def _rank(cube: Cube) -> int:
    """Count the directions that hold more than 0.2 % of the variance of the pilot's cube."""
    known = cube.values[cube.known.all(axis=1)]
    if known.shape[1] == 1 or len(known) == 0:
        return 1
    spectrum = np.linalg.eigvalsh(known.T @ known)[::-1]
    return int(np.clip((spectrum > _ENERGY * spectrum.sum()).sum(), 1, 8))
