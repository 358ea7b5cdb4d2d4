"""The shared dictionary D from the data: its principal components."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from sinr_geo.nearest import inverse_distance
from sinr_geo.points import BoolArray, FloatArray
from sinr_geo.sine.ground import Ground
from sinr_geo.sine.scaling import Standardisation

__all__ = ["principal_components"]

_NEIGHBOURS = 3
_ROWS = 100_000


def principal_components(ground: Ground, scale: Standardisation) -> tuple[Tensor, FloatArray]:
    """Return all principal components of the standardised values, the largest first.

    Points observed in all channels are used where they are the most; otherwise missing entries
    are interpolated first.

    Returns
    -------
    components : Tensor of float32, shape (s, s)
        Orthonormal rows.
    variance : ndarray, shape (s,)
        Decreasing.
    """
    values = scale(ground.points.values, ground.points.observed).astype(np.float64)
    rows = _complete_rows(values, ground.points.observed, ground.place)
    variance, vectors = np.linalg.eigh(rows.T @ rows / max(1, len(rows)))
    components = np.ascontiguousarray(vectors[:, ::-1].T, dtype=np.float32)
    return torch.as_tensor(components, device=ground.device), np.maximum(variance[::-1], 0.0)


def _complete_rows(values: FloatArray, observed: BoolArray, place: FloatArray) -> FloatArray:
    complete = observed.all(axis=1)
    if 2 * complete.sum() >= observed.any(axis=1).sum():
        return values[complete]
    known = observed.any(axis=0)
    rows = np.flatnonzero(observed.any(axis=1))
    rows = rows[:: max(1, rows.size // _ROWS)]
    filled = np.zeros((rows.size, observed.shape[1]))
    filled[:, known] = inverse_distance(
        place[rows], values[np.ix_(rows, known)], observed[np.ix_(rows, known)], _NEIGHBOURS
    )
    return filled
