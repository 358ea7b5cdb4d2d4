"""Observed samples to withhold, shaped like the gaps.

A choice made on scattered samples says little about holes, and the other way round. Three ways to
withhold are tried: scattered at random; the gaps themselves mirrored and shifted over observed
cells of a lattice (the clouds of another day); and round patches as deep as the gaps. Those are
taken whose distances to the nearest remaining observation, and what is left in the other channels
beside them, are most like those of the gaps; patches only where they fit clearly better (10 %),
for they have not the gaps' shape.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

import numpy as np
from scipy.spatial import cKDTree

from sinr_geo.axes import OWN_SCALE
from sinr_geo.coordinates import Embedding
from sinr_geo.nearest import nearest, same_pattern
from sinr_geo.points import BoolArray, FloatArray, IntArray, Lattice, PointSet
from sinr_geo.randomness import generator

__all__ = ["Fold", "gap_folds", "scattered_folds", "thinned_fold"]

_SHARE = 0.15
_MOST = 0.35
_BESIDE = 0.5
_FEWEST_SHIFTS, _MOST_SHIFTS = 6, 40
_ENTRIES_OF_SHIFTS = 10_000_000
_ENOUGH, _MOST_COPIES = 300, 60
_UNLIKE = 0.1
_FAR = 100.0
_QUERIES = 3_000
_MOST_PATCHES = 300
_TOGETHER = 16
_EVERY = 3
_QUANTILES = np.linspace(0.05, 0.95, 10)


@dataclass(frozen=True, slots=True)
class Fold:
    """Observed entries that are taken away to choose by.

    Parameters
    ----------
    withheld : ndarray of bool, shape (n, s)
    asked : ndarray of bool, shape (n, s)
        Those of them that methods are scored on: all, or some clusters where there are many.
    """

    withheld: BoolArray
    asked: BoolArray

    @classmethod
    def of(cls, withheld: BoolArray, place: FloatArray, most: int, seed: int) -> Fold:
        """Withhold entries and ask for about `most` of their points, at places (n, d)."""
        asked = thinned_fold(withheld, place, most, generator(seed, "asked entries"))
        return cls(withheld, asked)

    def train(self, points: PointSet) -> PointSet:
        """Return the points without what is withheld."""
        return points.with_observed(points.observed & ~self.withheld)

    def select_channels(self, which: IntArray) -> Fold:
        """Return the fold of some of the channels."""
        return Fold(self.withheld[:, which], self.asked[:, which])


def scattered_folds(
    points: PointSet,
    *,
    count: int,
    seed: int,
    share: float = _SHARE,
    gaps: BoolArray | None = None,
) -> tuple[BoolArray, ...]:
    """Withhold observed entries at random, folds that do not overlap.

    Whole points are withheld where it is mostly whole points that are missing, single entries
    elsewhere: what the other channels say of a withheld entry they must say of a missing one, too.

    Parameters
    ----------
    points : PointSet
    count : int
        Number of folds.
    seed : int
    share : float
        Of the observed entries, in a fold.
    gaps : ndarray of bool, shape (n, s), optional
        Missing entries that are to be filled; by default all that are missing.

    Returns
    -------
    tuple of ndarray of bool, each of shape (n, s)
    """
    rng = generator(seed, "scattered folds")
    whole = _missing_whole(points.observed, ~points.observed if gaps is None else gaps)
    candidates = np.flatnonzero(points.observed.any(axis=1) if whole else points.observed)
    size = max(1, int(min(share, 1.0 / count) * candidates.size))
    drawn = rng.permutation(candidates)
    folds = []
    for number in range(count):
        chosen = np.zeros(len(points) if whole else points.observed.size, dtype=np.bool_)
        chosen[drawn[number * size : (number + 1) * size]] = True
        entries = chosen[:, None] if whole else chosen.reshape(points.observed.shape)
        folds.append(_leave_some(points.observed, points.observed & entries))
    return tuple(folds)


def gap_folds(
    points: PointSet, wanted: BoolArray, *, count: int, seed: int
) -> tuple[BoolArray, ...]:
    """Withhold observed entries in the shape of the wanted gaps.

    Parameters
    ----------
    points : PointSet
    wanted : ndarray of bool, shape (n, s)
        Missing entries that are to be filled.
    count : int
        Number of folds.
    seed : int

    Returns
    -------
    tuple of ndarray of bool, each of shape (n, s)
        Observed entries to withhold; every channel keeps at least one observed entry.
    """
    if not wanted.any():
        return scattered_folds(points, count=count, seed=seed)
    scattered = scattered_folds(points, count=count, seed=seed, gaps=wanted)
    places = _views(points)
    rng = generator(seed, "gap folds")

    def laws(observed: BoolArray, entries: BoolArray) -> FloatArray:
        return np.stack([_distance_law(place, observed, entries, rng) for place in places])

    law = laws(points.observed, wanted)

    beside = _observed_beside(points.observed, wanted)

    def misfit(fold: BoolArray) -> float:
        kept = points.observed & ~fold
        apart = float(np.abs(laws(kept, fold) - law).mean())
        return apart + abs(_observed_beside(kept, fold) - beside)

    best: list[tuple[float, BoolArray]] = []
    ways = (
        (0.0, chain(scattered, _shifted(points, wanted, rng))),
        (_UNLIKE, _patches(points, places[0], law[0], rng)),
    )
    for unlike, folds in ways:
        for fold in folds:
            if fold.any():
                best.append((misfit(fold) + unlike, fold))
                best = sorted(best, key=lambda pair: pair[0])[:count]
    return tuple(fold for _, fold in best)


def thinned_fold(
    fold: BoolArray, place: FloatArray, points: int, rng: np.random.Generator
) -> BoolArray:
    """Keep the withheld entries of about so many points, in small clusters spread at random.

    Points of one cluster ask the same superpixels, so scoring them costs little more than one.

    Parameters
    ----------
    fold : ndarray of bool, shape (n, s)
    place : ndarray, shape (n, d)
    points : int
    rng : Generator

    Returns
    -------
    ndarray of bool, shape (n, s)
    """
    rows = np.flatnonzero(fold.any(axis=1))
    if rows.size <= points:
        return fold
    seeds = rng.choice(rows, max(1, points // _TOGETHER), replace=False)
    _, index = nearest(place[rows], place[seeds], min(_TOGETHER, rows.size))
    kept = np.zeros((len(fold), 1), dtype=np.bool_)
    kept[rows[index.ravel()]] = True
    return np.asarray(fold & kept)


def _views(points: PointSet) -> list[FloatArray]:
    """Return places (n, d) to measure distances between; the first in spacings.

    Where there is time or height beside space there are two more: one where a step counts as far,
    and one where it counts as near. Clouds that stay for days are as far from the nearest
    observation in space as others are, and much farther from the nearest one in time.
    """
    own = [axis.kind for axis in points.axes if axis.kind in OWN_SCALE]
    ratios = (1.0, _FAR, 1.0 / _FAR) if own and len(own) < len(points.axes) else (1.0,)
    asked = [dict.fromkeys(own, ratio) for ratio in ratios]
    return [Embedding.fit(points, ratio)(points.coordinates) for ratio in asked]


def _missing_whole(observed: BoolArray, gaps: BoolArray) -> bool:
    """Whether mostly nothing is observed beside a missing entry, in the other channels there.

    That is when less than half as many of them are observed as of all entries. A few points that
    are observed in part, such as dark cells that a band's nodata value takes for missing, do not
    make a scene one of single missing entries.
    """
    return _observed_beside(observed, gaps) <= _BESIDE * float(observed.mean())


def _observed_beside(observed: BoolArray, entries: BoolArray) -> float:
    """Return which share of the other channels is observed where entries are missing; 0 of none."""
    pairs = entries.sum() * (entries.shape[1] - 1)
    return float((entries.sum(axis=1) * observed.sum(axis=1)).sum() / max(1, pairs))


def _leave_some(observed: BoolArray, fold: BoolArray) -> BoolArray:
    """Withhold nothing from a channel that would keep fewer than half of its observations."""
    kept = (observed & ~fold).sum(axis=0)
    return np.asarray(fold & (2 * kept >= observed.sum(axis=0)) & (kept > 0))


def _distance_law(
    place: FloatArray, observed: BoolArray, entries: BoolArray, rng: np.random.Generator
) -> FloatArray:
    """Return quantiles of the log distance from entries to the nearest observed one."""
    distances = []
    for columns in same_pattern(observed):
        column = columns[0]
        rows = np.flatnonzero(entries[:, columns].any(axis=1) & ~observed[:, column])
        if rows.size == 0 or not observed[:, column].any():
            continue
        rows = rng.choice(rows, min(rows.size, _QUERIES), replace=False)
        found, _ = nearest(place[observed[:, column]], place[rows], 1)
        distances.append(found[:, 0])
    pooled = np.concatenate(distances) if distances else np.ones(1)
    return np.asarray(np.quantile(np.log(np.maximum(pooled, 1e-6)), _QUANTILES))


def _shifted(points: PointSet, wanted: BoolArray, rng: np.random.Generator) -> Iterator[BoolArray]:
    """Yield the gaps mirrored and shifted over observed cells, in so many copies as tell enough.

    A single small hole holds too few entries to choose anything by.
    """
    lattice = points.lattice
    if lattice is None:
        return
    grid = lattice.spread(wanted, False)
    enough = min(_ENOUGH, _SHARE * np.count_nonzero(points.observed))
    shifts = np.clip(_ENTRIES_OF_SHIFTS // wanted.size, _FEWEST_SHIFTS, _MOST_SHIFTS)
    for attempt in range(int(shifts)):
        fold = np.zeros(points.observed.shape, dtype=np.bool_)
        for _ in range(_MOST_COPIES):
            moved = _moved(grid, lattice, rng, mirror=attempt % 2 == 1)
            moved &= _some_steps(lattice, first=attempt)
            fold |= lattice.gather(moved) & points.observed
            if np.count_nonzero(fold) >= enough:
                break
        yield _leave_some(points.observed, _thinned(points.observed, fold, lattice, rng))


def _moved(
    grid: BoolArray, lattice: Lattice, rng: np.random.Generator, *, mirror: bool
) -> BoolArray:
    """Roll a grid by a random offset, along time too; mirror it in space first or not."""
    if mirror:
        grid = np.flip(grid, axis=lattice.space)
    offset = [int(rng.integers(1, size)) if size > 1 else 0 for size in lattice.shape]
    return np.roll(grid, offset, axis=tuple(range(len(lattice.shape))))


def _some_steps(lattice: Lattice, first: int) -> BoolArray:
    """Mark every third time step, so that a withheld cell keeps its neighbours in time.

    With gaps laid over all steps at once, the steps before and after a withheld cell would be
    missing far more often than those of a true gap, and time would look useless.
    """
    kept = np.ones((1,) * (len(lattice.shape) + 1), dtype=np.bool_)
    for dim in lattice.steps:
        size = lattice.shape[dim]
        if size >= _EVERY:
            along = np.arange(size) % _EVERY == first % _EVERY
            kept = kept & np.expand_dims(along, [d for d in range(kept.ndim) if d != dim])
    return kept


def _thinned(
    observed: BoolArray, fold: BoolArray, lattice: Lattice, rng: np.random.Generator
) -> BoolArray:
    """Keep a fold below a share of the observations by dropping whole bands of the lattice."""
    share = fold.sum() / max(1, observed.sum())
    if share <= _MOST or not lattice.space:
        return fold
    along = lattice.index[:, lattice.space[0]]
    bands = 8 * along // max(1, lattice.shape[lattice.space[0]])
    keep = rng.permutation(8)[: max(1, int(8 * _MOST / share))]
    return np.asarray(fold & np.isin(bands, keep)[:, None])


def _patches(
    points: PointSet, place: FloatArray, law: FloatArray, rng: np.random.Generator
) -> Iterator[BoolArray]:
    """Yield round patches whose depths follow the distance law of the gaps."""
    sources = np.flatnonzero(points.observed.any(axis=1))
    tree = cKDTree(place[sources])
    radii = np.exp(law)
    for scale in (1.0, 1.5, 2.0):
        inside = np.zeros(sources.size, dtype=np.bool_)
        for _ in range(_MOST_PATCHES):
            centre = place[rng.choice(sources)]
            inside[tree.query_ball_point(centre, scale * float(rng.choice(radii)))] = True
            if inside.mean() >= _SHARE:
                break
        fold = np.zeros((len(points), 1), dtype=np.bool_)
        fold[sources[inside]] = True
        yield _leave_some(points.observed, points.observed & fold)
