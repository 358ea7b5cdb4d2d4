"""Neighbours come from the mesh, the grid or the nearest points."""

from __future__ import annotations

import numpy as np
import pytest

from sinr_geo import Axis, AxisKind, Channel, Lattice, PointSet
from sinr_geo.neighbours import neighbour_graph


def a_set(coordinates, **more):
    coordinates = np.asarray(coordinates, dtype=float)
    axes = tuple(Axis(name, AxisKind.INDEX) for name in "xyz"[: coordinates.shape[1]])
    values = np.zeros((len(coordinates), 1))
    return PointSet(coordinates, values, values == 0, axes, (Channel("v"),), **more)


def test_a_mesh_is_connected_by_its_edges():
    graph = neighbour_graph(a_set(np.eye(3), edges=np.array([[0, 1], [1, 2]])))
    np.testing.assert_array_equal(graph.toarray(), [[0, 1, 0], [1, 0, 1], [0, 1, 0]])


def test_a_grid_leaves_out_absent_cells_and_wraps_where_it_should():
    lattice = Lattice(("x",), (4,), np.array([0, 1, 3]), (0,), wraps=(True,))
    graph = neighbour_graph(a_set([[0], [1], [3]], lattice=lattice)).toarray()
    np.testing.assert_array_equal(graph, [[0, 1, 1], [1, 0, 0], [1, 0, 0]])


@pytest.mark.parametrize("shape", [(3, 4), (2, 3, 4)])
def test_a_grid_has_as_many_pairs_as_it_should(shape):
    size = int(np.prod(shape))
    dims = tuple("tyx"[-len(shape) :])
    lattice = Lattice(dims, shape, np.arange(size), tuple(range(len(shape))))
    index = np.stack(np.unravel_index(np.arange(size), shape), axis=1)
    pairs = sum(size // n * (n - 1) for n in shape)
    assert neighbour_graph(a_set(index, lattice=lattice)).nnz == 2 * pairs


def test_bare_points_take_the_nearest_and_the_graph_is_symmetric():
    graph = neighbour_graph(a_set(np.random.default_rng(0).random((60, 2))))
    assert (graph != graph.T).nnz == 0
    assert graph.sum(axis=1).min() >= 8
    assert graph.diagonal().sum() == 0


def test_bare_points_are_neighbours_where_an_embedding_puts_them_close_together():
    place = np.random.default_rng(0).random((60, 2))

    def stretched(coordinates):
        return coordinates * np.array([1.0, 50.0])

    found = neighbour_graph(a_set(place), stretched).toarray()
    np.testing.assert_array_equal(found, neighbour_graph(a_set(stretched(place))).toarray())
    assert (found != neighbour_graph(a_set(place)).toarray()).any()
