"""`wire`: a complex perceptron with Gabor wavelets (Saragadam et al., WIRE, 2023)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from sinr_geo.baselines.coordinate_method import RATES, CoordinateMethod
from sinr_geo.baselines.coordinate_network import NetworkSettings
from sinr_geo.baselines.linear import linear
from sinr_geo.baselines.perceptron import Perceptron

__all__ = ["Wire", "WireMethod", "WireSettings"]

_MOST = 40.0
_GRIDS = {"omega": (4.0, 5.0, 10.0, 20.0), "scale": (4.0, 5.0, 10.0, 30.0), **RATES}


class Wire(Perceptron):
    """z_{l+1} = exp(i omega_0 a - |s_0 a|^2), a = W_l z_l + b_l; the real part of a linear layer.

    The first layer has real weights, the others complex ones.

    Parameters
    ----------
    inputs, width, layers, outputs : int
    omega, scale : float
        omega_0, the frequency, and s_0, the inverse width of a wavelet.
    generator : torch.Generator
    """

    def __init__(
        self,
        inputs: int,
        width: int,
        layers: int,
        outputs: int,
        omega: float,
        scale: float,
        generator: torch.Generator,
    ) -> None:
        others = [linear(width, width, generator, dtype=torch.complex64) for _ in range(layers - 1)]
        hidden = [linear(inputs, width, generator), *others]
        super().__init__(hidden, linear(width, outputs, generator, dtype=torch.complex64))
        self.omega, self.scale = omega, scale

    def activation(self, a: Tensor) -> Tensor:
        """Return the Gabor wavelet."""
        if a.is_complex():
            real, imaginary = torch.view_as_real(a).unbind(dim=-1)
            square = real.square() + imaginary.square()
            exponent = -self.omega * imaginary - self.scale**2 * square
        else:
            real, exponent = a, -(self.scale * a).square()
        # Numbers too small to be normal ones would slow a CPU down many times over.
        size, phase = torch.exp(exponent.clamp(min=-_MOST)), self.omega * real
        return torch.complex(size * torch.cos(phase), size * torch.sin(phase))

    def forward(self, x: Tensor) -> Tensor:
        """Evaluate (n, c) -> (n, s)."""
        return super().forward(x).real


@dataclass(frozen=True, slots=True)
class WireSettings(NetworkSettings):
    """Settings of WIRE: those of its code's script for images, ``wire_image_denoise.py``.

    There omega_0 = s_0 = 5, the rate is 5e-3 and falls to a tenth, and a layer of 300 becomes
    300 / sqrt(2) complex features. The paper's omega_0 = 20, s_0 = 10 go with three Gabor
    layers; with the four of the S-INR paper, at that rate, the network hardly moves in its first 50
    steps. Weights start as torch draws them, in both parts; the code has no rule of its own.
    Source: https://github.com/vishwa91/wire (``modules/wire.py`` and the scripts).

    Parameters
    ----------
    omega, scale : float
        omega_0 and s_0: 5 and 5 in the script for images, 8 and 6 in that for super-resolution, 10
        and 10 in that for tomography; a comment there suggests 4 and 4 to remove noise and 20 and
        30 to represent images.
    """

    rate: float = 5e-3
    fall: float = 0.1
    width: int = 300
    omega: float = 5.0
    scale: float = 5.0

    def network(self, inputs: int, outputs: int, generator: torch.Generator) -> Wire:
        """Build the network, 1 / sqrt(2) as wide: a complex weight counts as two."""
        width = int(self.width / math.sqrt(2.0))
        return Wire(inputs, width, self.layers, outputs, self.omega, self.scale, generator)


class WireMethod(CoordinateMethod):
    """``--method wire``."""

    name = "wire"
    start = WireSettings()
    grids = _GRIDS
