"""Denoising on windows: the mixture, tiles, thinning and intervals, against plain formulas."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from scipy.spatial.distance import cdist
from scipy.stats import multivariate_normal

from sinr_geo import Lattice
from sinr_geo.axes import Axis, AxisKind, Channel
from sinr_geo.gaussian.denoising import WindowSettings, denoise_directions
from sinr_geo.gaussian.error_ratio import SplitRatio, pooled_scale
from sinr_geo.gaussian.mixture import Belonging, condition
from sinr_geo.gaussian.split import held_out, split_noise
from sinr_geo.gaussian.tiles import tiles
from sinr_geo.gaussian.window_head import denoise_lattice
from sinr_geo.methods.protocol import Effort, Problem, Task
from sinr_geo.points import PointSet


def image(shape):
    return Lattice(("y", "x"), shape, np.arange(int(np.prod(shape))), (0, 1))


def bands(shape=(48, 56), channels=8):
    """A smooth scene of three materials; (cells, s)."""
    row, column = np.indices(shape).reshape(2, -1)
    abundance = np.stack(
        (np.sin(row / 9.0) + 1, np.cos(column / 7.0) + 1, (row + column) % 40 < 20), axis=1
    )
    spectra = np.random.default_rng(1).random((3, channels))
    return abundance @ spectra


def mixture_by_hand(row, clean, belonging, labels, noise):
    """The posterior of one window, written out; -> mean and variance."""
    parts = []
    for k in labels:
        mine = clean[belonging == k]
        mean, cov = mine.mean(axis=0), np.cov(mine.T, bias=True)
        total = cov + noise * np.eye(len(row))
        gain = np.linalg.solve(total, cov).T
        density = multivariate_normal(mean, total).pdf(row)
        parts.append((density, mean + gain @ (row - mean), np.diag(gain) + 1.0 / len(mine)))
    weight = np.array([p[0] for p in parts]) / sum(p[0] for p in parts)
    mean = sum(w * p[1] for w, p in zip(weight, parts, strict=True))
    spread = [p[2] + (p[1] - mean) ** 2 for p in parts]
    return mean, sum(w * v for w, v in zip(weight, spread, strict=True))


@pytest.mark.parametrize("noise", [1.0, 1.5])
def test_a_window_is_the_mixture_of_the_superpixels_around_it(device, noise):
    rng = np.random.default_rng(10)
    labels = np.repeat(np.arange(3), 40)
    clean = rng.normal(size=(120, 4)) @ rng.normal(size=(4, 4)) + 2.0 * labels[:, None]
    noisy = clean + rng.normal(size=clean.shape)
    candidates = np.stack((labels, (labels + 1) % 3), axis=1)
    belonging = Belonging(
        torch.as_tensor(labels, device=device), torch.as_tensor(candidates, device=device), 3
    )
    mean, variance = condition(
        torch.as_tensor(noisy, device=device),
        torch.as_tensor(clean, device=device),
        belonging,
        noise,
    )
    for i in (0, 50, 119):
        expected = mixture_by_hand(noisy[i], clean, labels, candidates[i], noise)
        np.testing.assert_allclose(mean[i].cpu(), expected[0])
        np.testing.assert_allclose(variance[i].cpu(), expected[1])


def test_windows_may_belong_to_the_nearest_superpixels():
    rng = np.random.default_rng(11)
    features, place = rng.normal(size=(500, 3)), rng.random((500, 2)) * 9.0
    found = Belonging.of(features, place, 12, 0.5, seed=0, device="cpu")
    joint = np.hstack(
        (features / np.sqrt(features.var(0).sum()), np.sqrt(0.5 / place.var(0).sum()) * place)
    )
    labels = found.labels.numpy()
    centres = np.stack([joint[labels == k].mean(axis=0) for k in range(found.count)])
    expected = np.argsort(cdist(joint, centres), axis=1)[:, :4]
    np.testing.assert_array_equal(found.candidates.numpy(), expected)


def test_tiles_answer_for_every_cell_once():
    lattice = Lattice(("t", "y", "x"), (3, 40, 31), np.arange(3 * 40 * 31), (1, 2), (0,))
    found = list(tiles(lattice, 300, halo=4))
    assert max(int(tile.inner.sum()) for tile in found) <= 300
    own = np.concatenate([tile.cells[tile.inner] for tile in found])
    np.testing.assert_array_equal(np.sort(own), np.arange(lattice.size))
    for tile in found:
        assert tile.lattice.shape[0] <= 3
        steps = np.unravel_index(tile.cells, lattice.shape)
        assert all(
            len(np.unique(step)) == size
            for step, size in zip(steps, tile.lattice.shape, strict=True)
        )
    assert len(list(tiles(lattice, lattice.size, halo=4))) == 1


def test_a_lattice_in_tiles_is_denoised_like_a_whole_one(monkeypatch):
    clean = bands()[:, :3] * 4.0
    noisy = clean + np.random.default_rng(12).normal(size=clean.shape)
    settings = WindowSettings(rank=3, width=3, cells=60, alpha=1.0, passes=2, scales=3)

    def error():
        found = denoise_directions(
            noisy, image((48, 56)), settings, segmentations=1, seed=0, device="cpu"
        )
        return np.mean((found.mean - clean) ** 2)

    whole = error()
    monkeypatch.setattr("sinr_geo.gaussian.denoising._TILE", 1_000)
    assert error() == pytest.approx(whole, rel=0.25)


@pytest.mark.parametrize("added", [0.3, 1.0])
def test_the_two_views_share_no_noise(added):
    rng = np.random.default_rng(13)
    noise, draw = rng.normal(size=(2, 100_000, 1))
    fitted_to, scored_on = split_noise(noise, draw, added)
    assert np.mean(fitted_to * scored_on) == pytest.approx(0.0, abs=0.05)
    assert fitted_to.var() == pytest.approx(1.0 + added**2, rel=0.02)
    assert scored_on.var() == pytest.approx(held_out(added), rel=0.02)


def denoised(noisy, shape):
    """Denoise cells (n, s) of a lattice as quickly as it is done."""
    row, column = np.indices(shape).reshape(2, -1).astype(float)
    points = PointSet(
        np.stack((row, column), axis=1),
        noisy,
        np.ones(noisy.shape, dtype=bool),
        (Axis("y", AxisKind.INDEX), Axis("x", AxisKind.INDEX)),
        tuple(Channel(f"b{i}") for i in range(noisy.shape[1])),
        image(shape),
    )
    nothing = np.zeros(noisy.shape, dtype=bool)
    problem = Problem(Task.DENOISING, nothing, (), Effort.FAST, 0, "cpu", lambda what, share: None)
    return denoise_lattice(points, noisy, problem).prediction


def test_a_scene_is_denoised_within_its_intervals():
    clean = bands((56, 64), channels=12)
    noisy = clean + np.random.default_rng(14).normal(scale=0.25, size=clean.shape)
    found = denoised(noisy, (56, 64))
    error = np.abs(found.values - clean)
    known = np.linalg.svd(clean - clean.mean(axis=0), full_matrices=False)[2][:3]
    oracle = (noisy - clean.mean(axis=0)) @ known.T @ known + clean.mean(axis=0)
    assert np.mean(error**2) < 0.3 * np.mean((oracle - clean) ** 2)
    sd = found.standard_error
    assert (error < 1.96 * sd).mean() == pytest.approx(0.95, abs=0.03)
    assert (error < sd).mean() == pytest.approx(0.68, abs=0.08)


@pytest.mark.parametrize("seed", [2, 4])
def test_a_smooth_band_under_strong_noise_is_denoised_within_its_intervals(seed):
    rng = np.random.default_rng(seed)
    clean = gaussian_filter(rng.normal(size=(60, 60)), 5.0).reshape(-1, 1)
    clean *= 2.0 / clean.std()
    found = denoised(clean + rng.normal(size=clean.shape), (60, 60))
    error = np.abs(found.values - clean)
    assert np.sqrt(np.mean(error**2)) < 0.3
    assert 0.88 < (error < 1.96 * found.standard_error).mean() < 0.99


def test_two_flat_halves_without_noise_stay_what_they_are():
    clean = np.where(np.arange(1_600) % 40 < 20, 1.0, 5.0)[:, None]
    found = denoised(clean, (40, 40))
    np.testing.assert_allclose(found.values, clean, atol=0.02)
    assert (found.standard_error < 0.05).all()


def test_a_split_tells_what_errors_exceed_their_variances_by_and_how_surely():
    rng = np.random.default_rng(5)
    noise, error = rng.normal(size=(2, 20_000))
    split = SplitRatio.of((noise + 0.5 * error) ** 2, 0.25, noise=1.0, samples=20_000)
    assert split.value == pytest.approx(1.0, abs=3.0 * split.deviation)
    assert split.deviation == pytest.approx(0.1, abs=0.04)
    assert SplitRatio.of(noise**2, 0.25, 1.0, samples=10**7).deviation < 0.6 * split.deviation


@pytest.mark.parametrize(
    ("split", "bootstrap", "ratio"),
    [
        (SplitRatio(2.0, 0.01), 0.5, 2.0),
        (SplitRatio(0.1, 10.0), 0.7, 0.7),
        (SplitRatio(1.2, 0.05), 0.1, 1.2),
        (SplitRatio(-3.0, 0.1), 0.1, 0.25),
        (SplitRatio(99.0, 0.1), 99.0, 4.0),
    ],
)
def test_a_bootstrap_counts_where_the_split_is_not_sure(split, bootstrap, ratio):
    assert pooled_scale(split, bootstrap) == pytest.approx(np.sqrt(ratio), rel=0.05)


@pytest.mark.parametrize("ratio", [0.5, 1.0, 2.0])
def test_a_bootstrap_that_is_farther_off_does_not_count_more(ratio):
    split = SplitRatio(ratio, 0.15 * ratio)
    pooled = [pooled_scale(split, share * ratio) for share in (0.3, 0.5, 0.7, 0.9)]
    assert (np.diff(pooled) > -0.01).all()
    assert min(pooled) > 0.8 * np.sqrt(ratio)
