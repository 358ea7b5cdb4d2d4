"""Which methods `auto` tries on a kind of data."""

from __future__ import annotations

import numpy as np

from sinr_geo.methods.learned import applies as learners_apply
from sinr_geo.methods.peers import MANY_CHANNELS, differs_by_entry
from sinr_geo.methods.protocol import Problem, Task
from sinr_geo.methods.sinr_steps import SinrStepsMethod
from sinr_geo.points import PointSet

__all__ = ["members_for"]

_HEADS = ("sinr-bayes", "sinr")
_FEW_POINTS = 20_000


def members_for(points: PointSet, problem: Problem) -> tuple[str, ...]:
    """Name the methods to try, both heads always among them.

    Where many channels have masks that differ by entry, methods that know no channel from another
    cannot keep up (three nearest entries had 24 dB where the Gaussian head had 30), and would cost
    one fit per channel: there the heads stand alone. Trees and learners are for scattered points:
    on the grid of the demonstration trees took 109 s and had no weight, on ten days of sea surface
    temperature predicting with learners alone took two minutes. Time as channels is for enough
    steps.
    """
    if problem.task is Task.DENOISING:
        return (*_HEADS, "kriging")
    steps = ("sinr-steps",) if SinrStepsMethod.applies(points, problem) else ()
    if differs_by_entry(points) and len(points.channels) > MANY_CHANNELS:
        return (*_HEADS, *steps)
    # rbf comes before sinr, which waits for what sinr-bayes finds out about distance.
    names = ["sinr-bayes", "rbf", "sinr", "kriging", *steps]
    if points.lattice is not None:
        return tuple(names)
    if np.count_nonzero(points.observed.any(axis=1)) <= _FEW_POINTS:
        names.append("trees")
    if learners_apply(points, problem):
        names += ["residual-trees", "attention"]
    return tuple(names)
