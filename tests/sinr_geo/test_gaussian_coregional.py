"""The kernel of entries against a Gaussian process written out in numpy."""

from __future__ import annotations

import numpy as np

from sinr_geo import Axis, AxisKind, Channel, Lattice, PointSet
from sinr_geo.gaussian.coregional import (
    CoregionalKernels,
    CoregionalSettings,
    Entries,
    channel_covariance,
)
from sinr_geo.neighbours import neighbour_graph


def test_with_one_superpixel_it_is_a_gaussian_process(device):
    rng = np.random.default_rng(0)
    place = rng.uniform(0, 4, size=(10, 2))
    observed = rng.random((10, 3)) < 0.6
    values = np.where(observed, rng.normal(size=(10, 3)), np.nan)
    root = rng.normal(size=(3, 3))
    covariance = root @ root.T
    entries = Entries.of(place, values, observed)
    settings = CoregionalSettings(reach=2.0, nugget=0.1, samples=99)
    field = CoregionalKernels(entries, covariance, np.full((1, 2), 2.0), settings, device)
    query = np.array([[1.0, 3.0]])
    mean, variance = field.predict(query)

    def kernel(a, b):
        return np.exp(-np.linalg.norm(a[:, None] - b[None], axis=2) / 2.0)

    b = entries.channel
    own = covariance[np.ix_(b, b)] * kernel(entries.places, entries.places) + 0.1 * np.eye(b.size)
    weights = np.linalg.solve(own, entries.values)
    cross = covariance[:, b] * kernel(query, entries.places)
    np.testing.assert_allclose(mean[0], cross @ weights, rtol=1e-6)
    centre = covariance[:, b] * kernel(np.full((1, 2), 2.0), entries.places)
    left = np.diag(covariance) - np.einsum("si,ij,sj->s", centre, np.linalg.inv(own), centre)
    np.testing.assert_allclose(variance[0], left, rtol=1e-6)


def test_the_channel_covariance_is_found_from_scattered_entries():
    row, column = np.indices((60, 60)).reshape(2, -1)
    base = np.stack((np.sin(row / 8.0), np.cos(column / 8.0)), axis=1)
    mixing = np.array([[1.0, 0.0], [0.8, 0.6], [0.0, 1.0]])
    values = base @ mixing.T
    values = (values - values.mean(axis=0)) / values.std(axis=0)
    observed = np.random.default_rng(1).random(values.shape) < 0.2
    lattice = Lattice(("y", "x"), (60, 60), np.arange(3_600), (0, 1))
    axes = (Axis("y", AxisKind.INDEX), Axis("x", AxisKind.INDEX))
    names = tuple(Channel(name) for name in "abc")
    shown = np.where(observed, values, np.nan)
    coordinates = np.stack((row, column), axis=1).astype(float)
    points = PointSet(coordinates, shown, observed, axes, names, lattice)
    found = channel_covariance(shown, observed, neighbour_graph(points), rank=3)
    np.testing.assert_allclose(found, np.cov(values.T, bias=True), atol=0.12)
    assert np.linalg.eigvalsh(found).min() > -1e-9
