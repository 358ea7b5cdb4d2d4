"""A continuous representation of complete data."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from sinr_geo.axes import Axis, AxisKind, Channel
from sinr_geo.errors import RequestError
from sinr_geo.points import PointSet
from sinr_geo.reconstruction import reconstruct


def field(place: np.ndarray) -> np.ndarray:
    return np.stack((np.sin(place[:, 0] / 3), np.cos(place[:, 1] / 4), place.sum(axis=1)), axis=1)


def points_at(place: np.ndarray) -> PointSet:
    axes = (Axis("row", AxisKind.INDEX), Axis("column", AxisKind.INDEX))
    channels = tuple(Channel(name) for name in "abc")
    values = field(place)
    return PointSet(place, values, np.isfinite(values), axes, channels)


def grid(step: float) -> np.ndarray:
    return np.mgrid[0 : 20 : complex(round(20 / step)), 0:20:20j].reshape(2, -1).T


def test_it_represents_the_points_and_what_lies_between_them():
    found = reconstruct(points_at(grid(1.0)), superpixels=2, steps=300)
    spread = field(grid(1.0)).std(axis=0)
    for place, bound in ((grid(1.0), 0.03), (grid(0.31), 0.08)):
        error = found.predict(points_at(place)) - field(place)
        assert (np.sqrt((error**2).mean(axis=0)) < bound * spread).all()


def test_parameters_are_counted():
    found = reconstruct(points_at(grid(1.0)), superpixels=1, steps=1)
    width, layers, inputs, outputs = 24, 5, 2, 3
    hidden = (layers - 1) * (width * width + width)
    expected = inputs * width + width + hidden + width * outputs + outputs + outputs * outputs
    assert found.parameters == expected


def test_more_steps_represent_better():
    points = points_at(grid(1.0))
    errors = [
        np.abs(reconstruct(points, superpixels=1, steps=steps).predict(points) - points.values)
        for steps in (5, 100)
    ]
    assert errors[1].mean() < 0.5 * errors[0].mean()


def test_an_unknown_effort_is_one_sentence():
    with pytest.raises(RequestError, match="fast, normal, best"):
        reconstruct(points_at(grid(1.0)), effort="heroic")


def test_the_library_is_imported_without_torch():
    code = "import sys, sinr_geo; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
