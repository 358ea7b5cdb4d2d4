"""The space in which local kriging measures distance: anisotropy, time and surfaces.

`Embedding` makes horizontal distance the same everywhere. Here each of its axes gets a factor of
its own that can be chosen: on the sphere east and north at the middle of the points, in a plane
both axes and a shear between them (so anisotropy may point anywhere), and one for every axis of
time, height or wavelength. On surfaces the normals, oriented and as sign-free products n n', and
the curvature are further coordinates.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from sinr_geo.axes import OWN_SCALE, AxisKind
from sinr_geo.coordinates import Embedding
from sinr_geo.kriging.normals import SurfaceNormals, is_surface
from sinr_geo.kriging.settings import Geometry
from sinr_geo.points import FloatArray, IntArray, PointSet

__all__ = ["Places", "Space"]

_SQUARES = ((0, 0), (1, 1), (2, 2))
_PRODUCTS = ((0, 1), (0, 2), (1, 2))


@dataclass(frozen=True, slots=True)
class Space:
    """Maps coordinates to places that can be scaled. Build one with `Space.fit`.

    Parameters
    ----------
    embedding : Embedding
    rotation : ndarray, shape (d, d)
        Turns the sphere so that its axes are east, north and up at the middle of the points.
    axes : tuple of tuple of int
        Embedded columns that share a factor, for each factor; horizontal ones come first.
    horizontal : int
        How many of the factors are horizontal.
    surface : SurfaceNormals, or None
    """

    embedding: Embedding
    rotation: FloatArray
    axes: tuple[tuple[int, ...], ...]
    horizontal: int
    surface: SurfaceNormals | None

    @classmethod
    def fit(cls, points: PointSet) -> Space:
        """Learn from the places of all points; values play no part."""
        embedding = Embedding.fit(points)
        place = embedding(points.coordinates)
        rotation = np.eye(place.shape[1])
        near: list[tuple[int, ...]] = []
        own: list[tuple[int, ...]] = []
        start = 0
        for group in embedding.groups:
            sphere = group.kind is AxisKind.LONGITUDE and len(group.columns) == 2
            width = 3 if sphere else len(group.columns) + (group.period is not None)
            columns = tuple(range(start, start + width))
            start += width
            if sphere:
                rotation[np.ix_(columns, columns)] = _local_frame(place[:, columns])
                near += [columns[:1], columns[1:2]]
            elif group.kind in OWN_SCALE:
                own.append(columns)
            else:
                near += [columns] if group.period is not None else [(j,) for j in columns]
        return cls(embedding, rotation, (*near, *own), len(near), _surface(points))

    def over(self, points: PointSet) -> Space:
        """Return this space with the surface, if there is one, of other points."""
        return replace(self, surface=_surface(points))

    @property
    def own_scale(self) -> bool:
        """Whether there are axes whose ratio to horizontal distance is open."""
        return 0 < self.horizontal < len(self.axes)

    @property
    def sheared(self) -> bool:
        """Whether a shear between two horizontal axes makes sense."""
        return self.horizontal == 2 and all(len(axis) == 1 for axis in self.axes[:2])

    @property
    def stretches(self) -> int:
        """Free numbers of `FieldSettings.stretch`: the first axis is the unit."""
        return max(0, len(self.axes) - 1) + self.sheared

    def __call__(self, coordinates: FloatArray) -> Places:
        """Embed coordinates (n, c)."""
        place = self.embedding(coordinates) @ self.rotation
        if self.surface is None:
            return Places(self, place, np.empty((len(place), 0)), np.empty((len(place), 0)))
        normals, curvature = self.surface.at(coordinates)
        squares = [normals[:, i] * normals[:, j] for i, j in _SQUARES]
        products = [np.sqrt(2.0) * normals[:, i] * normals[:, j] for i, j in _PRODUCTS]
        facing = np.stack((*normals.T, *squares, *products), axis=1)
        return Places(self, place, facing, curvature[:, None])


@dataclass(frozen=True, slots=True)
class Places:
    """Places whose axes can be scaled.

    Parameters
    ----------
    space : Space
    place : ndarray, shape (n, d)
        In spacings.
    facing : ndarray, shape (n, 9) or (n, 0)
        Normals, then the entries of n n'.
    curvature : ndarray, shape (n, 1) or (n, 0)
    """

    space: Space
    place: FloatArray
    facing: FloatArray
    curvature: FloatArray

    def scaled(self, settings: Geometry) -> FloatArray:
        """Return coordinates (n, q) whose distance is what the settings say."""
        place = self.place.copy()
        space = self.space
        stretch = (0.0, *settings.stretch, *([0.0] * space.stretches))
        for number, columns in enumerate(space.axes):
            ratio = settings.ratio if space.own_scale and number >= space.horizontal else 1.0
            place[:, list(columns)] *= ratio * np.exp(stretch[number])
        if space.sheared:
            (first,), (second,) = space.axes[:2]
            place[:, second] += stretch[len(space.axes)] * place[:, first]
        if space.surface is None:
            return place
        shape = [settings.normals * self.facing] if settings.normals else []
        bending = [settings.curvature * self.curvature] if settings.curvature else []
        return np.concatenate((place, *shape, *bending), axis=1)

    def rows(self, rows: IntArray) -> Places:
        """Return some of the places."""
        return Places(self.space, self.place[rows], self.facing[rows], self.curvature[rows])


def _surface(points: PointSet) -> SurfaceNormals | None:
    return SurfaceNormals.fit(points.coordinates) if is_surface(points) else None


def _local_frame(place: FloatArray) -> FloatArray:
    """Return east, north and up (as columns) at the middle of places on a sphere (n, 3)."""
    up = place.mean(axis=0)
    if np.hypot(up[0], up[1]) < 1e-9 * np.linalg.norm(place[0]):
        return np.eye(3)
    up = up / np.linalg.norm(up)
    east = np.array([-up[1], up[0], 0.0]) / np.hypot(up[0], up[1])
    return np.stack((east, np.cross(up, east), up), axis=1)
