"""The masked residual of the linear layer, and its gradients, as one kernel for a GPU.

The residual itself never leaves the registers, so gradients are taken at once. Import it only where
Triton is installed.
"""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from sinr_geo.sine.packing import Packing
from sinr_geo.sine.triton_layers import LAUNCH, at_slots, padded, precision, summed

__all__ = ["residual_sweep"]

_TILE = 32
"""Slots of a program, and channels of one of its products at most."""


def residual_sweep(z: Tensor, weight: Tensor, packing: Packing, y: Tensor, mask: Tensor) -> Tensor:
    """Do what `sweeps.residual_sweep` does; nothing is written over z."""
    given = z.contiguous(), weight.contiguous(), packing, y.contiguous(), mask.contiguous()
    squares: Tensor = _Residual.apply(*given)  # type: ignore[no-untyped-call]
    return squares


class _Residual(Function):
    @staticmethod
    def forward(
        ctx: Any, z: Tensor, weight: Tensor, packing: Packing, y: Tensor, mask: Tensor
    ) -> Tensor:
        blocks, features, slots = z.shape
        channels, tiles = y.shape[1], triton.cdiv(slots, _TILE)
        squares, half = z.new_empty(blocks * tiles), torch.empty_like(z)
        of_weight = z.new_empty((blocks * tiles, features, channels))
        _residual[(blocks * tiles,)](
            *(z, weight, packing.superpixel, y, mask, squares, half, of_weight),
            *(tiles, slots, features, channels, precision()),
            *(padded(features), min(_TILE, padded(channels)), _TILE),
            **LAUNCH,
        )
        ctx.save_for_backward(half, summed(of_weight, packing), packing.superpixel)
        return summed(squares[:, None], packing)[:, 0]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        half, of_weight, superpixel = ctx.saved_tensors
        twice = 2.0 * upstream[:, None, None]
        return half.mul_(twice[superpixel]), of_weight * twice, None, None, None


@triton.jit(do_not_specialize=("tiles", "features", "channels"))
def _residual(
    z: tl.tensor,
    weight: tl.tensor,
    superpixel: tl.tensor,
    y: tl.tensor,
    mask: tl.tensor,
    squares: tl.tensor,
    half: tl.tensor,
    of_weight: tl.tensor,
    tiles: tl.tensor,
    slots: tl.tensor,
    features: tl.tensor,
    channels: tl.tensor,
    rounding: tl.constexpr,
    most_features: tl.constexpr,
    some_channels: tl.constexpr,
    tile: tl.constexpr,
) -> None:
    program = tl.program_id(0).to(tl.int64)
    block = program // tiles
    k = tl.load(superpixel + block)
    j = tl.arange(0, most_features)
    p = (program % tiles) * tile + tl.arange(0, tile)
    here, inside = at_slots(block, j, p, features, slots)
    x = tl.load(z + here, mask=inside, other=0.0)
    of_x = tl.zeros((most_features, tile), tl.float32)
    total = tl.zeros((tile,), tl.float32)
    for channel in range(0, channels, some_channels):
        c = channel + tl.arange(0, some_channels)
        fitting = (j[:, None] < features) & (c[None, :] < channels)
        within = j[:, None] * channels + c[None, :]
        back = tl.load(weight + k * features * channels + within, mask=fitting, other=0.0)
        there, seen = at_slots(block, c, p, channels, slots)
        known = tl.load(mask + there, mask=seen, other=0.0)
        aim = tl.load(y + there, mask=seen, other=0.0)
        residual = (tl.dot(tl.trans(back), x, input_precision=rounding) - aim) * known
        total += tl.sum(residual * residual, axis=0)
        of_x += tl.dot(back, residual, input_precision=rounding)
        of_back = tl.dot(x, tl.trans(residual), input_precision=rounding)
        tl.store(of_weight + program * features * channels + within, of_back, mask=fitting)
    tl.store(half + here, of_x, mask=inside)
    tl.store(squares + program, tl.sum(total, axis=0))
