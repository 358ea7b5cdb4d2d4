"""`fourier`: a ReLU perceptron on Fourier features (Tancik et al. 2020).

The S-INR paper compares with positional encoding, the features along the axes.
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

__all__ = ["FourierFeatures", "FourierMethod", "FourierSettings"]

_GRIDS = {"octaves": (2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0), **RATES}


class FourierFeatures(Perceptron):
    """z_0 = [cos(2 pi f_j v_i), sin(2 pi f_j v_i)], z_{l+1} = relu(W_l z_l + b_l), linear layer.

    The frequencies are f_j = 2^(octaves j / (m - 1)), j = 0 ... m - 1, along every axis i; v runs
    over 0 ... 1 where x does over -1 ... 1.

    Parameters
    ----------
    inputs, width, layers, outputs : int
    frequencies : int
        Number m of frequencies along every axis.
    octaves : float
        Binary logarithm of the highest of them.
    generator : torch.Generator
    """

    def __init__(
        self,
        inputs: int,
        width: int,
        layers: int,
        outputs: int,
        frequencies: int,
        octaves: float,
        generator: torch.Generator,
    ) -> None:
        sizes = [2 * inputs * frequencies, *[width] * layers]
        super().__init__(hidden_layers(sizes, generator), linear(width, outputs, generator))
        self.frequency: Tensor
        self.register_buffer("frequency", 2.0 ** torch.linspace(0.0, octaves, frequencies))

    def features(self, x: Tensor) -> Tensor:
        """Encode (n, c) -> (n, 2 c m): all cosines, axis by axis, then all sines."""
        v = 0.5 * (x + 1.0)
        phase = (2.0 * math.pi * v[:, :, None] * self.frequency).flatten(1)
        return torch.cat((torch.cos(phase), torch.sin(phase)), dim=1)

    def activation(self, a: Tensor) -> Tensor:
        """Return the positive part."""
        return torch.relu(a)

    def forward(self, x: Tensor) -> Tensor:
        """Evaluate (n, c) -> (n, s)."""
        return super().forward(self.features(x))


@dataclass(frozen=True, slots=True)
class FourierSettings(NetworkSettings):
    """Settings of the network on Fourier features.

    As in ``2d_image_regression.ipynb`` of https://github.com/tancik/fourier-feature-networks: 256
    frequencies, 128 along each of two axes, six octaves, width 256, rate 1e-3, 2,000 steps. That
    notebook takes 1 from every frequency, which the paper's formula does not and nor do we.

    Parameters
    ----------
    features : int
        Frequencies of all axes together.
    octaves : float
        Binary logarithm of the highest frequency; swept by its authors.
    """

    rate: float = 1e-3
    features: int = 256
    octaves: float = 6.0

    def network(self, inputs: int, outputs: int, generator: torch.Generator) -> FourierFeatures:
        """Build the network."""
        along = max(2, self.features // inputs)
        sizes = (inputs, self.width, self.layers, outputs, along)
        return FourierFeatures(*sizes, self.octaves, generator)


class FourierMethod(CoordinateMethod):
    """``--method fourier``."""

    name = "fourier"
    start = FourierSettings()
    grids = _GRIDS
