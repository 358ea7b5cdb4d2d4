"""The sample weather field."""

from __future__ import annotations

import numpy as np
import pytest

from sinr_geo.sample import weather_sample


@pytest.fixture(scope="module")
def sample():
    return weather_sample()


def test_shapes_and_places(sample):
    shape = (8, 40, 60)
    assert (sample.time.size, sample.latitude.size, sample.longitude.size) == shape
    for name in ("t2m", "precipitation"):
        assert sample.truth[name].shape == sample.observed[name].shape == shape
        assert np.isfinite(sample.truth[name]).all()


def test_values_are_those_of_weather(sample):
    kelvin, rain = sample.truth["t2m"], sample.truth["precipitation"]
    assert 250 < kelvin.min() < kelvin.max() < 310
    assert np.allclose(kelvin * 100, np.round(kelvin * 100), atol=1e-6)
    assert rain.dtype == np.float32
    assert rain.min() == 0
    assert 0.3 < (rain == 0).mean() < 0.7
    assert rain.mean() > 2 * np.median(rain)


def test_a_third_is_missing_in_holes_and_in_scattered_samples(sample):
    for observed in sample.observed.values():
        assert 0.2 < 1 - observed.mean() < 0.4
        assert observed.any(axis=0).all(), "no cell looks like land"
        gap = ~observed
        alone = gap[:, 1:-1, 1:-1] & observed[:, :-2, 1:-1] & observed[:, 2:, 1:-1]
        inside = gap[:, 1:-1, 1:-1] & gap[:, :-2, 1:-1] & gap[:, 2:, 1:-1]
        assert alone.any()
        assert inside.sum() > alone.sum()


def test_neighbours_are_alike_in_space_and_time(sample):
    kelvin = sample.truth["t2m"]
    spread = kelvin.std()
    assert np.diff(kelvin, axis=0).std() < 0.5 * spread
    assert np.diff(kelvin, axis=2).std() < 0.2 * spread


def test_the_seed_decides(sample):
    again, other = weather_sample(), weather_sample(seed=1)
    assert np.array_equal(again.truth["t2m"], sample.truth["t2m"])
    assert np.array_equal(again.observed["t2m"], sample.observed["t2m"])
    assert not np.array_equal(other.truth["t2m"], sample.truth["t2m"])
