"""Windows, moments and both window heads, against plain loops."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from sinr_geo import Axis, AxisKind, Channel, Lattice, PointSet
from sinr_geo.folds import Fold, scattered_folds
from sinr_geo.gaussian import completion_head, conditioning
from sinr_geo.gaussian.completion import CompletionSettings, Cube, complete_windows
from sinr_geo.gaussian.completion_head import choose_completion, complete_lattice
from sinr_geo.gaussian.conditioning import Conditioning, Gaussians
from sinr_geo.gaussian.denoising import WindowSettings, denoise_directions
from sinr_geo.gaussian.evidence import Evidence
from sinr_geo.gaussian.moments import Blocks, Moments
from sinr_geo.gaussian.noise import noise_levels
from sinr_geo.gaussian.subspace import Subspace, shrinkage, signal_rank
from sinr_geo.gaussian.windows import Windows
from sinr_geo.methods.protocol import Effort, Problem, Task


def image(shape=(24, 30), wraps=(False, False)):
    size = int(np.prod(shape))
    return Lattice(("y", "x"), shape, np.arange(size), (0, 1), (), wraps)


def test_windows_cover_every_cell_and_blend_back():
    lattice = image((7, 9))
    windows = Windows.over(lattice, 3)
    assert len(windows) == 5 * 7
    grid = torch.arange(63.0)[:, None]
    again = windows.sum(windows.take(grid)) / windows.sum(torch.ones(len(windows), 9))
    np.testing.assert_allclose(again, grid)
    np.testing.assert_array_equal(windows.cells[0], [0, 1, 2, 9, 10, 11, 18, 19, 20])


def test_windows_go_round_where_the_lattice_does():
    windows = Windows.over(image((4, 6), wraps=(False, True)), 2)
    assert len(windows) == 3 * 6
    assert [5, 0, 11, 6] in windows.cells.tolist()


def test_windows_do_not_mix_time_steps():
    lattice = Lattice(("t", "y", "x"), (2, 3, 3), np.arange(18), (1, 2), (0,))
    cells = Windows.over(lattice, 2).cells
    assert ((cells < 9).all(axis=1) | (cells >= 9).all(axis=1)).all()


def test_moments_are_those_of_each_superpixel(device):
    rng = np.random.default_rng(0)
    rows, labels = rng.normal(size=(1_000, 5)), rng.choice(4, 1_000, p=[0.7, 0.2, 0.09, 0.01])
    tensor = torch.as_tensor(rows, device=device)
    blocks = Blocks.of(torch.as_tensor(labels, device=device), 4)
    moments = Moments.of(tensor, blocks)
    for k in range(4):
        mine = rows[labels == k]
        np.testing.assert_allclose(moments.mean[k].cpu(), mine.mean(axis=0))
        np.testing.assert_allclose(moments.covariance[k].cpu(), np.cov(mine.T, bias=True))
    matrices = torch.as_tensor(rng.normal(size=(4, 5, 5)), device=device)
    product = moments.centred_product(tensor, matrices, blocks).cpu().numpy()
    for i in (0, 17, 999):
        mean = rows[labels == labels[i]].mean(axis=0)
        expected = mean + (rows[i] - mean) @ matrices[labels[i]].cpu().numpy()
        np.testing.assert_allclose(product[i], expected)


def bands(shape=(48, 56), channels=8):
    """A smooth scene of three materials; (cells, s)."""
    row, column = np.indices(shape).reshape(2, -1)
    abundance = np.stack(
        (np.sin(row / 9.0) + 1, np.cos(column / 7.0) + 1, (row + column) % 40 < 20), axis=1
    )
    spectra = np.random.default_rng(1).random((3, channels))
    return abundance @ spectra


@pytest.mark.parametrize("level", [0.05, 0.3])
def test_noise_is_told_from_signal(level):
    clean = bands()
    scale = level * np.linspace(0.5, 1.5, 8)
    noisy = clean + np.random.default_rng(2).normal(size=clean.shape) * scale
    found = noise_levels(noisy.reshape(48, 56, 8), (0, 1), np.ones((48, 56), dtype=bool))
    np.testing.assert_allclose(found, scale, rtol=0.3)
    assert np.median(np.abs(found / scale - 1.0)) < 0.1


def test_filled_cells_do_not_count_as_quiet():
    noisy = np.random.default_rng(3).normal(scale=0.3, size=(40, 40, 2))
    observed = np.ones((40, 40), dtype=bool)
    observed[:25] = False
    noisy[:25] = 0.0
    np.testing.assert_allclose(noise_levels(noisy, (0, 1), observed), 0.3, rtol=0.15)


def test_a_clean_smooth_channel_has_next_to_no_noise():
    ramp = np.add.outer(np.arange(30.0), np.arange(40.0))[..., None]
    assert noise_levels(ramp, (0, 1), np.ones((30, 40), dtype=bool))[0] < 1e-6 * ramp.std()


def test_more_channels_than_cells_do_not_hide_the_noise():
    rng = np.random.default_rng(3)
    clean = np.outer(np.sin(np.arange(400) / 30.0), rng.random(300))
    noisy = (clean + rng.normal(scale=0.2, size=clean.shape)).reshape(20, 20, 300)
    assert np.median(noise_levels(noisy, (0, 1), np.ones((20, 20), dtype=bool))) == pytest.approx(
        0.2, rel=0.15
    )


def test_the_rank_is_the_number_of_materials():
    clean = bands()
    noisy = clean + np.random.default_rng(4).normal(scale=0.05, size=clean.shape)
    subspace = Subspace.fit(noisy, np.full(8, 0.05))
    assert subspace.rank == 3
    np.testing.assert_allclose(subspace.unwhitened(subspace.whitened(noisy)), noisy)
    noise = np.random.default_rng(5).normal(size=(2_000, 8))
    spectrum = np.linalg.eigvalsh(noise.T @ noise / 2_000)[::-1]
    assert signal_rank(spectrum, 2_000) == 1
    assert shrinkage(spectrum, 2_000)[1:].max() == 0.0


def test_denoising_gets_closer_to_the_truth_and_knows_how_close(device):
    clean = bands()[:, :4] * 4.0
    noisy = clean + np.random.default_rng(6).normal(size=clean.shape)
    settings = WindowSettings(rank=4, width=3, cells=60, alpha=1.0, passes=2)
    found = denoise_directions(
        noisy, image((48, 56)), settings, segmentations=1, seed=0, device=device
    )
    error = found.mean - clean
    assert np.mean(error**2) < 0.25
    inside = np.abs(error) < 1.96 * np.sqrt(found.variance)
    assert 0.8 < inside.mean() < 0.99


def test_weak_directions_are_shrunk_not_dropped():
    rng = np.random.default_rng(7)
    clean = np.concatenate((bands()[:, :1] * 9, rng.normal(scale=3.0, size=(48 * 56, 1))), axis=1)
    noisy = clean + rng.normal(size=clean.shape)
    settings = WindowSettings(rank=1, width=3, cells=60, alpha=1.0, passes=1)
    found = denoise_directions(
        noisy, image((48, 56)), settings, segmentations=1, seed=0, device="cpu"
    )
    assert np.mean((found.mean[:, 1] - clean[:, 1]) ** 2) == pytest.approx(0.9, abs=0.1)


def gappy_cube(share, channels=4, shape=(48, 56)):
    clean = bands(shape, channels)
    clean = (clean - clean.mean(axis=0)) / clean.std(axis=0)
    observed = np.random.default_rng(8).random(clean.shape) > share
    pilot = clean + np.random.default_rng(9).normal(scale=0.5, size=clean.shape)
    values = np.where(observed, clean, pilot)
    variance = np.where(observed, 0.0, 0.25)
    return clean, Cube(image(shape), values, variance, observed, np.ones_like(observed))


COMPLETION = CompletionSettings(rank=3, width=3, alpha=1.0, noise=1e-3, passes=(150, 80))


def test_completion_on_windows_beats_its_pilot_and_knows_how_well(device):
    clean, cube = gappy_cube(0.5)
    mean, variance = complete_windows(cube, COMPLETION, seed=0, device=device)
    gaps = ~cube.observed
    error = (mean - clean)[gaps]
    assert np.mean(error**2) < 0.1 * np.mean((cube.values - clean)[gaps] ** 2)
    np.testing.assert_array_equal(mean[cube.observed], cube.values[cube.observed])
    assert 0.85 < np.mean(np.abs(error) < 1.96 * np.sqrt(variance[gaps])) <= 1.0


def test_cells_that_nobody_knows_are_left_out_of_windows():
    _, cube = gappy_cube(0.3)
    known = np.ones_like(cube.known)
    known[: 20 * 56] = False
    holes = Cube(
        cube.lattice,
        np.where(known, cube.values, 1e6),
        cube.variance,
        cube.observed & known,
        known,
    )
    mean, _ = complete_windows(holes, replace(COMPLETION, passes=(150,)), seed=0, device="cpu")
    assert np.abs(mean[known]).max() < 10.0


def test_a_cube_without_gaps_stays_as_it_is():
    clean, cube = gappy_cube(0.0)
    mean, variance = complete_windows(cube, COMPLETION, seed=0, device="cpu")
    np.testing.assert_array_equal(mean, clean)
    assert variance.max() == 0.0


def cells_and_evidence(device, share, noise=0.01):
    """Windows of two cells, their evidence, and the entries it came from."""
    rng = np.random.default_rng(10)
    dictionary = np.linalg.qr(rng.normal(size=(7, 3)))[0]
    values = rng.normal(size=(40, 7))
    observed = rng.random((40, 7)) < share
    evidence = Evidence.of(
        torch.as_tensor(values, dtype=torch.float32, device=device),
        torch.as_tensor(observed, device=device),
        torch.as_tensor(dictionary, dtype=torch.float32, device=device),
        noise,
    )
    cells = np.stack((np.arange(39), np.arange(1, 40)), axis=1)
    return cells, dictionary, values, observed, evidence


@pytest.mark.parametrize("share", [0.0, 0.2, 0.9])
def test_evidence_says_what_the_observed_entries_say(device, share):
    _, dictionary, values, observed, evidence = cells_and_evidence(device, share)
    assert evidence.rows.shape[1] <= 3
    for i in range(40):
        rows, measured = evidence.rows[i].cpu().numpy(), evidence.values[i].cpu().numpy()
        told = dictionary[observed[i]]
        np.testing.assert_allclose(rows.T @ rows, told.T @ told / 0.01, atol=2e-4)
        expected = told.T @ values[i, observed[i]] / 0.01
        np.testing.assert_allclose(rows.T @ measured, expected, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("share", [0.0, 0.2, 0.9])
def test_windows_are_conditioned_as_the_textbook_says(device, share):
    cells, dictionary, values, observed, evidence = cells_and_evidence(device, share)
    rng = np.random.default_rng(11)
    labels, means = rng.integers(0, 3, 39), rng.normal(size=(3, 6))
    roots = rng.normal(size=(3, 6, 6))
    covariances = roots @ roots.transpose(0, 2, 1) + 0.1 * np.eye(6)
    prior = Gaussians(
        torch.as_tensor(means, dtype=torch.float32, device=device),
        torch.as_tensor(covariances, dtype=torch.float32, device=device),
    )
    windows = Conditioning(
        torch.as_tensor(cells, device=device), torch.as_tensor(labels, device=device), 3, evidence
    )
    found = windows.posterior(prior)
    expected, left = windows.expectation(prior)
    np.testing.assert_allclose(expected.cpu(), found.mean.cpu(), atol=1e-5)
    total = np.zeros((3, 6, 6))
    for i, (pair, label) in enumerate(zip(cells, labels, strict=True)):
        told = np.concatenate([observed[cell] for cell in pair])
        design = np.kron(np.eye(2), dictionary)[told]
        y = np.concatenate([values[cell] for cell in pair])[told]
        covariance = covariances[label]
        system = design @ covariance @ design.T + 0.01 * np.eye(len(y))
        gain = covariance @ design.T @ np.linalg.inv(system)
        mean = means[label] + gain @ (y - design @ means[label])
        posterior = covariance - gain @ design @ covariance
        np.testing.assert_allclose(found.mean[i].cpu(), mean, rtol=2e-3, atol=2e-3)
        np.testing.assert_allclose(found.variance[i].cpu(), np.diag(posterior), atol=2e-3)
        total[label] += posterior
    np.testing.assert_allclose(left.cpu(), total, atol=0.02)


def test_few_windows_with_much_evidence_do_not_make_the_systems_of_the_others_large(monkeypatch):
    """Most windows hold one observed cell, those in a corner forty: no chunk exceeds its bound."""
    observed = np.zeros((2_000, 1), dtype=bool)
    observed[:100], observed[100::40] = True, True
    values = np.random.default_rng(12).normal(size=observed.shape)
    evidence = Evidence.of(
        torch.as_tensor(values), torch.as_tensor(observed), torch.ones((1, 1)).double(), 0.01
    )
    cells = torch.arange(1_960)[:, None] + torch.arange(40)
    prior = Gaussians(torch.zeros((1, 40)).double(), torch.eye(40).double()[None])
    solved, cholesky = [], torch.linalg.cholesky

    def watched(systems):
        solved.append(len(systems) * systems.shape[1] * 40)
        return cholesky(systems)

    monkeypatch.setattr(torch.linalg, "cholesky", watched)
    monkeypatch.setattr(conditioning, "_ELEMENTS", 1 << 15)
    Conditioning(cells, torch.zeros(1_960, dtype=torch.int64), 1, evidence).posterior(prior)
    assert max(solved) <= 1 << 15


def test_windows_over_a_poor_pilot_are_chosen_and_better():
    clean, cube = gappy_cube(0.6, channels=5, shape=(24, 28))
    lattice = cube.lattice
    row, column = np.unravel_index(np.arange(lattice.size), lattice.shape)
    points = PointSet(
        np.stack((row, column), axis=1).astype(float),
        np.where(cube.observed, clean, np.nan),
        cube.observed,
        (Axis("y", AxisKind.INDEX), Axis("x", AxisKind.INDEX)),
        tuple(Channel(f"b{i}") for i in range(5)),
        lattice,
    )
    masks = scattered_folds(points, count=2, seed=0)
    folds = tuple(Fold(mask, mask) for mask in masks)
    wanted = ~cube.observed
    problem = Problem(Task.COMPLETION, wanted, folds, Effort.FAST, 0, "cpu", lambda *_: None)
    noisy = clean + np.random.default_rng(12).normal(scale=0.5, size=clean.shape)
    choice = choose_completion(points, lattice, FixedPilot(noisy), problem)
    assert choice is not None
    assert choice.helps.all()
    assert choice.score < 0.7 * choice.pilot_score
    mean, variance = FixedPilot(noisy).predict(points, wanted, problem)
    found, _ = complete_lattice(points, lattice, mean, variance, choice.settings, problem)
    assert np.std((found - clean)[wanted]) < 0.7 * np.std((noisy - clean)[wanted])
    json.dumps(choice.as_dict())


def test_a_lattice_cut_into_tiles_is_completed_as_well(monkeypatch):
    clean, cube = gappy_cube(0.5, shape=(48, 56))
    lattice, wanted = cube.lattice, ~cube.observed
    lacking = np.arange(lattice.size) % 97 > 0
    grid = replace(lattice, place=np.flatnonzero(lacking))
    points = PointSet(
        np.stack(np.unravel_index(grid.place, grid.shape), axis=1).astype(float),
        np.where(wanted, np.nan, clean)[lacking],
        cube.observed[lacking],
        (Axis("y", AxisKind.INDEX), Axis("x", AxisKind.INDEX)),
        tuple(Channel(f"b{i}") for i in range(4)),
        grid,
    )
    problem = Problem(Task.COMPLETION, wanted[lacking], (), Effort.FAST, 0, "cpu", lambda *_: None)
    pilot = np.where(wanted, cube.values, np.nan)[lacking]
    spread = np.where(wanted, 0.25, np.nan)[lacking]
    monkeypatch.setattr(completion_head, "_ELEMENTS", 1)
    monkeypatch.setattr(completion_head, "_SMALLEST_TILE", 800)
    values, left = complete_lattice(points, grid, pilot, spread, COMPLETION, problem)
    error = (values - clean[lacking])[wanted[lacking]]
    assert np.std(error) < 0.4 * np.nanstd(pilot - clean[lacking])
    assert np.isfinite(left).all()
    np.testing.assert_allclose(values[points.observed], points.values[points.observed], atol=1e-9)


class FixedPilot:
    """Says the same whatever is observed."""

    score = 0.5

    def __init__(self, values):
        self.values = values

    def as_dict(self):
        return {}

    def predict(self, points, wanted, problem):
        return np.where(wanted, self.values, np.nan), np.where(wanted, 0.25, np.nan)
