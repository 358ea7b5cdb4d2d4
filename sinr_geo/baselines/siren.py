"""`siren`: one multi-layer perceptron with sines (Sitzmann et al. 2020).

It is Eq. 1 of the S-INR paper, the pixel-based representation that superpixels are held against.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from sinr_geo.baselines.coordinate_method import RATES, CoordinateMethod
from sinr_geo.baselines.coordinate_network import NetworkSettings
from sinr_geo.baselines.linear import linear
from sinr_geo.baselines.perceptron import Perceptron, hidden_layers

__all__ = ["Siren", "SirenMethod", "SirenSettings", "sine_bounds"]


class Siren(Perceptron):
    """z_{l+1} = sin(omega_0 (W_l z_l + b_l)), then a linear layer.

    Parameters
    ----------
    inputs, width, layers, outputs : int
        Sizes; `layers` counts those with a sine.
    omega : float
        omega_0, the factor inside every sine.
    generator : torch.Generator
    """

    def __init__(
        self,
        inputs: int,
        width: int,
        layers: int,
        outputs: int,
        omega: float,
        generator: torch.Generator,
    ) -> None:
        bounds = sine_bounds(inputs, width, layers, omega)
        hidden = hidden_layers([inputs, *[width] * layers], generator, bounds)
        super().__init__(hidden, linear(width, outputs, generator, bound=bounds[-1]))
        self.omega = omega

    def activation(self, a: Tensor) -> Tensor:
        """Return the sine."""
        return torch.sin(self.omega * a)


def sine_bounds(inputs: int, width: int, layers: int, omega: float) -> list[float]:
    """Return the bounds of SIREN's initial weights: 1 / c, then sqrt(6 / h) / omega_0."""
    return [1.0 / inputs] + [math.sqrt(6.0 / width) / omega] * layers


@dataclass(frozen=True, slots=True)
class SirenSettings(NetworkSettings):
    """Settings of SIREN; omega_0 = 30 and the rate 1e-4 are its paper's.

    Parameters
    ----------
    omega : float
        omega_0.
    """

    rate: float = 1e-4
    omega: float = 30.0

    def network(self, inputs: int, outputs: int, generator: torch.Generator) -> Siren:
        """Build the network."""
        return Siren(inputs, self.width, self.layers, outputs, self.omega, generator)


class SirenMethod(CoordinateMethod):
    """``--method siren``."""

    name = "siren"
    start = SirenSettings()
    grids = RATES
