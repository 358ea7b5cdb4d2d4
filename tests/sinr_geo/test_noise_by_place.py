"""Noise that is stronger in one part of a grid: when it is found, and what that is worth."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from sinr_geo.axes import Axis, AxisKind, Channel
from sinr_geo.methods.protocol import Effort, Task
from sinr_geo.noise_by_place import NoiseByPlace
from sinr_geo.options import Options
from sinr_geo.points import Lattice, PointSet
from sinr_geo.recover import recover_points
from sinr_geo.recovery import Prediction

SHAPE = (64, 80)
RAMP = np.broadcast_to(np.linspace(1.0, 20.0, SHAPE[1]), SHAPE)


def field(width, seed=0):
    rough = gaussian_filter(np.random.default_rng(seed).standard_normal(SHAPE), width, mode="wrap")
    return 100.0 + 20.0 * rough / rough.std()


def noise(seed=1):
    return np.random.default_rng(seed).standard_normal(SHAPE)


def points_of(*bands, missing=None, wraps=(False, False)):
    """Lay bands, each of shape (rows, columns), on a grid of 30 m."""
    shape = bands[0].shape
    values = np.stack([band.ravel() for band in bands], axis=1)
    if missing is not None:
        values[missing.ravel()] = np.nan
    row, column = np.divmod(np.arange(len(values)), shape[1])
    return PointSet(
        np.stack((30.0 * column, -30.0 * row), axis=1),
        values,
        np.isfinite(values),
        (Axis("x", AxisKind.PROJECTED, "m"), Axis("y", AxisKind.PROJECTED, "m")),
        tuple(Channel(f"band {number}") for number in range(values.shape[1])),
        Lattice(("y", "x"), shape, np.arange(len(values)), (0, 1), (), wraps),
    )


def found_in(*bands, missing=None, task=Task.DENOISING):
    return NoiseByPlace.of(points_of(*bands, missing=missing), task)


@pytest.mark.parametrize("hidden", [0.0, 0.02])
@pytest.mark.parametrize("bands", [1, 3])
def test_the_level_of_noise_that_grows_across_a_grid_is_found(bands, hidden):
    missing = np.random.default_rng(2).random(SHAPE) < hidden
    made = [field(4.0, band) + RAMP * noise(10 + band) for band in range(bands)]
    found = found_in(*made, missing=missing)
    expected = RAMP.ravel() / np.sqrt(np.mean(RAMP**2))
    assert np.median(np.abs(found.level / expected - 1.0)) < 0.15
    assert np.mean(found.level**2) == pytest.approx(1.0)
    assert "times as strong" in found.notes[0]
    low, high = json.loads(json.dumps(found.as_dict()))["noise_by_place"]["level_deciles"]
    assert low < 0.4 < 1.4 < high


@pytest.mark.parametrize(
    "scene",
    [
        field(4.0) + 10.0 * noise(),
        field(1.0) + 8.0 * noise(),
        # All of the structure lies on one side, where it could be taken for noise.
        np.where(np.arange(SHAPE[1]) < 40, field(1.0), 100.0) + 8.0 * noise(),
        np.where(np.arange(SHAPE[1]) < 40, field(1.0), field(6.0)) + 0.01 * noise(),
        # Counts follow the signal, which itself grows across the grid.
        np.random.default_rng(3).poisson(np.abs(field(3.0)) * RAMP) / RAMP.mean(),
    ],
    ids=["white", "rough scene", "half rough", "half rough, hardly noise", "counts"],
)
def test_other_noise_and_rough_scenes_are_not_taken_for_it(scene):
    assert found_in(scene).level is None
    assert found_in(scene).notes == ()


def test_a_channel_that_was_hardly_observed_does_not_hide_the_others():
    made = [field(4.0, band) + RAMP * noise(10 + band) for band in range(3)]
    made[1] = np.where(np.random.default_rng(2).random(SHAPE) < 0.1, made[1], np.nan)
    assert found_in(*made).level is not None


def test_what_differs_little_is_left_alone():
    level = np.broadcast_to(np.linspace(8.8, 11.3, 320), (320, 320))
    found = found_in(level * np.random.default_rng(3).standard_normal((320, 320)))
    assert found.evidence["place"] < -20.0
    assert found.level is None


def test_channels_that_do_not_agree_are_left_alone():
    rising, falling = field(4.0) + RAMP * noise(), field(4.0, 2) + RAMP[:, ::-1] * noise(3)
    assert found_in(rising, falling).level is None
    assert found_in(rising, field(4.0, 2) + 5.0 * noise(3)).level is None


def test_the_level_is_the_same_on_both_sides_of_a_seam():
    expected = np.exp(np.sin(2.0 * np.pi * np.arange(120) / 120.0))
    scene = gaussian_filter(np.random.default_rng(0).standard_normal((60, 120)), 4.0, mode="wrap")
    noisy = 40.0 * scene + expected * np.random.default_rng(1).standard_normal((60, 120))
    found = NoiseByPlace.of(points_of(noisy, wraps=(False, True)), Task.DENOISING)
    level = found.level.reshape(60, 120).mean(axis=0)
    np.testing.assert_allclose(level[0], level[-1], rtol=0.15)
    assert np.abs(np.log(level / level.mean() * expected.mean() / expected)).max() < 0.35


@pytest.mark.parametrize("rows", [1, 25, 35])
def test_a_narrow_grid_has_no_trend_across_it(rows):
    columns = 480 if rows > 1 else 4_000
    ramp = np.geomspace(1.0, 20.0, columns)
    smooth = 50.0 * np.sin(np.arange(columns) / 30.0)
    found = found_in(smooth + ramp * np.random.default_rng(5).standard_normal((rows, columns)))
    level = found.level.reshape(rows, columns)
    assert level.mean(axis=0)[-1] > 8.0 * level.mean(axis=0)[0]
    assert level.mean(axis=1).max() < 1.35 * level.mean(axis=1).min()
    if rows == 25:
        # Two blocks across know a slope but no curve.
        np.testing.assert_allclose(np.diff(np.log(level[:, columns // 2]), 2), 0.0, atol=1e-9)


def test_it_is_not_looked_for_where_gaps_are_filled_or_points_lie_scattered():
    uneven = field(4.0) + RAMP * noise()
    assert found_in(uneven, task=Task.COMPLETION).as_dict() == {}
    points = points_of(uneven)
    bare = points.bare(np.arange(len(points)))
    assert NoiseByPlace.of(bare, Task.DENOISING).as_dict() == {}


def test_a_small_grid_tells_nothing():
    assert found_in((field(4.0) + RAMP * noise())[:12, :12]).level is None


def test_evening_out_is_undone():
    points = points_of(field(4.0) + RAMP * noise(), field(5.0, 7) + RAMP * noise(8))
    found = NoiseByPlace.of(points, Task.DENOISING)
    even = found.evened(points)
    assert not np.allclose(even.values, points.values)
    back = found.restored(Prediction(even.values, np.ones(even.values.shape)))
    np.testing.assert_allclose(back.values, points.values)
    np.testing.assert_allclose(back.standard_error, np.repeat(found.level[:, None], 2, axis=1))


def test_denoising_helps_where_noise_is_strong_and_spares_where_it_is_weak():
    truth = field(4.0)
    points = points_of(truth + RAMP * noise())
    nothing = np.zeros(points.values.shape, dtype=bool)
    options = Options(method="sinr-bayes", effort=Effort.FAST)
    found = recover_points(points, nothing, Task.DENOISING, options, lambda *_: None)
    error = (found.values[:, 0].reshape(SHAPE) - truth) / RAMP
    third = SHAPE[1] // 3
    assert np.sqrt(np.mean(error[:, :third] ** 2)) < 0.8
    assert np.sqrt(np.mean(error[:, -third:] ** 2)) < 0.4
    told = found.standard_error[:, 0].reshape(SHAPE)
    assert told[:, -third:].mean() > 1.5 * told[:, :third].mean()
    assert any("times as strong" in note for note in found.notes)
