"""The better form of the sine head: coordinates and frequencies of each superpixel's own.

Every superpixel sees its coordinates from its own centre, in units in which its points lie about
0.4 apart, and omega_0 is 1: the first weights, from -1 to 1, start at frequencies that the points
can tell apart, and hidden weights are of the size of Muon's steps. D holds principal components and
stays as it is.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from sinr_geo.points import FloatArray
from sinr_geo.sine.dilation import Cover
from sinr_geo.sine.ground import Ground
from sinr_geo.sine.network import Form, SuperpixelNetwork
from sinr_geo.sine.scaling import Frame, own_frames

__all__ = ["local_frames", "local_network"]

_RADIANS = 0.4
"""First-layer phase from one point to the next, at most, along each axis."""


def local_frames(ground: Ground, rows: Tensor, cover: Cover) -> Frame:
    """Centre each superpixel; a typical spacing of its points becomes 0.4.

    Parameters
    ----------
    ground : Ground
    rows : Tensor, shape (n, c)
        Places.
    cover : Cover
    """
    origin = own_frames(rows, cover).origin
    spacing = torch.as_tensor(_spacings(ground, cover), dtype=rows.dtype, device=rows.device)
    return Frame(origin, (_RADIANS / spacing)[:, None])


def _spacings(ground: Ground, cover: Cover) -> FloatArray:
    """Return the mean distance of neighbours in each superpixel; -> (K,)."""
    owner = np.zeros(len(ground.place), dtype=np.int64)
    owner[cover.point[cover.own]] = cover.superpixel[cover.own]
    here, there = ground.graph.nonzero()
    apart = np.sqrt(((ground.place[here] - ground.place[there]) ** 2).sum(axis=1))
    pairs = np.bincount(owner[here], minlength=cover.count)
    total = np.bincount(owner[here], weights=apart, minlength=cover.count)
    overall = float(apart.mean()) if apart.size else 1.0
    mean = np.where(pairs > 0, total / np.maximum(pairs, 1), overall)
    return np.asarray(np.where(mean > 0, mean, overall if overall > 0 else 1.0))


@torch.no_grad()
def local_network(
    form: Form, components: Tensor, generator: torch.Generator, device: str
) -> SuperpixelNetwork:
    """Return a network to start from.

    Parameters
    ----------
    form : Form
        With omega_0 = 1, without gates.
    components : Tensor, shape (r, s)
        Orthonormal rows of D.
    generator : torch.Generator
        On the CPU.
    device : str
    """
    network = SuperpixelNetwork(form, generator)
    first, *others = network.sines
    _fill(first.weight, 1.0, generator)
    _fill(first.bias, math.pi, generator)
    for layer in others:
        _fill(layer.weight, math.sqrt(6.0 / form.width), generator)
        _fill(layer.bias, 0.1, generator)
    network.head.weight.zero_()
    network.head.bias.zero_()
    network.dictionary.copy_(components).requires_grad_(False)
    return network.to(device)


def _fill(parameter: Tensor, bound: float, generator: torch.Generator) -> None:
    parameter.copy_((2.0 * torch.rand(parameter.shape, generator=generator) - 1.0) * bound)
