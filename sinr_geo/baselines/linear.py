"""Linear layers whose initial weights come from a generator, so that a seed means one network."""

from __future__ import annotations

import math

import torch
from torch import nn

__all__ = ["linear", "spread_uniformly"]


@torch.no_grad()
def linear(
    inputs: int,
    outputs: int,
    generator: torch.Generator,
    *,
    bound: float | None = None,
    dtype: torch.dtype = torch.float32,
) -> nn.Linear:
    """Return a linear layer, weights uniform in +-bound and biases in +-1 / sqrt(inputs).

    Parameters
    ----------
    inputs, outputs : int
    generator : torch.Generator
        On the CPU.
    bound : float, optional
        By default 1 / sqrt(inputs), as torch has it. Of a complex layer, that of both parts.
    dtype : torch.dtype
    """
    layer = nn.Linear(inputs, outputs, dtype=dtype)
    usual = 1.0 / math.sqrt(inputs)
    spread_uniformly(layer.weight, usual if bound is None else bound, generator)
    spread_uniformly(layer.bias, usual, generator)
    return layer


@torch.no_grad()
def spread_uniformly(tensor: torch.Tensor, bound: float, generator: torch.Generator) -> None:
    """Draw a tensor anew, uniform in +-bound."""
    real = torch.view_as_real(tensor) if tensor.is_complex() else tensor
    real.uniform_(-bound, bound, generator=generator)
