"""GSSA: Algorithm 1 against scikit-learn, Definition 1 against networks of neighbours."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse.csgraph import connected_components
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from sinr_geo import Axis, AxisKind, Channel, Lattice, PointSet
from sinr_geo.gssa import connect, segment
from sinr_geo.neighbours import neighbour_graph


@pytest.fixture
def patches():
    """Four noisy patches of a 40 x 40 image: values (n, 1), coordinates (n, 2), truth (n,)."""
    row, column = np.indices((40, 40)).reshape(2, -1)
    truth = 2 * (row >= 20) + (column >= 20)
    noise = np.random.default_rng(0).normal(scale=0.1, size=truth.size)
    return (truth + noise)[:, None], np.stack((row, column), 1).astype(float), truth


def graph_of(coordinates, shape):
    lattice = Lattice(("y", "x"), shape, np.arange(len(coordinates)), (0, 1))
    axes = (Axis("y", AxisKind.INDEX), Axis("x", AxisKind.INDEX))
    values = np.zeros((len(coordinates), 1))
    return neighbour_graph(
        PointSet(coordinates, values, values == 0, axes, (Channel("v"),), lattice)
    )


def test_it_finds_the_patches(patches, device):
    values, coordinates, truth = patches
    labels = segment(values, coordinates, 4, 0.5, seed=0, device=device)
    assert adjusted_rand_score(truth, labels) > 0.95


def test_it_ends_where_k_means_does(patches):
    values, coordinates, _ = patches
    labels = segment(values, coordinates, 4, 1.0, seed=0)

    def unit(columns):
        centred = columns - columns.mean(axis=0)
        return centred / np.sqrt((centred**2).sum(axis=1).mean())

    features = np.concatenate((unit(values), unit(coordinates)), axis=1)
    centres = np.stack([features[labels == k].mean(axis=0) for k in range(4)])
    again = KMeans(4, init=centres, n_init=1).fit_predict(features)
    assert (again == labels).mean() > 0.99


def test_alpha_means_the_same_in_any_unit(patches):
    values, coordinates, _ = patches
    plain = segment(values, coordinates, 6, 2.0, seed=0)
    scaled = segment(1e4 * values - 77, 3e-3 * coordinates + 5, 6, 2.0, seed=0)
    assert adjusted_rand_score(plain, scaled) > 0.99


def test_a_large_alpha_makes_superpixels_round(patches):
    values, coordinates, _ = patches
    shuffled = np.random.default_rng(1).permutation(values)

    def extent(alpha):
        labels = segment(shuffled, coordinates, 8, alpha, seed=0)
        parts = [coordinates[labels == k] for k in np.unique(labels)]
        return np.mean([np.sqrt(part.var(axis=0).sum()) for part in parts])

    assert extent(100.0) < 0.5 * extent(0.01)


def test_fewer_distinct_points_than_superpixels():
    labels = segment(np.zeros((5, 1)), np.zeros((5, 2)), 3, 1.0, seed=0)
    assert labels.tolist() == [0] * 5


@pytest.mark.parametrize("count", [5, 40])
def test_connected_superpixels_meet_definition_1(patches, count):
    values, coordinates, _ = patches
    noisy = values + np.random.default_rng(2).normal(scale=1.0, size=values.shape)
    graph = graph_of(coordinates, (40, 40))
    labels = connect(segment(noisy, coordinates, count, 0.1, seed=0), graph)
    assert set(labels) == set(range(labels.max() + 1))
    for k in range(labels.max() + 1):
        members = np.flatnonzero(labels == k)
        assert connected_components(graph[members][:, members])[0] == 1


def test_centres_that_may_still_move_leave_points_farther_away(patches):
    values, coordinates, _ = patches

    def apart(tolerance):
        labels = segment(values, coordinates, 40, 1.0, seed=0, tolerance=tolerance)
        rows = np.concatenate((values / values.std(), coordinates / coordinates.std()), axis=1)
        centres = np.stack([rows[labels == k].mean(axis=0) for k in range(labels.max() + 1)])
        return np.mean((rows - centres[labels]) ** 2)

    assert apart(1e9) > 1.02 * apart(1e-3)


def test_connecting_moves_islands_and_nothing_else():
    labels = np.array([0, 0, 1, 0, 1, 1])
    graph = graph_of(np.stack((np.zeros(6), np.arange(6.0)), 1), (1, 6))
    assert connect(labels, graph).tolist() == [0, 0, 0, 1, 1, 1] or connect(
        labels, graph
    ).tolist() == [0, 0, 1, 1, 1, 1]


def test_a_part_without_neighbours_becomes_a_superpixel_of_its_own():
    lattice = Lattice(("x",), (5,), np.array([0, 1, 3, 4]), (0,))
    values = np.zeros((4, 1))
    coordinates = np.array([[0.0], [1], [3], [4]])
    points = PointSet(
        coordinates, values, values == 0, (Axis("x", AxisKind.INDEX),), (Channel("v"),), lattice
    )
    labels = connect(np.zeros(4, dtype=int), neighbour_graph(points))
    assert labels[0] == labels[1] != labels[2] == labels[3]
