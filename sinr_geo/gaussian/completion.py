"""Completion on windows: one Gaussian per superpixel of windows, conditioned on what was observed.

A pilot knows every cell a little. Its windows, as coefficients of the shared dictionary, are
segmented by GSSA. The mean and covariance of a superpixel, and a small share of the covariance
that a kriging prior gives to any window, are its prior; one EM step on its windows adds what their
posteriors leave open. Then every window with gaps is conditioned on its own observed entries,
whatever their mask (see `conditioning`), and overlapping windows are averaged by their remaining
variance. Each further pass starts from the last one's estimate, with superpixels as small as its
settings say.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch

from sinr_geo.gaussian.conditioning import Conditioning, Gaussians
from sinr_geo.gaussian.evidence import Evidence
from sinr_geo.gaussian.moments import Moments
from sinr_geo.gaussian.segments import packed_superpixels, window_superpixels
from sinr_geo.gaussian.windows import Windows
from sinr_geo.points import BoolArray, FloatArray, Lattice

__all__ = ["Completion", "CompletionSettings", "Cube", "complete_windows"]

_FIRST_SHARE = 0.1
_LATER_SHARE = 0.03
_REACH = 5.0
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
    alpha : float
        Weight of coordinates in GSSA.
    noise : float
        Variance of an observed entry outside the dictionary, in standardised units.
    passes : tuple of int
        Windows per superpixel, on average, in each pass.
    """

    rank: int
    width: int
    alpha: float
    noise: float
    passes: tuple[int, ...]


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
    state = Completion.start(cube, settings, device)
    for cells in settings.passes:
        state = state.improved(cells, seed)
    return state.entries()


