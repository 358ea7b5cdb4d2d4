"""Fields with jumps: what lies on one side of a front or a coast does not bleed into the other."""

from __future__ import annotations

import numpy as np
import pytest

from sinr_geo.axes import Axis, AxisKind, Channel
from sinr_geo.methods.protocol import Effort, Task
from sinr_geo.options import Options
from sinr_geo.points import Lattice, PointSet
from sinr_geo.recover import recover_points

SHAPE = (36, 40)
ROW, COLUMN = np.indices(SHAPE)


def filled(truth, missing, land, method):
    """Fill what is missing and not land; -> values (rows, columns)."""
    noise = 0.02 * np.random.default_rng(0).standard_normal(SHAPE)
    observed = ~(missing | land).reshape(-1, 1)
    points = PointSet(
        np.stack((ROW.ravel(), COLUMN.ravel()), axis=1).astype(float),
        np.where(observed, (truth + noise).reshape(-1, 1), np.nan),
        observed,
        (Axis("y", AxisKind.PROJECTED, "m"), Axis("x", AxisKind.PROJECTED, "m")),
        (Channel("level"),),
        Lattice(("y", "x"), SHAPE, np.arange(ROW.size), (0, 1)),
    )
    found = recover_points(
        points,
        (missing & ~land).reshape(-1, 1),
        Task.COMPLETION,
        Options(method=method, effort=Effort.FAST, device="cpu"),
        lambda what, share: None,
    )
    return found.values.reshape(SHAPE)


@pytest.mark.parametrize("method", ["kriging", "sinr-bayes"])
def test_errors_stay_near_a_front_that_runs_through_gaps(method):
    away = COLUMN - (18 + 3 * np.sin(ROW / 8.0))
    truth = np.where(away < 0, 0.0, 1.0) + 0.1 * np.sin(ROW / 8) * np.cos(COLUMN / 10)
    missing = np.zeros(SHAPE, dtype=bool)
    missing[8:16, 12:25] = missing[22:31, 15:22] = missing[3:10, 30:37] = True
    error = np.abs(filled(truth, missing, np.zeros(SHAPE, dtype=bool), method) - truth)
    far = missing & (np.abs(away) >= 4)
    assert far.sum() > 60
    assert error[far].max() < 0.25
    assert error[far].mean() < 0.05
    near = missing & (np.abs(away) < 2)
    assert error[near].mean() > 2 * error[far].mean()


def test_superpixels_keep_the_water_on_both_sides_of_a_strip_of_land_apart():
    """A lake in an island: the cells across the shore are nearer than many of the own side."""
    radius = np.hypot(ROW - 18, COLUMN - 20)
    land = (radius >= 9) & (radius < 11)
    truth = np.where(radius < 9, 1.0, 0.0) + 0.1 * np.sin(ROW / 8) * np.cos(COLUMN / 10)
    missing = (np.hypot(ROW - 18, COLUMN - 34) < 4.5) | (np.hypot(ROW - 13, COLUMN - 15) < 3.5)
    values = filled(truth, missing, land, "sinr-bayes")
    error = np.abs(values - truth)[missing & ~land]
    assert error.max() < 0.3
    assert np.isnan(values[land]).all()
