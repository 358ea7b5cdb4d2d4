"""What a learner sees of a query: local kriging and the nearest samples around it.

Everything is relative to what kriging says there, so that a learner has only to say what kriging
misses. For a sample everything is taken without the sample itself (leave-one-out): what a learner
is trained on looks like what it is asked for, as long as gaps are scattered.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sinr_geo.kriging.choose import FieldChoice
from sinr_geo.kriging.field import Ground, KrigedField
from sinr_geo.kriging.settings import FieldSettings
from sinr_geo.learners.neighbourhood import nearest_in
from sinr_geo.learners.surface import surface_shape
from sinr_geo.points import FloatArray, IntArray, PointSet

__all__ = ["Samples", "Scene", "Sight"]

_NEIGHBOURS = 16
_NEAREST_OF_OTHER_KERNELS = 12
_NEAREST_OF_AVERAGE = 24
_OTHER_KERNELS = ((0.5, 1.0), (1.0, 0.1), (1.6, 0.3))
_SMOOTH_NUGGET = 8.0
_TINY = 1e-12


@dataclass(frozen=True, slots=True)
class Scene:
    """All that is known of points beside their values.

    Parameters
    ----------
    ground : Ground
    shape : ndarray, shape (n, g)
        Of the surface around every point; no columns where there is no surface.
    """

    ground: Ground
    shape: FloatArray

    @classmethod
    def of(cls, points: PointSet, ground: Ground) -> Scene:
        """Describe points whose ground is known."""
        surface = ground.places.space.surface
        if surface is None:
            return cls(ground, np.empty((len(points), 0)))
        return cls(ground, surface_shape(surface, points.coordinates))


@dataclass(frozen=True, slots=True)
class Sight:
    """What is seen from q places, in spacings and in standard deviations of each channel.

    Parameters
    ----------
    mean : ndarray, shape (q, s)
        Of local kriging.
    error : ndarray, shape (q, s)
        Its standard error.
    kernels : ndarray, shape (q, m, s)
        What kriging with other kernels says, less the mean.
    offset : ndarray, shape (q, k, d)
        To the nearest samples, in units of the farthest one's distance; on a surface in the frame
        of its normal.
    facing : ndarray, shape (q, k, 3) or (q, k, 0)
        Normals of the nearest samples in that frame.
    distance : ndarray, shape (q, k)
        To the nearest samples, as kriging measures it and in units of `reach`.
    reach : ndarray, shape (q,)
        Distance of the farthest of them.
    relative : ndarray, shape (q, k, s)
        Their values less the mean.
    place : ndarray, shape (q, d)
    shape : ndarray, shape (q, g)
        Of the surface.
    """

    mean: FloatArray
    error: FloatArray
    kernels: FloatArray
    offset: FloatArray
    facing: FloatArray
    distance: FloatArray
    reach: FloatArray
    relative: FloatArray
    place: FloatArray
    shape: FloatArray

    def __len__(self) -> int:
        return len(self.mean)


@dataclass(frozen=True, slots=True)
class Samples:
    """Samples of channels of one mask, ready to be looked at. Build one with `Samples.of`.

    Parameters
    ----------
    scene : Scene
    rows : ndarray of int64, shape (m,)
        The points that are samples.
    values : ndarray, shape (m, s)
    middle, spread : ndarray, each of shape (s,)
        Mean and standard deviation of the samples.
    base : KrigedField
    others : tuple of KrigedField
        With other kernels.
    """

    scene: Scene
    rows: IntArray
    values: FloatArray
    middle: FloatArray
    spread: FloatArray
    base: KrigedField
    others: tuple[KrigedField, ...]

    @classmethod
    def of(
        cls, scene: Scene, rows: IntArray, values: FloatArray, chosen: FieldChoice, device: str
    ) -> Samples:
        """Condition on values (m, s) of the points `rows`, all channels skewed as chosen."""
        middle, spread = values.mean(axis=0), values.std(axis=0)
        spread = np.where(spread > 0, spread, 1.0)
        values = (values - middle) / spread
        base, *others = (
            KrigedField.fit(
                scene.ground, rows, values, settings, skewed=chosen.skewed, device=device
            )
            for settings in (chosen.settings, *_other_kernels(chosen.settings))
        )
        return cls(scene, rows, values, middle, spread, base, tuple(others))

    def see(self, which: IntArray) -> tuple[Sight, FloatArray]:
        """Look from some of the samples themselves, each left out.

        Parameters
        ----------
        which : ndarray of int64, shape (q,)
            Positions among the samples.

        Returns
        -------
        Sight
        residual : ndarray, shape (q, s)
            Value less leave-one-out mean.
        """
        sight = self.look(self.scene, self.rows[which], skip=which)
        return sight, self.values[which] - sight.mean

    def look(self, scene: Scene, rows: IntArray, *, skip: IntArray | None = None) -> Sight:
        """Look from the points `rows` of a scene; `skip` names the sample each may not use."""
        mean, variance = _kriged(self.base, scene.ground, rows, skip)
        others = [_mean(field, scene.ground, rows, skip) - mean for field in self.others]
        distance, near = self._nearest(scene, rows, skip)
        reach = np.maximum(distance[:, -1], _TINY)
        flat = replace(self.base.settings, normals=0.0, curvature=0.0)
        place = scene.ground.places.rows(rows).scaled(flat)
        sources = self.scene.ground.places.rows(self.rows).scaled(flat)
        away = (sources[near] - place[:, None]) / reach[:, None, None]
        offset, facing = self._in_frame(away, near, scene.ground.places.facing[rows, :3])
        return Sight(
            mean,
            np.sqrt(variance),
            np.stack(others, axis=1),
            offset,
            facing,
            distance / reach[:, None],
            reach,
            self.values[near] - mean[:, None],
            place,
            scene.shape[rows],
        )

    def _nearest(
        self, scene: Scene, rows: IntArray, skip: IntArray | None
    ) -> tuple[FloatArray, NDArray[np.int64]]:
        """Return distances and positions of the nearest samples, the skipped one left out."""
        tree = self.base.kriging.trees[0]
        count = min(_NEIGHBOURS, tree.n - (skip is not None))
        places = scene.ground.places.rows(rows).scaled(self.base.settings)
        return nearest_in(tree, places, count, skip=skip)

    def _in_frame(
        self, offset: FloatArray, near: IntArray, normal: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Turn offsets (q, k, 3) and neighbours' normals so that the query's normal is last."""
        if normal.shape[1] == 0:
            return offset, np.empty((*offset.shape[:2], 0))
        frame = _frame(normal)
        sources = self.scene.ground.places.facing[self.rows, :3]
        return offset @ frame, sources[near] @ frame


