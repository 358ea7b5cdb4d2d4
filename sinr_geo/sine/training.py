"""Training by Adam, in whole batches or in parts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from sinr_geo.sine.loss import Loss
from sinr_geo.sine.network import SuperpixelNetwork
from sinr_geo.sine.packing import Packing, beside, deal
from sinr_geo.sine.samples import Samples
from sinr_geo.sine.step import steps_on

__all__ = ["CHECKS", "Schedule", "Track", "train", "watched"]

CHECKS = 40
"""How often a training is scored on its way."""

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
    points : int
        Points per step, counted once in every superpixel that covers them: all if there are no
        more; otherwise the points of every superpixel are dealt out at random to equal parts, and
        steps take the parts in turn.
    """

    steps: int
    rate: float
    decay: float
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
    adam = torch.optim.Adam(
        network.parameters(), schedule.rate, weight_decay=schedule.decay, fused=True
    )
    steps = _steps(network, samples, pool, loss, schedule.points)

    def take(step: int) -> None:
        steps[step % len(steps)]()
        adam.step()

    every = max(1, schedule.steps // CHECKS)
    return watched(take, schedule.steps, every, watch, progress)


def watched(
    take: Callable[[int], None],
    stop: int,
    every: int,
    watch: Callable[[], float] | None,
    progress: Callable[[float], None],
) -> Track:
    """Take steps 1 ... `stop`; score every so many, and stop early where that stalls.

    Parameters
    ----------
    take : callable
        Takes the step of a number.
    stop, every : int
    watch : callable, optional
        Returns a score, lower is better.
    progress : callable
        Told the share that is done.

    Returns
    -------
    Track
        Empty without `watch`.
    """
    track = Track()
    for step in range(1, stop + 1):
        take(step)
        if step % every == 0:
            progress(step / stop)
            if watch is not None:
                track = track.and_then(step, watch())
                if track.stalled():
                    break
    return track


def _steps(
    network: SuperpixelNetwork, samples: Samples, pool: Packing | None, loss: Loss, points: int
) -> list[Callable[[], Tensor]]:
    """Return steps: one on all points where they are few, else on parts of every superpixel."""
    parts = deal(samples.packing, -(-samples.size // points))
    if pool is not None:
        parts = [beside(part, pool) for part in parts]
    if len(parts) == 1:
        whole = samples.slots(parts[0])
        return steps_on(network, loss, [lambda: whole])
    return steps_on(network, loss, [partial(samples.slots, part) for part in parts])
