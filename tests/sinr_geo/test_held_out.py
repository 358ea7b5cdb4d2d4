"""What a method says of withheld samples is what it would say of gaps in their place."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sinr_geo.axes import Axis, AxisKind, Channel
from sinr_geo.folds import Fold, scattered_folds
from sinr_geo.methods.catalogue import method_named
from sinr_geo.methods.protocol import Effort, Problem, Shared, Task
from sinr_geo.points import Lattice, PointSet
from sinr_geo.workers import one_thread_each

SHAPE = (6, 9, 10)


def spiky_days():
    """A smooth field on a grid of days, with a spike here and there; a fifth is missing."""
    rng = np.random.default_rng(3)
    day, row, column = (axis.ravel() for axis in np.indices(SHAPE).astype(float))
    values = np.sin(row / 4.0 + 0.2 * day) + 0.1 * column
    values += np.where(rng.random(values.size) < 0.12, 2.0 * rng.standard_normal(values.size), 0.0)
    observed = rng.random((values.size, 1)) < 0.8
    return PointSet(
        np.stack((day, row, column), axis=1),
        np.where(observed, values[:, None], np.nan),
        observed,
        (
            Axis("day", AxisKind.TIME),
            Axis("row", AxisKind.PROJECTED),
            Axis("column", AxisKind.PROJECTED),
        ),
        (Channel("value"),),
        Lattice(("day", "row", "column"), SHAPE, np.arange(values.size), (1, 2), (0,)),
    )


@pytest.mark.parametrize("name", ["kriging", "rbf", "nearest", "sinr-bayes", "sinr-steps", "sinr"])
def test_withheld_standard_errors_are_those_of_gaps(name):
    points = spiky_days()
    folds = tuple(Fold(m, m) for m in scattered_folds(points, count=2, seed=0))
    problem = Problem(
        Task.COMPLETION, ~points.observed, folds, Effort.FAST, 0, "cpu", lambda what, share: None
    )
    fold = folds[0]
    with one_thread_each():
        choice = method_named(name).choose(points, problem)
        gaps = replace(problem, wanted=problem.wanted | fold.withheld, shared=Shared())
        found = choice.fit(fold.train(points), gaps).predict(fold.train(points))
    held = choice.withheld[0]
    spread = np.nanstd(points.values)
    assert np.median(np.abs(found.values[fold.asked] - held.values)) < 0.05 * spread
    ratio = found.standard_error[fold.asked] / held.standard_error
    assert 0.8 < np.median(ratio) < 1.25
