"""The paper's S-INR as plain torch modules, one per superpixel: slow, readable, the oracle.

Tests and benchmarks compare the packed network with it: the same weights must give the same
output and the same gradients.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn


class Attention(nn.Module):
    """psi_l^k: squeeze-and-excite over the points of one superpixel (below Eq. 4)."""

    def __init__(self, features: int, bottleneck: int = 4) -> None:
        super().__init__()
        self.V = nn.Linear(features, bottleneck, bias=False)
        self.U = nn.Linear(bottleneck, features, bias=False)

    def forward(self, z: Tensor, own: Tensor) -> Tensor:
        """(n_k, h) and a mask (n_k,) of the points to pool over -> (n_k, h)."""
        tau = z[own].mean(dim=0)
        gate = torch.sigmoid(self.U(torch.relu(self.V(tau))))
        return z * gate


class ExclusiveNetwork(nn.Module):
    """Phi_k (Eq. 1), or Psi_k (Eq. 4) with attention after every layer."""

    def __init__(
        self,
        inputs: int,
        width: int,
        layers: int,
        atoms: int,
        omega: float,
        hidden_omega: float,
        gated: bool,
    ) -> None:
        super().__init__()
        sizes = [inputs] + [width] * layers + [atoms]
        self.omegas = [omega, *[hidden_omega] * (layers - 1)]
        self.linear = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(sizes))
        self.attention = nn.ModuleList(Attention(b) for b in sizes[1:]) if gated else None

    def forward(self, x: Tensor, own: Tensor) -> Tensor:
        """(n_k, c) -> (n_k, r)."""
        z = x
        for depth, linear in enumerate(self.linear):
            z = linear(z)
            if depth < len(self.linear) - 1:
                z = torch.sin(self.omegas[depth] * z)
            if self.attention is not None:
                z = self.attention[depth](z, own)
        return z


class OracleSINR(nn.Module):
    """o^k = D Psi_k(x^k), looping over superpixels (Eq. 2 and 3)."""

    def __init__(
        self,
        superpixels: int,
        inputs: int,
        width: int,
        layers: int,
        atoms: int,
        outputs: int,
        omega: float,
        hidden_omega: float,
        gated: bool,
    ) -> None:
        super().__init__()
        self.networks = nn.ModuleList(
            ExclusiveNetwork(inputs, width, layers, atoms, omega, hidden_omega, gated)
            for _ in range(superpixels)
        )
        self.D = nn.Parameter(torch.randn(outputs, atoms))

    def forward(self, xs: list[Tensor], owns: list[Tensor]) -> list[Tensor]:
        """K tensors (n_k, c) and masks (n_k,) -> K tensors (n_k, s)."""
        return [
            network(x, own) @ self.D.T
            for network, x, own in zip(self.networks, xs, owns, strict=True)
        ]


@torch.no_grad()
def copy_weights(packed: nn.Module, oracle: OracleSINR) -> None:
    """Give the oracle the weights of a packed `SuperpixelNetwork`."""
    for name, parameter in oracle_parameters(oracle):
        source = packed_parameter(dict(packed.named_parameters()), name)
        parameter.copy_(source)


def oracle_parameters(oracle: OracleSINR) -> list[tuple[tuple[str, int, int], Tensor]]:
    """Every parameter with its name: what it is, its superpixel and its layer."""
    found: list[tuple[tuple[str, int, int], Tensor]] = [(("D", 0, 0), oracle.D)]
    for k, network in enumerate(oracle.networks):
        for depth, linear in enumerate(network.linear):
            found += [(("W", k, depth), linear.weight), (("b", k, depth), linear.bias)]
        for depth, attention in enumerate(network.attention or []):
            found += [(("V", k, depth), attention.V.weight), (("U", k, depth), attention.U.weight)]
    return found


def packed_parameter(packed: dict[str, Tensor], name: tuple[str, int, int]) -> Tensor:
    """Find a parameter of the oracle (or its gradient) among those of the packed network."""
    kind, k, depth = name
    if kind == "D":
        return packed["dictionary"].T
    layer = f"layers.{depth}" if f"layers.{depth}.weight" in packed else "head"
    return {
        "W": lambda: packed[f"{layer}.weight"][k].T,
        "b": lambda: packed[f"{layer}.bias"][k, 0],
        "V": lambda: packed[f"gates.{depth}.squeeze"][k].T,
        "U": lambda: packed[f"gates.{depth}.excite"][k].T,
    }[kind]()
