"""Settings of local kriging, chosen on withheld samples.

A setting leaves its plain value only where others are surely better (`sinr_geo.sure_gain`). First
one setting after the other, up and down a grid; then anisotropy, power, nugget and the scales of
normals and curvature together; then the neighbourhood once more. Last, for every channel, whether
it is better made nearly normal before kriging.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from typing import Any

import numpy as np

from sinr_geo.gaussian.search import search
from sinr_geo.kriging.field import Ground
from sinr_geo.kriging.settings import FieldSettings
from sinr_geo.kriging.simplex import refined
from sinr_geo.kriging.trials import Trials
from sinr_geo.methods.protocol import Effort, Problem
from sinr_geo.points import BoolArray, PointSet
from sinr_geo.sure_gain import PieceErrors

__all__ = ["FieldChoice", "choose_field"]

_EVALUATIONS = {Effort.FAST: 30, Effort.NORMAL: 60, Effort.BEST: 200}
_NEIGHBOURS_OF_SIMPLEX = 24
_COARSE = (0, 12)
_NEIGHBOURHOOD: Mapping[str, tuple[float, ...]] = {
    "coarse": _COARSE,
    "neighbours": (10, 16, 24, 40, 64),
}
_GRID: Mapping[str, tuple[float, ...]] = {
    "ratio": (0.125, 0.25, 0.5, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0),
    "steps": (0.0, 0.5, 1.0),
    "normals": (0.0, 2.0, 4.0, 8.0, 16.0, 32.0),
    "curvature": (0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0),
    "nugget": (0.0, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0),
    "power": (0.4, 0.6, 0.8, 1.0, 1.2, 1.5, 1.8),
    **_NEIGHBOURHOOD,
}
_GAIN_OF_SKEW = 0.99
_SMALL_STRETCH = 0.2


@dataclass(frozen=True, slots=True)
class FieldChoice:
    """What was chosen for some channels and what the alternatives scored.

    Parameters
    ----------
    settings : FieldSettings
    skewed : ndarray of bool, shape (s,)
        Channels that are made nearly normal before kriging.
    tried : mapping of str to float
        Withheld RMSE by what was changed.
    """

    settings: FieldSettings
    skewed: BoolArray
    tried: Mapping[str, float]

    def as_dict(self) -> dict[str, Any]:
        """Return JSON types only."""
        chosen = {**asdict(self.settings), "stretch": list(self.settings.stretch)}
        return {**chosen, "yeo_johnson": self.skewed.tolist(), "tried": dict(self.tried)}


def choose_field(points: PointSet, ground: Ground, problem: Problem) -> FieldChoice:
    """Choose settings that all channels of a point set share.

    Parameters
    ----------
    points : PointSet
    ground : Ground
        Of the same points.
    problem : Problem
        With folds of these points and channels; without any nothing can be chosen. What is chosen
        is remembered there, for all methods that stand on it.
    """
    # By values: the points of a fold have the names of the whole.
    key = ("kriging", problem.effort, sha256(points.values.tobytes()).digest())
    chosen: FieldChoice = problem.shared.once(key, lambda: _chosen(points, ground, problem))
    return chosen


def _chosen(points: PointSet, ground: Ground, problem: Problem) -> FieldChoice:
    plain = np.zeros(len(points.channels), dtype=np.bool_)
    if not any(fold.asked.any() for fold in problem.folds):
        return FieldChoice(_start(points, ground), plain, {})
    trials = Trials.of(points, ground, problem)

    def score(settings: FieldSettings) -> PieceErrors:
        return trials.errors(settings, plain)

    def rmse(settings: FieldSettings) -> float:
        return float(score(settings))

    def searched(
        start: FieldSettings, grid: Mapping[str, tuple[float, ...]], stage: str
    ) -> FieldSettings:
        found = search(
            start,
            grid,
            score,
            better=PieceErrors.clearly_better,
            progress=problem.progress,
            what="choosing the kriging",
        )
        tried.update({stage + name: error for name, error in found.tried.items()})
        return found.settings

    tried: dict[str, float] = {}
    coarse = searched(_start(points, ground), _grid(ground), "")
    # A small neighbourhood says the same of the field, in less than half the time.
    near = replace(coarse, neighbours=min(coarse.neighbours, _NEIGHBOURS_OF_SIMPLEX))
    stretches, evaluations = ground.places.space.stretches, _EVALUATIONS[problem.effort]
    fine = refined(near, stretches, rmse, evaluations=evaluations)
    if any(fine.stretch) and not _surely_stretched(fine, score):
        fine = refined(near, 0, rmse, evaluations=evaluations // 2)
    wide = replace(fine, neighbours=coarse.neighbours)
    settings = searched(wide, _NEIGHBOURHOOD, "after the simplex, ")
    return FieldChoice(settings, _skewed(trials, settings, tried), tried)


def _start(points: PointSet, ground: Ground) -> FieldSettings:
    """Return where the search starts: with block means on a grid of space alone.

    The nearest samples of a place in a hole lie on one side of it. Where there is time (or height,
    or wavelength) beside space, what a block is depends on the ratio, which is not chosen yet.
    """
    if points.lattice is None or ground.places.space.own_scale:
        return FieldSettings()
    return FieldSettings(coarse=max(_COARSE))


def _surely_stretched(
    settings: FieldSettings, score: Callable[[FieldSettings], PieceErrors]
) -> bool:
    """Whether the stretch, or a small step its way, is clearly better than none."""
    none = score(replace(settings, stretch=()))
    step = min(1.0, _SMALL_STRETCH / max(map(abs, settings.stretch)))
    small = replace(settings, stretch=tuple(step * one for one in settings.stretch))
    return any(score(one).clearly_better(none) for one in (settings, small))


def _grid(ground: Ground) -> dict[str, tuple[float, ...]]:
    """Return the settings that can matter here."""
    space = ground.places.space
    idle = set() if space.own_scale else {"ratio"}
    if ground.steps is None:
        idle.add("steps")
    if space.surface is None:
        idle |= {"normals", "curvature"}
    return {name: values for name, values in _GRID.items() if name not in idle}


def _skewed(trials: Trials, settings: FieldSettings, tried: dict[str, float]) -> BoolArray:
    """Mark the channels whose withheld RMSE surely falls, by 1 %, if made nearly normal first."""
    every = np.ones(trials.spread.size, dtype=np.bool_)
    plain, changed = trials.errors(settings, ~every), trials.errors(settings, every)
    better = np.zeros_like(every)
    for number in range(every.size):
        before, after = plain.channel(number), changed.channel(number)
        tried[f"yeo_johnson of channel {number}"] = float(after)
        tried[f"channel {number} as it is"] = float(before)
        better[number] = float(after) < _GAIN_OF_SKEW * float(before)
        better[number] &= after.clearly_better(before)
    return better
