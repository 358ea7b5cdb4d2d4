"""Initial weights: SIREN's, for all superpixels at once.

Every tensor is drawn from a generator on the CPU, so that a seed means the same on every device.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

__all__ = ["dictionary", "hidden_layer", "sine_layer", "uniform"]


def uniform(shape: tuple[int, ...], fan_in: int, generator: torch.Generator) -> Tensor:
    """Draw from -1 / sqrt(fan_in) ... 1 / sqrt(fan_in), as a linear layer does by default."""
    return _between(shape, 1.0 / math.sqrt(fan_in), generator)


def sine_layer(
    superpixels: int, inputs: int, width: int, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Weights (K, c, h) and bias (K, 1, h) of SIREN's first layer: -1 / c ... 1 / c."""
    weight = _between((superpixels, inputs, width), 1.0 / inputs, generator)
    return weight, uniform((superpixels, 1, width), inputs, generator)


def hidden_layer(
    superpixels: int, inputs: int, width: int, omega: float, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Weights (K, c, h) and bias (K, 1, h) of SIREN's other layers, the linear one included.

    The bound sqrt(6 / c) / omega_0 keeps the distribution of features the same in every layer.
    """
    bound = math.sqrt(6.0 / inputs) / omega
    weight = _between((superpixels, inputs, width), bound, generator)
    return weight, uniform((superpixels, 1, width), inputs, generator)


def dictionary(atoms: int, outputs: int, generator: torch.Generator) -> Tensor:
    """Transposed dictionary D' (r, s)."""
    return uniform((atoms, outputs), atoms, generator)


def _between(shape: tuple[int, ...], bound: float, generator: torch.Generator) -> Tensor:
    return (2.0 * torch.rand(shape, generator=generator) - 1.0) * bound
