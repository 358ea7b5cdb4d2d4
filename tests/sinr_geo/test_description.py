"""What a file would be read as."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

import sinr_geo
from sinr_geo.axes import Axis, AxisKind
from sinr_geo.errors import InputError
from sinr_geo.memory_plan import memory_plan
from sinr_geo.points import Lattice


def test_a_grid_with_a_hole(memory_file, bumpy_grid):
    path, _ = memory_file(bumpy_grid)
    found = sinr_geo.describe(path)
    assert (found.format, found.adapter, found.distribution) == (
        "Memory",
        "memory",
        "memory-plugin",
    )
    assert found.notes == ("a note",)
    assert found.facts == {"CRS": "none"}
    (layer,) = found.layers
    assert (layer.points, layer.dims, layer.shape) == (1200, ("y", "x"), (30, 40))
    assert layer.missing == layer.wanted == pytest.approx(40 / 1200)
    assert layer.superpixels == 15
    y, x = layer.axes
    assert (y.name, y.kind, y.unit, y.lowest, y.highest) == (
        "y",
        AxisKind.PROJECTED,
        "m",
        0.0,
        290.0,
    )
    assert x.highest == 390.0
    a, b = layer.channels
    assert (a.name, a.unit, a.lower, a.upper) == ("a", "K", None, None)
    assert (b.lower, b.upper) == (0.0, None)
    assert a.missing == a.wanted == pytest.approx(40 / 1200)


def test_land_is_missing_but_not_wanted(memory_file, bumpy_grid):
    observed = bumpy_grid.observed.copy()
    land = bumpy_grid.coordinates[:, 1] < 100.0
    observed[land] = False
    points = replace(
        bumpy_grid.with_observed(observed),
        axes=(Axis("time", AxisKind.TIME, "days"), Axis("x", AxisKind.PROJECTED, "m")),
        lattice=Lattice(("time", "x"), (30, 40), np.arange(1200), (1,), (0,)),
    )
    path, _ = memory_file(points)
    (layer,) = sinr_geo.describe(path).layers
    assert layer.missing == pytest.approx((300 + 40) / 1200)
    assert layer.wanted == pytest.approx(40 / 1200)
    (note,) = layer.notes
    assert "never observed" in note


def test_the_plan_is_that_of_the_size_of_the_layer(memory_file, bumpy_grid):
    path, _ = memory_file(bumpy_grid)
    (layer,) = sinr_geo.describe(path).layers
    size = (len(bumpy_grid), len(bumpy_grid.axes), len(bumpy_grid.channels))
    assert layer.memory_bytes == memory_plan(*size)


def test_it_is_fit_for_json(memory_file, bumpy_grid):
    path, _ = memory_file(bumpy_grid)
    content = json.loads(json.dumps(sinr_geo.describe(path).as_dict(), allow_nan=False))
    assert content["path"] == str(path)
    assert content["layers"][0]["axes"][0]["kind"] == "projected"


def test_what_is_asked_for_reaches_the_adapter(memory_file, bumpy_grid):
    path, adapter = memory_file(bumpy_grid)
    rule = sinr_geo.adapters.MissingRule("alpha", 0.0)
    sinr_geo.describe(
        path, variables=["a"], missing=[rule], channels=["time"], coordinates=["band"]
    )
    (query,) = adapter.queries
    assert (query.variables, query.missing) == (("a",), (rule,))
    assert (query.channels, query.coordinates) == (("time",), ("band",))


def test_a_file_that_is_not_there(memory_file, bumpy_grid):
    path, _ = memory_file(bumpy_grid)
    with pytest.raises(InputError, match="no such file"):
        sinr_geo.describe(path.with_name("other.memory"))
