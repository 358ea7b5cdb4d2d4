"""The Gaussian head where points lie as they like: settings chosen, then one prediction."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from sinr_geo.folds import Fold
from sinr_geo.gaussian.blending import BlendedKernels
from sinr_geo.gaussian.centres import OWN_SCALE, embedded, superpixel_centres
from sinr_geo.gaussian.kernel import KernelSettings
from sinr_geo.gaussian.samples import Samples
from sinr_geo.gaussian.search import search
from sinr_geo.guide import guide
from sinr_geo.methods.protocol import Problem
from sinr_geo.nearest import nearest, same_pattern
from sinr_geo.points import BoolArray, FloatArray, IntArray, PointSet
from sinr_geo.scoring import withheld_rmse

__all__ = ["KernelChoice", "choose_kernel"]

_SAMPLES_PER_SUPERPIXEL = 10
_BLOCKS = (4.0, 16.0)
_SPACING_SAMPLE = 2_000
_GRID: Mapping[str, tuple[float, ...]] = {
    "ratio": (0.125, 0.25, 0.5, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0),
    "nugget": (0.0, 0.01, 0.1, 0.3, 1.0, 3.0, 10.0),
    "power": (0.4, 0.6, 0.8, 1.0, 1.2, 1.5, 1.8),
    "coarse": (0, 8),
    "samples": (24, 40, 64),
    "alpha": (5.0, 20.0, 80.0),
}


@dataclass(frozen=True, slots=True)
class KernelChoice:
    """What was chosen for the kernel head and what the alternatives scored.

    Parameters
    ----------
    settings : KernelSettings
    score : float
        Withheld RMSE.
    tried : mapping of str to float
        Withheld RMSE by what was changed.
    """

    settings: KernelSettings
    score: float
    tried: Mapping[str, float]

    def as_dict(self) -> dict[str, Any]:
        """Return JSON types only."""
        return {"head": "kernel", **asdict(self.settings), "tried": dict(self.tried)}

    def predict(
        self, points: PointSet, wanted: BoolArray, problem: Problem
    ) -> tuple[FloatArray, FloatArray]:
        """Predict wanted entries; -> mean and variance (n, s), NaN where not wanted."""
        place = embedded(points, self.settings.ratio)
        centres = _centres(points, place, wanted, self.settings.alpha, problem)
        mean, variance = np.full((2, *points.values.shape), np.nan)
        for part in _parts(points, place, wanted, self.settings):
            field = BlendedKernels(part.levels, centres, self.settings, problem.device)
            found, spread = field.predict(place[part.rows])
            mean[part.entries] = part.unscaled(found)
            variance[part.entries] = spread * part.spread**2
        return np.where(wanted, mean, np.nan), np.where(wanted, variance, np.nan)


def choose_kernel(points: PointSet, problem: Problem) -> KernelChoice:
    """Choose kernel, nugget, neighbourhood and the ratio of time to space on the folds.

    One setting is varied at a time, up and down its grid for as long as the score improves.
    Without folds nothing can be chosen, and the settings are those that the search starts from.
    """
    if not problem.folds:
        return KernelChoice(KernelSettings(), float("nan"), {})
    places = {1.0: embedded(points, 1.0)}
    trials = [_Trial(points, fold, problem) for fold in problem.folds]

    def score(settings: KernelSettings) -> float:
        if settings.ratio not in places:
            places[settings.ratio] = embedded(points, settings.ratio)
        place = places[settings.ratio]
        return float(np.mean([trial.score(place, settings) for trial in trials]))

    own_scale = any(axis.kind in OWN_SCALE for axis in points.axes)
    found = search(
        KernelSettings(),
        {name: grid for name, grid in _GRID.items() if own_scale or name != "ratio"},
        score,
        progress=problem.progress,
        what="choosing the kernel",
    )
    return KernelChoice(found.settings, found.score, found.tried)


class _Trial:
    """One fold: what is left to fit on, which withheld entries are asked for, and segmentations."""

    def __init__(self, points: PointSet, fold: Fold, problem: Problem) -> None:
        self._truth = points
        self._train = fold.train(points)
        self._few = fold.asked
        self._problem = problem
        self._known_centres: dict[tuple[float, float], FloatArray] = {}

    def score(self, place: FloatArray, settings: KernelSettings) -> float:
        """Return the withheld RMSE."""
        key = (settings.ratio, settings.alpha)
        if key not in self._known_centres:
            self._known_centres[key] = _centres(
                self._train, place, self._few, settings.alpha, self._problem
            )
        mean = np.full(self._few.shape, np.nan)
        for part in _parts(self._train, place, self._few, settings):
            field = BlendedKernels(
                part.levels, self._known_centres[key], settings, self._problem.device
            )
            mean[part.entries] = part.unscaled(field.mean(place[part.rows]))
        return withheld_rmse(self._truth, self._few, mean)


def _centres(
    points: PointSet, place: FloatArray, wanted: BoolArray, alpha: float, problem: Problem
) -> FloatArray:
    """Return the centres of superpixels of all observed and wanted points; -> (K, d)."""
    rows = np.flatnonzero(points.observed.any(axis=1) | wanted.any(axis=1))
    count = max(1, int(points.observed.sum(axis=0).max()) // _SAMPLES_PER_SUPERPIXEL)
    values = guide(points.bare(rows), place[rows], problem.task)
    return superpixel_centres(values, place[rows], count, alpha, problem)


@dataclass(frozen=True, slots=True)
class _Part:
    """Channels of one mask, standardised: the points to predict and the samples to predict from."""

    rows: IntArray
    columns: IntArray
    levels: tuple[Samples, ...]
    offset: FloatArray
    spread: FloatArray

    @property
    def entries(self) -> tuple[IntArray, ...]:
        """Index of the part's entries in an (n, s) array."""
        return np.ix_(self.rows, self.columns)

    def unscaled(self, standardised: FloatArray) -> FloatArray:
        """Return predictions (rows, columns) in the units of the channels."""
        return np.asarray(standardised * self.spread + self.offset)


def _parts(
    points: PointSet, place: FloatArray, wanted: BoolArray, settings: KernelSettings
) -> Iterator[_Part]:
    """Yield the wanted entries, all channels of one mask together."""
    for columns in same_pattern(points.observed):
        rows = np.flatnonzero(wanted[:, columns].any(axis=1))
        if rows.size == 0:
            continue
        seen = points.observed[:, columns[0]]
        values = points.values[np.ix_(seen, columns)]
        offset, spread = values.mean(axis=0), values.std(axis=0)
        spread = np.where(spread > 0, spread, 1.0)
        samples = Samples.single(place[seen], (values - offset) / spread)
        yield _Part(rows, columns, _levels(samples, settings), offset, spread)


def _levels(samples: Samples, settings: KernelSettings) -> tuple[Samples, ...]:
    """Return the samples and, if asked for, their block means, by how densely they lie."""
    if settings.coarse == 0 or len(samples.places) < settings.samples:
        return (samples,)
    stride = max(1, len(samples.places) // _SPACING_SAMPLE)
    distance, _ = nearest(samples.places, samples.places[::stride], 2)
    spacing = max(1.0, float(np.median(distance[:, 1])))
    return (samples, *(samples.averaged(side * spacing) for side in _BLOCKS))
