"""The paper's S-INR: one sine network per superpixel and a dictionary shared by all.

Read in this order: `SineLayer`, `Gate`, `SuperpixelNetwork`. All K networks are evaluated
together. Slots of one block share a superpixel, so a layer is one batched product of the slots
with the superpixel's weights (`operations`). Two foldings keep that cheap and exact: a gate
multiplies the rows of the next weights instead of the features, and the dictionary is multiplied
into the last weights, so that no r wide feature is ever formed per point.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from sinr_geo.sine.initialise import dictionary, hidden_layer, sine_layer, uniform
from sinr_geo.sine.operations import Operations, operations_for
from sinr_geo.sine.packing import Packing
from sinr_geo.sine.sweeps import linear_sweep, with_constant

__all__ = ["BOTTLENECK", "Form", "Gate", "Linear", "SineLayer", "SuperpixelNetwork"]

BOTTLENECK = 4


@dataclass(frozen=True, slots=True)
class Form:
    """Sizes of a network.

    Parameters
    ----------
    superpixels : int
        Number of superpixels K.
    inputs : int
        Dimension c of the coordinates.
    outputs : int
        Number of channels s.
    width : int
        Number of features h of each sine layer.
    layers : int
        Number of sine layers L.
    atoms : int
        Columns r of the dictionary D.
    omega : float
        omega_0, the factor inside the sines of the first layer; the head starts as small.
    hidden_omega : float
        That of the other layers.
    gated : bool
        Whether it is the advanced form (Eq. 3 and 4) or the standard one (Eq. 2).
    """

    superpixels: int
    inputs: int
    outputs: int
    width: int
    layers: int
    atoms: int
    omega: float
    hidden_omega: float
    gated: bool


class Linear(nn.Module):
    """W^k z + b^k for every superpixel k."""

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight)
        self.bias = nn.Parameter(bias)

    def folded(self, gate: Tensor | None) -> Tensor:
        """Return the weights with the gate (K, c) of their inputs multiplied in; (K, c, h)."""
        return self.weight if gate is None else gate[:, :, None] * self.weight


class SineLayer(Linear):
    """z_{l+1}^k = sin(omega_0 (W_l^k z_l^k + b_l^k)) for every superpixel k.

    omega_0 is multiplied into weights and bias rather than into every point.
    """

    def __init__(self, weight: Tensor, bias: Tensor, omega: float) -> None:
        super().__init__(weight, bias)
        self.omega = omega

    def forward(self, z: Tensor, gate: Tensor | None, packing: Packing, by: Operations) -> Tensor:
        """Evaluate (B, c + 1, P), (K, c) or None -> (B, h + 1, P), the constant feature last."""
        joined = by.joined_weights(self.weight, self.bias, gate, self.omega)
        return by.sine_sweep(z, joined, packing)

    def pooled(
        self, z: Tensor, gate: Tensor | None, packing: Packing, sizes: Tensor, by: Operations
    ) -> tuple[Tensor, Tensor]:
        """Evaluate, and average over the own points, `sizes` (K, 1); -> (B, h + 1, P), (K, h)."""
        joined = by.joined_weights(self.weight, self.bias, gate, self.omega)
        return by.pooled_sine_sweep(z, joined, packing, sizes)


class Gate(nn.Module):
    """psi_l^k without its product: eta(U delta(V tau(z))), a squeeze-and-excite gate.

    The paper writes square U and V; its code, and we, squeeze to 4 units, without bias.
    """

    def __init__(self, squeeze: Tensor, excite: Tensor) -> None:
        super().__init__()
        self.squeeze = nn.Parameter(squeeze)
        self.excite = nn.Parameter(excite)

    def forward(self, pooled: Tensor, by: Operations) -> Tensor:
        """Evaluate means (K, h) of a layer over each superpixel -> (K, h) in 0..1."""
        return by.open_gate(pooled, self.squeeze, self.excite)


class SuperpixelNetwork(nn.Module):
    """o^k = D Psi_k(x^k), or D Phi_k(x^k) without gates, for every superpixel k.

    Parameters
    ----------
    form : Form
    generator : torch.Generator
        Source of the initial weights, on the CPU whatever the device.
    """

    def __init__(self, form: Form, generator: torch.Generator) -> None:
        super().__init__()
        self.form = form
        k, h, inner = form.superpixels, form.width, form.hidden_omega
        first = SineLayer(*sine_layer(k, form.inputs, h, generator), form.omega)
        others = [
            SineLayer(*hidden_layer(k, h, h, inner, generator), inner)
            for _ in range(form.layers - 1)
        ]
        self.layers = nn.ModuleList([first, *others])
        self.head = Linear(*hidden_layer(k, h, form.atoms, form.omega, generator))
        gated = [h] * form.layers + [form.atoms] if form.gated else []
        self.gates = nn.ModuleList(
            Gate(
                uniform((k, c, BOTTLENECK), c, generator), uniform((k, BOTTLENECK, c), 4, generator)
            )
            for c in gated
        )
        self.dictionary = nn.Parameter(dictionary(form.atoms, form.outputs, generator))

    @property
    def first(self) -> SineLayer:
        """The layer that sees the coordinates."""
        return self.sines[0]

    @property
    def sines(self) -> list[SineLayer]:
        """All layers but the linear one."""
        return [layer for layer in self.layers if isinstance(layer, SineLayer)]

    @property
    def size(self) -> int:
        """Number of parameters."""
        return sum(p.numel() for p in self.parameters())

    @property
    def _operations(self) -> Operations:
        return operations_for(self.first.weight)

    def forward(self, x: Tensor, packing: Packing, gates: list[Tensor] | None = None) -> Tensor:
        """Evaluate all superpixels.

        Parameters
        ----------
        x : Tensor, shape (B, P, c)
            Coordinates of the slots.
        packing : Packing
        gates : list of L + 1 Tensors of shape (K, h) or (K, r), optional
            Frozen gates; by default they are pooled over the own points in `packing`.

        Returns
        -------
        Tensor, shape (B, P, s)
        """
        z, weight = self._before_last(x, packing, gates)
        return linear_sweep(z, weight, packing)

    def squares(
        self,
        x: Tensor,
        packing: Packing,
        y: Tensor,
        mask: Tensor,
        gates: list[Tensor] | None = None,
    ) -> Tensor:
        """Sum the squared masked residuals of each superpixel.

        Parameters
        ----------
        x, packing, gates
            As for `forward`.
        y, mask : Tensor, shape (B, s, P)

        Returns
        -------
        Tensor, shape (K,)
        """
        z, weight = self._before_last(x, packing, gates)
        return self._operations.residual_sweep(z, weight, packing, y, mask)

    def features(self, x: Tensor, packing: Packing) -> tuple[Tensor, Tensor | None]:
        """Evaluate the sine layers.

        Returns
        -------
        z : Tensor, shape (B, P, h)
            Features of the last of them, before its gate.
        gate : Tensor of shape (K, h), or None
            That gate; None in the standard form.
        """
        z, gates = self._sine_layers(x, packing, None)
        return z[:, :-1].mT, gates[-2] if gates else None

    def folded_head(self, gate: Tensor | None, last: Tensor | None) -> tuple[Tensor, Tensor]:
        """Multiply gates and dictionary into the last layer: (K, h, s) and (K, 1, s)."""
        weight: Tensor = self.head.folded(gate)
        bias: Tensor = self.head.bias
        if last is not None:
            weight, bias = weight * last[:, None, :], bias * last[:, None, :]
        return weight @ self.dictionary, bias @ self.dictionary

    def pooled_gates(self, x: Tensor, packing: Packing) -> list[Tensor] | None:
        """Pool every gate over the own points in `packing`, to be used on other points.

        Returns
        -------
        list of L + 1 Tensors of shape (K, h) or (K, r), or None in the standard form
        """
        return self._sine_layers(x, packing, None)[1] if self.gates else None

    def _before_last(
        self, x: Tensor, packing: Packing, gates: list[Tensor] | None
    ) -> tuple[Tensor, Tensor]:
        """Return the last features (B, h + 1, P), and what they are multiplied by (K, h + 1, s)."""
        z, gates = self._sine_layers(x, packing, gates)
        gate, last = (gates[-2], gates[-1]) if gates else (None, None)
        return z, torch.cat(self.folded_head(gate, last), dim=1)

    def _sine_layers(
        self, x: Tensor, packing: Packing, frozen: list[Tensor] | None
    ) -> tuple[Tensor, list[Tensor]]:
        """Return the last features (B, h + 1, P) and all gates, none in the standard form."""
        z = with_constant(x, packing.filled)
        if self.gates and frozen is None:
            return self._pooling_layers(z, packing)
        gates = frozen if self.gates and frozen is not None else []
        for index, layer in enumerate(self.sines):
            z = layer(z, gates[index - 1] if gates and index else None, packing, self._operations)
        return z, gates

    def _pooling_layers(self, z: Tensor, packing: Packing) -> tuple[Tensor, list[Tensor]]:
        """Evaluate layers and gates in turn: each gate needs the mean of the layer before it."""
        gates: list[Tensor] = []
        by = self._operations
        sizes = packing.own_sizes().clamp(min=1.0)
        mean = z.new_empty(0)
        for layer, gate in zip(self.sines, self.gates, strict=False):
            z, mean = layer.pooled(z, gates[-1] if gates else None, packing, sizes, by)
            gates.append(gate(mean, by))
        return z, [*gates, self.gates[-1](self._mean_of_last(mean, gates[-1]), by)]

    def _mean_of_last(self, mean: Tensor, gate: Tensor) -> Tensor:
        """Mean of the linear layer from the mean (K, h) of its inputs: the mean is linear."""
        return torch.baddbmm(self.head.bias, mean[:, None, :], self.head.folded(gate))[:, 0]
