"""The Gaussian head on a kernel and a dictionary: settings chosen, then one prediction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from sinr_geo.gaussian.centres import OWN_SCALE, embedded, superpixel_centres
from sinr_geo.gaussian.coregional import (
    CoregionalKernels,
    CoregionalSettings,
    Entries,
    channel_covariance,
)
from sinr_geo.gaussian.search import search
from sinr_geo.guide import guide
from sinr_geo.methods.protocol import Problem
from sinr_geo.neighbours import neighbour_graph
from sinr_geo.points import BoolArray, FloatArray, PointSet
from sinr_geo.scoring import withheld_rmse

__all__ = ["CoregionalChoice", "choose_coregional"]

_ENTRIES_PER_SUPERPIXEL = 12
_ALPHA = 20.0
_GRID: Mapping[str, tuple[float, ...]] = {
    "reach": (1.5, 3.0, 5.0, 8.0, 14.0, 25.0),
    "nugget": (1e-3, 1e-2, 3e-2, 1e-1, 3e-1),
    "ratio": (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0),
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
    few = [fold.asked for fold in problem.folds]
    known = [_Conditioning(fold.train(points), problem) for fold in problem.folds]

    def score(settings: CoregionalSettings) -> float:
        found = [c.predict(w, settings)[0] for c, w in zip(known, few, strict=True)]
        return float(
            np.mean([withheld_rmse(points, w, m) for w, m in zip(few, found, strict=True)])
        )

    own_scale = any(axis.kind in OWN_SCALE for axis in points.axes)
    found = search(
        CoregionalSettings(rank=min(8, len(points.channels))),
        {name: grid for name, grid in _GRID.items() if own_scale or name != "ratio"},
        score,
        allowed=lambda settings: settings.rank <= len(points.channels),
        progress=problem.progress,
        what="choosing the kernel of entries",
    )
    return CoregionalChoice(found.settings, found.score, found.tried)


class _Conditioning:
    """Points standardised by channel, with what depends on the ratio of time to space only."""

    def __init__(self, points: PointSet, problem: Problem) -> None:
        self._points, self._problem = points, problem
        self._offset = np.nanmean(points.values, axis=0)
        spread = np.nanstd(points.values, axis=0)
        self._spread = np.where(spread > 0, spread, 1.0)
        self._standardised = (points.values - self._offset) / self._spread
        self._graph = neighbour_graph(points)
        self._known: dict[float, tuple[FloatArray, FloatArray]] = {}

    def predict(
        self, wanted: BoolArray, settings: CoregionalSettings
    ) -> tuple[FloatArray, FloatArray]:
        """Predict wanted entries; -> mean and variance (n, s), NaN elsewhere."""
        observed = self._points.observed
        covariance = channel_covariance(self._standardised, observed, self._graph, settings.rank)
        place, centres = self._placed(settings.ratio)
        entries = Entries.of(place, self._standardised, observed)
        field = CoregionalKernels(entries, covariance, centres, settings, self._problem.device)
        rows = np.flatnonzero(wanted.any(axis=1))
        found, left = field.predict(place[rows])
        mean, variance = np.full((2, *wanted.shape), np.nan)
        mean[rows] = found * self._spread + self._offset
        variance[rows] = (left + settings.nugget) * self._spread**2
        return np.where(wanted, mean, np.nan), np.where(wanted, variance, np.nan)

    def _placed(self, ratio: float) -> tuple[FloatArray, FloatArray]:
        """Embed all points and return their places (n, d) and the superpixels' centres (K, d)."""
        if ratio not in self._known:
            place = embedded(self._points, ratio)
            entries = int(self._points.observed.sum())
            count = max(1, min(entries // _ENTRIES_PER_SUPERPIXEL, len(place) // 4))
            self._known[ratio] = (
                place,
                superpixel_centres(
                    guide(self._points, place, self._problem.task),
                    place,
                    count,
                    _ALPHA,
                    self._problem,
                ),
            )
        return self._known[ratio]
