"""Steps of a training: a loss at some slots, and its gradients left in ``.grad``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Any

import torch
from torch import Tensor

from sinr_geo.sine.arena import Arena
from sinr_geo.sine.loss import Loss
from sinr_geo.sine.network import SuperpixelNetwork
from sinr_geo.sine.replay import replayed
from sinr_geo.sine.samples import Slots

__all__ = ["fused_class", "steps_on"]


def steps_on(
    network: SuperpixelNetwork, loss: Loss, layouts: Sequence[Callable[[], Slots]]
) -> list[Callable[[], Tensor]]:
    """Return a step for each layout of slots, the fastest that this machine has.

    On a CPU with numba it is fused, unless there are far more threads than superpixels for them to
    share; elsewhere torch differentiates, on a GPU in a recorded graph.

    Parameters
    ----------
    network : SuperpixelNetwork
    loss : Loss
    layouts : sequence of callable
        Return slots; on a GPU those must lie in the same memory every time.

    Returns
    -------
    list of callable
        Return the loss, a scalar; the next step may write over the gradients.
    """
    fused = None if network.dictionary.is_cuda else fused_class()
    if fused is not None and 2 * network.form.superpixels >= torch.get_num_threads():
        step = fused(network, loss)
        return [partial(_fused_at, step, layout) for layout in layouts]
    arena, parameters = Arena(), list(network.parameters())
    return [
        replayed(partial(_loss_at, network, loss, layout), parameters, arena) for layout in layouts
    ]


def _fused_at(step: Callable[[Slots], Tensor], layout: Callable[[], Slots]) -> Tensor:
    return step(layout())


def _loss_at(network: SuperpixelNetwork, loss: Loss, layout: Callable[[], Slots]) -> Tensor:
    return loss(network, layout())


@cache
def fused_class() -> Any:
    """Return the class of fused steps, None where there is no numba for it."""
    try:
        from sinr_geo.sine.fused_step import FusedStep
    except (ImportError, OSError, RuntimeError):  # not there, or nowhere to keep its code
        return None
    return FusedStep
