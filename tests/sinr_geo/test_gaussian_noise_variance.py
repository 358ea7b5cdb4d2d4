"""Noise whose variance follows the signal: its model, its transform, and what they gain."""

from __future__ import annotations

import numpy as np
import pytest

from sinr_geo import Lattice
from sinr_geo.axes import Axis, AxisKind, Channel
from sinr_geo.gaussian.noise import noise_levels
from sinr_geo.gaussian.noise_treatment import MEASURED, STABILISED, WHITE
from sinr_geo.gaussian.noise_variance import NoiseVariance, fit_noise_variance, mean_noise_levels
from sinr_geo.gaussian.stabilising import Stabiliser
from sinr_geo.gaussian.window_head import denoise_lattice
from sinr_geo.methods.protocol import Effort, Problem, Task
from sinr_geo.points import PointSet

SHAPE, CHANNELS = (64, 72), 10
OBSERVED = np.ones(SHAPE, dtype=bool)


@pytest.fixture(scope="module")
def scene():
    """Three materials, from nearly black to bright; (64, 72, 10)."""
    row, column = np.indices(SHAPE)
    waves = (np.sin(row / 9.0), np.cos(column / 7.0), np.sin((row + column) / 11.0))
    abundance = np.stack(waves, axis=-1) + 1.0
    bright = np.geomspace(0.03, 1.0, SHAPE[1])[:, None]
    return 0.03 + bright * abundance @ np.random.default_rng(1).random((3, CHANNELS))


def counted(scene, counts, normal=0.0, seed=2):
    """Poisson noise at so many counts per unit, and normal noise."""
    rng = np.random.default_rng(seed)
    return rng.poisson(scene * counts) / counts + normal * rng.normal(size=scene.shape)


def denoised(noisy, effort=Effort.FAST):
    rows = noisy.reshape(-1, CHANNELS)
    points = PointSet(
        np.stack(np.indices(SHAPE), axis=-1).reshape(-1, 2).astype(float),
        rows,
        np.ones(rows.shape, dtype=bool),
        (Axis("y", AxisKind.INDEX), Axis("x", AxisKind.INDEX)),
        tuple(Channel(f"b{i}") for i in range(CHANNELS)),
        Lattice(("y", "x"), SHAPE, np.arange(len(rows)), (0, 1)),
    )
    nothing = np.zeros(rows.shape, dtype=bool)
    problem = Problem(Task.DENOISING, nothing, (), effort, 0, "cpu", lambda what, share: None)
    return denoise_lattice(points, rows, problem)


@pytest.mark.parametrize("normal", [0.0, 0.15])
def test_gain_and_offset_are_found(scene, normal):
    found = fit_noise_variance(counted(scene, 30.0, normal), (0, 1), OBSERVED)
    assert found is not None
    np.testing.assert_allclose(found.gain, 1 / 30.0, rtol=0.1)
    np.testing.assert_allclose(found.offset, normal**2, atol=0.006)
    expected = scene.mean(axis=(0, 1)) / 30.0 + normal**2
    np.testing.assert_allclose(found.at(scene).mean(axis=(0, 1)), expected, rtol=0.15)


def test_gains_may_differ_between_channels(scene):
    counts = np.where(np.arange(CHANNELS) % 2, 15.0, 150.0)
    found = fit_noise_variance(counted(scene, counts), (0, 1), OBSERVED)
    assert found is not None
    np.testing.assert_allclose(found.gain, 1 / counts, rtol=0.35)


@pytest.mark.parametrize("level", [0.02, 0.3])
def test_white_noise_is_not_said_to_follow_the_signal(scene, level):
    noise = np.random.default_rng(3).normal(scale=level, size=scene.shape)
    assert fit_noise_variance(scene + noise, (0, 1), OBSERVED) is None


