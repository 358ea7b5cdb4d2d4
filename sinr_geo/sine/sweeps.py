"""The operations of a network that touch every point, with their gradients by hand.

A sweep goes over the blocks a cacheful at a time, and on a GPU over all of them at once; where
there is Triton, `triton_layers` and its neighbours take a GPU's place. What makes it fast changes
no result:

- Features stand before points, (B, h + 1, P): the library multiplies long rows.
- The last feature is constant: 1 where a slot holds a point, 0 where it is padded. It carries the
  bias through the same product as the weights, and its own weight makes it sin(pi / 2) = 1 in the
  next layer. Where it is 0 everything is 0, so padded slots add nothing to a sum.
- A gradient is written over the features that it belongs to, which nobody needs any more.
- The residual's gradients are taken while it is in the cache; it is never stored.
- Within a step of training, features lie where those of the step before lay (`arena`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from sinr_geo.sine.arena import buffer
from sinr_geo.sine.packing import Packing

__all__ = [
    "joined_weights",
    "linear_sweep",
    "open_gate",
    "pooled_sine_sweep",
    "residual_sweep",
    "sine_sweep",
    "with_constant",
]

_CACHEFUL = 1 << 19


def with_constant(x: Tensor, filled: Tensor) -> Tensor:
    """Append the constant feature to coordinates (B, P, c), filled (B, P, 1); -> (B, c + 1, P)."""
    return torch.cat((x * filled, filled), dim=2).transpose(1, 2).contiguous()


def joined_weights(weight: Tensor, bias: Tensor, gate: Tensor | None, omega: float) -> Tensor:
    """Join omega_0 W (K, c, h), the gate (K, c) of its inputs multiplied in, omega_0 b (K, 1, h).

    Returns
    -------
    Tensor, shape (K, c + 1, h + 1)
        The constant feature goes on to the next layer.
    """
    gated = weight if gate is None else gate[:, :, None] * weight
    joined = omega * torch.cat((gated, bias), dim=1)
    constant = joined.new_zeros((*joined.shape[:2], 1))
    constant[:, -1] = 0.5 * math.pi
    return torch.cat((joined, constant), dim=2)


def open_gate(mean: Tensor, squeeze: Tensor, excite: Tensor) -> Tensor:
    """Evaluate eta(U delta(V z)) at z (K, c), for V (K, c, 4) and U (K, 4, c) -> (K, c)."""
    hidden = torch.relu(torch.bmm(mean[:, None, :], squeeze))
    return torch.sigmoid(torch.bmm(hidden, excite))[:, 0]


def sine_sweep(z: Tensor, weight: Tensor, packing: Packing) -> Tensor:
    """Evaluate a sine layer: z' = sin(W' z).

    Parameters
    ----------
    z : Tensor, shape (B, c + 1, P)
        Features; in `backward` their gradient is written over them.
    weight : Tensor, shape (K, c + 1, h + 1)
        From `joined_weights`.
    packing : Packing
        Says whose each block is.

    Returns
    -------
    Tensor, shape (B, h + 1, P)
    """
    owner = packing.superpixel
    out: Tensor = _SineSweep.apply(z, weight, owner, None, False)[0]  # type: ignore[no-untyped-call]
    return out


def pooled_sine_sweep(
    z: Tensor, weight: Tensor, packing: Packing, sizes: Tensor
) -> tuple[Tensor, Tensor]:
    """Evaluate a sine layer, and average its features over the own points of each superpixel.

    Parameters
    ----------
    z, weight, packing : Tensor
        As for `sine_sweep`.
    sizes : Tensor, shape (K, 1)
        What to divide sums by.

    Returns
    -------
    features : Tensor, shape (B, h + 1, P)
    mean : Tensor, shape (K, h)
    """
    own = packing.own[:, :, 0] if packing.rim else None
    out, total = _SineSweep.apply(z, weight, packing.superpixel, own, True)  # type: ignore[no-untyped-call]
    return out, packing.sum_blocks(total[:, :-1]) / sizes


def residual_sweep(z: Tensor, weight: Tensor, packing: Packing, y: Tensor, mask: Tensor) -> Tensor:
    """Sum the squared masked residuals of a linear layer over each superpixel.

    Parameters
    ----------
    z : Tensor, shape (B, h + 1, P)
        Features; a gradient is written over them at once.
    weight : Tensor, shape (K, h + 1, s)
        The bias in the last row.
    packing : Packing
    y, mask : Tensor, shape (B, s, P)

    Returns
    -------
    Tensor, shape (K,)
    """
    squares: Tensor = _ResidualSweep.apply(z, weight, packing.superpixel, y, mask)  # type: ignore[no-untyped-call]
    return packing.sum_blocks(squares)


def linear_sweep(z: Tensor, weight: Tensor, packing: Packing) -> Tensor:
    """Evaluate a linear layer, points before channels.

    Parameters
    ----------
    z, weight, packing : Tensor
        As for `residual_sweep`; nothing is written over z.

    Returns
    -------
    Tensor, shape (B, P, s)
    """
    return torch.bmm(z.mT, weight[packing.superpixel])


class _SineSweep(Function):
    @staticmethod
    def forward(
        ctx: Any, z: Tensor, weight: Tensor, owner: Tensor, own: Tensor | None, pooled: bool
    ) -> tuple[Tensor, Tensor | None]:
        phase = buffer((len(z), weight.shape[2], z.shape[2]), z)
        out = buffer(phase.shape, z)
        total = phase.new_empty(phase.shape[:2]) if pooled else None
        for part in _cachefuls(phase):
            torch.bmm(weight[owner[part]].mT, z[part], out=phase[part])
            torch.sin(phase[part], out=out[part])
            if total is not None:
                _sum_own(out[part], None if own is None else own[part], total[part])
        ctx.save_for_backward(z, weight, owner, phase, own)
        ctx.set_materialize_grads(False)
        return out, total

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any, upstream: Tensor | None, pooled: Tensor | None
    ) -> tuple[Tensor | None, ...]:
        z, weight, owner, phase, own = ctx.saved_tensors
        total = torch.zeros_like(weight)
        sums = buffer(phase[next(_cachefuls(phase), slice(0))].shape, phase)
        for part in _cachefuls(phase):
            through = torch.cos(phase[part], out=phase[part])
            through.mul_(_arriving(upstream, pooled, own, part, sums))
            total.index_add_(0, owner[part], torch.bmm(z[part], through.mT))
            if ctx.needs_input_grad[0]:
                torch.bmm(weight[owner[part]], through, out=z[part])
        return z if ctx.needs_input_grad[0] else None, total, None, None, None


class _ResidualSweep(Function):
    @staticmethod
    def forward(
        ctx: Any, z: Tensor, weight: Tensor, owner: Tensor, y: Tensor, mask: Tensor
    ) -> Tensor:
        z, norm = z.detach(), z.new_empty(len(z))  # written over: autograd shall not see it
        per_block = buffer((len(z), *weight.shape[1:]), weight)
        room = buffer(y[next(_cachefuls(z), slice(0))].shape, y)
        for part in _cachefuls(z):
            onto, residual = weight[owner[part]], room[: len(y[part])]
            torch.bmm(onto.mT, z[part], out=residual).sub_(y[part]).mul_(mask[part])
            torch.linalg.vector_norm(residual.flatten(1), dim=1, out=norm[part])
            torch.bmm(z[part], residual.mT, out=per_block[part])
            torch.bmm(onto, residual, out=z[part])
        ctx.save_for_backward(weight, owner, per_block)
        ctx.half = z
        return norm**2

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        weight, owner, per_block = ctx.saved_tensors
        twice = 2.0 * upstream[:, None, None]
        total = torch.zeros_like(weight).index_add_(0, owner, per_block.mul_(twice))
        return ctx.half.mul_(twice), total, None, None, None


def _sum_own(features: Tensor, own: Tensor | None, total: Tensor) -> None:
    """Write the sum of features (B, h + 1, P) over own points into total (B, h + 1)."""
    if own is None:
        torch.sum(features, dim=2, out=total)
    else:
        torch.bmm(features, own[:, :, None], out=total[:, :, None])


def _arriving(
    upstream: Tensor | None, pooled: Tensor | None, own: Tensor | None, part: slice, sums: Tensor
) -> Tensor:
    """Return the gradient of some blocks' features, by themselves and by their sum."""
    if pooled is None:
        assert upstream is not None
        return upstream[part]
    of_sum = pooled[part, :, None] if own is None else pooled[part, :, None] * own[part, None]
    if upstream is None:
        return of_sum
    return torch.add(upstream[part], of_sum, out=sums[: len(of_sum)])


def _cachefuls(features: Tensor) -> Iterator[slice]:
    """Yield runs of blocks that fit into a core's cache; all at once where launches cost more."""
    blocks = len(features)
    fitting = max(1, _CACHEFUL // max(1, features[0].numel())) if blocks else 1
    step = blocks if features.is_cuda else fitting
    for first in range(0, blocks, max(1, step)):
        yield slice(first, first + step)
