"""Denoising on windows: one Gaussian per superpixel of windows, in closed form.

A pilot shrinks the covariance of noisy windows; two or more passes then segment the windows of
the last estimate by GSSA on value and coordinate, and replace every noisy window by its
conditional mean m + C (C + I)^-1 (y - m). Overlapping windows are averaged by their remaining
variance, and so are several segmentations.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy.ndimage import gaussian_filter

from sinr_geo.gaussian.moments import Blocks, Moments
from sinr_geo.gaussian.segments import packed_superpixels, window_superpixels
from sinr_geo.gaussian.subspace import shrinkage
from sinr_geo.gaussian.windows import Windows
from sinr_geo.gssa import segment
from sinr_geo.points import FloatArray, Lattice

__all__ = ["Denoised", "WindowSettings", "denoise_directions"]

_PILOT_CELLS = 2_500
_PILOT_BLUR = 1.0


@dataclass(frozen=True, slots=True)
class WindowSettings:
    """What is chosen for the window head.

    Parameters
    ----------
    rank : int
        Columns of the shared dictionary: directions that are denoised on windows.
    width : int
        Cells along a side of a window.
    cells : int
        Windows per superpixel, on average.
    alpha : float
        Weight of coordinates in GSSA.
    passes : int
        How often superpixels and their Gaussians are estimated anew.
    """

    rank: int
    width: int
    cells: int
    alpha: float
    passes: int


@dataclass(frozen=True, slots=True)
class Denoised:
    """Conditional mean and variance of every cell, each of shape (cells, s)."""

    mean: FloatArray
    variance: FloatArray


def denoise_directions(
    noisy: FloatArray,
    lattice: Lattice,
    settings: WindowSettings,
    *,
    segmentations: int,
    seed: int,
    device: str,
) -> Denoised:
    """Denoise whitened data: the leading directions on windows, the rest by shrinking.

    Parameters
    ----------
    noisy : ndarray, shape (cells, s)
        Coefficients along orthonormal directions, leading first, with white noise of unit
        variance; one row per cell of the lattice, complete.
    lattice : Lattice
    settings : WindowSettings
        Its rank says how many directions are taken on windows.
    segmentations : int
        Number of segmentations to average in the last pass.
    seed : int
    device : str
    """
    gain = shrinkage(noisy.var(axis=0), len(noisy))
    mean, variance = noisy * gain, np.broadcast_to(gain, noisy.shape).copy()
    windows = Windows.over(lattice, settings.width)
    leading = torch.as_tensor(noisy[:, : settings.rank], dtype=torch.float32, device=device)
    rows = windows.take(leading)
    coordinates = lattice_coordinates(lattice)[windows.centre]
    estimate, left = _pilot(rows, leading, windows, coordinates, lattice, seed)
    for step in range(settings.passes):
        last = step == settings.passes - 1
        rounds = [
            _one_pass(rows, estimate, windows, coordinates, settings, seed + 101 * step + r)
            for r in range(segmentations if last else 1)
        ]
        estimate = torch.stack([found for found, _ in rounds]).mean(dim=0)
        left = torch.stack([var for _, var in rounds]).mean(dim=0)
    mean[:, : settings.rank] = estimate.cpu().numpy()
    variance[:, : settings.rank] = left.cpu().numpy()
    return Denoised(mean, variance)


def lattice_coordinates(lattice: Lattice) -> FloatArray:
    """Return the position of every cell along every dimension, in cells; -> (cells, d)."""
    index = np.unravel_index(np.arange(lattice.size), lattice.shape)
    return np.stack(index, axis=1).astype(np.float64)


def _pilot(
    rows: torch.Tensor,
    observed: torch.Tensor,
    windows: Windows,
    coordinates: FloatArray,
    lattice: Lattice,
    seed: int,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Shrink the covariance of the noisy windows of each superpixel of the blurred cube."""
    sigma = [_PILOT_BLUR if d in lattice.space else 0.0 for d in range(len(lattice.shape))]
    grid = observed.cpu().numpy().reshape(*lattice.shape, -1)
    calm = gaussian_filter(grid, (*sigma, 0.0)).reshape(lattice.size, -1)[windows.centre]
    count = max(1, len(windows) // _PILOT_CELLS)
    labels = segment(calm, coordinates, count, 1.0, seed=seed, device=str(rows.device))
    blocks = packed_superpixels(torch.as_tensor(labels, dtype=torch.int64, device=rows.device))
    moments = Moments.of(rows, blocks)
    spectrum, basis = torch.linalg.eigh(moments.covariance)
    gain = ((spectrum - 1.0).clamp(min=0.0) / spectrum.clamp(min=1e-6))[:, None, :]
    return _filtered(rows, windows, moments, (basis * gain) @ basis.transpose(1, 2), blocks)


def _one_pass(
    rows: torch.Tensor,
    estimate: torch.Tensor,
    windows: Windows,
    coordinates: FloatArray,
    settings: WindowSettings,
    seed: int,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Segment the windows of the last estimate, take their Gaussians, filter the noisy ones."""
    clean = windows.take(estimate)
    labels = window_superpixels(clean, coordinates, settings.cells, settings.alpha, seed)
    blocks = packed_superpixels(labels)
    moments = Moments.of(clean, blocks)
    noise = torch.eye(rows.shape[1], dtype=rows.dtype, device=rows.device)
    gain = torch.linalg.solve(moments.covariance + noise, moments.covariance)
    return _filtered(rows, windows, moments, gain, blocks)


def _filtered(
    rows: torch.Tensor,
    windows: Windows,
    moments: Moments,
    gain: torch.Tensor,
    blocks: Blocks,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Filter windows and blend them by the variance that remains; -> two of (cells, k).

    The variance of y -> m + G (y - m) with unit noise is the diagonal of G for the optimal gain.
    """
    filtered = moments.centred_product(rows, gain, blocks)
    own = torch.diagonal(gain, dim1=1, dim2=2).clamp(min=1e-6, max=1.0)
    own = own + 1.0 / moments.size.clamp(min=1.0)[:, None]
    owner = torch.empty(len(rows) + 1, dtype=torch.int64, device=rows.device)
    owner[blocks.rows] = blocks.owner[:, None].expand_as(blocks.rows)
    weight = 1.0 / own.mean(dim=1)[owner[:-1]][:, None]
    total = windows.sum(weight.expand_as(filtered).contiguous())
    mean = windows.sum(filtered * weight) / total
    variance = windows.sum(own[owner[:-1]] * weight) / total
    return mean, variance
