"""Effects of single steps: a warm day is warm everywhere.

Values are taken apart as place + step + rest by alternating shrunk means over the observed
entries. Places come first: where clouds differ from day to day, the plain mean of a day says more
about which places were seen than about the day.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sinr_geo.axes import AxisKind
from sinr_geo.points import FloatArray, IntArray, PointSet

__all__ = ["StepEffects", "Steps", "times_of"]

_ROUNDS = 10
_SHRINKAGE = 1.0
_COMPANY = 10


@dataclass(frozen=True, slots=True)
class Steps:
    """Which step and which place every point belongs to.

    Parameters
    ----------
    times : ndarray, shape (t,)
        Increasing.
    step : ndarray of int64, shape (n,)
        Position in `times`.
    site : ndarray of int64, shape (n,)
        Number of its place, the same at every step.
    """

    times: FloatArray
    step: IntArray
    site: IntArray

    @classmethod
    def of(cls, points: PointSet) -> Steps | None:
        """Return the steps of a point set, or None where there are not several with company."""
        time = times_of(points)
        if time is None:
            return None
        times, step = np.unique(time, return_inverse=True)
        if not 2 <= times.size <= len(points) // _COMPANY:
            return None
        away = [j for j, axis in enumerate(points.axes) if axis.kind is not AxisKind.TIME]
        _, site = np.unique(points.coordinates[:, away], axis=0, return_inverse=True)
        return cls(times, step.reshape(-1), site.reshape(-1))


@dataclass(frozen=True, slots=True)
class StepEffects:
    """What each step adds to each channel, in the channel's unit.

    Parameters
    ----------
    times : ndarray, shape (t,)
    effects : ndarray, shape (t, s)
    """

    times: FloatArray
    effects: FloatArray

    @classmethod
    def fit(cls, values: FloatArray, rows: IntArray, steps: Steps) -> StepEffects:
        """Fit to values (m, s) of the points `rows`; means are shrunk by one sample."""
        step, site = steps.step[rows], steps.site[rows]
        centred = values - values.mean(axis=0)
        effect: FloatArray = np.zeros((steps.times.size, values.shape[1]))
        for _ in range(_ROUNDS):
            local = _shrunk_means(centred - effect[step], site, int(steps.site.max()) + 1)
            effect = _shrunk_means(centred - local[site], step, steps.times.size)
        return cls(steps.times, effect)

    def at(self, time: FloatArray) -> FloatArray:
        """Return the effects (n, s) at times (n,), between steps by interpolation."""
        return np.stack([np.interp(time, self.times, column) for column in self.effects.T], axis=1)


def times_of(points: PointSet) -> FloatArray | None:
    """Return the coordinate (n,) along time beside other axes, or None."""
    along = [j for j, axis in enumerate(points.axes) if axis.kind is AxisKind.TIME]
    if len(along) != 1 or len(points.axes) == 1:
        return None
    return np.asarray(points.coordinates[:, along[0]])


def _shrunk_means(rows: FloatArray, member: IntArray, groups: int) -> FloatArray:
    """Average rows (n, s) by membership, one more sample of 0 in each; -> (groups, s)."""
    size = np.bincount(member, minlength=groups) + _SHRINKAGE
    sums = [np.bincount(member, weights=column, minlength=groups) for column in rows.T]
    return np.stack(sums, axis=1) / size[:, None]
