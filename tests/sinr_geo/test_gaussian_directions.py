"""Directions of weak signal under noise, against the directions of the clean scene."""

from __future__ import annotations

import numpy as np
import pytest

from sinr_geo import Lattice
from sinr_geo.gaussian.spatial_covariance import SpatialCovariance, choose_smoothing
from sinr_geo.gaussian.subspace import Subspace

SHAPE, CHANNELS = (60, 70), 40


def image(shape=SHAPE):
    return Lattice(("y", "x"), shape, np.arange(int(np.prod(shape))), (0, 1))


def scene():
    """A strong material and two weak ones, with spectra that are smooth; (cells, s)."""
    row, column = np.indices(SHAPE).reshape(2, -1)
    abundance = np.stack(
        (8.0 * np.sin(row / 9.0), 0.5 * np.cos(column / 5.0), 0.4 * np.sin((row + column) / 6.0)),
        axis=1,
    )
    wave = np.linspace(0.0, 1.0, CHANNELS)
    spectra = np.stack([np.cos(np.pi * k * wave) for k in (1, 2, 3)])
    return abundance @ (spectra / np.linalg.norm(spectra, axis=1, keepdims=True))


def lost(clean, directions):
    """Variance of the clean scene outside three directions."""
    centred = clean - clean.mean(axis=0)
    return np.mean((centred - centred @ directions[:, :3] @ directions[:, :3].T) ** 2)


def test_neighbours_and_a_blur_along_channels_each_lose_less_weak_signal():
    clean = scene()
    noisy = clean + np.random.default_rng(0).normal(size=clean.shape)
    unit, everywhere = np.ones(CHANNELS), np.ones(len(clean), dtype=bool)
    found = SpatialCovariance.of(noisy, image(), everywhere, unit)
    alone = lost(clean, Subspace.fit(noisy, unit).directions)
    with_neighbours = lost(clean, found.subspace(0.0).directions)
    blurred = lost(clean, found.subspace(1.5).directions)
    assert with_neighbours < 0.9 * alone
    assert blurred < 0.85 * with_neighbours


@pytest.mark.parametrize("smoothing", [0.0, 2.0])
def test_directions_are_a_basis_and_its_variances_those_of_the_data(smoothing):
    noisy = scene() + np.random.default_rng(1).normal(size=(len(scene()), CHANNELS))
    told = np.random.default_rng(2).random(len(noisy)) < 0.8
    scale = np.linspace(0.5, 2.0, CHANNELS)
    found = SpatialCovariance.of(noisy, image(), told, scale).subspace(smoothing)
    np.testing.assert_allclose(found.directions.T @ found.directions, np.eye(CHANNELS), atol=1e-10)
    along = found.whitened(noisy[told]) @ found.directions
    np.testing.assert_allclose(found.variances, along.var(axis=0), rtol=1e-9)
    assert found.rank == Subspace.fit(noisy[told], scale).rank


def test_products_of_neighbours_hold_no_noise():
    noise = np.random.default_rng(3).normal(size=(len(scene()), 12))
    noise[::7] = 50.0
    told = np.arange(len(noise)) % 7 > 0
    found = SpatialCovariance.of(noise, image(), told, np.ones(12))
    assert np.abs(np.diag(found.own) - 1.0).max() < 0.1
    assert np.abs(found.shared).max() < 0.05


def test_a_single_cell_has_no_neighbours():
    found = SpatialCovariance.of(np.ones((1, 3)), image((1, 1)), np.array([True]), np.ones(3))
    assert not found.shared.any()
    assert np.isfinite(found.subspace(1.0).directions).all()


def test_channels_are_blurred_only_where_they_are_ordered():
    clean = scene()
    noisy = clean + np.random.default_rng(4).normal(size=clean.shape)
    unit, everywhere = np.ones(CHANNELS), np.ones(len(clean), dtype=bool)
    shuffled = np.random.default_rng(5).permutation(CHANNELS)
    assert choose_smoothing(noisy, image(), everywhere, unit) > 0
    assert choose_smoothing(noisy[:, shuffled], image(), everywhere, unit) == 0
