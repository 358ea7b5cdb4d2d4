"""Round regions of a point set, and that they tell of every channel."""

from __future__ import annotations

import numpy as np

from sinr_geo.nearest import nearest
from sinr_geo.points import BoolArray, FloatArray, IntArray

__all__ = ["grown_regions", "round_regions", "with_every_channel"]

_GROWTH = 1.3
_FEWEST, _FEWEST_AROUND = 50, 200


def round_regions(place: FloatArray, centres: IntArray, each: int) -> IntArray:
    """Return the points nearest to some of them, so many around each; regions may overlap.

    Parameters
    ----------
    place : ndarray, shape (n, d)
    centres : ndarray of int64, shape (c,)
        At least one.
    each : int

    Returns
    -------
    ndarray of int64
        Increasing.
    """
    _, index = nearest(place, place[centres], min(max(1, each), len(place)))
    return np.unique(index)


def grown_regions(place: FloatArray, centres: IntArray, most: int) -> IntArray:
    """Return round regions of one size around points (c,) that have nearly `most` together."""
    each = max(1, most // centres.size)
    rows = round_regions(place, centres, each)
    while each < most:
        each = min(most, int(np.ceil(_GROWTH * each)))
        more = round_regions(place, centres, each)
        if more.size > most:
            break
        rows = more
    return rows


def with_every_channel(
    rows: IntArray,
    place: FloatArray,
    observed: BoolArray,
    wanted: BoolArray,
    most: int,
    rng: np.random.Generator,
) -> IntArray:
    """Add regions until every channel has observations among the rows, and gaps if it has any.

    Parameters
    ----------
    rows : ndarray of int64, shape (m,)
    place : ndarray, shape (n, d)
    observed, wanted : ndarray of bool, each of shape (n, s)
    most : int
        Points of all regions together, about.
    rng : Generator

    Returns
    -------
    ndarray of int64
        Increasing. A channel has 50 observations there, or all that lie in a region around one of
        them that is as near to a gap as any.
    """
    around = [
        _at_a_gap(place, seen, gaps, rng)
        for seen, gaps in zip(observed.T, wanted.T, strict=True)
        if seen.any() and not _told(seen, gaps, rows)
    ]
    if not around:
        return rows
    centres = np.unique(np.concatenate(around))
    each = max(_FEWEST_AROUND, most // centres.size)
    return np.union1d(rows, round_regions(place, centres, each))


def _told(seen: BoolArray, gaps: BoolArray, rows: IntArray) -> bool:
    """Whether rows hold observations enough of a channel, and some of its gaps."""
    enough = min(_FEWEST, int(np.count_nonzero(seen)))
    told = int(np.count_nonzero(seen[rows])) >= enough
    return told and bool(gaps[rows].any() or not gaps.any())


def _at_a_gap(
    place: FloatArray, seen: BoolArray, gaps: BoolArray, rng: np.random.Generator
) -> IntArray:
    """Return an observed point and, where there are gaps, the point of one beside it."""
    samples, missing = np.flatnonzero(seen), np.flatnonzero(gaps)
    if missing.size == 0:
        return rng.choice(samples, 1)
    sample = samples[_nearest_to(place[samples], place[rng.choice(missing)])]
    return np.unique([sample, missing[_nearest_to(place[missing], place[sample])]])


def _nearest_to(places: FloatArray, one: FloatArray) -> int:
    return int(np.argmin(((places - one) ** 2).sum(axis=1)))
