"""From the axes of a file to a space in which distance means the same in every direction.

The unit of the space is the typical spacing of the horizontal axes. Longitude and latitude lie on
the sphere, so there is no seam and no pole; projected axes share one scale; a periodic axis lies
on a circle. Every other axis (time, vertical, spectral) has a scale of its own: one typical step
counts as `ratio` horizontal spacings, and the ratio is explicit, for methods to choose.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from sinr_geo.axes import Axis, AxisKind
from sinr_geo.nearest import nearest
from sinr_geo.points import FloatArray, PointSet

__all__ = ["Embedding"]

_HORIZONTAL = (AxisKind.LONGITUDE, AxisKind.LATITUDE, AxisKind.PROJECTED, AxisKind.INDEX)
_SPACING_SAMPLE = 2_000


@dataclass(frozen=True, slots=True)
class _Group:
    """Axes that share one scale, and the number that turns their unit into the space's."""

    columns: tuple[int, ...]
    kind: AxisKind
    period: float | None
    scale: float

    def __call__(self, coordinates: FloatArray) -> FloatArray:
        """Embed coordinates (n, c) as (n, d) in horizontal spacings."""
        return _unscaled(coordinates[:, list(self.columns)], self.kind, self.period) * self.scale


@dataclass(frozen=True, slots=True)
class Embedding:
    """Map coordinates (n, c) in the units of their axes to (n, d) in horizontal spacings.

    Build one with `Embedding.fit`; call it on coordinates with the same axes.
    """

    groups: tuple[_Group, ...]

    @classmethod
    def fit(cls, points: PointSet, ratios: Mapping[AxisKind, float] | None = None) -> Embedding:
        """Learn the scales from the places of all points; values play no part.

        Parameters
        ----------
        points : PointSet
        ratios : mapping of AxisKind to float, optional
            Horizontal spacings that one typical step of a time, vertical or spectral axis counts
            as; 1 where nothing is said.
        """
        asked = ratios or {}
        groups = []
        for columns in _columns_by_scale(points.axes):
            axis = points.axes[columns[0]]
            place = _unscaled(points.coordinates[:, list(columns)], axis.kind, axis.period)
            ratio = 1.0 if axis.kind in _HORIZONTAL else asked.get(axis.kind, 1.0)
            groups.append(_Group(columns, axis.kind, axis.period, ratio / _spacing(place)))
        return cls(tuple(groups))

    def __call__(self, coordinates: FloatArray) -> FloatArray:
        """Embed coordinates.

        Parameters
        ----------
        coordinates : ndarray, shape (n, c)

        Returns
        -------
        ndarray of float64, shape (n, d)
        """
        parts = [group(np.asarray(coordinates, dtype=np.float64)) for group in self.groups]
        return np.concatenate(parts, axis=1)


def _columns_by_scale(axes: tuple[Axis, ...]) -> list[tuple[int, ...]]:
    """Group the columns: sphere, plane, indices, then every other axis alone."""
    of_kind = {kind: [j for j, axis in enumerate(axes) if axis.kind is kind] for kind in AxisKind}
    longitude, latitude = of_kind[AxisKind.LONGITUDE], of_kind[AxisKind.LATITUDE]
    if len(longitude) == len(latitude) == 1:
        shared = [tuple(longitude + latitude)]
    else:
        shared = [(j,) for j in sorted(longitude + latitude)]
    shared += [tuple(of_kind[k]) for k in (AxisKind.PROJECTED, AxisKind.INDEX) if of_kind[k]]
    alone = [(j,) for j, axis in enumerate(axes) if axis.kind not in _HORIZONTAL]
    return shared + alone


def _unscaled(place: FloatArray, kind: AxisKind, period: float | None) -> FloatArray:
    """Embed the axes of one group in the group's own unit: sphere, circle or as they are."""
    if kind is AxisKind.LONGITUDE and place.shape[1] == 2:
        longitude, latitude = np.deg2rad(place).T
        return np.stack(
            (
                np.cos(latitude) * np.cos(longitude),
                np.cos(latitude) * np.sin(longitude),
                np.sin(latitude),
            ),
            axis=1,
        )
    if period is not None and place.shape[1] == 1:
        angle = place[:, 0] * (2.0 * np.pi / period)
        return np.stack((np.cos(angle), np.sin(angle)), axis=1) * (period / (2.0 * np.pi))
    return place


def _spacing(place: FloatArray) -> float:
    """Return the median distance between nearest distinct places (1 where there is one)."""
    if place.shape[1] == 1:
        gaps = np.diff(np.unique(place))
        return float(np.median(gaps)) if gaps.size else 1.0
    distinct = _distinct(place)
    if len(distinct) < 2:
        return 1.0
    stride = max(1, len(distinct) // _SPACING_SAMPLE)
    distance, _ = nearest(distinct, distinct[::stride], 2)
    return float(np.median(distance[:, 1]))


def _distinct(place: FloatArray) -> FloatArray:
    """Return the distinct rows (m, d) in order, many times faster than `numpy.unique` does."""
    ordered = place[np.lexsort(place.T[::-1])]
    new = np.ones(len(ordered), dtype=np.bool_)
    new[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
    return np.asarray(ordered[new])
