"""The loss of the three tasks of Eq. 5, masked per entry.

Reconstruction and denoising observe every entry, completion those in Omega; so one mask makes
the three losses of the paper one function.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from sinr_geo.sine.arena import buffer
from sinr_geo.sine.samples import Slots
from sinr_geo.sine.sweeps import cachefuls

__all__ = ["Loss", "norm_loss"]

Loss = Callable[[Tensor, Slots], Tensor]

_TINY = 1e-12


def norm_loss(out: Tensor, slots: Slots) -> Tensor:
    """Sum over superpixels of the L2 norm of the masked residual, a scalar.

    That is what the authors' released code minimises: every superpixel pulls with equal strength,
    however many points it has and however well it fits already.
    """
    squares = slots.packing.sum_blocks(_squares(out, slots))
    return squares.clamp(min=_TINY).sqrt().sum()


def _squares(out: Tensor, slots: Slots) -> Tensor:
    """Sum the squared masked residuals of every block; -> (B,)."""
    squares: Tensor = _MaskedSquares.apply(out, slots.y, slots.mask)  # type: ignore[no-untyped-call]
    return squares


class _MaskedSquares(Function):
    """Its gradient is the residual times a number per block, written over the residual."""

    @staticmethod
    def forward(ctx: Any, out: Tensor, y: Tensor, mask: Tensor) -> Tensor:
        residual = buffer(out.shape, out)
        norm = out.new_empty(len(out))
        for part in cachefuls(out):
            torch.sub(out[part], y[part], out=residual[part]).mul_(mask[part])
            torch.linalg.vector_norm(residual[part].flatten(1), dim=1, out=norm[part])
        ctx.save_for_backward(residual)
        return norm**2

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor, None, None]:
        (residual,) = ctx.saved_tensors
        return residual.mul_(2.0 * upstream[:, None, None]), None, None
