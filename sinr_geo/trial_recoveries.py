"""Recoveries without a method: what the tests of adapters hand to them."""

from __future__ import annotations

import numpy as np

from sinr_geo.axes import Channel
from sinr_geo.points import FloatArray, PointSet
from sinr_geo.recovery import Flag, Recovery

__all__ = ["constants", "filled", "filled_with", "rounding", "unfilled", "untouched"]


def constants(points: PointSet) -> FloatArray:
    """Choose a value per channel that its stored type can hold: the median of the observed."""
    columns = zip(points.values.T, points.observed.T, points.channels, strict=True)
    return np.array([_constant(v[seen], channel) for v, seen, channel in columns])


def rounding(channel: Channel, value: float) -> float:
    """Return how far a stored value may lie from the one that was asked for."""
    return channel.step + 1e-6 * abs(value)


def filled(points: PointSet) -> Recovery:
    """Fill every gap with the median of its channel."""
    return _recovery(points, constants(points))


def filled_with(points: PointSet, value: float) -> Recovery:
    """Fill every gap of every channel with one value, beyond all bounds if need be."""
    return _recovery(points, np.full(len(points.channels), value))


def untouched(points: PointSet) -> Recovery:
    """Recover nothing."""
    flag = np.full(points.values.shape, Flag.OBSERVED, np.uint8)
    return Recovery(points.values, np.zeros(points.values.shape), flag)


def unfilled(points: PointSet) -> Recovery:
    """Try every gap and fill none."""
    flag = np.where(points.observed, Flag.OBSERVED, Flag.UNFILLED).astype(np.uint8)
    return Recovery(points.values, np.where(points.observed, 0.0, np.nan), flag)


def _constant(observed: FloatArray, channel: Channel) -> float:
    if observed.size:
        return float(np.sort(observed)[observed.size // 2])
    return float(np.clip(0.0, channel.lower, channel.upper))


def _recovery(points: PointSet, values: FloatArray) -> Recovery:
    """Fill every gap with a value per channel."""
    flag = np.where(points.observed, Flag.OBSERVED, Flag.FILLED).astype(np.uint8)
    error = np.where(points.observed, 0.0, 0.5)
    return Recovery(np.where(points.observed, points.values, values), error, flag)
