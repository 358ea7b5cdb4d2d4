"""The last layer in closed form: ridge regression, or Gaussian weights given the data.

With the sine layers fixed, the output is linear in the last layer W_L, b_L, with D fixed too:
minimise |M * (Y - (Z W + 1 b') D)|^2 + sum_j lambda_j |W_j / spread|^2 in every superpixel, where
M is the mask per entry. Where every point is observed in all channels or in none this falls
apart into r ridge regressions with one matrix; otherwise conjugate gradients solve it, with those
ridge regressions as preconditioner.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from sinr_geo.sine.network import SuperpixelNetwork
from sinr_geo.sine.samples import Samples, Slots

__all__ = ["Head", "set_head", "solve_heads"]

Head = tuple[Tensor, Tensor]
"""Weights (K, h, r) and bias (K, 1, r) of a last layer."""

_BIAS_SPREAD = 3.0
_ITERATIONS = 60
_TOLERANCE = 1e-4
_NUMBERS = 1 << 25


def solve_heads(
    network: SuperpixelNetwork,
    samples: Samples,
    gates: list[Tensor] | None,
    spread: Tensor,
    penalties: Sequence[Tensor],
) -> list[Head]:
    """Solve the last layer of a network for some penalties.

    Superpixels are taken in groups, so that their matrices never fill more than some 100 MiB.

    Parameters
    ----------
    network : SuperpixelNetwork
        Gives the sine layers and, as rows of `network.dictionary` (r, s), D; they have to be
        orthonormal.
    samples : Samples
    gates : list of Tensor, or None
        Frozen gates of the sine layers and of the last layer.
    spread : Tensor, shape (K, h)
        Prior standard deviation of the weights of each feature.
    penalties : sequence of Tensor of float64, shape (r,)
        lambda_j: variance of the noise over that of the signal in each column of D.

    Returns
    -------
    list of Head
        One for each penalty.
    """
    k, h, r = *spread.shape, len(network.dictionary)
    heads = [(spread.new_zeros(k, h, r), spread.new_zeros(k, 1, r)) for _ in penalties]
    for group in _groups(samples, h):
        system = _System(network, samples, gates, spread, group)
        for (weight, bias), penalty in zip(heads, penalties, strict=True):
            solution = system.solve(penalty)
            weight[group], bias[group] = solution[:, :-1], solution[:, -1:]
    return heads


@torch.no_grad()
def set_head(network: SuperpixelNetwork, head: Head) -> None:
    """Give a network a last layer."""
    network.head.weight.copy_(head[0])
    network.head.bias.copy_(head[1])


def _groups(samples: Samples, width: int) -> Iterator[slice]:
    """Cut the superpixels into runs whose matrices and features are small enough."""
    packing = samples.packing
    blocks = torch.bincount(packing.superpixel, minlength=packing.count).cpu().numpy()
    cost = blocks * packing.row.shape[1] * width + 4 * width**2
    run = np.cumsum(cost) // _NUMBERS
    edges = np.flatnonzero(np.diff(run, prepend=-1, append=-1))
    for first, last in pairwise(edges):
        yield slice(int(first), int(last))


@dataclass(frozen=True, slots=True)
class _Part:
    """Features z (B, P, h) of one chunk, with their prior spread multiplied in, and its slots."""

    z: Tensor
    slots: Slots


class _System:
    """Normal equations of a group of superpixels."""

    def __init__(
        self,
        network: SuperpixelNetwork,
        samples: Samples,
        gates: list[Tensor] | None,
        spread: Tensor,
        group: slice,
    ) -> None:
        self._network = network
        self._gates = gates
        bias = spread.new_full((len(spread), 1), _BIAS_SPREAD)
        self._spread = torch.cat((spread, bias), dim=1)
        self._group = group
        self._dictionary = network.dictionary.detach()
        observed = samples.observed
        self._whole = bool((observed.any(dim=1) == observed.all(dim=1)).all())
        self._held = [] if self._whole else list(self._parts(samples))
        self._gram, self._right = self._normal_equations(samples)

    @torch.no_grad()
    def solve(self, penalty: Tensor) -> Tensor:
        """Return weights and bias together, shape (K, h + 1, r), for a penalty (r,)."""
        share = 1.0 if self._whole else self._share_observed()
        factors = self._factors(share, penalty)
        solution = _apply(factors, self._right)
        if not self._whole:
            solution = self._conjugate(solution, factors, penalty)
        return (solution * self._spread[self._group, :, None]).float()

    @torch.no_grad()
    def _parts(self, samples: Samples) -> Iterator[_Part]:
        """Yield the features of all chunks; superpixels are numbered from the group's first."""
        for slots in samples.chunks(self._group.start, self._group.stop):
            packing = slots.packing
            z, gate = self._network.features(slots.x, packing, self._gates)
            if gate is not None:
                z = z * gate[packing.superpixel][:, None]
            z = torch.cat((z, torch.ones_like(z[:, :, :1])), dim=2)
            spread = self._spread[packing.superpixel][:, None]
            local = packing.renumbered(self._group.start, self._group.stop)
            yield _Part(z * spread * packing.filled, Slots(local, slots.x, slots.y, slots.mask))

    def _normal_equations(self, samples: Samples) -> tuple[Tensor, Tensor]:
        """Return Z'Z (K, h + 1, h + 1) and Z'(M * Y)D' (K, h + 1, r)."""
        k, h = self._group.stop - self._group.start, self._spread.shape[1]
        gram = self._spread.new_zeros((k, h, h), dtype=torch.float64)
        right = gram.new_zeros((k, h, len(self._dictionary)))
        for part in self._held or self._parts(samples):
            z, packing = part.z.double(), part.slots.packing
            target = (part.slots.y * part.slots.mask) @ self._dictionary.T
            packing.add_blocks(gram, torch.bmm(z.mT, z))
            packing.add_blocks(right, torch.bmm(z.mT, target.double()))
        return gram, right

    def _share_observed(self) -> float:
        filled = sum(float(part.slots.packing.filled.sum()) for part in self._held)
        seen = sum(float(part.slots.mask.mean(dim=2).sum()) for part in self._held)
        return seen / max(filled, 1.0)

    def _factors(self, share: float, penalty: Tensor) -> list[tuple[Tensor, list[int]]]:
        """Factor share Z'Z + lambda_j I, once for columns with the same penalty."""
        values = penalty.tolist()
        identity = torch.eye(self._gram.shape[1], dtype=torch.float64, device=self._gram.device)
        return [
            (
                torch.linalg.cholesky(share * self._gram + value * identity),
                [j for j, other in enumerate(values) if other == value],
            )
            for value in dict.fromkeys(values)
        ]

    def _conjugate(
        self, solution: Tensor, factors: list[tuple[Tensor, list[int]]], penalty: Tensor
    ) -> Tensor:
        """Solve by conjugate gradients, all superpixels side by side."""
        residual = self._right - self._product(solution, penalty)
        direction = calm = _apply(factors, residual)
        size = _inner(residual, calm)
        enough = _TOLERANCE**2 * _inner(self._right, _apply(factors, self._right)).sum()
        for _ in range(_ITERATIONS):
            image = self._product(direction, penalty)
            step = size / _inner(direction, image).clamp(min=1e-300)
            solution = solution + step * direction
            residual = residual - step * image
            calm = _apply(factors, residual)
            previous, size = size, _inner(residual, calm)
            if size.sum() <= enough:
                break
            direction = calm + size / previous.clamp(min=1e-300) * direction
        return solution

    def _product(self, weights: Tensor, penalty: Tensor) -> Tensor:
        """Return Z'(M * (Z W D))D' + W diag(lambda), shape (K, h, r)."""
        total = weights * penalty
        single = weights.float()
        for part in self._held:
            packing = part.slots.packing
            out = torch.bmm(part.z, single[packing.superpixel]) @ self._dictionary
            back = (out * part.slots.mask) @ self._dictionary.T
            packing.add_blocks(total, torch.bmm(part.z.mT, back).double())
        return total


def _apply(factors: list[tuple[Tensor, list[int]]], right: Tensor) -> Tensor:
    """Solve with the factors of every column's matrix; (K, h, r) -> (K, h, r)."""
    solution = torch.empty_like(right)
    for factor, columns in factors:
        solution[:, :, columns] = torch.cholesky_solve(right[:, :, columns], factor)
    return solution


def _inner(left: Tensor, right: Tensor) -> Tensor:
    """Inner product per superpixel; -> (K, 1, 1)."""
    return (left * right).sum(dim=(1, 2), keepdim=True)
