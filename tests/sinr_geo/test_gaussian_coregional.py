"""Kriging of entries against a Gaussian process written out in numpy."""

from __future__ import annotations

import numpy as np
import pytest

from sinr_geo import Axis, AxisKind, Channel, Lattice, PointSet
from sinr_geo.folds import Fold, scattered_folds
from sinr_geo.gaussian.channels import Channels, PairProducts
from sinr_geo.gaussian.coregional import CoregionalKriging, CoregionalSettings, Entries
from sinr_geo.gaussian.coregional_head import choose_coregional
from sinr_geo.methods.protocol import Effort, Problem, Task
from sinr_geo.neighbours import neighbour_graph


def channels_of(covariance):
    spectrum, vectors = np.linalg.eigh(covariance)
    return Channels(vectors[:, ::-1], spectrum[::-1])


def dense_kriging(query, entries, covariance, nugget, reach, power):
    """Condition on all entries at once."""

    def kernel(a, b):
        return np.exp(-((np.linalg.norm(a[:, None] - b[None], axis=2) / reach) ** power))

    b = entries.channel
    own = covariance[np.ix_(b, b)] * kernel(entries.places, entries.places)
    own += nugget * np.eye(b.size)
    cross = covariance[:, b] * kernel(query, entries.places)
    mean = cross @ np.linalg.solve(own, entries.values)
    return mean, np.diag(covariance) - np.einsum("si,ij,sj->s", cross, np.linalg.inv(own), cross)


@pytest.mark.parametrize("power", [1.0, 1.6])
def test_with_all_entries_it_is_a_gaussian_process(device, power):
    rng = np.random.default_rng(0)
    place = rng.uniform(0, 4, size=(10, 2))
    observed = rng.random((10, 3)) < 0.6
    values = np.where(observed, rng.normal(size=(10, 3)), np.nan)
    root = rng.normal(size=(3, 3))
    covariance = root @ root.T
    entries = Entries.of(place, values, observed)
    settings = CoregionalSettings(reach=2.0, nugget=0.1, power=power, samples=99)
    field = CoregionalKriging(entries, channels_of(covariance), settings, device)
    queries = np.array([[1.0, 3.0], [9.0, 9.0]])
    mean, variance = field.predict(queries)
    for i in range(2):
        expected = dense_kriging(queries[i : i + 1], entries, covariance, 0.1, 2.0, power)
        np.testing.assert_allclose(mean[i], expected[0], rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(variance[i], expected[1], rtol=1e-4, atol=1e-5)


def test_only_the_nearest_entries_speak(device):
    rng = np.random.default_rng(1)
    place, values = rng.uniform(0, 9, size=(40, 2)), rng.normal(size=(40, 2))
    entries = Entries.of(place, values, np.ones_like(values, dtype=bool))
    settings = CoregionalSettings(reach=3.0, nugget=0.2, samples=12)
    covariance = np.array([[1.0, 0.7], [0.7, 1.0]])
    query = np.array([[4.0, 4.0]])
    mean, _ = CoregionalKriging(entries, channels_of(covariance), settings, device).predict(query)
    near = np.argsort(np.linalg.norm(entries.places - query, axis=1))[:12]
    few = Entries(entries.places[near], entries.channel[near], entries.values[near])
    expected, _ = dense_kriging(query, few, covariance, 0.2, 3.0, 1.0)
    np.testing.assert_allclose(mean[0], expected, rtol=1e-4, atol=1e-5)


def scene(shape=(60, 60), channels=3, share=0.2):
    """Two smooth patterns mixed into ordered channels; points, and values (n, s)."""
    row, column = np.indices(shape).reshape(2, -1)
    base = np.stack((np.sin(row / 8.0), np.cos(column / 8.0)), axis=1)
    angle = np.linspace(0.0, np.pi / 2, channels)
    values = base @ np.stack((np.cos(angle), np.sin(angle)))
    values = (values - values.mean(axis=0)) / values.std(axis=0)
    observed = np.random.default_rng(1).random(values.shape) < share
    lattice = Lattice(("y", "x"), shape, np.arange(row.size), (0, 1))
    axes = (Axis("y", AxisKind.INDEX), Axis("x", AxisKind.INDEX))
    names = tuple(Channel(f"c{i}") for i in range(channels))
    shown = np.where(observed, values, np.nan)
    coordinates = np.stack((row, column), axis=1).astype(float)
    return PointSet(coordinates, shown, observed, axes, names, lattice), values


def test_the_channel_covariance_is_found_from_scattered_entries():
    points, values = scene()
    pairs = PairProducts.of(points.values, points.observed, neighbour_graph(points))
    found = pairs.channels(0.0, rank=3)
    np.testing.assert_allclose(found.covariance, np.cov(values.T, bias=True), atol=0.12)
    assert found.variances.min() >= 0.0


def test_pair_products_are_sums_over_neighbours():
    points, _ = scene((5, 6), share=0.6)
    graph = neighbour_graph(points)
    pairs = PairProducts.of(points.values, points.observed, graph)
    products, counts = np.zeros((2, 3, 3))
    near = graph.toarray() | np.eye(30, dtype=bool)
    for i, j in zip(*np.nonzero(near), strict=True):
        both = np.outer(points.observed[i], points.observed[j])
        products += np.where(both, np.outer(points.values[i], points.values[j]), 0.0)
        counts += both
    np.testing.assert_allclose(pairs.products, products + products.T, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(pairs.counts, counts + counts.T)


def test_blurring_along_ordered_channels_recovers_a_covariance_from_few_pairs():
    points, values = scene(channels=24, share=0.03)
    pairs = PairProducts.of(points.values, points.observed, neighbour_graph(points))
    truth = np.cov(values.T, bias=True)
    sharp = np.abs(pairs.channels(0.0, 24).covariance - truth).mean()
    assert np.abs(pairs.channels(2.0, 24).covariance - truth).mean() < 0.6 * sharp


def test_what_is_chosen_beats_where_the_search_starts_and_fills_what_is_wanted():
    points, values = scene((32, 32), channels=6, share=0.15)
    folds = tuple(Fold(mask, mask) for mask in scattered_folds(points, count=1, seed=0, share=0.2))
    problem = Problem(
        Task.COMPLETION, ~points.observed, folds, Effort.FAST, 0, "cpu", lambda what, share: None
    )
    choice = choose_coregional(points, problem)
    assert choice.score <= choice.tried["start"]
    mean, variance = choice.predict(points, ~points.observed, problem)
    np.testing.assert_array_equal(np.isfinite(mean), ~points.observed)
    assert (variance[~points.observed] > 0).all()
    assert np.nanstd(mean - values) < 0.35
