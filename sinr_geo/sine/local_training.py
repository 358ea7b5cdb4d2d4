"""Training of the better form: Muon between the sine layers, Adam around, heads in closed form."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import torch

from sinr_geo.sine.closed_head import solve_heads
from sinr_geo.sine.loss import MEAN_SQUARES
from sinr_geo.sine.muon import Muon
from sinr_geo.sine.network import SuperpixelNetwork
from sinr_geo.sine.packing import deal
from sinr_geo.sine.samples import Samples, Slots
from sinr_geo.sine.step import steps_on

__all__ = ["train_local"]

_POINTS = 512
_RATES = {"hidden": 0.12, "first": 0.0175, "bias": 0.03, "head": 3e-3}
_DECAY = 0.02
_BETAS = (0.9, 0.99)
_FIRST_PENALTY = 1e-4
_LAST_PENALTY = 1e-7


def train_local(
    network: SuperpixelNetwork,
    samples: Samples,
    steps: int,
    progress: Callable[[float], None] = lambda share: None,
) -> None:
    """Train a network in place.

    Every step sees some 512 points of every superpixel, dealt out at random once. Rates fall along
    half a cosine. The heads are solved before the first step and after the last.

    Parameters
    ----------
    network : SuperpixelNetwork
        From `local_network`.
    samples : Samples
    steps : int
    progress : callable
        Told the share that is done.
    """
    hands = max(1, round(samples.size / (_POINTS * samples.packing.count)))
    parts = [samples.slots(packing) for packing in deal(samples.packing, hands)]
    takes = steps_on(network, MEAN_SQUARES, [partial(_same, slots) for slots in parts])
    solve_heads(network, samples, parts[0].packing, _FIRST_PENALTY)
    muon, adam = _optimisers(network)
    for step, rate in enumerate(_half_cosine(steps)):
        takes[step % len(takes)]()
        for group in adam.param_groups:
            group["lr"] = rate * _RATES[group["name"]]
        adam.step()
        muon.step(rate * _RATES["hidden"])
        progress((step + 1) / steps)
    solve_heads(network, samples, samples.packing, _LAST_PENALTY)


def _same(slots: Slots) -> Slots:
    return slots


def _optimisers(network: SuperpixelNetwork) -> tuple[Muon, torch.optim.Adam]:
    first, *others = network.sines
    groups = {
        "first": [first.weight],
        "bias": [layer.bias for layer in network.sines],
        "head": [network.head.weight, network.head.bias],
    }
    named = [{"params": params, "name": name} for name, params in groups.items()]
    adam = torch.optim.Adam(named, betas=_BETAS, fused=True)
    return Muon([layer.weight for layer in others], _DECAY), adam


def _half_cosine(steps: int) -> Iterator[float]:
    """Yield a factor for every step, from 1 to nearly 0."""
    yield from (0.5 * (1.0 + torch.cos(torch.pi * torch.arange(steps) / steps))).tolist()
