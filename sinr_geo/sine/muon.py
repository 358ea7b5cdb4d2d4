"""Muon: steps along orthogonalised momentum, for the square matrices between sine layers.

K. Jordan et al., "Muon: an optimizer for hidden layers in neural networks" (2024),
https://kellerjordan.github.io/posts/muon. PyTorch has it for single matrices; here it is for
batches of them, one per superpixel.
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["Muon", "orthogonalised"]

_COEFFICIENTS = (3.4445, -4.7750, 2.0315)
_ITERATIONS = 3
_MOMENTUM = 0.9
_TINY = 1e-12


def orthogonalised(matrices: Tensor) -> Tensor:
    """Replace the singular values of every matrix by numbers of about one size.

    Three steps of a quintic Newton-Schulz iteration: the quick way to U V' of M = U S V'.

    Parameters
    ----------
    matrices : Tensor, shape (..., m, m)
    """
    a, b, c = _COEFFICIENTS
    x: Tensor = matrices / (torch.linalg.matrix_norm(matrices)[..., None, None] + _TINY)
    for _ in range(_ITERATIONS):
        square = x @ x.mT
        x = a * x + (b * square + c * square @ square) @ x
    return x


class Muon:
    """Descent along the orthogonalised Nesterov momentum.

    Every matrix of a batch moves by the same amount, however large its gradient is, so all
    superpixels learn at one pace. They move as far on a plateau, too: without decay the weights of
    long trainings wander off, those of some superpixels until they diverge.

    Parameters
    ----------
    weights : list of Tensor, each of shape (K, m, m)
        Changed in place; gradients are looked for in ``.grad``.
    decay : float
        Share of the weights that a step takes off, over its rate (J. Liu et al., "Muon is scalable
        for LLM training", 2025).
    """

    def __init__(self, weights: list[Tensor], decay: float) -> None:
        self._weights = weights
        self._decay = decay
        self._momentum = [torch.zeros_like(weight) for weight in weights]

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """Move every matrix by `rate` times a nearly orthogonal one."""
        for weight, momentum in zip(self._weights, self._momentum, strict=True):
            if weight.grad is None:
                continue
            momentum.mul_(_MOMENTUM).add_(weight.grad)
            ahead = weight.grad + _MOMENTUM * momentum
            weight.mul_(1.0 - rate * self._decay).sub_(orthogonalised(ahead), alpha=rate)
