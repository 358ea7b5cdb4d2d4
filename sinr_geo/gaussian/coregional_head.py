"""The Gaussian head on a kernel and a dictionary: settings chosen, then one prediction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from sinr_geo.axes import OWN_SCALE
from sinr_geo.gaussian.centres import embedded
from sinr_geo.gaussian.channels import PairProducts
from sinr_geo.gaussian.coregional import CoregionalKriging, CoregionalSettings, Entries
from sinr_geo.gaussian.scaling import Scaling
from sinr_geo.gaussian.search import search
from sinr_geo.methods.protocol import Problem
from sinr_geo.neighbours import neighbour_graph
from sinr_geo.points import BoolArray, FloatArray, PointSet
from sinr_geo.scoring import withheld_rmse

__all__ = ["CoregionalChoice", "choose_coregional"]

_ROWS = 1 << 16
_GRID: Mapping[str, tuple[float, ...]] = {
    "smoothing": (0.0, 1.0, 2.0, 3.0, 4.0, 6.0),
    "reach": (1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 9.0, 14.0, 25.0),
    "power": (0.7, 1.0, 1.3, 1.6),
    "nugget": (1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1),
    "ratio": (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0),
    "rank": (1, 2, 4, 6, 8, 12),
    "samples": (40, 60),
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
    """Points standardised by channel, with what depends on no setting."""

    def __init__(self, points: PointSet, problem: Problem) -> None:
        self._points, self._device = points, problem.device
        self._scaling = Scaling.of(points)
        self._standardised = self._scaling.standardised(points.values)
        self._pairs = PairProducts.of(self._standardised, points.observed, neighbour_graph(points))

    def predict(
        self, wanted: BoolArray, settings: CoregionalSettings
    ) -> tuple[FloatArray, FloatArray]:
        """Predict wanted entries; -> mean and variance (n, s), NaN elsewhere."""
        place = embedded(self._points, settings.ratio)
        entries = Entries.of(place, self._standardised, self._points.observed)
        channels = self._pairs.channels(settings.smoothing, settings.rank)
        field = CoregionalKriging(entries, channels, settings, self._device)
        mean, variance = np.full((2, *wanted.shape), np.nan)
        asked = np.flatnonzero(wanted.any(axis=1))
        for first in range(0, asked.size, _ROWS):
            rows = asked[first : first + _ROWS]
            found, left = field.predict(place[rows])
            told = wanted[rows]
            mean[rows] = np.where(told, self._scaling.restored(found), np.nan)
            spread = (left + settings.nugget) * self._scaling.spread**2
            variance[rows] = np.where(told, spread, np.nan)
        return mean, variance
