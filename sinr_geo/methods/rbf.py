"""`rbf`: radial basis functions on the nearest samples, of scipy.

They are polyharmonic splines: linear ones for rough fields, up to quintic ones for smooth fields.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import comb
from typing import Any, Literal

import numpy as np
from scipy.interpolate import RBFInterpolator

from sinr_geo.kriging.settings import FieldSettings
from sinr_geo.methods.protocol import Choice, Problem
from sinr_geo.methods.tuned_peer import RATIOS, STRETCHES, Scattered, choose_peer
from sinr_geo.nearest import nearest
from sinr_geo.points import BoolArray, FloatArray, IntArray, PointSet

__all__ = ["RbfMethod", "RbfSettings"]

_CHUNK, _FEW = 50_000, 4
_Kernel = Literal["linear", "thin_plate_spline", "cubic", "quintic"]
_KERNELS: Mapping[int, tuple[_Kernel, int]] = {
    1: ("linear", 0),
    2: ("thin_plate_spline", 1),
    3: ("cubic", 1),
    5: ("quintic", 2),
}
"""Kernel by order, and the least degree of the polynomial beside it."""

_GRIDS = {
    "order": tuple(_KERNELS),
    "ratio": RATIOS,
    "stretch": STRETCHES,
    "neighbours": (10, 30, 50, 60, 150),
    "smoothing": (0.0, 0.01, 0.05, 0.2, 0.5, 1.0, 3.0, 10.0),
}


@dataclass(frozen=True, slots=True)
class RbfSettings:
    """What is chosen for radial basis functions.

    Parameters
    ----------
    order : int
        Of the polyharmonic spline: 1 is linear, 2 a thin plate, 3 cubic, 5 quintic. The larger,
        the smoother.
    neighbours : int
    smoothing : float
        In spacings to the power of the order.
    stretch : float
        Natural logarithm of how far the second axis of a plane is drawn out.
    ratio : float
        Horizontal spacings that one step of time counts as.
    """

    order: int = 1
    neighbours: int = 50
    smoothing: float = 0.05
    stretch: float = 0.0
    ratio: float = 1.0

    @property
    def geometry(self) -> FieldSettings:
        """What distance means."""
        return FieldSettings(ratio=self.ratio, stretch=(self.stretch,))

    def __call__(self, samples: Scattered) -> tuple[FloatArray, FloatArray]:
        """Interpolate; the error grows with the distance to the nearest sample."""
        places, values = _distinct(samples.places, samples.values)
        parts = np.array_split(samples.queries, -(-len(samples.queries) // _CHUNK))
        distance, _ = nearest(places, samples.queries, 1)
        mean = np.concatenate([self._interpolated(places, values, part) for part in parts])
        return mean, np.broadcast_to(distance, mean.shape)

    def _interpolated(
        self, places: FloatArray, values: FloatArray, queries: FloatArray
    ) -> FloatArray:
        """Return the values (q, s) at queries (q, d).

        Smooth splines stand on a polynomial. Where the nearest samples do not settle it, on a line
        for instance, they run away from them: linear there.
        """
        neighbours = min(self.neighbours, len(places))
        kernel, degree = _KERNELS[self.order]
        if self.order > 1 and neighbours <= comb(places.shape[1] + degree, degree):
            return self._linear(places, values, queries)
        spline = RBFInterpolator(
            places, values, neighbors=neighbours, smoothing=self.smoothing, kernel=kernel
        )
        if self.order == 1:
            return np.asarray(spline(queries))
        found = _settled(spline, queries, values.shape[1])
        astray = _astray(found, values, nearest(places, queries, neighbours)[1])
        if astray.any():
            found[astray] = self._linear(places, values, queries[astray])
        return found

    def _linear(self, places: FloatArray, values: FloatArray, queries: FloatArray) -> FloatArray:
        return replace(self, order=1)._interpolated(places, values, queries)


def _settled(spline: RBFInterpolator[Any, Any], queries: FloatArray, channels: int) -> FloatArray:
    """Evaluate a spline (q, channels); NaN for the few around one that samples do not settle."""
    try:
        return np.asarray(spline(queries))
    except np.linalg.LinAlgError:
        if len(queries) <= _FEW:
            return np.full((len(queries), channels), np.nan)
    halves = np.array_split(queries, 2)
    return np.concatenate([_settled(spline, half, channels) for half in halves])


def _astray(found: FloatArray, values: FloatArray, index: IntArray) -> BoolArray:
    """Tell which of q predictions lie farther from their samples' range than it is wide; -> (q,).

    Parameters
    ----------
    found : ndarray, shape (q, s)
    values : ndarray, shape (m, s)
    index : ndarray of int64, shape (q, k)
        Samples that each was made from.
    """
    astray = np.zeros(len(found), dtype=np.bool_)
    for column, predicted in zip(values.T, found.T, strict=True):
        around = column[index]
        low, high = around.min(axis=1), around.max(axis=1)
        astray |= ~(np.abs(predicted - (low + high) / 2.0) <= 1.5 * (high - low))
    return astray


class RbfMethod:
    """Local radial basis functions."""

    name = "rbf"

    def choose(self, points: PointSet, problem: Problem) -> Choice:
        """Choose order, neighbours, smoothing and what distance means on the folds."""
        return choose_peer(self.name, RbfSettings(), _GRIDS, points, problem)


def _distinct(places: FloatArray, values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Average samples at one place: without smoothing, two equations there contradict."""
    distinct, member, size = np.unique(places, axis=0, return_inverse=True, return_counts=True)
    if len(distinct) == len(places):
        return places, values
    sums = [np.bincount(member.reshape(-1), weights=column) for column in values.T]
    return distinct, np.stack(sums, axis=1) / size[:, None]
