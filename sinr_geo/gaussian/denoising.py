"""Denoising on windows: one Gaussian per superpixel of windows, in closed form.

A pilot shrinks the covariance of noisy windows; several passes then segment the windows of the
last estimate by GSSA on value and coordinate, take the Gaussians of the superpixels, and replace
every noisy window by its conditional mean (see `mixture`). Overlapping windows are averaged by
what remains of their variance, entry by entry; windows of several widths and several segmentations
are averaged too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from scipy.ndimage import gaussian_filter

from sinr_geo.gaussian.components import leading_components
from sinr_geo.gaussian.mixture import Belonging, condition
from sinr_geo.gaussian.moments import Moments
from sinr_geo.gaussian.segments import packed_superpixels
from sinr_geo.gaussian.subspace import shrinkage
from sinr_geo.gaussian.tiles import Tile, tiles
from sinr_geo.gaussian.windows import Windows
from sinr_geo.gssa import segment
from sinr_geo.points import FloatArray, Lattice
from sinr_geo.workers import side_by_side

__all__ = ["LARGEST_WINDOW", "Denoised", "WindowSettings", "denoise_directions", "denoise_leading"]

LARGEST_WINDOW = 200
"""Most entries of a window whose covariance is estimated and inverted."""

_PILOT_CELLS = 2_500
_PILOT_BLUR = 1.0
_TILE = 80_000
_HALO = 12


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
    caution : float
        Noise variance that covariances are weighed against, in units of the data's; above 1
        where the noise that an estimate still holds would be taken for signal.
    scales : int
        Number of widths that are averaged: `width`, then one less, one more, two less, ...
    smoothing : float
        Blur along the channels of the covariance that weak directions are taken from (see
        `spatial_covariance`).
    """

    rank: int
    width: int
    cells: int
    alpha: float
    passes: int
    caution: float = 1.0
    scales: int = 1
    smoothing: float = 0.0

    def widths(self) -> list[int]:
        """Return the widths of windows that are averaged."""
        apart = [(-1) ** step * ((step + 1) // 2) for step in range(1, self.scales)]
        return [self.width, *(self.width + d for d in apart if self.width + d >= 2)]


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
        Number of segmentations to average in the last pass, for every width.
    seed : int
    device : str
    """
    gain = shrinkage(noisy.var(axis=0), len(noisy))
    mean, variance = noisy * gain, np.broadcast_to(gain, noisy.shape).copy()
    leading = denoise_leading(
        noisy[:, : settings.rank],
        lattice,
        settings,
        segmentations=segmentations,
        seed=seed,
        device=device,
    )
    mean[:, : settings.rank], variance[:, : settings.rank] = leading.mean, leading.variance
    return Denoised(mean, variance)


def denoise_leading(
    noisy: FloatArray,
    lattice: Lattice,
    settings: WindowSettings,
    *,
    segmentations: int,
    seed: int,
    device: str,
) -> Denoised:
    """Denoise the leading directions on windows, in tiles of bounded memory.

    Parameters are those of `denoise_directions`, with the leading directions alone, (cells, k).
    """
    mean, variance = np.empty(noisy.shape), np.empty(noisy.shape)

    def denoise(tile: Tile) -> None:
        rows = torch.as_tensor(noisy[tile.cells], dtype=torch.float32, device=device)
        found, left = _Passes(rows, tile.lattice, settings, seed).run(segmentations)
        own = tile.cells[tile.inner]
        mean[own] = found.cpu().numpy()[tile.inner]
        variance[own] = left.cpu().numpy()[tile.inner]

    side_by_side([partial(denoise, tile) for tile in tiles(lattice, _TILE, _HALO)])
    return Denoised(mean, variance)


def lattice_coordinates(lattice: Lattice) -> FloatArray:
    """Return the position of every cell along every dimension, in cells; -> (cells, d)."""
    index = np.unravel_index(np.arange(lattice.size), lattice.shape)
    return np.stack(index, axis=1).astype(np.float64)


class _Passes:
    """A pilot and the passes after it."""

    def __init__(
        self, noisy: torch.Tensor, lattice: Lattice, settings: WindowSettings, seed: int
    ) -> None:
        self._noisy = noisy
        self._lattice = lattice
        self._settings = settings
        self._seed = seed
        self._place = lattice_coordinates(lattice)

    def run(self, segmentations: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return mean and variance, each of shape (cells, k)."""
        passes = self._settings.passes
        mean, variance = self._pilot()
        for step in range(passes):
            rounds = segmentations if step == passes - 1 else 1
            mean, variance = self._average(mean, step, rounds)
        return mean, variance

    def _pilot(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Shrink the covariance of the noisy windows of each superpixel of the blurred cube."""
        windows = Windows.over(self._lattice, self._settings.width)
        shape, space = self._lattice.shape, self._lattice.space
        sigma = [_PILOT_BLUR if d in space else 0.0 for d in range(len(shape))]
        grid = self._noisy.cpu().numpy().reshape(*shape, -1)
        calm = gaussian_filter(grid, (*sigma, 0.0)).reshape(self._lattice.size, -1)
        count = max(1, len(windows) // _PILOT_CELLS)
        labels = segment(
            calm[windows.centre],
            self._place[windows.centre],
            count,
            1.0,
            seed=self._seed,
            device=str(self._noisy.device),
        )
        blocks = packed_superpixels(
            torch.as_tensor(labels, dtype=torch.int64, device=self._noisy.device)
        )
        rows = windows.take(self._noisy)
        moments = Moments.of(rows, blocks)
        spectrum, basis = torch.linalg.eigh(moments.covariance)
        gain = ((spectrum - 1.0).clamp(min=0.0) / spectrum.clamp(min=1e-6))[:, None, :]
        found = moments.centred_product(rows, (basis * gain) @ basis.transpose(1, 2), blocks)
        return _blended(windows, found, torch.ones_like(found))

    def _average(
        self, estimate: torch.Tensor, step: int, rounds: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Average one pass over widths and segmentations; a wide window takes fewer directions.

        Where they disagree, more variance remains.
        """
        passes = [
            partial(self._one_pass, windows, estimate, rank, seed)
            for windows, rank, seed in self._plan(estimate.shape[1], step, rounds)
        ]
        mean, second = torch.zeros_like(estimate), torch.zeros_like(estimate)
        count = estimate.new_zeros(estimate.shape[1])
        for found, left in side_by_side(passes):
            rank = found.shape[1]
            mean[:, :rank] += found
            second[:, :rank] += left + found**2
            count[:rank] += 1.0
        mean = mean / count
        return mean, (second / count - mean**2).clamp(min=0.0)

    def _plan(self, directions: int, step: int, rounds: int) -> Iterator[tuple[Windows, int, int]]:
        """Yield windows, how many directions they take, and a seed."""
        for width in self._settings.widths():
            windows = Windows.over(self._lattice, width)
            rank = min(directions, LARGEST_WINDOW // windows.cells.shape[1])
            for r in range(rounds if rank else 0):
                yield windows, rank, self._seed + 101 * step + 1_009 * width + r

    def _one_pass(
        self, windows: Windows, estimate: torch.Tensor, rank: int, seed: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Segment the windows of an estimate and condition the noisy ones on their Gaussians."""
        belonging = Belonging.of(
            leading_components(windows.take(estimate)),
            self._place[windows.centre],
            max(1, len(windows) // self._settings.cells),
            self._settings.alpha,
            seed=seed,
            device=str(estimate.device),
        )
        noisy = windows.take(self._noisy[:, :rank])
        clean = windows.take(estimate[:, :rank])
        found, left = condition(noisy, clean, belonging, self._settings.caution)
        return _blended(windows, found, left)


def _blended(
    windows: Windows, found: torch.Tensor, left: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Average overlapping windows by their remaining variance; -> two of (cells, k)."""
    total = windows.sum(1.0 / left)
    mean = windows.sum(found / left) / total
    places = windows.sum(torch.ones_like(left))
    return mean, places / total
