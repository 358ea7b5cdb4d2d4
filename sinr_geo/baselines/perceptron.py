"""A perceptron with one activation: what all networks of coordinates here are."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from sinr_geo.baselines.linear import linear

__all__ = ["Perceptron", "hidden_layers"]


class Perceptron(nn.Module, ABC):
    """z_{l+1} = activation(W_l z_l + b_l), then a linear layer.

    Parameters
    ----------
    layers : sequence of Linear
    head : Linear
    """

    def __init__(self, layers: Sequence[nn.Linear], head: nn.Linear) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.head = head

    @abstractmethod
    def activation(self, a: Tensor) -> Tensor:
        """Return what a layer passes on, elementwise."""

    def forward(self, x: Tensor) -> Tensor:
        """Evaluate (n, c) -> (n, s)."""
        for layer in self.layers:
            x = self.activation(layer(x))
        out: Tensor = self.head(x)
        return out


def hidden_layers(
    sizes: Sequence[int], generator: torch.Generator, bounds: Sequence[float | None] | None = None
) -> list[nn.Linear]:
    """Return the linear layers between sizes, their weights within bounds where these are given."""
    bounds = bounds or [None] * (len(sizes) - 1)
    return [
        linear(sizes[i], sizes[i + 1], generator, bound=bound)
        for i, bound in enumerate(bounds[: len(sizes) - 1])
    ]
