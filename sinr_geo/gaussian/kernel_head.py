"""The Gaussian head where points lie as they like: settings chosen, then one prediction."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from sinr_geo.axes import AxisKind
from sinr_geo.coordinates import Embedding
from sinr_geo.gaussian.blending import BlendedKernels
from sinr_geo.gaussian.kernel import KernelSettings
from sinr_geo.gaussian.samples import Samples
from sinr_geo.gaussian.subset import thinned_fold
from sinr_geo.gssa import segment
from sinr_geo.guide import guide
from sinr_geo.methods.protocol import Effort, Problem
from sinr_geo.nearest import nearest, same_pattern
from sinr_geo.points import BoolArray, FloatArray, IntArray, PointSet
from sinr_geo.scoring import withheld_rmse

__all__ = ["KernelChoice", "choose_kernel"]

_SAMPLES_PER_SUPERPIXEL = 10
_QUERIES = {Effort.FAST: 1_500, Effort.NORMAL: 4_000, Effort.BEST: 10_000}
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
_OWN_SCALE = (AxisKind.TIME, AxisKind.VERTICAL, AxisKind.SPECTRAL)


@dataclass(frozen=True, slots=True)
class KernelChoice:
    """What was chosen for the kernel head and what the alternatives scored.

    Parameters
    ----------
    settings : KernelSettings
    ratio : float
        Horizontal spacings that one step of time (or height, wavelength) counts as.
    score : float
        Withheld RMSE.
    tried : mapping of str to float
        Withheld RMSE by what was changed.
    """

    settings: KernelSettings
    ratio: float
    score: float
    tried: Mapping[str, float]

    def as_dict(self) -> dict[str, Any]:
        """Return JSON types only."""
        settings = asdict(self.settings)
        return {"head": "kernel", **settings, "ratio": self.ratio, "tried": dict(self.tried)}

    def predict(
        self, points: PointSet, wanted: BoolArray, problem: Problem
    ) -> tuple[FloatArray, FloatArray]:
        """Predict wanted entries; -> mean and variance (n, s), NaN where not wanted."""
        place = _embedded(points, self.ratio)
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
    """
    rng = np.random.default_rng(problem.seed)
    few = _QUERIES[problem.effort]
    trials = [_Trial(points, fold, thinned_fold(fold, few, rng), problem) for fold in problem.folds]
    search = _Search(points, trials)
    for step, (name, grid) in enumerate(_GRID.items()):
        problem.progress("choosing the kernel", step / len(_GRID))
        if name != "ratio" or any(axis.kind in _OWN_SCALE for axis in points.axes):
            search.along(name, grid)
    return KernelChoice(search.settings, search.ratio, search.best, search.tried)


class _Trial:
    """One fold: what is left to fit on, which withheld entries are asked for, and segmentations."""

    def __init__(self, points: PointSet, fold: BoolArray, few: BoolArray, problem: Problem) -> None:
        self._truth = points
        self._train = points.with_observed(points.observed & ~fold)
        self._few = few
        self._problem = problem
        self._known_centres: dict[tuple[float, float], FloatArray] = {}

    def score(self, place: FloatArray, settings: KernelSettings, ratio: float) -> float:
        """Return the withheld RMSE."""
        key = (ratio, settings.alpha)
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


class _Search:
    """The best settings so far, and every score on the way."""

    def __init__(self, points: PointSet, trials: list[_Trial]) -> None:
        self._points = points
        self._trials = trials
        self._places: dict[float, FloatArray] = {}
        self.settings, self.ratio = KernelSettings(), 1.0
        self.tried: dict[str, float] = {}
        self.best = self._score(self.settings, self.ratio)
        self.tried["start"] = self.best

    def along(self, name: str, grid: tuple[float, ...]) -> None:
        """Vary one setting up and down from where it stands while that helps."""
        start = self.ratio if name == "ratio" else getattr(self.settings, name)
        above = [value for value in grid if value > start]
        below = [value for value in reversed(grid) if value < start]
        for side in (above, below):
            for value in side:
                if not self._improves(name, value):
                    break

    def _improves(self, name: str, value: float) -> bool:
        settings, ratio = self.settings, self.ratio
        if name == "ratio":
            ratio = value
        else:
            settings = replace(settings, **{name: type(getattr(settings, name))(value)})
        score = self._score(settings, ratio)
        self.tried[f"{name}={value:g}"] = score
        if not score < self.best:
            return False
        self.best, self.settings, self.ratio = score, settings, ratio
        return True

    def _score(self, settings: KernelSettings, ratio: float) -> float:
        if ratio not in self._places:
            self._places[ratio] = _embedded(self._points, ratio)
        place = self._places[ratio]
        return float(np.mean([trial.score(place, settings, ratio) for trial in self._trials]))


def _embedded(points: PointSet, ratio: float) -> FloatArray:
    return Embedding.fit(points, dict.fromkeys(_OWN_SCALE, ratio))(points.coordinates)


def _centres(
    points: PointSet, place: FloatArray, wanted: BoolArray, alpha: float, problem: Problem
) -> FloatArray:
    """Segment observed and wanted points by GSSA and return the superpixels' centres; -> (K, d)."""
    rows = np.flatnonzero(points.observed.any(axis=1) | wanted.any(axis=1))
    count = max(1, int(points.observed.sum(axis=0).max()) // _SAMPLES_PER_SUPERPIXEL)
    values = guide(points, place, problem.task)[rows]
    labels = segment(values, place[rows], count, alpha, seed=problem.seed, device=problem.device)
    sizes = np.bincount(labels)
    sums = [np.bincount(labels, weights=column) for column in place[rows].T]
    return np.stack(sums, axis=1) / sizes[:, None]


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
