"""The last layer's posterior where every entry has a mask of its own.

Codes are c(x) = mean + (W' z(x) + b), a priori with covariance (z z' + constant) C for two points
and a covariance C (r, r) of codes that the superpixel may have to itself. An equation with design
d tells d . c(x), so the covariance of two equations is (z z' + constant) (d' C d): one positive
definite system per superpixel, as large as it has equations.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from sinr_geo.cholesky import safe_cholesky

__all__ = ["CodePrior", "EntryPosterior", "EntrySolution"]

_PRIOR_SAMPLES = 20.0


@dataclass(frozen=True, slots=True)
class CodePrior:
    """Prior of the codes in k superpixels.

    Parameters
    ----------
    mean : Tensor, shape (k, 1, r)
    covariance : Tensor, shape (k, r, r)
        Of codes, for a sum of squared features of 1.
    constant : float
        Variance of the superpixel's own mean against that.
    """

    mean: Tensor
    covariance: Tensor
    constant: float


@dataclass(frozen=True, slots=True)
class EntrySolution:
    """Weights of k superpixels for one noise.

    Parameters
    ----------
    weight : Tensor, shape (k, h, r)
        For features with the prior spread multiplied in.
    bias : Tensor, shape (k, 1, r)
    level : Tensor, shape (k, 1, 1)
        What a variance of 1 is worth in this superpixel: a chi-square estimate, held to 1 as if
        by 20 equations.
    factor : Tensor, shape (k, E, E)
        Cholesky factor of the equations' covariance.
    """

    weight: Tensor
    bias: Tensor
    level: Tensor
    factor: Tensor


class EntryPosterior:
    """Equations of k superpixels.

    Parameters
    ----------
    z : Tensor of float32, shape (k, M, h)
        Features of points with the prior spread multiplied in.
    slot : Tensor of int64, shape (k, E)
        Which of the M points an equation is about.
    design : Tensor of float64, shape (k, E, r)
        0 where padded.
    value : Tensor of float64, shape (k, E)
        0 where padded.
    prior : CodePrior
    """

    def __init__(
        self, z: Tensor, slot: Tensor, design: Tensor, value: Tensor, prior: CodePrior
    ) -> None:
        self._z, self._slot, self._prior = z, slot, prior
        self._design = design
        self._spread = design @ prior.covariance
        self._value = value - (design * prior.mean).sum(dim=2)
        of_points = torch.bmm(z, z.mT).double() + prior.constant
        rows = of_points.gather(1, slot[:, :, None].expand(-1, -1, of_points.shape[2]))
        pairs = rows.gather(2, slot[:, None, :].expand(-1, slot.shape[1], -1))
        self._covariance = pairs * (self._spread @ design.mT)

    def solve(self, noise: float) -> EntrySolution:
        """Return the posterior for a noise variance."""
        total = self._covariance.clone()
        total.diagonal(dim1=1, dim2=2).add_(noise)
        factor = safe_cholesky(total)
        solved = torch.cholesky_solve(self._value[..., None], factor)
        pull = torch.zeros(
            (*self._z.shape[:2], self._spread.shape[2]), dtype=solved.dtype, device=solved.device
        )
        index = self._slot[..., None].expand_as(self._spread)
        pull.scatter_add_(1, index, solved * self._spread)
        weight = self._z.mT @ pull.float()
        bias = self._prior.mean + self._prior.constant * pull.sum(dim=1, keepdim=True)
        equations = (self._design != 0).any(dim=2).sum(dim=1)[:, None, None]
        misfit = (self._value[..., None] * solved).sum(dim=1, keepdim=True)
        level = (_PRIOR_SAMPLES + misfit) / (_PRIOR_SAMPLES + equations)
        return EntrySolution(weight, bias, level, factor)

    def covariance(self, z: Tensor, solution: EntrySolution) -> Tensor:
        """Return the covariance of codes at other features (k, q, h); -> (k, q, r, r)."""
        k, q, r = *z.shape[:2], self._spread.shape[2]
        prior = (z**2).sum(dim=2).double() + self._prior.constant
        cross = torch.bmm(self._z, z.mT).double() + self._prior.constant
        cross = cross.gather(1, self._slot[:, :, None].expand(-1, -1, q))
        wide = (cross[..., None] * self._spread[:, :, None, :]).reshape(k, -1, q * r)
        known = torch.linalg.solve_triangular(solution.factor, wide, upper=False)
        split = known.reshape(k, -1, q, r).permute(0, 2, 3, 1)
        left = prior[..., None, None] * self._prior.covariance[:, None] - split @ split.mT
        scaled: Tensor = left * solution.level[..., None]
        return scaled
