"""The Gaussian head on a kernel and a dictionary: settings chosen, then one prediction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from sinr_geo.coordinates import Embedding
from sinr_geo.gaussian.coregional import (
    CoregionalKernels,
    CoregionalSettings,
    Entries,
    channel_covariance,
)
from sinr_geo.gaussian.subset import thinned_fold
from sinr_geo.gssa import segment
from sinr_geo.guide import guide
from sinr_geo.methods.protocol import Effort, Problem
from sinr_geo.neighbours import neighbour_graph
from sinr_geo.points import BoolArray, FloatArray, PointSet
from sinr_geo.scoring import withheld_rmse

__all__ = ["CoregionalChoice", "choose_coregional"]

_POINTS = {Effort.FAST: 1_500, Effort.NORMAL: 4_000, Effort.BEST: 10_000}
_ENTRIES_PER_SUPERPIXEL = 12
_ALPHA = 20.0
_GRID: Mapping[str, tuple[float, ...]] = {
    "reach": (1.5, 3.0, 5.0, 8.0, 14.0, 25.0),
    "nugget": (1e-3, 1e-2, 3e-2, 1e-1, 3e-1),
    "rank": (2, 4, 6, 8, 12, 20),
}


@dataclass(frozen=True, slots=True)
class CoregionalChoice:
    """What was chosen for the coregionalised kernel.

    Parameters
    ----------
    settings : CoregionalSettings
    score : float
        Withheld RMSE.
    tried : mapping of str to float
        Withheld RMSE by what was changed.
    """

    settings: CoregionalSettings
    score: float
    tried: Mapping[str, float]

    def as_dict(self) -> dict[str, Any]:
        """Return JSON types only."""
        return {"head": "coregional kernel", **asdict(self.settings), "tried": dict(self.tried)}

    def predict(
        self, points: PointSet, wanted: BoolArray, problem: Problem
    ) -> tuple[FloatArray, FloatArray]:
        """Predict wanted entries; -> mean and variance (n, s), NaN where not wanted."""
        return _Conditioning(points, problem).predict(wanted, self.settings)


def choose_coregional(points: PointSet, problem: Problem) -> CoregionalChoice:
    """Choose reach, nugget and rank on the folds, one after the other."""
    rng = np.random.default_rng(problem.seed)
    few = [thinned_fold(fold, _POINTS[problem.effort], rng) for fold in problem.folds]
    known = [
        _Conditioning(points.with_observed(points.observed & ~fold), problem)
        for fold in problem.folds
    ]

    def score(settings: CoregionalSettings) -> float:
        found = [c.predict(w, settings)[0] for c, w in zip(known, few, strict=True)]
        return float(
            np.mean([withheld_rmse(points, w, m) for w, m in zip(few, found, strict=True)])
        )

    best = CoregionalSettings(rank=min(8, len(points.channels)))
    lowest = score(best)
    tried = {"start": lowest}
    for step, (name, grid) in enumerate(_GRID.items()):
        problem.progress("choosing the channel kernel", step / len(_GRID))
        start = getattr(best, name)
        for side in ([v for v in grid if v > start], [v for v in reversed(grid) if v < start]):
            for value in side:
                if name == "rank" and value > len(points.channels):
                    break
                candidate = replace(best, **{name: type(start)(value)})
                found = tried[f"{name}={value:g}"] = score(candidate)
                if not found < lowest:
                    break
                best, lowest = candidate, found
    return CoregionalChoice(best, lowest, tried)


class _Conditioning:
    """Points standardised by channel, with what does not depend on the settings."""

    def __init__(self, points: PointSet, problem: Problem) -> None:
        self._points, self._problem = points, problem
        self._place = Embedding.fit(points)(points.coordinates)
        self._offset = np.nanmean(points.values, axis=0)
        spread = np.nanstd(points.values, axis=0)
        self._spread = np.where(spread > 0, spread, 1.0)
        self._standardised = (points.values - self._offset) / self._spread
        self._entries = Entries.of(self._place, self._standardised, points.observed)
        self._graph = neighbour_graph(points)
        self._centres = self._segmented()

    def predict(
        self, wanted: BoolArray, settings: CoregionalSettings
    ) -> tuple[FloatArray, FloatArray]:
        """Predict wanted entries; -> mean and variance (n, s), NaN elsewhere."""
        covariance = channel_covariance(
            self._standardised, self._points.observed, self._graph, settings.rank
        )
        field = CoregionalKernels(
            self._entries, covariance, self._centres, settings, self._problem.device
        )
        rows = np.flatnonzero(wanted.any(axis=1))
        found, left = field.predict(self._place[rows])
        mean, variance = np.full((2, *wanted.shape), np.nan)
        mean[rows] = found * self._spread + self._offset
        variance[rows] = (left + settings.nugget) * self._spread**2
        return np.where(wanted, mean, np.nan), np.where(wanted, variance, np.nan)

    def _segmented(self) -> FloatArray:
        """Segment all points by GSSA and return the superpixels' centres; -> (K, d)."""
        count = max(1, len(self._entries.values) // _ENTRIES_PER_SUPERPIXEL)
        values = guide(self._points, self._place, self._problem.task)
        count = min(count, max(1, len(values) // 4))
        labels = segment(
            values, self._place, count, _ALPHA, seed=self._problem.seed, device=self._problem.device
        )
        sizes = np.bincount(labels)
        sums = [np.bincount(labels, weights=column) for column in self._place.T]
        return np.asarray(np.stack(sums, axis=1) / sizes[:, None])
