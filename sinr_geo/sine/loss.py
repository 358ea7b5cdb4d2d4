"""Losses of the three tasks of Eq. 5, masked per entry.

Reconstruction and denoising observe every entry, completion those in Omega; so one mask makes
the three losses of the paper one function.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from sinr_geo.sine.samples import Slots

__all__ = ["Loss", "norm_loss", "squared_loss"]

Loss = Callable[[Tensor, Slots], Tensor]

_TINY = 1e-12


def squared_loss(out: Tensor, slots: Slots) -> Tensor:
    """Mean of the squared masked residuals: Eq. 5 over the number of entries, a scalar."""
    squares = _masked_squares(out, slots)
    return squares.sum() / slots.mask.sum().clamp(min=1.0)


def norm_loss(out: Tensor, slots: Slots) -> Tensor:
    """Sum over superpixels of the L2 norm of the masked residual, a scalar.

    That is what the authors' released code minimises: every superpixel pulls with equal strength,
    however many points it has and however well it fits already.
    """
    squares = slots.packing.sum_blocks(_masked_squares(out, slots).sum(dim=(1, 2)))
    return squares.clamp(min=_TINY).sqrt().sum()


def _masked_squares(out: Tensor, slots: Slots) -> Tensor:
    return ((out - slots.y) * slots.mask) ** 2
