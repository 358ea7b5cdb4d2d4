"""Training of a whole network by Adam, watched by a withheld score."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from sinr_geo.sine.training import CHECKS, Track, watched

__all__ = ["Schedule", "train"]


@dataclass(frozen=True, slots=True)
class Schedule:
    """How to train.

    Parameters
    ----------
    steps : int
        Steps that the rate is laid out for.
    stop : int
        Step after which the training ends, at most `steps`.
    rate : float
        Learning rate of Adam.
    fall : float
        The rate falls exponentially, to this share of it at `steps`.
    """

    steps: int
    stop: int
    rate: float
    fall: float


def train(
    parameters: Iterable[nn.Parameter],
    loss: Callable[[], Tensor],
    schedule: Schedule,
    *,
    watch: Callable[[], float] | None = None,
    progress: Callable[[float], None] = lambda share: None,
) -> Track:
    """Train parameters in place.

    Parameters
    ----------
    parameters : iterable of Parameter
    loss : callable
        Returns the loss of the next step, a scalar.
    schedule : Schedule
    watch : callable, optional
        Returns a score, lower is better. Asked 40 times; the training stops early once the score
        has not become lower for 10 of them.
    progress : callable
        Told the share that is done.

    Returns
    -------
    Track
        Empty without `watch`.
    """
    adam = torch.optim.Adam(parameters, schedule.rate)

    def take(step: int) -> None:
        for group in adam.param_groups:
            group["lr"] = schedule.rate * schedule.fall ** ((step - 1) / schedule.steps)
        adam.zero_grad(set_to_none=True)
        torch.autograd.backward(loss())
        adam.step()

    every = max(1, schedule.steps // CHECKS)
    return watched(take, schedule.stop, every, watch, progress)
