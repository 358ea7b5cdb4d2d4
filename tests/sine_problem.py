"""A small network with slots to train it on, which tests of its steps share."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from sinr_geo.sine.network import Form, SuperpixelNetwork
from sinr_geo.sine.packing import Packing, pack_pairs
from sinr_geo.sine.samples import Slots

__all__ = ["SIZES", "assert_same", "gradients", "numbers", "packed", "problem"]

SIZES = (3, 90, 700)
"""Points of each superpixel."""


def numbers(seed: int, *shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def packed(device: str, own: np.ndarray | None = None) -> Packing:
    owner = np.repeat(np.arange(len(SIZES)), SIZES)
    own = np.ones(owner.size, dtype=bool) if own is None else own
    ones = np.ones(owner.size)
    return pack_pairs(np.arange(owner.size), owner, ones, own, count=len(SIZES), device=device)


def problem(
    device: str, own: np.ndarray | None = None, **sizes: int
) -> tuple[SuperpixelNetwork, Slots]:
    start = Form(len(SIZES), 2, 5, 8, 3, 7, 4.0, 3.0, gated=True)
    form = replace(start, **sizes)
    network = SuperpixelNetwork(form, torch.Generator().manual_seed(1)).to(device)
    packing, n, s = packed(device, own), sum(SIZES), form.outputs
    mask = (numbers(4, n, s) > 0.0).float().to(device)
    return network, Slots(
        packing,
        packing.gather(numbers(2, n, 2).to(device)),
        packing.gather(numbers(3, n, s).to(device)).mT.contiguous(),
        (packing.gather(mask) * packing.filled).mT.contiguous(),
    )


def gradients(network: SuperpixelNetwork) -> dict[str, Tensor]:
    return {name: parameter.grad.cpu() for name, parameter in network.named_parameters()}


def assert_same(found: dict[str, Tensor], expected: dict[str, Tensor], share: float) -> None:
    for name, gradient in expected.items():
        scale = float(gradient.abs().max())
        assert scale > 0.0, name
        assert float((found[name] - gradient).abs().max()) < share * scale, name
