"""Completion on windows: one Gaussian per superpixel of windows, conditioned on what was observed.

A pilot (the kernel head) knows every cell a little. Its windows, as coefficients of the shared
dictionary, are segmented by GSSA; each superpixel gives a prior: their mean and their covariance
plus the uncertainty that the pilot, and then each pass, leaves (one EM step). Every window that
holds gaps is conditioned on its own observed entries, whatever their mask:

    precision = C^-1 + D_o' D_o / e,   mean = precision^-1 (C^-1 m + D_o' y_o / e),

with D_o the rows of the dictionary that were observed at each place and e what D leaves over.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch

from sinr_geo.gaussian.moments import Moments
from sinr_geo.gaussian.segments import packed_superpixels, window_superpixels
from sinr_geo.gaussian.windows import Windows
from sinr_geo.points import BoolArray, FloatArray, Lattice

__all__ = ["CompletionSettings", "Cube", "complete_windows"]

_ELEMENTS = 1 << 23
_LEAST_LEFT_OVER = 1e-4
_LEAST_VARIANCE = 1e-5


@dataclass(frozen=True, slots=True)
class CompletionSettings:
    """What is chosen for completion on windows.

    Parameters
    ----------
    rank : int
        Columns of the shared dictionary.
    width : int
        Cells along a side of a window.
    cells : int
        Windows per superpixel, on average.
    alpha : float
        Weight of coordinates in GSSA.
    passes : int
        EM steps.
    share : float
        Part of the pilot's variance that joins the prior as white noise; a third of it from the
        second pass on.
    """

    rank: int
    width: int
    cells: int
    alpha: float
    passes: int
    share: float


@dataclass(frozen=True, slots=True)
class Cube:
    """Standardised values on all cells of a lattice.

    Parameters
    ----------
    lattice : Lattice
    values : ndarray, shape (cells, s)
        Observed values, the pilot's at the gaps, 0 where nothing is known.
    variance : ndarray, shape (cells, s)
        The pilot's variance at the gaps, 0 where observed.
    observed, known : ndarray of bool, shape (cells, s)
        Known entries are observed or the pilot's.
    """

    lattice: Lattice
    values: FloatArray
    variance: FloatArray
    observed: BoolArray
    known: BoolArray


def complete_windows(
    cube: Cube, settings: CompletionSettings, *, seed: int, device: str
) -> tuple[FloatArray, FloatArray]:
    """Recover the gaps of a cube.

    Returns
    -------
    mean, variance : ndarray, each of shape (cells, s)
        The pilot's where no window covers a gap.
    """
    state = _State.of(cube, settings, device)
    if len(state.open_windows) == 0:
        return cube.values, cube.variance
    coordinates = np.stack(
        np.unravel_index(state.windows.centre, cube.lattice.shape), axis=1
    ).astype(np.float64)
    for step in range(settings.passes):
        share = settings.share if step == 0 else settings.share / 3.0
        state = _one_pass(state, settings, share, coordinates, seed + step)
    return state.entries(cube)


@dataclass(frozen=True, slots=True)
class _State:
    """Coefficients of every cell and what is needed to improve them.

    Parameters
    ----------
    windows : Windows
        Those whose cells are all known.
    open_windows : Tensor of int64, shape (w,)
        Windows with gaps.
    coefficients, variance : Tensor, shape (cells, k)
    precision : Tensor, shape (cells, k, k)
        D_o' D_o / e of every cell.
    evidence : Tensor, shape (cells, k)
        D_o' y_o / e of every cell.
    dictionary : Tensor, shape (s, k)
    left_over : Tensor, shape (s,)
        Variance of each channel outside the dictionary.
    covered : Tensor of bool, shape (cells,)
        Cells under a window with gaps.
    """

    windows: Windows
    open_windows: torch.Tensor
    coefficients: torch.Tensor
    variance: torch.Tensor
    precision: torch.Tensor
    evidence: torch.Tensor
    dictionary: torch.Tensor
    left_over: torch.Tensor
    covered: torch.Tensor

    @classmethod
    def of(cls, cube: Cube, settings: CompletionSettings, device: str) -> _State:
        """Start from the pilot."""
        windows = Windows.over(cube.lattice, settings.width)
        known = np.asarray(cube.known.all(axis=1))
        gaps = np.asarray(~cube.observed.all(axis=1))
        windows = windows.subset(np.flatnonzero(known[windows.cells].all(axis=1)))
        open_windows = np.flatnonzero(gaps[windows.cells].any(axis=1))
        values = torch.as_tensor(cube.values, dtype=torch.float32, device=device)
        observed = torch.as_tensor(cube.observed, device=device)
        rows = values[torch.as_tensor(known, device=device)]
        _, vectors = torch.linalg.eigh((rows.T @ rows).double())
        dictionary = vectors[:, -settings.rank :].flip(1).to(torch.float32)
        coefficients = values @ dictionary
        residual = (values - coefficients @ dictionary.T) * observed
        left_over = (residual**2).sum(0) / observed.sum(0).clamp(min=1) + _LEAST_LEFT_OVER
        weighted, rank = observed / left_over, dictionary.shape[1]
        covered = torch.zeros(len(values), dtype=torch.bool, device=device)
        covered[torch.as_tensor(windows.cells[open_windows], device=device).reshape(-1)] = True
        return cls(
            windows,
            torch.as_tensor(open_windows, device=device),
            coefficients,
            torch.as_tensor(cube.variance, dtype=torch.float32, device=device) @ dictionary**2,
            (weighted @ _products(dictionary)).reshape(len(values), rank, rank),
            (weighted * values) @ dictionary,
            dictionary,
            left_over,
            covered,
        )

    def entries(self, cube: Cube) -> tuple[FloatArray, FloatArray]:
        """Return values and variances of all entries; the observed and the pilot's as they were."""
        mean = (self.coefficients @ self.dictionary.T).cpu().double().numpy()
        spread = self.variance @ self.dictionary.T**2 + self.left_over
        taken = self.covered.cpu().numpy()[:, None] & ~cube.observed
        variance = np.where(taken, spread.cpu().double().numpy(), cube.variance)
        return np.where(taken, mean, cube.values), variance


