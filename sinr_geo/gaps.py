"""Which gaps are wanted filled, and why others are left.

``auto`` leaves two kinds: cells that were never observed at any of three or more time steps
(land in a sea-surface series), and cells outside the data's footprint (the collar of a rotated
scene).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull, QhullError

from sinr_geo.axes import AxisKind
from sinr_geo.coordinates import Embedding
from sinr_geo.nearest import nearest_distance
from sinr_geo.points import BoolArray, Lattice, PointSet

__all__ = ["Gaps", "gaps_within", "wanted_gaps"]

_STEPS_THAT_TELL_LAND = 3
_LEAST_SHARE = 0.001
_ROUNDING = 1e-9
_CUT_OFF = 8.0 / 3.0
"""Samples' worth of area, times the logarithm of their number, that the hull of random samples of
a rectangle lacks on the mean (Renyi and Sulanke 1963)."""

_SURELY = 2.0


@dataclass(frozen=True, slots=True)
class Gaps:
    """Missing entries that are to be filled.

    Parameters
    ----------
    wanted : ndarray of bool, shape (n, s)
    notes : tuple of str
        One sentence per kind of gap that is left, with its share and the option that fills it.
    """

    wanted: BoolArray
    notes: tuple[str, ...] = ()


def wanted_gaps(points: PointSet, mask: BoolArray | None = None, *, everything: bool) -> Gaps:
    """Decide which missing entries to fill.

    Parameters
    ----------
    points : PointSet
    mask : ndarray of bool, shape (n,), optional
        Points that the user wants; decides alone where given.
    everything : bool
        Whether to fill all gaps (``--where all``) or those that ``auto`` takes.
    """
    missing = ~points.observed
    if mask is not None:
        return Gaps(missing & mask[:, None])
    if everything or points.lattice is None:
        return Gaps(missing)
    never = missing & _never_observed(points, points.lattice)
    outside = missing & ~never & ~_footprint(points, points.lattice)
    notes = (
        _left(never, "in cells that were never observed at any time step"),
        _left(outside, "outside the footprint of the data"),
    )
    return Gaps(missing & ~never & ~outside, tuple(note for note in notes if note))


def gaps_within(points: PointSet, gaps: Gaps, reach: float) -> Gaps:
    """Leave entries that lie farther than `reach` typical spacings from an observed one."""
    place = Embedding.fit(points)(points.coordinates)
    far = gaps.wanted & (nearest_distance(place, points.observed, gaps.wanted) > reach)
    note = _left(
        far, f"more than {reach:g} cells from any observed sample (--max-gap)", option=False
    )
    return Gaps(gaps.wanted & ~far, (*gaps.notes, *([note] if note else [])))


def _left(entries: BoolArray, where: str, *, option: bool = True) -> str:
    if not entries.any():
        return ""
    hint = "; --where all fills them" if option else ""
    share = max(float(entries.mean()), _LEAST_SHARE)
    few = "less than " if share > entries.mean() else ""
    return f"left {few}{share:.1%} of all samples unfilled {where}{hint}"


def _never_observed(points: PointSet, lattice: Lattice) -> BoolArray:
    """Mark entries whose cell has no observation at any step of its variable; shape (n, s)."""
    steps = int(np.prod([lattice.shape[d] for d in lattice.steps], dtype=np.int64))
    seen = lattice.spread(points.observed, False).any(axis=lattice.steps, keepdims=True)
    seen = np.broadcast_to(seen, (*lattice.shape, seen.shape[-1]))
    never = ~lattice.gather(np.ascontiguousarray(seen))
    for columns in _time_channels(points):
        total = steps * len(columns)
        together = never[:, columns].all(axis=1, keepdims=True)
        never[:, columns] = together if total >= _STEPS_THAT_TELL_LAND else False
    return never


def _time_channels(points: PointSet) -> list[NDArray[np.int64]]:
    """Group the channels that are time steps of one variable; every other one stands alone."""
    groups: dict[str, list[int]] = {}
    for column, channel in enumerate(points.channels):
        key = channel.source if channel.along is AxisKind.TIME else f"{channel.name}\0{column}"
        groups.setdefault(key, []).append(column)
    return [np.asarray(columns) for columns in groups.values()]


def _footprint(points: PointSet, lattice: Lattice) -> BoolArray:
    """Mark points inside the convex hull of all cells observed at all, grown by their spacing.

    Shape (n, 1). The hull is drawn over the two space dimensions of the grid, in cells; where one
    of them closes upon itself, as longitude does, across its seam. Where no
    more lies outside it than chance cuts off the corners of a grid that is sampled all over, there
    is no collar, and every point is inside.
    """
    everywhere = np.ones((len(points), 1), dtype=np.bool_)
    if len(lattice.space) != 2:
        return everywhere
    sides = tuple(lattice.shape[d] for d in lattice.space)
    row, column = (lattice.index[:, d] for d in lattice.space)
    seen = np.zeros(sides, dtype=np.bool_)
    told = points.observed.any(axis=1)
    seen[row[told], column[told]] = True
    if not told.any():
        return everywhere
    drawn, positions = seen, [np.arange(side) for side in sides]
    for axis, dim in enumerate(lattice.space):
        if lattice.wraps[dim]:
            drawn, positions[axis] = _unwrapped(drawn, axis)
    try:
        hull = ConvexHull(_ends_of_rows(drawn))
    except (QhullError, ValueError):
        return everywhere
    samples = np.count_nonzero(seen)
    spacing = max(1.0, float(np.sqrt(hull.volume / np.count_nonzero(drawn))))
    normals, offsets = hull.equations[:, :2], hull.equations[:, 2]
    beyond = np.full(sides, -np.inf)
    down, along = positions[0][:, None], positions[1][None, :]
    for (first, second), offset in zip(normals, offsets, strict=True):
        np.maximum(beyond, down * first + along * second + offset, out=beyond)
    by_chance = _SURELY * _CUT_OFF * np.log(samples) * spacing**2
    if np.count_nonzero(beyond > _ROUNDING) <= by_chance:
        return everywhere
    return np.asarray(beyond[row, column][:, None] <= spacing + _ROUNDING)


def _unwrapped(seen: BoolArray, axis: int) -> tuple[BoolArray, NDArray[np.int64]]:
    """Lay a dimension that closes upon itself out; -> marks, and where its cells lie in them.

    What is observed on less than half of the circle is cut in the middle of where nothing was; else
    the circle is laid out three times, and its cells are the middle ones.
    """
    size, marked = seen.shape[axis], np.flatnonzero(seen.any(axis=1 - axis))
    empty = np.diff(marked, append=marked[0] + size) - 1
    widest = int(empty.argmax())
    if 2 * empty[widest] <= size:
        return np.concatenate([seen] * 3, axis=axis), size + np.arange(size)
    first = int(marked[(widest + 1) % marked.size]) - int(empty[widest]) // 2
    return np.roll(seen, -first, axis=axis), (np.arange(size) - first) % size


def _ends_of_rows(seen: BoolArray) -> NDArray[np.int64]:
    """Return the first and the last marked cell of every row, (m, 2): they span the same hull."""
    rows = np.flatnonzero(seen.any(axis=1))
    first = seen[rows].argmax(axis=1)
    last = seen.shape[1] - 1 - seen[rows, ::-1].argmax(axis=1)
    ends = np.concatenate((first, last))
    return np.stack((np.concatenate((rows, rows)), ends), axis=1)
