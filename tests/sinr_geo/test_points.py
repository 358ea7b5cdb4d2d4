"""Point sets refuse what the engine could not trust."""

from __future__ import annotations

import numpy as np
import pytest

from sinr_geo import Axis, AxisKind, Channel, Lattice, PointSet
from sinr_geo.errors import RequestError

AXES = (Axis("x", AxisKind.PROJECTED, "m"),)


def line(values, observed=None, **more):
    values = np.asarray(values, dtype=float)[:, None]
    seen = np.isfinite(values) if observed is None else np.asarray(observed)[:, None]
    coordinates = np.arange(float(len(values)))[:, None]
    return PointSet(coordinates, values, seen, AXES, (Channel("v"),), **more)


def test_the_repr_says_what_it_holds():
    text = repr(line([1.0, np.nan, 3.0, 4.0]))
    assert "4 points at (x [projected])" in text
    assert "25.0% missing" in text


def test_arrays_are_read_only():
    points = line([1.0, 2.0])
    with pytest.raises(ValueError, match="read-only"):
        points.values[0, 0] = 9.0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"coordinates": np.zeros((3, 2))}, "one row per point"),
        ({"observed": np.ones((3, 2), dtype=bool)}, "a mask of the same shape"),
        ({"coordinates": np.array([[0.0], [np.nan], [1.0]])}, "not a finite number"),
        ({"values": np.array([[0.0], [np.inf], [1.0]])}, "not a finite number"),
    ],
)
def test_what_does_not_fit_is_refused_in_words(change, words):
    good = {
        "coordinates": np.zeros((3, 1)),
        "values": np.zeros((3, 1)),
        "observed": np.ones((3, 1), dtype=bool),
    }
    with pytest.raises(RequestError, match=words):
        PointSet(**{**good, **change}, axes=AXES, channels=(Channel("v"),))


def test_withholding_hides_the_values():
    points = line([1.0, 2.0, 3.0])
    fewer = points.with_observed(np.array([[True], [False], [True]]))
    assert np.isnan(fewer.values[1, 0])
    with pytest.raises(RequestError, match="cannot become observed"):
        fewer.with_observed(points.observed)


def test_a_lattice_lays_out_and_takes_back():
    lattice = Lattice(("y", "x"), (2, 3), np.array([0, 2, 5]), (0, 1))
    values = np.array([[1.0], [2.0], [3.0]])
    grid = lattice.spread(values, np.nan)
    assert grid.shape == (2, 3, 1)
    assert grid[0, 2, 0] == 2.0
    assert np.isnan(grid[0, 1, 0])
    np.testing.assert_array_equal(lattice.gather(grid), values)
    np.testing.assert_array_equal(lattice.index, [[0, 0], [0, 2], [1, 2]])


def test_lattice_places_must_increase():
    with pytest.raises(RequestError, match="increase"):
        Lattice(("x",), (4,), np.array([2, 1]), (0,))


def test_bounds_of_a_channel_must_be_in_order():
    with pytest.raises(RequestError, match="lies above"):
        Channel("pr", lower=1.0, upper=0.0)
