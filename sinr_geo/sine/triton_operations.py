"""Our kernels for a GPU, named as in `operations`. Import it only where Triton is installed."""

from __future__ import annotations

import sys
from typing import cast

import numpy as np
import torch
from torch import Tensor

from sinr_geo.sine import sweeps
from sinr_geo.sine.operations import Operations
from sinr_geo.sine.packing import pack_pairs
from sinr_geo.sine.sweeps import with_constant
from sinr_geo.sine.triton_gates import joined_weights, open_gate
from sinr_geo.sine.triton_layers import WIDEST, pooled_sine_sweep, sine_sweep
from sinr_geo.sine.triton_residual import residual_sweep

__all__ = [
    "WIDEST",
    "joined_weights",
    "open_gate",
    "pooled_sine_sweep",
    "residual_sweep",
    "sine_sweep",
    "try_out",
]

_OURS = cast(Operations, sys.modules[__name__])


def try_out(device: str) -> None:
    """Build the kernels and compare what they give with `sweeps`, at the largest sizes.

    Raises
    ------
    RuntimeError
        If they do not give the same; whatever Triton raises where it cannot build them.
    """
    ours, torchs = (_gradients(by, device) for by in (_OURS, sweeps))
    for one, other in zip(ours, torchs, strict=True):
        if not torch.allclose(one, other, rtol=1e-2, atol=1e-2 * float(other.abs().max())):
            raise RuntimeError("a kernel gives wrong numbers")


def _gradients(by: Operations, device: str) -> list[Tensor]:
    """Take a step of a network of two layers on 40 points of two superpixels."""
    generator, width = torch.Generator().manual_seed(0), WIDEST - 4

    def drawn(*shape: int) -> Tensor:
        scale = shape[-2] ** -0.5
        numbers = scale * torch.randn(shape, generator=generator)
        return torch.as_tensor(numbers, device=device).requires_grad_()

    points = np.arange(40)
    packing = pack_pairs(points, points // 30, np.ones(40), points % 3 > 0, count=2, device=device)
    x, y = drawn(len(packing), 2, packing.row.shape[1]), drawn(*packing.row.shape, 5)
    first, hidden, last = drawn(2, 2, width), drawn(2, width, width), drawn(2, width + 1, 5)
    biases = drawn(2, 1, width), drawn(2, 1, width)
    squeeze, excite = drawn(2, width, 4), drawn(2, 4, width)
    z = with_constant(x.detach().mT, packing.filled)
    joined = by.joined_weights(first, biases[0], None, 3.0)
    z, mean = by.pooled_sine_sweep(z, joined, packing, packing.own_sizes())
    joined = by.joined_weights(hidden, biases[1], by.open_gate(mean, squeeze, excite), 1.0)
    z = by.sine_sweep(z, joined, packing)
    known = packing.filled.mT.expand(-1, 5, -1)
    squares = by.residual_sweep(z, last, packing, y.detach().mT, known)
    return list(torch.autograd.grad(squares.sum(), (first, hidden, last, *biases, squeeze, excite)))
