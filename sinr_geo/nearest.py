"""Inverse-distance interpolation from the nearest observed points."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from sinr_geo.points import BoolArray, FloatArray

__all__ = [
    "distance_to_observed",
    "inverse_distance",
    "nearest",
    "nearest_distance",
    "same_pattern",
]

_ROWS = 1 << 18


def nearest(
    sources: FloatArray, places: FloatArray, count: int
) -> tuple[FloatArray, NDArray[np.int64]]:
    """Find the nearest sources of every place.

    Parameters
    ----------
    sources : ndarray, shape (m, d)
    places : ndarray, shape (n, d)
    count : int
        Number of sources, at most m.

    Returns
    -------
    distance : ndarray of float64, shape (n, count)
        In increasing order.
    index : ndarray of int64, shape (n, count)
    """
    wanted = np.arange(1, count + 1)
    distance, index = cKDTree(sources).query(places, k=wanted, workers=-1)
    return np.asarray(distance), np.asarray(index, dtype=np.int64)


def inverse_distance(
    place: FloatArray,
    values: FloatArray,
    observed: BoolArray,
    neighbours: int,
    power: float = 1.0,
) -> FloatArray:
    """Fill missing entries from the nearest observed ones of the same channel.

    Parameters
    ----------
    place : ndarray, shape (n, d)
        Embedded coordinates.
    values : ndarray, shape (n, s)
    observed : ndarray of bool, shape (n, s)
        Every channel has at least one observed entry.
    neighbours : int
        Number of observed entries that a missing one is averaged from.
    power : float
        Weights are distances to minus this power; 0 for plain means.

    Returns
    -------
    ndarray, shape (n, s)
        Observed entries as they were.
    """
    filled = np.array(values, dtype=np.float64)
    for columns in same_pattern(observed):
        seen = observed[:, columns[0]]
        missing = np.flatnonzero(~seen)
        if missing.size == 0:
            continue
        sources = np.flatnonzero(seen)
        tree, count = cKDTree(place[sources]), np.arange(1, min(neighbours, sources.size) + 1)
        for rows in np.array_split(missing, -(-missing.size // _ROWS)):
            distance, index = map(np.asarray, tree.query(place[rows], k=count, workers=-1))
            weight = 1.0 / np.maximum(distance, 1e-12) ** power
            weight /= weight.sum(axis=1, keepdims=True)
            mean = np.zeros((rows.size, columns.size))
            for rank in range(count.size):
                mean += weight[:, rank, None] * values[np.ix_(sources[index[:, rank]], columns)]
            filled[np.ix_(rows, columns)] = mean
    return filled


def nearest_distance(
    place: FloatArray, observed: BoolArray, entries: BoolArray | None = None
) -> FloatArray:
    """Return entries' distances to the nearest observed one of their channel.

    Parameters
    ----------
    place : ndarray, shape (n, d)
    observed : ndarray of bool, shape (n, s)
    entries : ndarray of bool, shape (n, s), optional
        Entries that are asked for; by default every one.

    Returns
    -------
    ndarray, shape (n, s)
        0 where observed or not asked for, infinite in a channel with no observed entry.
    """
    distance = np.zeros(observed.shape)
    asked = ~observed if entries is None else entries & ~observed
    for columns in same_pattern(observed):
        seen = observed[:, columns[0]]
        rows = np.flatnonzero(asked[:, columns].any(axis=1))
        if not seen.any():
            distance[:, columns] = np.inf
        elif rows.size:
            found, _ = nearest(place[seen], place[rows], 1)
            distance[np.ix_(rows, columns)] = found
    return np.where(asked, distance, 0.0)


def distance_to_observed(asked: FloatArray, place: FloatArray, observed: BoolArray) -> FloatArray:
    """Return the distance of entries at some places to the nearest observed one of their channel.

    Parameters
    ----------
    asked : ndarray, shape (m, d)
        Entries at the very places of the samples count as those samples.
    place : ndarray, shape (n, d)
    observed : ndarray of bool, shape (n, s)

    Returns
    -------
    ndarray, shape (m, s)
    """
    if np.array_equal(asked, place):
        return nearest_distance(place, observed)
    seen = np.zeros((len(place) + len(asked), observed.shape[1]), dtype=np.bool_)
    seen[: len(place)] = observed
    return nearest_distance(np.concatenate((place, asked)), seen)[len(place) :]


def same_pattern(observed: BoolArray) -> list[NDArray[np.int64]]:
    """Group the channels by their mask; work on one mask is then done once.

    Parameters
    ----------
    observed : ndarray of bool, shape (n, s)

    Returns
    -------
    list of ndarray of int64
        Columns of each group, in order of their first column.
    """
    groups: dict[bytes, list[int]] = {}
    for column in range(observed.shape[1]):
        groups.setdefault(np.packbits(observed[:, column]).tobytes(), []).append(column)
    return [np.asarray(columns, dtype=np.int64) for columns in groups.values()]
