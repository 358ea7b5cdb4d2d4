"""Superpixels of windows and their Gaussians."""

from __future__ import annotations

import torch

from sinr_geo.gaussian.components import leading_components
from sinr_geo.gaussian.moments import Blocks
from sinr_geo.gssa import segment
from sinr_geo.points import FloatArray

__all__ = ["TOLERANCE", "packed_superpixels", "window_superpixels"]

TOLERANCE = 4e-3
"""Of thousands of small superpixels: stricter took twice the rounds and gained nothing."""


def window_superpixels(
    rows: torch.Tensor, coordinates: FloatArray, cells: int, alpha: float, seed: int
) -> torch.Tensor:
    """Segment windows by GSSA on their principal components and the places of their centres.

    Parameters
    ----------
    rows : Tensor, shape (m, p)
        Windows.
    coordinates : ndarray, shape (m, d)
        Their centres, in cells.
    cells : int
        Windows per superpixel, on average.
    alpha : float
    seed : int

    Returns
    -------
    Tensor of int64, shape (m,)
    """
    count = max(1, len(rows) // cells)
    labels = segment(
        leading_components(rows),
        coordinates,
        count,
        alpha,
        seed=seed,
        device=str(rows.device),
        tolerance=TOLERANCE,
    )
    return torch.as_tensor(labels, dtype=torch.int64, device=rows.device)


def packed_superpixels(labels: torch.Tensor) -> Blocks:
    """Pack rows by their superpixels, numbered without a hole."""
    return Blocks.of(labels, int(labels.max()) + 1)
