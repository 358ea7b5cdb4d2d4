"""The two operations of a network that touch every point, with their gradients by hand.

A sweep goes over the blocks a cacheful at a time, and on a GPU over all of them at once. Four
things make it fast, and none of them changes a result:

- Features stand before points, (B, h + 1, P): the library multiplies long rows.
- The last feature is constant: 1 where a slot holds a point, 0 where it is padded. It carries the
  bias through the same product as the weights, and its own weight makes it sin(pi / 2) = 1 in the
  next layer. Where it is 0 everything is 0, so padded slots add nothing to a sum.
- A gradient is written over the features that it belongs to, which nobody needs any more.
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

__all__ = [
    "cachefuls",
    "linear_sweep",
    "pooled_sine_sweep",
    "sine_sweep",
    "sine_weights",
    "with_constant",
]

_CACHEFUL = 1 << 19


def with_constant(x: Tensor, filled: Tensor) -> Tensor:
    """Append the constant feature to coordinates (B, P, c), filled (B, P, 1); -> (B, c + 1, P)."""
    return torch.cat((x * filled, filled), dim=2).transpose(1, 2).contiguous()


def sine_weights(weight: Tensor, bias: Tensor, omega: float) -> Tensor:
    """Join omega_0 W (K, c, h), omega_0 b (K, 1, h) and the constant; -> (K, c + 1, h + 1)."""
    joined = omega * torch.cat((weight, bias), dim=1)
    constant = joined.new_zeros((*joined.shape[:2], 1))
    constant[:, -1] = 0.5 * math.pi
    return torch.cat((joined, constant), dim=2)


def sine_sweep(z: Tensor, weight: Tensor) -> Tensor:
    """Evaluate a sine layer: z' = sin(W' z).

    Parameters
    ----------
    z : Tensor, shape (B, c + 1, P)
        Features; in `backward` their gradient is written over them.
    weight : Tensor, shape (B, c + 1, h + 1)
        From `sine_weights`, of the superpixel of each block.

    Returns
    -------
    Tensor, shape (B, h + 1, P)
    """
    out: Tensor = _SineSweep.apply(z, weight, None, False)[0]  # type: ignore[no-untyped-call]
    return out


def pooled_sine_sweep(z: Tensor, weight: Tensor, own: Tensor | None) -> tuple[Tensor, Tensor]:
    """Evaluate a sine layer, and sum its features over the own points of each block.

    Parameters
    ----------
    z, weight : Tensor
        As for `sine_sweep`.
    own : Tensor, shape (B, 1, P), or None
        1 for own points, 0 for others; None if all points are.

    Returns
    -------
    features : Tensor, shape (B, h + 1, P)
    total : Tensor, shape (B, h + 1)
    """
    out, total = _SineSweep.apply(z, weight, own, True)  # type: ignore[no-untyped-call]
    return out, total


def linear_sweep(z: Tensor, weight: Tensor) -> Tensor:
    """Evaluate a linear layer, points before channels.

    Parameters
    ----------
    z : Tensor, shape (B, h + 1, P)
        Features; in `backward` their gradient is written over them.
    weight : Tensor, shape (B, h + 1, s)
        The bias in the last row.

    Returns
    -------
    Tensor, shape (B, P, s)
    """
    out: Tensor = _LinearSweep.apply(z, weight)  # type: ignore[no-untyped-call]
    return out


class _SineSweep(Function):
    @staticmethod
    def forward(
        ctx: Any, z: Tensor, weight: Tensor, own: Tensor | None, pooled: bool
    ) -> tuple[Tensor, Tensor | None]:
        phase = buffer((len(z), weight.shape[2], z.shape[2]), z)
        out = buffer(phase.shape, z)
        total = phase.new_empty(phase.shape[:2]) if pooled else None
        for part in cachefuls(phase):
            torch.bmm(weight[part].mT, z[part], out=phase[part])
            torch.sin(phase[part], out=out[part])
            if total is not None:
                _sum_own(out[part], None if own is None else own[part], total[part])
        ctx.save_for_backward(z, weight, phase, own)
        ctx.set_materialize_grads(False)
        return out, total

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any, upstream: Tensor | None, pooled: Tensor | None
    ) -> tuple[Tensor | None, ...]:
        z, weight, phase, own = ctx.saved_tensors
        weight_gradient = torch.empty_like(weight)
        sums = buffer(phase[next(cachefuls(phase), slice(0))].shape, phase)
        for part in cachefuls(phase):
            through = torch.cos(phase[part], out=phase[part])
            through.mul_(_arriving(upstream, pooled, own, part, sums))
            torch.bmm(z[part], through.mT, out=weight_gradient[part])
            if ctx.needs_input_grad[0]:
                torch.bmm(weight[part], through, out=z[part])
        return z if ctx.needs_input_grad[0] else None, weight_gradient, None, None


class _LinearSweep(Function):
    @staticmethod
    def forward(ctx: Any, z: Tensor, weight: Tensor) -> Tensor:
        out = buffer((len(z), z.shape[2], weight.shape[2]), z)
        for part in cachefuls(z):
            torch.bmm(z[part].mT, weight[part], out=out[part])
        ctx.save_for_backward(z, weight)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor, Tensor]:
        z, weight = ctx.saved_tensors
        weight_gradient = torch.empty_like(weight)
        for part in cachefuls(z):
            torch.bmm(z[part], upstream[part], out=weight_gradient[part])
            torch.bmm(weight[part], upstream[part].mT, out=z[part])
        return z, weight_gradient


def _sum_own(features: Tensor, own: Tensor | None, total: Tensor) -> None:
    """Write the sum of features (B, h + 1, P) over own points into total (B, h + 1)."""
    if own is None:
        torch.sum(features, dim=2, out=total)
    else:
        torch.bmm(features, own.mT, out=total[:, :, None])


def _arriving(
    upstream: Tensor | None, pooled: Tensor | None, own: Tensor | None, part: slice, sums: Tensor
) -> Tensor:
    """Return the gradient of some blocks' features, by themselves and by their sum."""
    if pooled is None:
        assert upstream is not None
        return upstream[part]
    of_sum = pooled[part, :, None] if own is None else pooled[part, :, None] * own[part]
    if upstream is None:
        return of_sum
    return torch.add(upstream[part], of_sum, out=sums[: len(of_sum)])


def cachefuls(features: Tensor) -> Iterator[slice]:
    """Yield runs of blocks that fit into a core's cache; all at once where launches cost more."""
    blocks = len(features)
    fitting = max(1, _CACHEFUL // max(1, features[0].numel())) if blocks else 1
    step = blocks if features.is_cuda else fitting
    for first in range(0, blocks, max(1, step)):
        yield slice(first, first + step)
