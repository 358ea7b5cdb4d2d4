"""Training by Adam, in whole batches or in parts."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from sinr_geo.sine.loss import Loss
from sinr_geo.sine.network import SuperpixelNetwork
from sinr_geo.sine.packing import Packing, deal
from sinr_geo.sine.samples import Samples, Slots

__all__ = ["Schedule", "Track", "train"]

_CHECKS = 40
_PATIENCE = 10


@dataclass(frozen=True, slots=True)
class Schedule:
    """How to train.

    Parameters
    ----------
    steps : int
    rate : float
        Learning rate of Adam.
    decay : float
        Weight decay of Adam.
    cosine : bool
        Whether the rate falls to 0 along half a cosine; it is constant otherwise.
    points : int
        Points per step, counted once in every superpixel that covers them: all if there are no
        more; otherwise the points of every superpixel are dealt out at random to equal parts, and
        steps take the parts in turn.
    """

    steps: int
    rate: float
    decay: float
    cosine: bool
    points: int


@dataclass(frozen=True, slots=True)
class Track:
    """Withheld scores during a training.

    Parameters
    ----------
    steps : tuple of int
    scores : tuple of float
    """

    steps: tuple[int, ...] = ()
    scores: tuple[float, ...] = ()

    @property
    def best(self) -> tuple[int, float]:
        """Number of steps with the lowest score, and that score."""
        at = min(range(len(self.scores)), key=self.scores.__getitem__)
        return self.steps[at], self.scores[at]

    def and_then(self, step: int, score: float) -> Track:
        """Return the track with one score more."""
        return Track((*self.steps, step), (*self.scores, score))

    def stalled(self) -> bool:
        """Whether the score has not become lower for a quarter of all checks."""
        return len(self.steps) - 1 - self.steps.index(self.best[0]) >= _PATIENCE


def train(
    network: SuperpixelNetwork,
    samples: Samples,
    pool: Packing | None,
    loss: Loss,
    schedule: Schedule,
    *,
    watch: Callable[[], float] | None = None,
    progress: Callable[[float], None] = lambda share: None,
) -> Track:
    """Train a network in place.

    Parameters
    ----------
    network : SuperpixelNetwork
    samples : Samples
    pool : Packing, optional
        Points that gates are pooled over in every step; None in the standard form.
    loss : Loss
    schedule : Schedule
    watch : callable, optional
        Returns a withheld score. Asked 40 times; the training stops early once the score has not
        become lower for 10 of them.
    progress : callable
        Told the share that is done.

    Returns
    -------
    Track
        Empty without `watch`.
    """
    adam = torch.optim.Adam(network.parameters(), schedule.rate, weight_decay=schedule.decay)
    batches = _Batches(samples, schedule.points)
    pool_x = None if pool is None else samples.frame(samples.rows, pool)
    every = max(1, schedule.steps // _CHECKS)
    track = Track()
    for step in range(1, schedule.steps + 1):
        if schedule.cosine:
            _set_rate(adam, schedule.rate * _half_cosine(step / schedule.steps))
        _step(network, adam, loss, batches.draw(), pool, pool_x)
        if step % every == 0:
            progress(step / schedule.steps)
            if watch is not None:
                track = track.and_then(step, watch())
                if track.stalled():
                    break
    return track


def _step(
    network: SuperpixelNetwork,
    adam: torch.optim.Adam,
    loss: Loss,
    slots: Slots,
    pool: Packing | None,
    pool_x: Tensor | None,
) -> None:
    adam.zero_grad(set_to_none=True)
    gates = None
    if pool is not None and pool_x is not None:
        gates = network.pooled_gates(pool_x, pool)
    torch.autograd.backward(loss(network(slots.x, slots.packing, gates), slots))
    adam.step()


class _Batches:
    """All points in every step where they are few, else parts of every superpixel in turn."""

    def __init__(self, samples: Samples, points: int) -> None:
        self._samples = samples
        self._parts = deal(samples.packing, -(-samples.size // points))
        self._whole = samples.slots(samples.packing) if len(self._parts) == 1 else None
        self._turn = 0

    def draw(self) -> Slots:
        if self._whole is not None:
            return self._whole
        self._turn = (self._turn + 1) % len(self._parts)
        return self._samples.slots(self._parts[self._turn])


def _set_rate(adam: torch.optim.Adam, rate: float) -> None:
    for group in adam.param_groups:
        group["lr"] = rate


def _half_cosine(share: float) -> float:
    return 0.5 * (1.0 + math.cos(math.pi * min(share, 1.0)))
