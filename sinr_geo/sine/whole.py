"""The last layer's posterior where points are observed whole.

Every code is then a regression of its own on the sines of its superpixel, and all share one
matrix. With Z (M, h) the features of M samples, prior spread included and their mean taken off,
K = Z Z' = U diag(l) U'. A code y with noise over signal variance n has the weights

    W = Z' U diag(a / (a l + n)) U' (y - mean)

for a signal of amplitude a. This dual form is the ridge regression on h features at the cost of M
samples, so features may be many. Where several amplitudes are possible, each counts as likely as
it makes the samples of its superpixel.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["WholePosterior", "WholeSolution"]

_PRIOR_SAMPLES = 20.0


@dataclass(frozen=True, slots=True)
class WholeSolution:
    """Weights of k superpixels for one noise.

    Parameters
    ----------
    weight : Tensor, shape (k, h, r)
        For features with the prior spread multiplied in.
    bias : Tensor, shape (k, 1, r)
    amplitude : Tensor, shape (k, 1, r)
        Mean amplitude of the signal.
    level : Tensor, shape (k, 1, r)
        What a variance of 1 is worth in this superpixel: a chi-square estimate, held to 1 as if
        by 20 samples.
    gain : Tensor, shape (k, M, r)
        Variance explained along every eigenvector.
    noise : Tensor, shape (r,)
    """

    weight: Tensor
    bias: Tensor
    amplitude: Tensor
    level: Tensor
    gain: Tensor
    noise: Tensor


class WholePosterior:
    """Samples of k superpixels, diagonalised.

    Parameters
    ----------
    z : Tensor of float32, shape (k, M, h)
        Features with the prior spread multiplied in; 0 where padded.
    codes : Tensor of float64, shape (k, M, r)
        In units of their signal's standard deviation; 0 where padded.
    filled : Tensor of bool, shape (k, M)
    """

    def __init__(self, z: Tensor, codes: Tensor, filled: Tensor) -> None:
        self._count = filled.sum(dim=1).clamp(min=1)[:, None, None]
        self._centre = z.sum(dim=1, keepdim=True) / self._count.float()
        self._z = (z - self._centre) * filled[..., None]
        self._mean = codes.sum(dim=1, keepdim=True) / self._count
        values, self._vectors = torch.linalg.eigh(torch.bmm(self._z, self._z.mT).double())
        self._eigen = values.clamp(min=0.0)[..., None]
        self._along = self._vectors.mT @ ((codes - self._mean) * filled[..., None])

    def solve(self, noise: Tensor, amplitudes: Tensor) -> WholeSolution:
        """Return the posterior for noise over signal variance (r,) and amplitudes (a,)."""
        likely = self._likelihood(noise, amplitudes)
        gain = torch.zeros_like(self._along)
        for share, amplitude in zip(likely, amplitudes, strict=True):
            gain += share * amplitude / (amplitude * self._eigen + noise)
        coefficient = gain * self._along
        weight = self._z.mT @ (self._vectors @ coefficient).float()
        bias = self._mean - (self._centre @ weight).double()
        unexplained = (self._along**2).sum(dim=1, keepdim=True) - (
            self._along * self._eigen * coefficient
        ).sum(dim=1, keepdim=True)
        level = (_PRIOR_SAMPLES + unexplained / noise) / (_PRIOR_SAMPLES + self._count)
        amplitude = (likely * amplitudes[:, None, None, None]).sum(dim=0)
        return WholeSolution(weight, bias, amplitude, level, gain, noise)

    def variance(self, z: Tensor, solution: WholeSolution) -> Tensor:
        """Return the variance of codes at other features (k, q, h); -> (k, q, r)."""
        centred = z - self._centre
        prior = (centred**2).sum(dim=2, keepdim=True).double()
        along = torch.bmm(centred, self._z.mT).double() @ self._vectors
        left = solution.amplitude * prior - along**2 @ (solution.amplitude * solution.gain)
        total: Tensor = solution.level * (left.clamp(min=0.0) + solution.noise / self._count)
        return total

    def _likelihood(self, noise: Tensor, amplitudes: Tensor) -> Tensor:
        """Weigh the amplitudes by the marginal likelihood of the samples; -> (a, k, 1, r)."""
        found = []
        for amplitude in amplitudes:
            total = amplitude * self._eigen + noise
            found.append(-0.5 * (self._along**2 / total + torch.log(total)).sum(dim=1))
        return torch.softmax(torch.stack(found), dim=0)[:, :, None, :]
