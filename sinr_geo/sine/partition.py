"""Superpixels that can each be solved at once: none without samples, none with too many."""

from __future__ import annotations

import numpy as np

from sinr_geo.nearest import nearest
from sinr_geo.points import BoolArray, FloatArray, IntArray

__all__ = ["solvable"]

_MOST = 3.0


def solvable(labels: IntArray, place: FloatArray, sampled: BoolArray, samples: int) -> IntArray:
    """Halve superpixels that are too large and dissolve those that hold no sample.

    A closed form costs the cube of a superpixel's samples; GSSA's superpixels differ in size by
    orders of magnitude where values hardly vary.

    Parameters
    ----------
    labels : ndarray of int, shape (n,)
    place : ndarray, shape (n, d)
    sampled : ndarray of bool, shape (n,)
        At least one point is sampled.
    samples : int
        Samples that a superpixel should have; three times as many are too many.

    Returns
    -------
    ndarray of int64, shape (n,)
        Labels 0 ... K - 1, every one of them with a sample.
    """
    fine = _halved(labels.astype(np.int64), place, sampled, round(_MOST * samples))
    held = np.bincount(fine[sampled], minlength=int(fine.max()) + 1)
    stray = np.flatnonzero(held[fine] == 0)
    if stray.size:
        known = np.flatnonzero(sampled)
        _, index = nearest(place[known], place[stray], 1)
        fine[stray] = fine[known[index[:, 0]]]
    _, compact = np.unique(fine, return_inverse=True)
    return np.asarray(compact.reshape(labels.shape), dtype=np.int64)


def _halved(labels: IntArray, place: FloatArray, sampled: BoolArray, most: int) -> IntArray:
    """Cut across the longest axis, at the median sample, until no superpixel is too large."""
    while True:
        held = np.bincount(labels[sampled], minlength=int(labels.max()) + 1)
        rows = np.flatnonzero(held[labels] > most)
        if rows.size == 0:
            return labels
        order = rows[np.argsort(labels[rows], kind="stable")]
        groups = np.split(order, np.flatnonzero(np.diff(labels[order])) + 1)
        beyond = [group[_far_half(place[group], sampled[group])] for group in groups]
        if not any(part.size for part in beyond):
            return labels
        first = int(labels.max()) + 1
        for number, part in enumerate(beyond):
            labels[part] = first + number


def _far_half(place: FloatArray, sampled: BoolArray) -> BoolArray:
    centred = place - place.mean(axis=0)
    along = centred[:, int(np.argmax(np.ptp(centred, axis=0)))]
    return np.asarray(along > np.median(along[sampled]))
