"""Principal components of windows, for GSSA to segment."""

from __future__ import annotations

import numpy as np
import torch

from sinr_geo.points import FloatArray

__all__ = ["leading_components"]

_COMPONENTS = 12
_ROWS = 20_000


def leading_components(rows: torch.Tensor) -> FloatArray:
    """Return at most 12 principal components of rows.

    Parameters
    ----------
    rows : Tensor, shape (m, p)

    Returns
    -------
    ndarray of float32, shape (m, q)
    """
    mean = rows.mean(dim=0)
    sample = rows[:: max(1, len(rows) // _ROWS)] - mean
    _, vectors = torch.linalg.eigh((sample.T @ sample).double())
    leading = vectors[:, -_COMPONENTS:].to(rows.dtype)
    return np.asarray(((rows - mean) @ leading).cpu().numpy())
