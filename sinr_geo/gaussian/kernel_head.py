"""The Gaussian head where points lie as they like: settings chosen, then one prediction.

What distance means (anisotropy, time, the normals of a surface) and where the kernel's search
starts is chosen for local kriging, whose neighbourhoods cost least; superpixels are then segmented
in that space, and the rest is chosen for their blend.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from sinr_geo.folds import Fold
from sinr_geo.gaussian.blending import BlendedKernels
from sinr_geo.gaussian.centres import superpixel_centres
from sinr_geo.gaussian.kernel import KernelSettings
from sinr_geo.gaussian.samples import Samples
from sinr_geo.gaussian.search import search
from sinr_geo.guide import guide
from sinr_geo.kriging.choose import choose_field
from sinr_geo.kriging.field import Ground
from sinr_geo.kriging.space import Space
from sinr_geo.methods.protocol import Problem
from sinr_geo.nearest import nearest, same_pattern
from sinr_geo.pieces_of_space import pieces_of_space
from sinr_geo.points import BoolArray, FloatArray, IntArray, PointSet
from sinr_geo.scoring import channel_spreads
from sinr_geo.sure_gain import PieceErrors

__all__ = ["KernelChoice", "choose_kernel"]

_SAMPLES_PER_SUPERPIXEL = 10
_BLOCKS = (4.0, 16.0)
_SPACING_SAMPLE = 2_000
_COARSE = (0, 8)
_GRID: Mapping[str, tuple[float, ...]] = {
    "nugget": (0.0, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0),
    "power": (0.4, 0.6, 0.8, 0.9, 1.0, 1.1, 1.2, 1.35, 1.5, 1.8),
    "coarse": _COARSE,
    "samples": (24, 40, 64, 96),
    "overlap": (4, 6, 10),
    "alpha": (5.0, 20.0, 80.0),
}


@dataclass(frozen=True, slots=True)
class KernelChoice:
    """What was chosen for the kernel head and what the alternatives scored.

    Parameters
    ----------
    space : Space
        Where distance is measured.
    settings : KernelSettings
    score : float
        Withheld RMSE.
    tried : mapping of str to float
        Withheld RMSE by what was changed; what local kriging tried comes first.
    """

    space: Space
    settings: KernelSettings
    score: float
    tried: Mapping[str, float]

    def as_dict(self) -> dict[str, Any]:
        """Return JSON types only."""
        chosen = {**asdict(self.settings), "stretch": list(self.settings.stretch)}
        return {"head": "kernel", **chosen, "tried": dict(self.tried)}

    def predict(
        self, points: PointSet, wanted: BoolArray, problem: Problem
    ) -> tuple[FloatArray, FloatArray]:
        """Predict wanted entries; -> mean and variance (n, s), NaN where not wanted."""
        place = self.space.over(points)(points.coordinates).scaled(self.settings)
        centres = _centres(points, place, wanted, self.settings.alpha, problem)
        mean, variance = np.full((2, *points.values.shape), np.nan)
        for part in _parts(points, place, wanted, self.settings):
            field = BlendedKernels(part.levels, centres, self.settings, problem.device)
            for which, found, spread in field.strips(place[part.rows]):
                entries = np.ix_(part.rows[which], part.columns)
                mean[entries] = part.unscaled(found)
                variance[entries] = spread * part.spread**2
        mean[~wanted] = variance[~wanted] = np.nan
        return mean, variance


def choose_kernel(points: PointSet, problem: Problem) -> KernelChoice:
    """Choose geometry, kernel, nugget and neighbourhood on the folds.

    One setting of the blend is varied at a time, up and down its grid for as long as the score
    improves. Without folds nothing can be chosen.
    """
    ground = Ground.of(points, Space.fit(points))
    space = ground.places.space
    kriging = choose_field(points, ground, problem)
    start = KernelSettings(
        power=kriging.settings.power,
        nugget=kriging.settings.nugget,
        ratio=kriging.settings.ratio,
        stretch=kriging.settings.stretch,
        normals=kriging.settings.normals,
        curvature=kriging.settings.curvature,
        coarse=max(_COARSE) if kriging.settings.coarse else 0,
    )
    if not problem.folds:
        return KernelChoice(space, start, float("nan"), {})
    place = ground.places.scaled(start)
    trials = [_Trial(points, place, fold, problem) for fold in problem.folds]
    rows = np.concatenate([trial.rows for trial in trials])
    piece = pieces_of_space(points, problem.folds, rows)

    def score(settings: KernelSettings) -> PieceErrors:
        return PieceErrors.of(np.concatenate([t.errors(settings) for t in trials]), piece)

    found = search(
        start,
        _GRID,
        score,
        better=PieceErrors.clearly_better,
        progress=problem.progress,
        what="choosing the kernel",
    )
    tried = {f"local kriging, {name}": error for name, error in kriging.tried.items()}
    return KernelChoice(space, found.settings, found.score, {**tried, **found.tried})


class _Trial:
    """One fold: what is left to fit on, which withheld entries are asked for, and segmentations.

    `rows` are the asked points.
    """

    def __init__(self, points: PointSet, place: FloatArray, fold: Fold, problem: Problem) -> None:
        self._truth = points
        self._place = place
        self._train = fold.train(points)
        self._few = fold.asked
        self._spread = channel_spreads(points)
        self.rows = np.flatnonzero(fold.asked.any(axis=1))
        self._problem = problem
        self._known_centres: dict[float, FloatArray] = {}

    def errors(self, settings: KernelSettings) -> FloatArray:
        """Return errors at the asked points (rows, s) in units of the channels' spread."""
        place, alpha = self._place, settings.alpha
        if alpha not in self._known_centres:
            self._known_centres[alpha] = _centres(
                self._train, place, self._few, alpha, self._problem
            )
        mean = np.full(self._few.shape, np.nan)
        for part in _parts(self._train, place, self._few, settings):
            field = BlendedKernels(
                part.levels, self._known_centres[alpha], settings, self._problem.device
            )
            mean[part.entries] = part.unscaled(field.mean(place[part.rows]))
        errors = np.where(self._few, mean - self._truth.values, np.nan) / self._spread
        return np.asarray(errors[self.rows])


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