def _other_kernels(settings: FieldSettings) -> list[FieldSettings]:
    """Vary a kernel: rough, plain and smooth from few samples, and one that averages."""
    few = min(_NEAREST_OF_OTHER_KERNELS, settings.neighbours)
    near = [
        replace(settings, power=power, nugget=nugget, neighbours=few, coarse=0)
        for power, nugget in _OTHER_KERNELS
    ]
    many = min(_NEAREST_OF_AVERAGE, settings.neighbours)
    averaging = replace(settings, power=1.0, nugget=_SMOOTH_NUGGET, neighbours=many, coarse=0)
    if settings.normals == 0.0 and settings.curvature == 0.0:
        return [*near, averaging]
    return [*near, averaging, replace(near[1], normals=0.0, curvature=0.0)]


def _kriged(
    field: KrigedField, ground: Ground, rows: IntArray, skip: IntArray | None
) -> tuple[FloatArray, FloatArray]:
    """Return mean and variance, each (q, s), without the skipped samples."""
    place = ground.places.rows(rows).scaled(field.settings)
    mean, variance = field.kriging.predict(place, skip=skip)
    mean = mean + _effects(field, ground, rows)
    return (mean, variance) if field.skew is None else field.skew.back(mean, variance)


def _mean(field: KrigedField, ground: Ground, rows: IntArray, skip: IntArray | None) -> FloatArray:
    """Return the mean (q, s) alone, which costs less."""
    if field.skew is not None:
        return _kriged(field, ground, rows, skip)[0]
    place = ground.places.rows(rows).scaled(field.settings)
    return field.kriging.mean(place, skip=skip) + _effects(field, ground, rows)


def _effects(field: KrigedField, ground: Ground, rows: IntArray) -> FloatArray | float:
    if field.effects is None or ground.time is None:
        return 0.0
    return np.asarray(field.settings.steps * field.effects.at(ground.time[rows]))


def _frame(normal: FloatArray) -> FloatArray:
    """Return two tangents and the normal as columns, (q, 3, 3), for unit normals (q, 3)."""
    aside = np.where(np.abs(normal[:, :1]) < 0.9, np.eye(3)[0], np.eye(3)[1])
    first = np.cross(normal, aside)
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    return np.stack((first, np.cross(normal, first), normal), axis=2)
