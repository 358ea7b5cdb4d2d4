"""Which methods `auto` tries on a kind of data."""

from __future__ import annotations

import numpy as np

from sinr_geo.methods.learned import applies as learners_apply
from sinr_geo.methods.peers import MANY_CHANNELS, differs_by_entry
from sinr_geo.methods.protocol import Problem, Task
from sinr_geo.methods.sinr_steps import SinrStepsMethod
from sinr_geo.nearest import same_pattern
from sinr_geo.points import PointSet

__all__ = ["members_for"]

_HEADS = ("sinr-bayes", "sinr")
_MOST_FOR_TREES = 250_000


def members_for(points: PointSet, problem: Problem) -> tuple[str, ...]:
    """Name the methods to try, both heads always among them.

    Where many channels have masks that differ by entry, methods that know no channel from another
    cannot keep up (three nearest entries had 24 dB where the Gaussian head had 30), and would cost
    one fit per channel: there the heads stand alone. Trees are for few channels and 250,000
    coordinates of samples, counted once for every mask (300,000 took 84 s of processor time).
    Learners are for scattered points: on ten days of sea surface temperature predicting with them
    alone took two minutes. Time as channels is for enough steps.
    """
    if problem.task is Task.DENOISING:
        return (*_HEADS, "kriging")
    steps = ("sinr-steps",) if SinrStepsMethod.applies(points, problem) else ()
    if differs_by_entry(points) and len(points.channels) > MANY_CHANNELS:
        return (*_HEADS, *steps)
    few = len(points.channels) <= MANY_CHANNELS
    grown = few and _coordinates(points, problem) <= _MOST_FOR_TREES
    # What takes longest comes first, so that no core waits for it in the end; sinr waits for what
    # sinr-bayes finds out about distance.
    names = ["sinr-bayes", *(["trees"] if grown else []), "rbf", "sinr", "kriging", *steps]
    if points.lattice is None and learners_apply(points, problem):
        names += ["residual-trees", "attention"]
    return tuple(names)


def _coordinates(points: PointSet, problem: Problem) -> float:
    """Count the coordinates of the samples that will be fitted; channels of one mask share them."""
    firsts = [columns[0] for columns in same_pattern(points.observed)]
    chosen_on = np.count_nonzero(points.observed[:, firsts])
    return float(len(points.axes) * chosen_on / problem.share)
