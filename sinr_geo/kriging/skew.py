"""Skewed channels made nearly normal before kriging, and their conditional means brought back.

The mean of a curved function is not the function of the mean: what kriging says, a mean and a
variance, is brought back by Gauss-Hermite quadrature.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.preprocessing import PowerTransformer

from sinr_geo.points import BoolArray, FloatArray

__all__ = ["YeoJohnson"]

_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(15)
_BEYOND = 0.5


@dataclass(frozen=True, slots=True)
class YeoJohnson:
    """The Yeo-Johnson transform of some channels.

    Parameters
    ----------
    transformer : PowerTransformer
        Fitted to the marked channels, standardised.
    marked : ndarray of bool, shape (s,)
    centre, spread : ndarray, shape (s,)
        What standardises a channel before the transform, so that its unit plays no part.
    low, high : ndarray, shape (s,)
        Transforms of the ends of the observed range and half of it on either side: where they are
        left the inverse may not be defined.
    """

    transformer: PowerTransformer
    marked: BoolArray
    centre: FloatArray
    spread: FloatArray
    low: FloatArray
    high: FloatArray

    @classmethod
    def fit(cls, values: FloatArray, marked: BoolArray) -> YeoJohnson:
        """Fit to values (m, s)."""
        centre, spread = values.mean(axis=0), values.std(axis=0)
        spread = np.where(spread > 0, spread, 1.0)
        transformer = PowerTransformer(method="yeo-johnson")
        standard = (values - centre) / spread
        transformer.fit(standard[:, marked])
        low, high = standard.min(axis=0), standard.max(axis=0)
        beyond = _BEYOND * (high - low)
        ends = np.stack((low - beyond, high + beyond))
        ends[:, marked] = transformer.transform(ends[:, marked])
        return cls(transformer, marked, centre, spread, ends[0], ends[1])

    def __call__(self, values: FloatArray) -> FloatArray:
        """Transform values (m, s); channels that are not marked stay as they are."""
        out = np.array(values, dtype=np.float64)
        standard = ((values - self.centre) / self.spread)[:, self.marked]
        out[:, self.marked] = self.transformer.transform(standard)
        return out

    def back(self, mean: FloatArray, variance: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return mean and variance, each (m, s), of the values whose transform has these."""
        first, second = np.array(mean), np.array(variance)
        j = self.marked
        low, high = self.low[j], self.high[j]
        spread = np.sqrt(variance[:, j])
        total, squares = np.zeros((2, *spread.shape))
        for node, weight in zip(_NODES, _WEIGHTS / _WEIGHTS.sum(), strict=True):
            inside = np.clip(mean[:, j] + node * spread, low, high)
            standard = self.transformer.inverse_transform(inside)
            total += weight * standard
            squares += weight * standard**2
        first[:, j] = total * self.spread[j] + self.centre[j]
        second[:, j] = np.maximum(squares - total**2, 0.0) * self.spread[j] ** 2
        return first, second
