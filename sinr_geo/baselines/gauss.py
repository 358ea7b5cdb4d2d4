"""`gauss`: a perceptron with Gaussian activations (Ramasinghe and Lucey 2022)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from sinr_geo.baselines.coordinate_method import RATES, CoordinateMethod
from sinr_geo.baselines.coordinate_network import NetworkSettings
from sinr_geo.baselines.linear import linear
from sinr_geo.baselines.perceptron import Perceptron, hidden_layers

__all__ = ["Gauss", "GaussMethod", "GaussSettings"]

_MOST = 40.0
_GRIDS = {"sigma": (0.02, 0.05, 0.09, 0.2, 0.4), **RATES}


class Gauss(Perceptron):
    """z_{l+1} = exp(-(W_l z_l + b_l)^2 / (2 sigma^2)), then a linear layer.

    Parameters
    ----------
    inputs, width, layers, outputs : int
    sigma : float
        Width of the activation: the narrower, the higher the frequencies.
    generator : torch.Generator
    """

    def __init__(
        self,
        inputs: int,
        width: int,
        layers: int,
        outputs: int,
        sigma: float,
        generator: torch.Generator,
    ) -> None:
        hidden = hidden_layers([inputs, *[width] * layers], generator)
        super().__init__(hidden, linear(width, outputs, generator))
        self.sigma = sigma

    def activation(self, a: Tensor) -> Tensor:
        """Return the Gaussian."""
        half_square = 0.5 * (a / self.sigma).square()
        # Numbers too small to be normal ones would slow a CPU down many times over.
        return torch.exp(-half_square.clamp(max=_MOST))


@dataclass(frozen=True, slots=True)
class GaussSettings(NetworkSettings):
    """Settings of the Gaussian network.

    sigma = 0.09 is the value in its authors' code (``run_nerf_helpers.py`` of
    https://github.com/samgregoost/Beyond_periodicity), for radiance fields without positional
    encoding. Others' code for images has sharper ones: 0.071 (WIRE) and 0.024 (FINER), written as
    exp(-(s a)^2) with s = 10 and 30. The rate, 1e-3, is what the code of WIRE recommends for this
    network on images; the authors' radiance fields are trained at 5e-5.

    Parameters
    ----------
    sigma : float
    """

    rate: float = 1e-3
    sigma: float = 0.09

    def network(self, inputs: int, outputs: int, generator: torch.Generator) -> Gauss:
        """Build the network."""
        return Gauss(inputs, self.width, self.layers, outputs, self.sigma, generator)


class GaussMethod(CoordinateMethod):
    """``--method gauss``."""

    name = "gauss"
    start = GaussSettings()
    grids = _GRIDS
