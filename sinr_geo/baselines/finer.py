"""`finer`: sines whose period shortens as their argument grows (Liu et al., FINER, 2024)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from sinr_geo.baselines.coordinate_method import RATES, CoordinateMethod
from sinr_geo.baselines.coordinate_network import NetworkSettings
from sinr_geo.baselines.linear import linear, spread_uniformly
from sinr_geo.baselines.perceptron import Perceptron, hidden_layers
from sinr_geo.baselines.siren import sine_bounds

__all__ = ["Finer", "FinerMethod", "FinerSettings"]

_GRIDS = {"first_bias": (1.0, 5.0, 10.0, 20.0), **RATES}


class Finer(Perceptron):
    """z_{l+1} = sin(omega_0 (|a| + 1) a) with a = W_l z_l + b_l, then a linear layer.

    The factor |a| + 1 is held constant in the gradient, as the authors train it.

    Parameters
    ----------
    inputs, width, layers, outputs : int
    omega : float
    first_bias : float
        Biases of the first layer start uniform in +-first_bias: the wider, the higher the
        frequencies.
    generator : torch.Generator
    """

    def __init__(
        self,
        inputs: int,
        width: int,
        layers: int,
        outputs: int,
        omega: float,
        first_bias: float,
        generator: torch.Generator,
    ) -> None:
        bounds = sine_bounds(inputs, width, layers, omega)
        hidden = hidden_layers([inputs, *[width] * layers], generator, bounds)
        spread_uniformly(hidden[0].bias, first_bias, generator)
        super().__init__(hidden, linear(width, outputs, generator, bound=bounds[-1]))
        self.omega = omega

    def activation(self, a: Tensor) -> Tensor:
        """Return the sine whose period shortens."""
        return torch.sin(self.omega * (a.detach().abs() + 1.0) * a)


@dataclass(frozen=True, slots=True)
class FinerSettings(NetworkSettings):
    """Settings of FINER: those of ``run_finer.sh`` of https://github.com/liuzhen0212/FINER.

    Four sine layers of 256, omega_0 = 30, rate 5e-4, which falls to a tenth. The script leaves the
    first biases where torch draws them, in +-1 / sqrt(2) for two coordinates.

    Parameters
    ----------
    omega : float
    first_bias : float
        Up to 20 in the paper's figures.
    """

    rate: float = 5e-4
    fall: float = 0.1
    omega: float = 30.0
    first_bias: float = math.sqrt(0.5)

    def network(self, inputs: int, outputs: int, generator: torch.Generator) -> Finer:
        """Build the network."""
        return Finer(
            inputs, self.width, self.layers, outputs, self.omega, self.first_bias, generator
        )


class FinerMethod(CoordinateMethod):
    """``--method finer``."""

    name = "finer"
    start = FinerSettings()
    grids = _GRIDS
