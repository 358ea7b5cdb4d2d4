"""Windows conditioned on what was observed under them, batched over superpixels.

The Gaussian (m, C) of a window's superpixel meets its measurements y = H x + noise of unit
variance: mean m + C H' S^-1 (y - H m), covariance C - C H' S^-1 H C, with S = H C H' + I. The
systems are as large as the number of measurements, so the fewer were observed the faster.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch

from sinr_geo.gaussian.evidence import Evidence
from sinr_geo.gaussian.moments import Blocks

__all__ = ["Conditioning", "Gaussians", "Posterior"]

_BLOCK = 8
_ELEMENTS = 1 << 19
_LEAST_VARIANCE = 1e-8


@dataclass(frozen=True, slots=True)
class Gaussians:
    """Mean (K, p) and covariance (K, p, p) of every superpixel."""

    mean: torch.Tensor
    covariance: torch.Tensor


@dataclass(frozen=True, slots=True)
class Posterior:
    """Mean and variance of every window, each of shape (m, p)."""

    mean: torch.Tensor
    variance: torch.Tensor


@dataclass(frozen=True, slots=True)
class _Solved:
    """A chunk of b blocks of q windows.

    Parameters
    ----------
    rows : Tensor of int64, shape (b, q)
        Windows; one past the last where a block is padded.
    owner : Tensor of int64, shape (b,)
    gain : Tensor, shape (b, q * e, p)
        S^(-1/2) H C.
    surprise : Tensor, shape (b, q * e, 1)
        S^(-1/2) (y - H m).
    """

    rows: torch.Tensor
    owner: torch.Tensor
    gain: torch.Tensor
    surprise: torch.Tensor


class Conditioning:
    """Windows with their measurements, packed by superpixel.

    Parameters
    ----------
    cells : Tensor of int64, shape (m, w)
        Cell under every place of a window.
    labels : Tensor of int64, shape (m,)
        Superpixel of every window.
    count : int
        Number of superpixels K.
    evidence : Evidence
        Of all cells.
    """

    def __init__(
        self, cells: torch.Tensor, labels: torch.Tensor, count: int, evidence: Evidence
    ) -> None:
        """Sort windows by their number of measurements, so that blocks need little padding."""
        self._cells, self._evidence = cells, evidence
        known = evidence.count[cells].sum(dim=1)
        order = torch.argsort(known, stable=True)
        blocks = Blocks.of(labels[order], count, _BLOCK)
        missing = torch.full((1,), len(cells), device=cells.device)
        rows = torch.cat((order, missing))[blocks.rows]
        most = torch.cat((known, torch.zeros_like(missing)))[rows].amax(dim=1)
        by_size = torch.argsort(most, stable=True)
        self._rows, self._owner = rows[by_size], blocks.owner[by_size]
        self._most = most[by_size].tolist()

    def posterior(self, prior: Gaussians) -> Posterior:
        """Condition every window."""
        mean = prior.mean.new_zeros((len(self._cells) + 1, prior.mean.shape[1]))
        variance = torch.zeros_like(mean)
        for part in self._solved(prior):
            self._write(part, prior, mean, variance)
        return Posterior(mean[:-1], variance[:-1])

    def expectation(self, prior: Gaussians) -> tuple[torch.Tensor, torch.Tensor]:
        """Return means (m, p), and of every superpixel the sum of covariances (K, p, p)."""
        mean = prior.mean.new_zeros((len(self._cells) + 1, prior.mean.shape[1]))
        told = torch.zeros_like(prior.covariance)
        windows = prior.mean.new_zeros(len(prior.mean))
        for part in self._solved(prior):
            self._write(part, prior, mean, None)
            told.index_add_(0, part.owner, part.gain.transpose(1, 2) @ part.gain)
            real = (part.rows < len(self._cells)).sum(dim=1).to(windows.dtype)
            windows.index_add_(0, part.owner, real)
        left = told.neg_().addcmul_(windows[:, None, None], prior.covariance)
        return mean[:-1], left

    def _write(
        self,
        part: _Solved,
        prior: Gaussians,
        mean: torch.Tensor,
        variance: torch.Tensor | None,
    ) -> None:
        """Write the windows of a chunk to their rows of mean and variance, each (m + 1, p)."""
        rows, p = part.rows.reshape(-1), mean.shape[1]
        gain = part.gain.reshape(len(rows), -1, p)
        found = (gain.transpose(1, 2) @ part.surprise.reshape(len(rows), -1, 1)).reshape(
            *part.rows.shape, p
        )
        mean[rows] = (found + prior.mean[part.owner, None]).reshape(-1, p)
        if variance is not None:
            whole = prior.covariance[part.owner].diagonal(dim1=1, dim2=2)[:, None]
            told = torch.einsum("nep,nep->np", gain, gain).reshape(found.shape)
            variance[rows] = (whole - told).clamp(min=_LEAST_VARIANCE).reshape(-1, p)

    def _solved(self, prior: Gaussians) -> Iterator[_Solved]:
        """Solve the systems, blocks of about as many measurements together."""
        most, first = self._most, 0
        room = _ELEMENTS // (self._rows.shape[1] * prior.mean.shape[1])
        while first < len(most):
            last = first + 1
            while last < len(most) and (last + 1 - first) * most[last] <= room:
                last += 1
            yield self._solve(slice(first, last), max(1, most[last - 1]), prior)
            first = last

    def _solve(self, part: slice, most: int, prior: Gaussians) -> _Solved:
        rows, owner = self._rows[part], self._owner[part]
        measures, value = self._measures(rows.reshape(-1), most)
        b, p = len(rows), prior.mean.shape[1]
        n = rows.numel()
        flat = measures.reshape(b, -1, p)
        cross = (flat @ prior.covariance[owner]).reshape(n, most, p)
        system = cross @ measures.transpose(1, 2)
        system.diagonal(dim1=1, dim2=2).add_(1.0)
        unit = torch.eye(most, dtype=system.dtype, device=system.device).expand_as(system)
        root = torch.linalg.solve_triangular(torch.linalg.cholesky(system), unit, upper=False)
        surprise = value[..., None] - (flat @ prior.mean[owner, :, None]).reshape(n, most, 1)
        return _Solved(
            rows,
            owner,
            (root @ cross).reshape(b, -1, p),
            (root @ surprise).reshape(b, -1, 1),
        )

    def _measures(self, rows: torch.Tensor, most: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the measurements of windows (n,); -> (n, e, p), (n, e), zeros for padding."""
        evidence, (places, k) = self._evidence, (self._cells.shape[1], self._evidence.rows.shape[2])
        real = rows < len(self._cells)
        cells = self._cells[rows.clamp(max=len(self._cells) - 1)]
        slot = torch.arange(evidence.rows.shape[1], device=rows.device)
        there = (slot < evidence.count[cells][..., None]) & real[:, None, None]
        window, place, slot = there.nonzero(as_tuple=True)
        rank = there.reshape(len(rows), -1).cumsum(dim=1).reshape(there.shape)[there] - 1
        cell = cells[window, place]
        measures = evidence.rows.new_zeros((len(rows), most, places, k))
        measures[window, rank, place] = evidence.rows[cell, slot]
        value = evidence.values.new_zeros((len(rows), most))
        value[window, rank] = evidence.values[cell, slot]
        return measures.reshape(len(rows), most, places * k), value