@dataclass(frozen=True, slots=True)
class Completion:
    """Coefficients of every cell after some passes, and what is needed to improve them.

    Parameters
    ----------
    cube : Cube
    settings : CompletionSettings
        Its passes do not matter here.
    windows : Windows
        Those whose cells are all known.
    open_windows : Tensor of int64, shape (w,)
        Windows with gaps.
    dictionary : Tensor, shape (s, k)
    evidence : Evidence
    kriging : Tensor, shape (p, p)
        Covariance of a window by a kriging prior.
    coefficients, variance : Tensor, shape (cells, k)
    passes : int
        Passes so far.
    """

    cube: Cube
    settings: CompletionSettings
    windows: Windows
    open_windows: torch.Tensor
    dictionary: torch.Tensor
    evidence: Evidence
    kriging: torch.Tensor
    coefficients: torch.Tensor
    variance: torch.Tensor
    passes: int = 0

    @classmethod
    def start(cls, cube: Cube, settings: CompletionSettings, device: str) -> Completion:
        """Start from the pilot."""
        windows = Windows.over(cube.lattice, settings.width)
        known = np.asarray(cube.known.all(axis=1))
        gaps = np.asarray(~cube.observed.all(axis=1))
        windows = windows.subset(np.flatnonzero(known[windows.cells].all(axis=1)))
        open_windows = np.flatnonzero(gaps[windows.cells].any(axis=1))
        values = torch.as_tensor(cube.values, dtype=torch.float32, device=device)
        observed = torch.as_tensor(cube.observed, device=device)
        rows = values[torch.as_tensor(known, device=device)]
        spectrum, vectors = torch.linalg.eigh((rows.T @ rows).double() / max(1, len(rows)))
        dictionary = vectors[:, -settings.rank :].flip(1).to(torch.float32)
        strength = spectrum[-settings.rank :].flip(0)
        variance = torch.as_tensor(cube.variance, dtype=torch.float32, device=device)
        return cls(
            cube,
            settings,
            windows,
            torch.as_tensor(open_windows, device=device),
            dictionary,
            Evidence.of(values, observed, dictionary, settings.noise),
            torch.kron(
                _correlation(windows, cube.lattice).to(device), torch.diag(strength)
            ).float(),
            values @ dictionary,
            variance @ dictionary**2,
        )

    def improved(self, cells: int, seed: int) -> Completion:
        """Make one more pass with superpixels of so many windows."""
        if len(self.open_windows) == 0:
            return self
        rows = self.windows.take(self.coefficients)
        place = np.unravel_index(self.windows.centre, self.cube.lattice.shape)
        labels = window_superpixels(
            rows,
            np.stack(place, axis=1).astype(np.float64),
            cells,
            self.settings.alpha,
            seed + self.passes,
        )
        part = self.windows.subset(self.open_windows.cpu().numpy())
        under = torch.as_tensor(part.cells, device=rows.device)
        count = int(labels.max()) + 1
        conditioning = Conditioning(under, labels[self.open_windows], count, self.evidence)
        prior = self._expected(conditioning, rows, labels)
        posterior = conditioning.posterior(prior)
        return self._blended(part, posterior.mean, posterior.variance)

    def entries(self) -> tuple[FloatArray, FloatArray]:
        """Return values and variances (cells, s); the observed and the pilot's as they were."""
        covered = np.zeros((len(self.cube.values), 1), dtype=np.bool_)
        if self.passes > 0:
            covered[self.windows.cells[self.open_windows.cpu().numpy()].ravel()] = True
        taken = covered & ~self.cube.observed
        mean = (self.coefficients @ self.dictionary.T).cpu().double().numpy()
        spread = self.variance @ self.dictionary.T**2 + self.settings.noise
        variance = np.where(taken, spread.cpu().double().numpy(), self.cube.variance)
        return np.where(taken, mean, self.cube.values), variance

    def _expected(
        self, conditioning: Conditioning, rows: torch.Tensor, labels: torch.Tensor
    ) -> Gaussians:
        """Take the Gaussians of superpixels of windows (m, p), and improve them by EM once.

        In place: the covariances of many small superpixels are what completion needs memory for.
        """
        blocks = packed_superpixels(labels)
        moments = Moments.of(rows, blocks)
        share = _FIRST_SHARE if self.passes == 0 else _LATER_SHARE
        prior = Gaussians(moments.mean, moments.covariance.add_(self.kriging, alpha=share))
        found, left = conditioning.expectation(prior)
        del prior, moments
        better = Moments.of(rows.index_copy(0, self.open_windows, found), blocks)
        covariance = better.covariance.addcdiv_(left, better.size[:, None, None])
        covariance.diagonal(dim1=1, dim2=2).add_(_LEAST_VARIANCE)
        return Gaussians(better.mean, covariance)

    def _blended(self, part: Windows, mean: torch.Tensor, variance: torch.Tensor) -> Completion:
        """Average windows (w, p) where they overlap, by their remaining variance.

        How much they disagree joins the variance: it tells edges, which one Gaussian does not.
        """
        weight = (1.0 / variance.mean(dim=1, keepdim=True)).expand_as(variance).contiguous()
        total = part.sum(weight)
        inside = total > 0
        total = total.clamp(min=1e-30)
        blend = torch.where(inside, part.sum(mean * weight) / total, self.coefficients)
        apart = (mean - part.take(blend)) ** 2
        left = part.sum((variance + apart) * weight) / total
        return replace(
            self,
            coefficients=blend,
            variance=torch.where(inside, left, self.variance),
            passes=self.passes + 1,
        )


def _correlation(windows: Windows, lattice: Lattice) -> torch.Tensor:
    """Correlation of the places of a window by an exponential kernel; -> (w, w)."""
    if len(windows) == 0:
        return torch.eye(windows.cells.shape[1], dtype=torch.float64)
    index = np.stack(np.unravel_index(windows.cells[0], lattice.shape), axis=1)
    apart = np.abs(index[:, None] - index[None])
    shape = np.asarray(lattice.shape)
    apart = np.where(np.asarray(lattice.wraps), np.minimum(apart, shape - apart), apart)
    return torch.as_tensor(np.exp(-np.sqrt((apart**2).sum(axis=2)) / _REACH))
