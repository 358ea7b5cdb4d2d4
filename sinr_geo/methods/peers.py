"""What the peers share: which entries they predict, and which channels go together."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from sinr_geo.methods.protocol import Problem, Task
from sinr_geo.nearest import same_pattern
from sinr_geo.points import BoolArray, IntArray, PointSet

__all__ = [
    "MANY_CHANNELS",
    "differs_by_entry",
    "entries_to_predict",
    "groups_that_choose",
    "masks",
]

MANY_CHANNELS = 8
"""So many with a mask of their own are what methods that know no channel from another can do."""

_MOST_GROUPS = 6
_PARTLY = 0.2


def groups_that_choose(points: PointSet, problem: Problem) -> tuple[IntArray, ...]:
    """Group the channels that are asked for: each group chooses settings of its own.

    Channels of one mask share their settings; where there are more than six masks, all do.

    Returns
    -------
    tuple of ndarray of int64
        Columns of each group.
    """
    denoising = problem.task is Task.DENOISING
    asked = np.flatnonzero(points.observed.any(axis=0) & (denoising | problem.wanted.any(axis=0)))
    if asked.size == 0:
        asked = np.flatnonzero(points.observed.any(axis=0))
    groups = [asked[columns] for columns in same_pattern(points.observed[:, asked])]
    return tuple(groups) if len(groups) <= _MOST_GROUPS else (asked,)


def differs_by_entry(points: PointSet) -> bool:
    """Whether many points are observed in some channels and not in others."""
    partly = points.observed.any(axis=1) & ~points.observed.all(axis=1)
    return bool(partly.mean() >= _PARTLY)


def masks(points: PointSet, columns: IntArray) -> Iterator[tuple[IntArray, IntArray]]:
    """Yield the columns of each mask among some channels, and the points observed there."""
    for part in same_pattern(points.observed[:, columns]):
        own = np.asarray(columns)[part]
        rows = np.flatnonzero(points.observed[:, own[0]])
        if rows.size:
            yield own, rows


def entries_to_predict(points: PointSet, fitted_to: PointSet, problem: Problem) -> BoolArray:
    """Mark the wanted entries of the points that were fitted, and all entries of any others."""
    same = np.array_equal(points.coordinates, fitted_to.coordinates)
    if problem.task is Task.COMPLETION and same and problem.wanted.any():
        return problem.wanted
    return np.ones(points.values.shape, dtype=np.bool_)
