"""Distances after embedding are those on the ground."""

from __future__ import annotations

import numpy as np
import pytest

from sinr_geo import Axis, AxisKind, Channel, PointSet
from sinr_geo.coordinates import Embedding


def points_at(coordinates, *axes):
    coordinates = np.asarray(coordinates, dtype=float)
    values = np.zeros((len(coordinates), 1))
    return PointSet(coordinates, values, values == 0, axes, (Channel("v"),))


LONGITUDE = Axis("lon", AxisKind.LONGITUDE, "degrees", 360.0)
LATITUDE = Axis("lat", AxisKind.LATITUDE, "degrees")


def distance(place, first, second):
    return float(np.linalg.norm(place[first] - place[second]))


def test_there_is_no_seam_at_the_date_line():
    points = points_at([[179.5, 0], [-179.5, 0], [178.5, 0]], LONGITUDE, LATITUDE)
    place = Embedding.fit(points)(points.coordinates)
    assert distance(place, 0, 1) == pytest.approx(distance(place, 0, 2))


def test_longitudes_meet_at_the_pole():
    rings = [[lon, lat] for lat in (90.0, 89.0, 88.0) for lon in (0.0, 90.0, 180.0, 270.0)]
    points = points_at(rings, LONGITUDE, LATITUDE)
    place = Embedding.fit(points)(points.coordinates)
    assert distance(place, 0, 2) < 1e-6 * distance(place, 0, 4)


def test_the_order_of_latitude_and_longitude_does_not_matter():
    ground = np.array([[0.0, 50], [1, 50], [1, 51], [3, 52]])
    one = points_at(ground, LONGITUDE, LATITUDE)
    other = points_at(ground[:, ::-1], LATITUDE, LONGITUDE)
    place, swapped = (Embedding.fit(p)(p.coordinates) for p in (one, other))
    assert distance(place, 0, 3) == pytest.approx(distance(swapped, 0, 3))
    east, north = distance(place, 0, 1), distance(place, 1, 2)
    assert east / north == pytest.approx(np.cos(np.deg2rad(50)), rel=1e-3)


def test_projected_axes_share_one_scale():
    grid = np.stack(np.meshgrid(np.arange(0, 100, 10.0), np.arange(0, 30, 10.0)), -1).reshape(-1, 2)
    points = points_at(grid, Axis("x", AxisKind.PROJECTED), Axis("y", AxisKind.PROJECTED))
    place = Embedding.fit(points)(points.coordinates)
    np.testing.assert_allclose(place, grid / 10.0)


def test_time_has_a_ratio_of_its_own():
    grid = [[t, x] for t in (0.0, 5.0, 10.0) for x in (0.0, 1.0, 2.0)]
    axes = (Axis("time", AxisKind.TIME, "days"), Axis("x", AxisKind.PROJECTED, "m"))
    points = points_at(grid, *axes)
    place = Embedding.fit(points, {AxisKind.TIME: 4.0})(points.coordinates)
    assert distance(place, 0, 3) == pytest.approx(4.0 * distance(place, 0, 1))


def test_december_is_next_to_january():
    axis = Axis("month", AxisKind.TIME, "days", 360.0)
    points = points_at(np.arange(15.0, 360.0, 30.0)[:, None], axis)
    place = Embedding.fit(points)(points.coordinates)
    assert distance(place, 0, 11) == pytest.approx(distance(place, 0, 1))
