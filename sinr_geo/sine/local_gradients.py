"""Gradients of the representation's loss: by autograd, on any device."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from sinr_geo.sine.network import SuperpixelNetwork
from sinr_geo.sine.samples import Slots

__all__ = ["Gradients", "by_autograd", "entries"]


class Gradients(Protocol):
    """Leaves the gradients of the loss in ``.grad`` of layers and head.

    The loss is the sum over superpixels of the mean squared residual of their observed entries.
    """

    def __call__(self, network: SuperpixelNetwork, slots: Slots) -> None:
        """Replace the gradients by those at some slots."""
        ...


def by_autograd(network: SuperpixelNetwork, slots: Slots) -> None:
    """Let torch differentiate."""
    network.zero_grad(set_to_none=True)
    residual = (network(slots.x, slots.packing) - slots.y) * slots.mask
    sums = slots.packing.sum_blocks((residual**2).sum(dim=(1, 2)))
    torch.autograd.backward((sums / entries(slots)).sum())


def entries(slots: Slots) -> Tensor:
    """Count the observed entries of every superpixel, at least 1; -> (K,)."""
    return slots.packing.sum_blocks(slots.mask.sum(dim=(1, 2))).clamp(min=1.0)
