"""Channels brought to zero mean and unit spread."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sinr_geo.points import FloatArray, PointSet

__all__ = ["Scaling"]


@dataclass(frozen=True, slots=True)
class Scaling:
    """Mean and spread of the observed entries of every channel.

    Parameters
    ----------
    offset, spread : ndarray, each of shape (s,)
        A constant channel has the spread 1.
    """

    offset: FloatArray
    spread: FloatArray

    @classmethod
    def of(cls, points: PointSet) -> Scaling:
        """Take the observed entries of points; every channel has one."""
        columns = zip(points.values.T, points.observed.T, strict=True)
        moments = [(v[o].mean(), v[o].std()) for v, o in columns]
        offset, spread = np.array(moments).T
        return cls(offset, np.where(spread > 0, spread, 1.0))

    def standardised(self, values: FloatArray) -> FloatArray:
        """Scale values (n, s)."""
        return np.asarray((values - self.offset) / self.spread)

    def restored(self, values: FloatArray) -> FloatArray:
        """Undo `standardised`."""
        return np.asarray(values * self.spread + self.offset)