def test_what_was_not_observed_does_not_count(scene):
    noisy, observed = counted(scene, 30.0), OBSERVED.copy()
    observed[:, 20:26] = False
    filled = np.where(observed[..., None], noisy, 50.0)
    found = fit_noise_variance(filled, (0, 1), observed)
    assert found is not None
    np.testing.assert_allclose(found.gain, 1 / 30.0, rtol=0.15)


def test_too_few_cells_say_nothing(scene):
    few = scene[:8, :8]
    assert fit_noise_variance(counted(few, 30.0), (0, 1), OBSERVED[:8, :8]) is None


def test_a_median_takes_the_level_of_dark_cells_and_bins_do_not(scene):
    noisy = counted(scene, 30.0)
    true = np.sqrt((scene / 30.0).mean(axis=(0, 1)))
    assert (noise_levels(noisy, (0, 1), OBSERVED) < 0.8 * true).all()
    np.testing.assert_allclose(mean_noise_levels(noisy, (0, 1), OBSERVED), true, rtol=0.1)


@pytest.mark.parametrize(("gain", "offset"), [(0.1, 0.0), (0.1, 0.04), (2.0, -20.0)])
def test_stabilised_noise_is_of_unit_variance_and_comes_back_unbiased(gain, offset):
    counts = np.array([4.0, 10.0, 60.0])
    rng = np.random.default_rng(4)
    normal, pedestal = np.sqrt(max(offset, 0.0)), max(-offset, 0.0) / gain
    mean = gain * counts + pedestal
    draws = gain * rng.poisson(counts, size=(400_000, 3)) + pedestal
    draws = draws + normal * rng.normal(size=draws.shape)
    transform = Stabiliser.of(NoiseVariance(np.full(3, gain), np.full(3, offset), {}))
    stable = transform.forward(draws)
    np.testing.assert_allclose(stable.var(axis=0), 1.0, atol=0.06)
    sd = np.sqrt(gain * mean + offset)
    np.testing.assert_allclose(transform.inverse(stable.mean(axis=0)), mean, atol=0.02 * sd.max())


def test_the_slope_is_the_derivative_of_the_inverse():
    variance = NoiseVariance(np.array([0.2, 3.0, 0.0]), np.array([0.01, -5.0, 4.0]), {})
    transform, stable, step = Stabiliser.of(variance), np.linspace(1.3, 30.0, 50)[:, None], 1e-5
    rise = transform.inverse(stable + step) - transform.inverse(stable - step)
    np.testing.assert_allclose(transform.inverse_slope(stable), rise / (2 * step), rtol=1e-6)


def test_a_channel_of_constant_variance_is_scaled_alone():
    transform = Stabiliser.of(NoiseVariance(np.zeros(2), np.array([4.0, 0.0]), {}))
    values = np.array([[-3.0, 5.0], [8.0, 0.5]])
    np.testing.assert_array_equal(transform.forward(values), values / [2.0, 1.0])
    np.testing.assert_array_equal(transform.inverse(transform.forward(values)), values)


def test_counts_come_out_better_than_taken_for_white_noise(scene, monkeypatch):
    noisy, truth = counted(scene, 30.0), scene.reshape(-1, CHANNELS)
    found = denoised(noisy)
    told = found.as_dict(tuple(f"b{i}" for i in range(CHANNELS)))["noise_follows_signal"]
    scores = told["thinning_tried"]
    assert told["treated"] == STABILISED
    assert scores[STABILISED] < scores[MEASURED] < scores[WHITE]
    error = np.abs(found.prediction.values - truth)
    sd = found.prediction.standard_error
    dark = truth < np.median(truth)
    for part in (dark, ~dark):
        assert (error < 1.96 * sd)[part].mean() == pytest.approx(0.95, abs=0.04)
    monkeypatch.setattr("sinr_geo.gaussian.lattice_noise.fit_noise_variance", lambda *_: None)
    white = denoised(noisy)
    assert white.as_dict(tuple(f"b{i}" for i in range(CHANNELS)))["noise_follows_signal"] is None
    assert np.mean(error**2) < 0.5 * np.mean((white.prediction.values - truth) ** 2)
