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
from sinr_geo.gaussian.segments import TOLERANCE
from sinr_geo.gssa import joint_features, segment
from sinr_geo.nearest_centres import nearest_centres
from sinr_geo.points import FloatArray

__all__ = ["Belonging", "condition"]

_CANDIDATES = 4
_LEAST_VARIANCE = 1e-6
_ELEMENTS = 1 << 22


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
        labels = segment(
            features, coordinates, count, alpha, seed=seed, device=device, tolerance=TOLERANCE
        )
        sizes = np.bincount(labels)
        joint = joint_features(features, coordinates, alpha)
        sums = [np.bincount(labels, weights=column) for column in joint.T]
        centres = np.stack(sums, axis=1) / sizes[:, None]
        candidates = nearest_centres(
            torch.as_tensor(joint, device=device),
            torch.as_tensor(centres.astype(np.float32), device=device),
            min(_CANDIDATES, sizes.size),
        )
        belongs = torch.as_tensor(labels, dtype=torch.int64, device=device)
        return cls(belongs, candidates, sizes.size)


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
    gaussians = _Gaussians(moments.mean, whitening, log_scale)
    found, likelihood = gaussians.condition(noisy, belonging, noise)
    return _mixture(found, likelihood, left, belonging.candidates)


@dataclass(frozen=True, slots=True)
class _Gaussians:
    """The noisy Gaussians N(m, S) of K superpixels.

    Parameters
    ----------
    mean : Tensor, shape (K, p)
    whitening : Tensor, shape (K, p, p)
        W with W W' = S^-1.
    log_scale : Tensor, shape (K,)
        Half the log-determinant of S.
    """

    mean: torch.Tensor
    whitening: torch.Tensor
    log_scale: torch.Tensor

    def condition(
        self, noisy: torch.Tensor, belonging: Belonging, noise: float
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Condition every window on each of its t candidates.

        All windows of a superpixel are multiplied by its matrices at once, whichever of their
        candidates it is.

        Returns
        -------
        found : Tensor, shape (m, t, p)
        likelihood : Tensor, shape (m, t)
            Logarithm, a constant left out.
        """
        (m, p), t = noisy.shape, belonging.candidates.shape[1]
        blocks = Blocks.of(belonging.candidates.reshape(-1), belonging.count)
        padded = torch.cat((noisy, noisy.new_zeros((1, p))))
        found, likelihood = noisy.new_empty((m * t + 1, p)), noisy.new_empty(m * t + 1)
        for part in blocks.chunks(p):
            pair, owner = blocks.rows[part], blocks.owner[part]
            rows, whitening = padded[pair // t], self.whitening[owner]
            white = (rows - self.mean[owner][:, None]) @ whitening
            likelihood[pair] = -0.5 * (white**2).sum(dim=2) - self.log_scale[owner][:, None]
            found[pair] = torch.baddbmm(rows, white, whitening.transpose(1, 2), alpha=-noise)
        return found[:-1].reshape(m, t, p), likelihood[:-1].reshape(m, t)


def _mixture(
    found: torch.Tensor, likelihood: torch.Tensor, left: torch.Tensor, candidates: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return mean and variance, each (m, p), of mixtures of t components.

    Parameters
    ----------
    found : Tensor, shape (m, t, p)
    likelihood : Tensor, shape (m, t)
    left : Tensor, shape (K, p)
        Variance within every superpixel.
    candidates : Tensor of int64, shape (m, t)
    """
    weights = torch.softmax(likelihood, dim=1)[:, None]
    mean, variance = (found.new_empty((len(found), found.shape[2])) for _ in range(2))
    rows = max(1, _ELEMENTS // found[0].numel())
    for start in range(0, len(found), rows):
        part = slice(start, start + rows)
        mean[part] = (weights[part] @ found[part])[:, 0]
        second = (found[part] - mean[part, None]).square_().add_(left[candidates[part]])
        variance[part] = (weights[part] @ second)[:, 0]
    return mean, variance


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