def _one_pass(
    state: _State,
    settings: CompletionSettings,
    share: float,
    coordinates: FloatArray,
    seed: int,
) -> _State:
    """Segment windows, take their Gaussians, condition the windows with gaps and blend them."""
    rows = state.windows.take(state.coefficients)
    numbers = window_superpixels(rows, coordinates, settings.cells, settings.alpha, seed)
    moments = Moments.of(rows, packed_superpixels(numbers))
    uncertain = _mean_variance(state, numbers, len(moments.size))
    prior = moments.covariance + torch.diag_embed(share * uncertain + _LEAST_VARIANCE)
    inverse = torch.linalg.inv(prior.double())
    pull = (inverse @ moments.mean.double()[..., None])[..., 0]
    k, p = state.coefficients.shape[1], rows.shape[1]
    total = torch.zeros((state.windows.size, k), device=rows.device)
    mean, variance = torch.zeros_like(total), torch.zeros_like(total)
    step = max(1, _ELEMENTS // (p * p))
    for index in torch.split(state.open_windows, step):
        part = state.windows.subset(index.cpu().numpy())
        cells = torch.as_tensor(part.cells, device=rows.device)
        own = numbers[index]
        precision = inverse[own] + _block_diagonal(state.precision[cells])
        evidence = pull[own] + state.evidence[cells].reshape(len(cells), -1)
        covariance = torch.cholesky_inverse(torch.linalg.cholesky(precision))
        found = (covariance @ evidence[..., None])[..., 0].to(rows.dtype)
        left = covariance.diagonal(dim1=1, dim2=2).to(rows.dtype)
        weight = (1.0 / left.mean(dim=1, keepdim=True)).expand_as(left).contiguous()
        total += part.sum(weight)
        mean += part.sum(found * weight)
        variance += part.sum(left * weight)
    inside = total > 0
    total = total.clamp(min=1e-30)
    return _improved(state, inside, mean / total, variance / total)


def _improved(
    state: _State, inside: torch.Tensor, mean: torch.Tensor, variance: torch.Tensor
) -> _State:
    """Return the state with new coefficients where a window gave some."""
    return replace(
        state,
        coefficients=torch.where(inside, mean, state.coefficients),
        variance=torch.where(inside, variance, state.variance),
    )


def _mean_variance(state: _State, labels: torch.Tensor, count: int) -> torch.Tensor:
    """Average the variance of a superpixel's windows; -> (K, p)."""
    rows = state.windows.take(state.variance)
    sums = rows.new_zeros((count, rows.shape[1])).index_add_(0, labels, rows)
    sizes = torch.bincount(labels, minlength=count).clamp(min=1).to(rows.dtype)
    return sums / sizes[:, None]


def _products(dictionary: torch.Tensor) -> torch.Tensor:
    """Return the outer product of every row with itself; (s, k) -> (s, k * k)."""
    return (dictionary[:, :, None] * dictionary[:, None, :]).reshape(len(dictionary), -1)


def _block_diagonal(blocks: torch.Tensor) -> torch.Tensor:
    """Lay blocks (b, w, k, k) along the diagonal; -> (b, w * k, w * k)."""
    b, w, k, _ = blocks.shape
    out = blocks.new_zeros((b, w, k, w, k))
    place = torch.arange(w, device=blocks.device)
    out[:, place, :, place] = blocks.transpose(0, 1)
    return out.reshape(b, w * k, w * k)
