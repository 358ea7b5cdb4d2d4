"""Time as channels and back again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sinr_geo import Axis, AxisKind, Channel, Lattice, PointSet
from sinr_geo.errors import RequestError
from sinr_geo.roles import StepsAsChannels, has_steps

STEPS, ROWS, COLUMNS = 4, 3, 5


@pytest.fixture
def series() -> PointSet:
    """Two variables with masks of their own; some cells have no point, one at a single step."""
    rng = np.random.default_rng(0)
    present = np.ones((STEPS, ROWS, COLUMNS), dtype=bool)
    present[:, 0, 0] = False
    present[2, 1, 1] = False
    place = np.flatnonzero(present)
    step, row, column = np.unravel_index(place, present.shape)
    observed = rng.random((place.size, 2)) < 0.6
    values = np.where(observed, rng.normal(size=observed.shape), np.nan)
    return PointSet(
        np.stack((10.0 * step, 50.0 - row, 0.5 * column), axis=1),
        values,
        observed,
        (
            Axis("time", AxisKind.TIME, "days"),
            Axis("lat", AxisKind.LATITUDE, "degrees"),
            Axis("lon", AxisKind.LONGITUDE, "degrees"),
        ),
        (Channel("sst", "K", lower=0.0), Channel("rain", "mm", lower=0.0, step=0.1)),
        Lattice(("time", "lat", "lon"), present.shape, place, (1, 2), (0,), (False, False, True)),
    )


def test_every_entry_goes_over_and_back(series):
    view = StepsAsChannels.of(series)
    np.testing.assert_array_equal(view.back(view.points.values), series.values)
    np.testing.assert_array_equal(view.back(view.points.observed), series.observed)
    wanted = ~series.observed
    over = view.over(wanted, False)
    assert over.dtype == np.bool_
    assert over.sum() == wanted.sum()
    np.testing.assert_array_equal(view.back(over), wanted)


def test_an_entry_lies_in_the_row_of_its_cell_and_the_column_of_its_variable_and_step(series):
    view = StepsAsChannels.of(series)
    lattice = view.points.lattice
    assert lattice.dims == ("lat", "lon")
    assert lattice.shape == (ROWS, COLUMNS)
    assert lattice.space == (0, 1)
    assert lattice.steps == ()
    assert lattice.wraps == (False, True)
    grid = series.lattice.spread(series.values, np.nan)
    for variable in range(2):
        columns = view.columns_of(variable)
        for step in range(STEPS):
            expected = grid[step, :, :, variable].ravel()[lattice.place]
            np.testing.assert_array_equal(view.points.values[:, columns[step]], expected)


def test_axes_coordinates_and_channels_are_those_of_space(series):
    view = StepsAsChannels.of(series)
    assert [axis.name for axis in view.points.axes] == ["lat", "lon"]
    np.testing.assert_array_equal(view.points.coordinates[view.cell], series.coordinates[:, 1:])
    assert len({channel.name for channel in view.points.channels}) == 2 * STEPS
    rain = view.points.channels[STEPS]
    assert (rain.source, rain.along) == ("rain", AxisKind.TIME)
    assert (rain.unit, rain.lower, rain.step) == ("mm", 0.0, 0.1)


def test_a_cell_without_a_point_at_a_step_is_not_observed_there(series):
    view = StepsAsChannels.of(series)
    row = np.flatnonzero(view.points.lattice.place == COLUMNS + 1)[0]
    assert not view.points.observed[row, [2, STEPS + 2]].any()
    assert np.isnan(view.points.values[row, 2])


def test_fewer_observed_entries_are_fewer_in_both_views(series):
    view = StepsAsChannels.of(series)
    fewer = series.observed & (np.arange(len(series)) % 2 == 0)[:, None]
    expected = StepsAsChannels.of(series.with_observed(fewer)).points
    np.testing.assert_array_equal(view.with_observed(fewer).points.values, expected.values)


def test_a_height_beside_time_stays_a_dimension():
    shape = (3, 2, 4)
    step, level, column = np.indices(shape).reshape(3, -1).astype(float)
    points = PointSet(
        np.stack((step, level, column), axis=1),
        np.arange(24.0)[:, None],
        np.ones((24, 1), dtype=bool),
        (
            Axis("time", AxisKind.TIME),
            Axis("depth", AxisKind.VERTICAL),
            Axis("x", AxisKind.PROJECTED),
        ),
        (Channel("t"),),
        Lattice(("time", "depth", "x"), shape, np.arange(24), (2,), (0,)),
    )
    view = StepsAsChannels.of(points)
    assert view.points.lattice.shape == (2, 4)
    assert view.points.lattice.space == (1,)
    np.testing.assert_array_equal(view.points.values[0], [0.0, 8.0, 16.0])


def test_only_a_fixed_grid_over_time_has_steps(series, bumpy_grid):
    assert has_steps(series, STEPS)
    assert not has_steps(series, STEPS + 1)
    assert not has_steps(bumpy_grid, 1)
    with pytest.raises(RequestError, match="grid over time"):
        StepsAsChannels.of(bumpy_grid)
    moving = np.array(series.coordinates)
    moving[:, 2] += moving[:, 0]
    drifting = replace(series, coordinates=moving)
    assert not has_steps(drifting, 1)
    with pytest.raises(RequestError, match="move from step to step"):
        StepsAsChannels.of(drifting)
