"""Noisy windows conditioned on the Gaussians of the superpixels around them.

A window may belong to any of the few superpixels whose centres lie nearest to it. Each of them
says, by its own mean m and covariance C, how likely the noisy window y is,

    log N(y; m, S),   S = C + u I,

and what lies under it, m + C S^-1 (y - m) = y - u S^-1 (y - m). The estimate is the mean over the
superpixels, weighted by likelihood; what remains is the variance within and between them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from sinr_geo.gaussian.moments import Blocks, Moments
from sinr_geo.gssa import segment
from sinr_geo.nearest import nearest
from sinr_geo.points import FloatArray

__all__ = ["Belonging", "condition"]

_CANDIDATES = 4
_LEAST_VARIANCE = 1e-6
_ELEMENTS = 1 << 24


@dataclass(frozen=True, slots=True)
class Belonging:
    """The superpixel of every window, and those it may belong to.

    Parameters
    ----------
    labels : Tensor of int64, shape (m,)
    candidates : Tensor of int64, shape (m, t)
        Superpixels whose centres are nearest, nearest first.
    count : int
        Number of superpixels.
    """

    labels: torch.Tensor
    candidates: torch.Tensor
    count: int

    @classmethod
    def of(
        cls,
        features: FloatArray,
        coordinates: FloatArray,
        count: int,
        alpha: float,
        *,
        seed: int,
        device: str,
    ) -> Belonging:
        """Segment windows by GSSA and look for the centres nearest to each.

        Parameters
        ----------
        features : ndarray, shape (m, q)
            What is alike in windows of one superpixel: their principal components.
        coordinates : ndarray, shape (m, d)
        count : int
            Number of superpixels.
        alpha : float
            Weight of coordinates.
        seed : int
        device : str
        """
        labels = segment(features, coordinates, count, alpha, seed=seed, device=device)
        sizes = np.bincount(labels)
        joint = np.concatenate(
            (features / _spread(features), np.sqrt(alpha) * coordinates / _spread(coordinates)),
            axis=1,
        )
        sums = [np.bincount(labels, weights=column) for column in joint.T]
        centres = np.stack(sums, axis=1) / sizes[:, None]
        _, index = nearest(centres, joint, min(_CANDIDATES, sizes.size))
        return cls(
            torch.as_tensor(labels, dtype=torch.int64, device=device),
            torch.as_tensor(index, dtype=torch.int64, device=device),
            sizes.size,
        )


def condition(
    noisy: torch.Tensor, clean: torch.Tensor, belonging: Belonging, noise: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Estimate windows from their noisy selves and the Gaussians of their superpixels.

    Parameters
    ----------
    noisy : Tensor, shape (m, p)
        Windows with noise of unit variance.
    clean : Tensor, shape (m, p)
        The same windows of a first estimate; means and covariances are taken from these.
    belonging : Belonging
    noise : float
        Variance u against which covariances are weighed; above 1 it makes up for what noise the
        first estimate still holds.

    Returns
    -------
    mean, variance : Tensor, each of shape (m, p)
    """
    moments = Moments.of(clean, Blocks.of(belonging.labels, belonging.count))
    whitening, log_scale = _whitening(moments.covariance, noise)
    left = 1.0 - noise * (whitening**2).sum(dim=2)
    left = left.clamp(min=_LEAST_VARIANCE) + 1.0 / moments.size.clamp(min=1.0)[:, None]
    mixed = _Mixed.empty(noisy)
    for owner in belonging.candidates.T:
        blocks = Blocks.of(owner, belonging.count)
        centred = noisy - moments.mean[owner]
        white = _product(centred, whitening, blocks)
        likelihood = -0.5 * (white**2).sum(dim=1) - log_scale[owner]
        found = noisy - noise * _product(white, whitening.transpose(1, 2), blocks)
        mixed.add(likelihood, found, left[owner])
    return mixed.moments()


def _whitening(covariance: torch.Tensor, noise: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Return W with W W' = (C + u I)^-1 and half the log-determinant of C + u I.

    Returns
    -------
    whitening : Tensor, shape (K, p, p)
    log_scale : Tensor, shape (K,)
    """
    whitening, log_scale = torch.empty_like(covariance), covariance.new_empty(len(covariance))
    unit = torch.eye(covariance.shape[1], dtype=covariance.dtype, device=covariance.device)
    step = max(1, _ELEMENTS // unit.numel())
    for start in range(0, len(covariance), step):
        part = slice(start, start + step)
        factor = torch.linalg.cholesky(covariance[part] + noise * unit)
        inverse = torch.linalg.solve_triangular(factor, unit.expand_as(factor), upper=False)
        whitening[part] = inverse.transpose(1, 2)
        log_scale[part] = torch.log(torch.diagonal(factor, dim1=1, dim2=2)).sum(dim=1)
    return whitening, log_scale


def _product(rows: torch.Tensor, matrices: torch.Tensor, blocks: Blocks) -> torch.Tensor:
    """Multiply every row by the matrix of its superpixel; (m, p) -> (m, p)."""
    padded = torch.cat((rows, rows.new_zeros((1, rows.shape[1]))))
    out = torch.empty_like(padded)
    for part in blocks.chunks(rows.shape[1]):
        index = blocks.rows[part]
        out[index] = padded[index] @ matrices[blocks.owner[part]]
    return out[:-1]


@dataclass(slots=True)
class _Mixed:
    """Running sums of a mixture; weights are relative to the highest likelihood so far."""

    top: torch.Tensor
    weight: torch.Tensor
    first: torch.Tensor
    second: torch.Tensor

    @classmethod
    def empty(cls, rows: torch.Tensor) -> _Mixed:
        none = rows.new_zeros((len(rows), 1))
        return cls(none - torch.inf, none, torch.zeros_like(rows), torch.zeros_like(rows))

    def add(self, likelihood: torch.Tensor, mean: torch.Tensor, variance: torch.Tensor) -> None:
        """Add a component: (m,), (m, p) and (m, p)."""
        top = torch.maximum(self.top, likelihood[:, None])
        kept, new = torch.exp(self.top - top), torch.exp(likelihood[:, None] - top)
        total = kept * self.weight + new
        share = new / total
        apart = mean - self.first
        self.second = (1.0 - share) * (self.second + share * apart**2) + share * variance
        self.first = self.first + share * apart
        self.top, self.weight = top, total

    def moments(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Return mean and variance of the mixture."""
        return self.first, self.second


def _spread(columns: FloatArray) -> float:
    """Return the root of the total variance, as GSSA weighs values and coordinates by it."""
    return float(np.sqrt(columns.var(axis=0).sum())) or 1.0
