"""Which gaps are wanted, and what is said of the others."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sinr_geo import Axis, AxisKind, Channel, Lattice, PointSet
from sinr_geo.gaps import gaps_within, wanted_gaps

TIME = Axis("time", AxisKind.TIME, "days")
Y, X = Axis("y", AxisKind.PROJECTED, "m"), Axis("x", AxisKind.PROJECTED, "m")


def cube(values):
    """A time series of maps; NaN is missing."""
    values = np.asarray(values, dtype=float)
    index = np.indices(values.shape).reshape(values.ndim, -1).T.astype(float)
    dims, axes = (("t", "y", "x"), (TIME, Y, X)) if values.ndim == 3 else (("y", "x"), (Y, X))
    space = (1, 2) if values.ndim == 3 else (0, 1)
    steps = (0,) if values.ndim == 3 else ()
    lattice = Lattice(dims, values.shape, np.arange(values.size), space, steps)
    column = values.reshape(-1, 1)
    return PointSet(index, column, np.isfinite(column), axes, (Channel("v"),), lattice)


def test_land_is_what_no_time_step_has_seen():
    values = np.ones((3, 6, 6))
    values[:, 2, 2] = np.nan
    values[0, 4, 4] = np.nan
    gaps = wanted_gaps(cube(values), everything=False)
    wanted = gaps.wanted.reshape(values.shape)
    assert not wanted[:, 2, 2].any()
    assert wanted[0, 4, 4]
    assert any("never observed" in note and "--where all" in note for note in gaps.notes)


def test_two_time_steps_tell_no_land():
    values = np.ones((2, 6, 6))
    values[:, 2, 2] = np.nan
    assert wanted_gaps(cube(values), everything=False).wanted.sum() == 2


def test_time_as_channels_tells_land_too():
    values = np.ones((36, 4))
    values[7] = np.nan
    values[9, 0] = np.nan
    index = np.indices((6, 6)).reshape(2, -1).T.astype(float)
    lattice = Lattice(("y", "x"), (6, 6), np.arange(36), (0, 1))
    channels = tuple(Channel(f"v[time={t}]", variable="v", along=AxisKind.TIME) for t in range(4))
    points = PointSet(index, values, np.isfinite(values), (Y, X), channels, lattice)
    wanted = wanted_gaps(points, everything=False).wanted
    assert not wanted[7].any()
    assert wanted[9, 0]


def test_the_collar_of_a_rotated_scene_is_left_and_its_holes_are_not():
    row, column = np.indices((40, 40))
    inside = np.abs(row - 20) + np.abs(column - 20) < 18
    values = np.where(inside, 1.0, np.nan)
    values[18:22, 18:22] = np.nan
    gaps = wanted_gaps(cube(values), everything=False)
    wanted = gaps.wanted.reshape(values.shape)
    assert wanted[18:22, 18:22].all()
    assert not wanted[:3, :3].any()
    assert any("footprint" in note for note in gaps.notes)
    assert wanted_gaps(cube(values), everything=True).wanted.sum() == np.isnan(values).sum()


def test_scattered_gaps_at_the_edge_are_wanted():
    values = np.where(np.random.default_rng(0).random((30, 30)) < 0.5, 1.0, np.nan)
    values[0, 0] = np.nan
    assert wanted_gaps(cube(values), everything=False).wanted.reshape(30, 30)[0, 1:].any()


@pytest.mark.parametrize("observed", [0.1, 0.5, 0.8])
def test_chance_makes_no_collar_of_the_corners(observed):
    for seed in range(15):
        values = np.where(np.random.default_rng(seed).random((60, 90)) < observed, 1.0, np.nan)
        gaps = wanted_gaps(cube(values), everything=False)
        assert gaps.wanted.sum() == np.isnan(values).sum()
        assert gaps.notes == ()


def test_the_collar_of_a_scene_that_is_hardly_rotated_is_left():
    row, column = np.indices((100, 100))
    angle = np.radians(3.0)
    across = (column - 50) * np.cos(angle) + (row - 50) * np.sin(angle)
    along = (row - 50) * np.cos(angle) - (column - 50) * np.sin(angle)
    from_middle = np.maximum(np.abs(across), np.abs(along))
    values = np.where(from_middle < 47, 1.0, np.nan)
    gaps = wanted_gaps(cube(values), everything=False)
    collar = from_middle > 48.5
    assert collar.sum() > 200
    assert not gaps.wanted.reshape(100, 100)[collar].any()


def test_a_share_too_small_to_show_is_not_nothing():
    values = np.ones((3, 60, 60))
    values[:, 20, 20] = np.nan
    (note,) = wanted_gaps(cube(values), everything=False).notes
    assert "less than 0.1% of all samples" in note


def test_a_mask_decides_alone():
    values = np.ones((6, 6))
    values[2:4] = np.nan
    mask = np.zeros(36, dtype=bool)
    mask[12] = mask[0] = True
    gaps = wanted_gaps(cube(values), mask, everything=False)
    assert np.flatnonzero(gaps.wanted).tolist() == [12]


def test_wide_gaps_can_be_left():
    values = np.ones((20, 20))
    values[5:16, 5:16] = np.nan
    points = cube(values)
    gaps = gaps_within(points, wanted_gaps(points, everything=True), 2.0)
    wanted = gaps.wanted.reshape(20, 20)
    assert wanted[5, 5]
    assert not wanted[10, 10]
    assert any("--max-gap" in note for note in gaps.notes)


def globe(values):
    """One map of the whole globe: the last column lies beside the first."""
    points = cube(values)
    return replace(points, lattice=replace(points.lattice, wraps=(False, True)))


def test_a_gap_across_the_seam_of_longitude_is_as_wanted_as_any_other():
    row, column = np.indices((45, 90))
    around = (column - row + 22) % 90
    values = np.where(np.minimum(around, 90 - around) < 6, np.nan, 1.0)
    for shift in (0, 17, 45):
        wanted = wanted_gaps(globe(np.roll(values, shift, axis=1)), everything=False).wanted
        assert wanted.sum() == np.isnan(values).sum()


def test_a_region_across_the_seam_of_longitude_has_an_outside():
    row, column = np.indices((40, 80))
    inside = np.abs(row - 20) + np.abs(column - 40) < 18
    hole = (np.abs(row - 20) < 3) & (np.abs(column - 40) < 3)
    values = np.where(inside & ~hole, 1.0, np.nan)
    for shift in (0, 40, 55):
        wanted = wanted_gaps(globe(np.roll(values, shift, axis=1)), everything=False).wanted
        wanted = np.roll(wanted.reshape(40, 80), -shift, axis=1)
        assert wanted[hole].all()
        np.testing.assert_array_equal(wanted[:, 1:], wanted[:, :0:-1])
        assert not wanted[np.abs(row - 20) + np.abs(column - 40) > 21].any()
