"""Complete, calm values for GSSA to segment.

The paper segments incomplete data after interpolation. Noise would tear superpixels apart, so
noisy data are projected on their leading principal components, and on a lattice blurred a little.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter

from sinr_geo.methods.protocol import Task
from sinr_geo.nearest import inverse_distance
from sinr_geo.points import FloatArray, PointSet

__all__ = ["guide"]

_NEIGHBOURS = 3
_CHANNELS = 12
_COMPONENTS = 6
_BLUR = 1.0


def guide(points: PointSet, place: FloatArray, task: Task) -> FloatArray:
    """Return values that GSSA can segment.

    Parameters
    ----------
    points : PointSet
        Every channel has at least one observed entry.
    place : ndarray, shape (n, d)
        Embedded coordinates.
    task : Task

    Returns
    -------
    ndarray, shape (n, q)
        At most 12 standardised channels, evenly spread, or for denoising at most 6 principal
        components.
    """
    if task is Task.DENOISING:
        components = _leading_components(_standardised(_filled(points, place)))
        return components if points.lattice is None else _blurred(points, components)
    few = np.unique(np.linspace(0, len(points.channels) - 1, _CHANNELS).round().astype(int))
    return _standardised(_filled(points.select_channels(few), place))


def _filled(points: PointSet, place: FloatArray) -> FloatArray:
    if points.observed.all():
        return np.asarray(points.values, dtype=np.float64)
    return inverse_distance(place, points.values, points.observed, _NEIGHBOURS)


def _standardised(values: FloatArray) -> FloatArray:
    """Centre by the median and scale by the spread of the middle 90 %, robust to outliers."""
    low, middle, high = np.quantile(values, (0.05, 0.5, 0.95), axis=0)
    spread = np.where(high > low, high - low, np.maximum(values.std(axis=0), 1e-300))
    return np.asarray(np.clip((values - middle) / spread, -3.0, 3.0))


def _leading_components(values: FloatArray) -> FloatArray:
    centred = values - values.mean(axis=0)
    _, vectors = np.linalg.eigh(centred.T @ centred)
    return np.asarray(centred @ vectors[:, ::-1][:, :_COMPONENTS])


def _blurred(points: PointSet, components: FloatArray) -> FloatArray:
    """Blur over the space dimensions of the lattice, cells without a point left out."""
    lattice = points.lattice
    assert lattice is not None
    sigma = [_BLUR if dim in lattice.space else 0.0 for dim in range(len(lattice.shape))]
    present = gaussian_filter(lattice.spread(np.ones(len(points)), 0.0), sigma)
    blurred = [
        gaussian_filter(lattice.spread(column, 0.0), sigma) / np.maximum(present, 1e-12)
        for column in components.T
    ]
    return np.stack([lattice.gather(grid) for grid in blurred], axis=1)
