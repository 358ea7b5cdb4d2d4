"""Which cells and points the pictures of a report show."""

from __future__ import annotations

import numpy as np
import pytest

from sinr_geo.axes import Axis, AxisKind, Channel
from sinr_geo.points import Lattice, PointSet
from sinr_geo.recovery import Flag, Recovery
from sinr_geo_cli.report.drawing import draw_view
from sinr_geo_cli.report.sights import Sights

KINDS = {"time": AxisKind.TIME, "lat": AxisKind.LATITUDE, "lon": AxisKind.LONGITUDE}


def gridded(gaps, dims, space, coordinates=None):
    """A point at every cell; the value of a cell is its number."""
    shape, size = gaps.shape, gaps.size
    index = np.stack(np.unravel_index(np.arange(size), shape), axis=1).astype(float)
    axes = tuple(Axis(dim, KINDS.get(dim, AxisKind.INDEX)) for dim in dims)
    observed = ~gaps.reshape(size, 1)
    values = np.where(observed, np.arange(float(size))[:, None], np.nan)
    lattice = Lattice(dims, shape, np.arange(size), space)
    place = index if coordinates is None else coordinates(index)
    return PointSet(place, values, observed, axes, (Channel("t", "K"),), lattice)


def seen(points):
    """Show points to a report: gaps are filled with minus one."""
    flag = np.where(points.observed, Flag.OBSERVED, Flag.FILLED).astype(np.uint8)
    values = np.where(points.observed, points.values, -1.0)
    sights = Sights()
    sights("layer", points, Recovery(values, np.where(points.observed, 0.0, 2.0), flag))
    return sights.layers[0].views


def test_the_steps_with_most_gaps_are_shown_in_their_order():
    gaps = np.zeros((6, 4, 5), dtype=bool)
    for step, count in enumerate((0, 3, 1, 0, 9, 2)):
        gaps[step].flat[:count] = True
    views = seen(gridded(gaps, ("time", "lat", "lon"), (1, 2)))
    assert [view.title for view in views] == [f"t, time {n} of 6" for n in (2, 5, 6)]
    first = views[0]
    expected = np.arange(20.0, 40.0).reshape(4, 5)
    assert np.array_equal(first.observed, np.where(gaps[1], np.nan, expected), equal_nan=True)
    assert np.array_equal(first.recovered, np.where(gaps[1], -1.0, expected))
    assert np.array_equal(first.standard_error, np.where(gaps[1], 2.0, 0.0))


def test_equal_steps_are_spread_over_the_whole():
    gaps = np.zeros((9, 3, 3), dtype=bool)
    gaps[:, 1, 1] = True
    views = seen(gridded(gaps, ("time", "lat", "lon"), (1, 2)))
    assert [view.title for view in views] == [f"t, time {n} of 9" for n in (1, 5, 9)]


def test_a_large_grid_is_thinned_to_what_a_picture_has_room_for():
    gaps = np.zeros((1, 2000), dtype=bool)
    gaps[0, :7] = True
    (view,) = seen(gridded(gaps, ("lat", "lon"), (0, 1)))
    assert view.observed.shape == (1, 400)
    assert np.array_equal(view.place.x, np.arange(0.0, 2000.0, 5.0))


@pytest.mark.parametrize(
    ("shape", "dims", "space"),
    [((7,), ("lat",), (0,)), ((4, 6), ("time", "lat"), (1,)), ((1, 1), ("lat", "lon"), (0, 1))],
)
def test_grids_of_few_dimensions_can_be_drawn(shape, dims, space):
    gaps = np.ones(shape, dtype=bool)
    gaps.flat[1:] = False
    (view,) = seen(gridded(gaps, dims, space))
    assert view.observed.size == gaps.size
    assert draw_view(view).startswith(b"\x89PNG")


def test_a_curved_grid_is_shown_by_position():
    def curved(index):
        return index + 0.3 * index[:, ::-1] ** 2

    gaps = np.zeros((5, 6), dtype=bool)
    gaps[2, 2] = True
    (view,) = seen(gridded(gaps, ("lat", "lon"), (0, 1), curved))
    assert (view.place.y_label, view.place.x_label) == ("lat, position", "lon, position")
    assert np.array_equal(view.place.x, np.arange(6.0))


def test_a_cloud_is_seen_along_its_least_extent():
    rng = np.random.default_rng(0)
    place = rng.random((50, 3)) * (9.0, 1.0, 5.0)
    values = place[:, [0]].copy()
    observed = rng.random((50, 1)) < 0.5
    axes = tuple(Axis(name, AxisKind.PROJECTED, "m") for name in "xyz")
    points = PointSet(
        place, np.where(observed, values, np.nan), observed, axes, (Channel("height"),)
    )
    (view,) = seen(points)
    assert (view.place.x_label, view.place.y_label, view.place.aspect) == ("x [m]", "z [m]", 1.0)
    assert np.allclose(np.sort(view.place.x), np.sort(place[:, 0]))
    assert np.array_equal(np.isnan(view.observed), view.recovered == -1.0)
    assert np.allclose(
        view.observed, np.where(np.isnan(view.observed), np.nan, view.place.x), equal_nan=True
    )


def test_what_was_left_as_it_is_has_no_picture():
    gaps = np.zeros((3, 3), dtype=bool)
    assert seen(gridded(gaps, ("lat", "lon"), (0, 1))) == ()
