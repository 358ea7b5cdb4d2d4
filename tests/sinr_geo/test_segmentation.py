"""Segmenting a file: both conditions of Definition 1, and the file's own format."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from scipy.sparse.csgraph import connected_components

import sinr_geo
from sinr_geo.adapters import Stamp
from sinr_geo.axes import Axis, AxisKind
from sinr_geo.errors import NothingToDoError, OutputExistsError, RequestError
from sinr_geo.neighbours import neighbour_graph
from sinr_geo.points import PointSet
from sinr_geo.segmentation import default_superpixels


def assert_superpixels(labels, points):
    """Every point has one label, all labels are used, each is one blob of neighbours."""
    assert labels.shape == (len(points),)
    assert labels.dtype == np.int32
    assert np.array_equal(np.unique(labels), np.arange(labels.max() + 1))
    graph = neighbour_graph(points)
    for label in range(labels.max() + 1):
        inside = np.flatnonzero(labels == label)
        parts, _ = connected_components(graph[inside][:, inside], directed=False)
        assert parts == 1


def test_superpixels_of_a_grid_with_a_hole(memory_file, bumpy_grid):
    path, adapter = memory_file(bumpy_grid)
    outcome = sinr_geo.segment(path, superpixels=8)
    (labels,) = adapter.labels
    assert_superpixels(labels, bumpy_grid)
    assert outcome.outputs == (path.with_name("points.segments.memory"),)
    (layer,) = outcome.layers
    assert layer.choice["superpixels"] == 8
    assert layer.choice["connected"] == labels.max() + 1
    assert outcome.notes == ("a note",)


def test_superpixels_of_scattered_points(memory_file):
    rng = np.random.default_rng(0)
    place = rng.uniform(0, 100, (500, 3))
    values = np.sin(place[:, :1] / 9.0)
    axes = tuple(Axis(name, AxisKind.PROJECTED, "m") for name in "xyz")
    observed = rng.random(values.shape) > 0.5
    points = PointSet(
        place,
        np.where(observed, values, np.nan),
        observed,
        axes,
        (sinr_geo.Channel("red"),),
    )
    path, adapter = memory_file(points)
    sinr_geo.segment(path)
    assert_superpixels(adapter.labels[0], points)
    assert adapter.labels[0].max() + 1 >= 15


def test_alpha_weighs_place_against_values(memory_file, bumpy_grid):
    def scatter(alpha, columns):
        path, adapter = memory_file(bumpy_grid)
        sinr_geo.segment(path, superpixels=12, alpha=alpha, overwrite=True)
        groups = [columns[adapter.labels[0] == k] for k in range(adapter.labels[0].max() + 1)]
        return sum(np.nanvar(group, axis=0).sum() * len(group) for group in groups)

    place, values = bumpy_grid.coordinates, bumpy_grid.values
    assert scatter(30.0, place) < 0.9 * scatter(0.03, place)
    assert scatter(0.03, values) < 0.9 * scatter(30.0, values)


def test_the_same_seed_gives_the_same_labels(memory_file, bumpy_grid):
    path, adapter = memory_file(bumpy_grid)
    for seed in (0, 0, 1):
        sinr_geo.segment(path, seed=seed, overwrite=True)
    first, again, other = adapter.labels
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_layer_without_any_observation_is_segmented_by_place(memory_file, bumpy_grid):
    empty = bumpy_grid.with_observed(np.zeros_like(bumpy_grid.observed))
    path, adapter = memory_file(bumpy_grid, empty)
    sinr_geo.segment(path, superpixels=5)
    assert_superpixels(adapter.labels[1], empty)


def test_nothing_observed_at_all_writes_nothing(memory_file, bumpy_grid):
    path, _ = memory_file(bumpy_grid.with_observed(np.zeros_like(bumpy_grid.observed)))
    with pytest.raises(NothingToDoError, match=r"points\.memory"):
        sinr_geo.segment(path)
    assert list(path.parent.iterdir()) == [path]


def test_what_is_asked_for_reaches_the_adapter(memory_file, bumpy_grid):
    path, adapter = memory_file(bumpy_grid)
    rule = sinr_geo.adapters.MissingRule("alpha", 0.0)
    stamp = Stamp("sinr-geo segment", "9", datetime(2024, 1, 2, tzinfo=UTC))
    stages = []
    output = path.with_name("labels.memory")
    sinr_geo.segment(
        path,
        output,
        variables=["a"],
        missing=[rule],
        channels=["time"],
        coordinates=["band"],
        stamp=stamp,
        progress=lambda what, share: stages.append((what, share)),
    )
    (query,) = adapter.queries
    assert (query.variables, query.missing) == (("a",), (rule,))
    assert (query.channels, query.coordinates) == (("time",), ("band",))
    assert output.read_text() == "2024-01-02T00:00:00Z sinr-geo 9: sinr-geo segment"
    assert stages == [("segmenting layer 0", 0.0)]


@pytest.mark.parametrize("wrong", [{"superpixels": 0}, {"alpha": -1.0}, {"alpha": float("nan")}])
def test_options_that_make_no_sense(memory_file, bumpy_grid, wrong):
    path, _ = memory_file(bumpy_grid)
    with pytest.raises(RequestError, match="must be"):
        sinr_geo.segment(path, **wrong)


def test_an_output_that_exists_is_kept(memory_file, bumpy_grid):
    path, _ = memory_file(bumpy_grid)
    output = path.with_name("points.segments.memory")
    output.write_text("mine")
    with pytest.raises(OutputExistsError):
        sinr_geo.segment(path)
    assert output.read_text() == "mine"


@pytest.mark.parametrize(("points", "count"), [(10, 15), (20_000, 20), (10**6, 50)])
def test_k_grows_with_the_number_of_points_within_the_papers_range(points, count):
    assert default_superpixels(points) == count


def test_edges_of_a_mesh_are_its_neighbours(memory_file, bumpy_grid):
    chain = np.stack((np.arange(1199), np.arange(1, 1200)), axis=1)
    mesh = replace(bumpy_grid, lattice=None, edges=chain)
    path, adapter = memory_file(mesh)
    sinr_geo.segment(path, superpixels=6)
    assert_superpixels(adapter.labels[0], mesh)
