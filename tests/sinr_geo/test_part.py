"""The part of large data that choices are made on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sinr_geo import Axis, AxisKind, Channel, Lattice, PointSet
from sinr_geo.part import representative_rows


def raster(side, missing):
    mesh = np.meshgrid(np.arange(side), np.arange(side), indexing="ij")
    values = np.where(missing, np.nan, np.hypot(*mesh))
    axes = (Axis("row", AxisKind.INDEX), Axis("column", AxisKind.INDEX))
    place = np.arange(side * side)
    return PointSet(
        np.stack(mesh, axis=-1).reshape(-1, 2).astype(float),
        values.reshape(-1, 1),
        ~missing.reshape(-1, 1),
        axes,
        (Channel("a"),),
        Lattice(("row", "column"), (side, side), place, (0, 1)),
    )


def test_small_data_are_taken_whole():
    points = raster(20, np.zeros((20, 20), dtype=bool))
    rows = representative_rows(points, ~points.observed, 400, 0)
    np.testing.assert_array_equal(rows, np.arange(400))


def test_large_data_give_boxes_where_gaps_and_observations_are():
    missing = np.zeros((300, 300), dtype=bool)
    missing[:, :30] = np.arange(300)[:, None] % 2 == 0
    points = raster(300, missing)
    rows = representative_rows(points, ~points.observed, 10_000, 0)
    assert rows.size <= 10_000
    assert (np.diff(rows) > 0).all()
    assert (~points.observed[rows]).sum() > 500
    part = points.take(rows)
    np.testing.assert_array_equal(part.lattice.place, points.lattice.place[rows])
    np.testing.assert_array_equal(part.values, points.values[rows])


def test_scattered_points_give_whole_neighbourhoods():
    rng = np.random.default_rng(4)
    places = rng.random((20_000, 2))
    values = places.sum(axis=1, keepdims=True)
    axes = (Axis("x", AxisKind.PROJECTED), Axis("y", AxisKind.PROJECTED))
    points = PointSet(places, values, np.ones((20_000, 1), bool), axes, (Channel("a"),))
    rows = representative_rows(points, ~points.observed, 2_000, 0)
    assert 1_000 < rows.size <= 2_000
    kept = np.zeros(20_000, dtype=bool)
    kept[rows] = True
    from scipy.spatial import cKDTree

    _, nearest = cKDTree(places).query(places[rows], k=2)
    assert kept[nearest[:, 1]].mean() > 0.9


def test_of_many_scattered_points_those_around_the_few_gaps_are_taken():
    rng = np.random.default_rng(4)
    places = rng.random((20_000, 2))
    observed = np.hypot(*(places - 0.5).T) > 0.02
    values = np.where(observed, places.sum(axis=1), np.nan)[:, None]
    axes = (Axis("x", AxisKind.PROJECTED), Axis("y", AxisKind.PROJECTED))
    points = PointSet(places, values, observed[:, None], axes, (Channel("a"),))
    rows = representative_rows(points, ~points.observed, 2_000, 0)
    assert (~observed[rows]).sum() == (~observed).sum()
    assert 1_500 < rows.size <= 2_000


def test_taking_rows_of_a_mesh_keeps_the_edges_between_them():
    axes = (Axis("x", AxisKind.PROJECTED),)
    line = PointSet(
        np.arange(5.0)[:, None],
        np.arange(5.0)[:, None],
        np.ones((5, 1), bool),
        axes,
        (Channel("a"),),
        edges=np.array([[0, 1], [1, 2], [2, 3], [3, 4]]),
    )
    np.testing.assert_array_equal(line.take(np.array([0, 1, 3, 4])).edges, [[0, 1], [2, 3]])


def two_masks(missing_of_b):
    """A raster of two channels: some gaps of the first in a corner, and those of the second."""
    side = missing_of_b.shape[0]
    missing_of_a = np.zeros_like(missing_of_b)
    missing_of_a[:30, :30] = np.random.default_rng(0).random((30, 30)) < 0.4
    points = raster(side, missing_of_a)
    first = np.column_stack((points.values[:, 0], np.arange(side * side) % 97.0))
    observed = ~np.column_stack((missing_of_a.ravel(), missing_of_b.ravel()))
    return replace(
        points,
        values=np.where(observed, first, np.nan),
        observed=observed,
        channels=(Channel("a"), Channel("b")),
    )


def test_gaps_of_every_channel_are_in_the_part():
    missing = np.zeros((120, 120), dtype=bool)
    missing[64:72, 34:42] = True
    points = two_masks(missing)
    rows = representative_rows(points, ~points.observed, 4_000, 0)
    assert (~points.observed[rows]).any(axis=0).all()
    assert rows.size < 5_000


def test_a_channel_that_was_hardly_observed_is_observed_in_the_part():
    missing = np.ones((120, 120), dtype=bool)
    missing[50:64, 30:40] = False
    points = two_masks(missing)
    rows = representative_rows(points, ~points.observed, 4_000, 0)
    assert (points.observed[rows].sum(axis=0) >= 50).all()
    assert (~points.observed[rows]).any(axis=0).all()


def test_nothing_observed_is_no_trouble():
    rng = np.random.default_rng(4)
    axes = (Axis("x", AxisKind.PROJECTED), Axis("y", AxisKind.PROJECTED))
    nothing = np.zeros((3_000, 1), dtype=bool)
    values = np.full((3_000, 1), np.nan)
    points = PointSet(rng.random((3_000, 2)), values, nothing, axes, (Channel("a"),))
    assert representative_rows(points, ~nothing, 1_000, 0).size > 500
