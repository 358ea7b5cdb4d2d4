"""The spectral form against dense Gaussian algebra."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal

from sinr_geo.axes import Axis, AxisKind, Channel
from sinr_geo.methods.protocol import Task
from sinr_geo.nearest import inverse_distance
from sinr_geo.points import FloatArray, Lattice, PointSet
from sinr_geo.sine import ground as ground_module
from sinr_geo.sine.codes import Codes
from sinr_geo.sine.ensemble import Ensemble
from sinr_geo.sine.entrywise import CodePrior, EntryPosterior
from sinr_geo.sine.evidence import Evidence
from sinr_geo.sine.forms import SpectralForm
from sinr_geo.sine.ground import Ground
from sinr_geo.sine.layout import Members, batches
from sinr_geo.sine.metric import Metric
from sinr_geo.sine.partition import solvable
from sinr_geo.sine.spectral import SpectralSettings, fit_spectral
from sinr_geo.sine.spectrum import Spectrum, sine_pairs
from sinr_geo.sine.whole import WholePosterior

SETTINGS = SpectralSettings(
    samples=30,
    alpha=5.0,
    overlap=1.0,
    length=20.0,
    smoothness=0.5,
    pairs=256,
    atoms=2,
    smoothing=0.0,
    white=False,
    penalty=1e-2,
    metric=Metric(),
    ratio_factor=1.0,
)


def padded_superpixels(rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Two superpixels of 9 and 6 samples, 5 features and 3 codes."""
    filled = torch.ones(2, 9, dtype=torch.bool)
    filled[1, 6:] = False
    z = torch.as_tensor(rng.normal(size=(2, 9, 5)).astype(np.float32)) * filled[..., None]
    codes = torch.as_tensor(rng.normal(size=(2, 9, 3))) * filled[..., None]
    return z, codes, filled


def test_whole_posterior_is_bayesian_regression_with_a_flat_mean():
    rng = np.random.default_rng(0)
    z, codes, filled = padded_superpixels(rng)
    noise = torch.tensor([0.2, 0.7, 1.5], dtype=torch.float64)
    posterior = WholePosterior(z, codes, filled)
    found = posterior.solve(noise, torch.ones(1, dtype=torch.float64))
    query = torch.as_tensor(rng.normal(size=(2, 4, 5)).astype(np.float32))
    variance = posterior.variance(query, found) / found.level
    for k, count in enumerate((9, 6)):
        features = np.column_stack((z[k, :count].numpy(), np.ones(count))).astype(float)
        at = np.column_stack((query[k].numpy(), np.ones(4))).astype(float)
        for j in range(3):
            precision = np.diag([1.0] * 5 + [0.0]) + features.T @ features / float(noise[j])
            mean = np.linalg.solve(precision, features.T @ codes[k, :count, j].numpy())
            mean /= float(noise[j])
            assert np.allclose(found.weight[k, :, j], mean[:5], atol=1e-4)
            assert np.allclose(found.bias[k, 0, j], mean[5], atol=1e-4)
            dense = np.einsum("qi,ij,qj->q", at, np.linalg.inv(precision), at)
            assert np.allclose(variance[k, :, j], dense, rtol=1e-3)


def test_amplitudes_count_by_their_marginal_likelihood():
    rng = np.random.default_rng(1)
    z, codes, filled = padded_superpixels(rng)
    amplitudes = torch.tensor([0.1, 1.0, 10.0], dtype=torch.float64)
    found = WholePosterior(z, codes, filled).solve(torch.ones(3, dtype=torch.float64), amplitudes)
    features = z[0].double().numpy()
    centred = features - features.mean(axis=0)
    values = codes[0].numpy() - codes[0].numpy().mean(axis=0)
    for j in range(3):
        log = [
            multivariate_normal(cov=a * centred @ centred.T + np.eye(9)).logpdf(values[:, j])
            for a in amplitudes.tolist()
        ]
        weight = np.exp(log - np.max(log))
        expected = (weight * amplitudes.numpy()).sum() / weight.sum()
        assert float(found.amplitude[0, 0, j]) == pytest.approx(expected, rel=1e-3)


def test_entry_posterior_is_a_dense_gaussian_conditional():
    rng = np.random.default_rng(2)
    points, features, r, noise, constant = 6, 4, 2, 0.3, 0.5
    z = rng.normal(size=(points, features)).astype(np.float32)
    slot = np.array([0, 0, 1, 2, 4, 5, 5])
    design, value = rng.normal(size=(7, r)), rng.normal(size=7)
    root = rng.normal(size=(r, r))
    spectral, mean = root @ root.T, rng.normal(size=r)
    prior = CodePrior(torch.as_tensor(mean)[None, None], torch.as_tensor(spectral)[None], constant)
    posterior = EntryPosterior(
        torch.as_tensor(z)[None],
        torch.as_tensor(slot)[None],
        torch.as_tensor(design)[None],
        torch.as_tensor(value)[None],
        prior,
    )
    found = posterior.solve(noise)
    query = rng.normal(size=(3, features)).astype(np.float32)
    both = np.concatenate((z, query)).astype(float)
    joint = np.kron(both @ both.T + constant, spectral)
    rows = np.zeros((7, len(joint)))
    for number, (point, row) in enumerate(zip(slot, design, strict=True)):
        rows[number, r * point : r * point + r] = row
    at = joint[r * points :]
    gain = at @ rows.T @ np.linalg.inv(rows @ joint @ rows.T + noise * np.eye(7))
    dense = np.tile(mean, 3) + gain @ (value - design @ mean)
    values = query @ found.weight[0].numpy() + found.bias[0].numpy()
    assert np.allclose(values.ravel(), dense, atol=1e-4)
    left = at[:, r * points :] - gain @ rows @ at.T
    covariance = posterior.covariance(torch.as_tensor(query)[None], found) / found.level[..., None]
    for q in range(3):
        block = left[r * q : r * q + r, r * q : r * q + r]
        assert np.allclose(covariance[0, q], block, atol=1e-4)


def test_evidence_of_many_channels_says_the_same_in_fewer_numbers():
    rng = np.random.default_rng(3)
    dictionary = np.linalg.qr(rng.normal(size=(8, 3)))[0].T
    observed = rng.random((20, 8)) < rng.random((20, 1))
    values = np.where(observed, rng.normal(size=(20, 8)), 0.0)
    evidence = Evidence.of(values, observed, dictionary)
    assert np.array_equal(evidence.count, np.minimum(observed.sum(axis=1), 3))
    for point in range(20):
        equations, _ = evidence.of_points(np.array([point]))
        design, value = evidence.design[equations], evidence.value[equations]
        seen = dictionary[:, observed[point]]
        assert np.allclose(design.T @ design, seen @ seen.T, atol=1e-6)
        assert np.allclose(design.T @ value, seen @ values[point, observed[point]], atol=1e-6)


def test_prior_spread_follows_the_matern_spectrum():
    spectrum = Spectrum(length=3.0, smoothness=0.5, extent=10.0, spacing=0.2)
    weight, _, spread = sine_pairs(1, 2, 4096, spectrum, seed=0)
    cosines = slice(4096, None)
    lags = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 3.0]])
    variance = spread[0, cosines] ** 2
    covariance = (torch.cos(lags @ weight[0, :, cosines]) * variance).sum(dim=1)
    covariance = covariance / covariance[0]
    expected = torch.exp(-lags.norm(dim=1) / 3.0)
    assert (covariance - expected).abs().max() < 0.05


def test_superpixels_to_solve_have_samples_but_not_too_many():
    rng = np.random.default_rng(4)
    place = rng.random((2_000, 2))
    sampled = rng.random(2_000) < 0.5
    sampled[place[:, 0] < 0.1] = False
    labels = (place[:, 0] * 20).astype(np.int64).clip(0, 3)
    found = solvable(labels, place, sampled, 20)
    held = np.bincount(found[sampled])
    assert held.min() >= 1
    assert held.max() <= 60
    assert np.array_equal(np.unique(found), np.arange(found.max() + 1))


def test_where_all_samples_share_a_place_nothing_is_halved_for_ever():
    found = solvable(np.zeros(100, dtype=np.int64), np.ones((100, 2)), np.ones(100, bool), 10)
    assert (found == 0).all()


def test_batches_hold_every_superpixel_once_and_bound_the_work():
    rng = np.random.default_rng(5)
    sizes = rng.integers(0, 300, 200)
    cost = sizes.astype(np.int64) ** 2
    found = list(batches(sizes, cost, 200_000))
    assert np.array_equal(np.sort(np.concatenate(found)), np.arange(200))
    assert all(cost[batch].sum() <= 200_000 for batch in found if batch.size > 1)
    superpixel = np.repeat(np.arange(200), sizes)
    members = Members.of(np.arange(superpixel.size), superpixel, 200)
    for batch in found:
        padded = members.padded(batch)
        assert np.array_equal(padded.filled.sum(axis=1), sizes[batch])
        for row, k in enumerate(batch):
            assert (superpixel[padded.item[row][padded.filled[row]]] == k).all()


def rough_grid(side: int, channels: int) -> FloatArray:
    y, x = np.mgrid[:side, :side].reshape(2, -1) / side
    waves = np.stack((np.sin(9 * x + 2 * y), np.cos(7 * y) * x), axis=1)
    return waves @ np.random.default_rng(6).normal(size=(2, channels))


def on_grid(values: FloatArray, side: int) -> PointSet:
    index = np.stack(np.mgrid[:side, :side].reshape(2, -1), axis=1).astype(float)
    axes = (Axis("row", AxisKind.INDEX), Axis("column", AxisKind.INDEX))
    lattice = Lattice(("row", "column"), (side, side), np.arange(side**2), space=(0, 1))
    channels = tuple(Channel(str(number)) for number in range(values.shape[1]))
    return PointSet(index, values, np.isfinite(values), axes, channels, lattice)


def test_channels_learn_from_each_other_where_every_entry_has_its_mask():
    truth = rough_grid(24, 12)
    observed = np.random.default_rng(7).random(truth.shape) < 0.12
    points = on_grid(np.where(observed, truth, np.nan), 24)
    ground = Ground.of(points, Task.COMPLETION, "cpu")
    found = fit_spectral(ground, SETTINGS, 0).values(points)
    alone = inverse_distance(points.coordinates, points.values, observed, 3)
    squares = [np.mean((values - truth)[~observed] ** 2) for values in (found, alone)]
    assert squares[0] < 0.4 * squares[1]


def test_the_variance_is_true_where_the_noise_is_measured():
    truth = rough_grid(32, 6)
    noise = 0.5 * truth.std()
    points = on_grid(truth + noise * np.random.default_rng(8).normal(size=truth.shape), 32)
    ground = Ground.of(points, Task.DENOISING, "cpu")
    codes = Codes.of(ground, 6, 0.0)
    assert codes.scale.spread == pytest.approx(np.full(6, noise), rel=0.25)
    assert 2 <= len(codes.dictionary) <= 3
    field = fit_spectral(ground, SETTINGS, 0)
    error = field.values(points) - truth
    assert np.sqrt(np.mean(error**2)) < 0.3 * noise
    told = np.sqrt(field.variances_at_fitted(np.arange(len(points))))
    assert np.mean(np.abs(error) < 1.96 * told) == pytest.approx(0.95, abs=0.05)


def test_noise_is_estimated_once_for_all_settings_that_are_tried(monkeypatch):
    estimate, asked = ground_module.lattice_noise, []

    def counted(points, complete):
        asked.append(points)
        return estimate(points, complete)

    monkeypatch.setattr(ground_module, "lattice_noise", counted)
    noisy = rough_grid(16, 4) + np.random.default_rng(9).normal(size=(256, 4))
    ground = Ground.of(on_grid(noisy, 16), Task.DENOISING, "cpu")
    spreads = [Codes.of(ground, atoms, 0.0).scale.spread for atoms in (1, 2, 3)]
    assert len(asked) == 1
    assert np.array_equal(spreads[0], spreads[2])


def test_superpixels_are_as_many_as_the_samples_ask_for():
    rng = np.random.default_rng(9)
    place = rng.random((8_000, 2))
    values = np.sin(40 * place[:, :1]) + place[:, 1:]
    axes = (Axis("x", AxisKind.PROJECTED), Axis("y", AxisKind.PROJECTED))
    points = PointSet(place, values, np.ones(values.shape, bool), axes, (Channel("a"),))
    ground = Ground.of(points, Task.COMPLETION, "cpu")
    settings = SpectralSettings(
        **{**{name: getattr(SETTINGS, name) for name in SETTINGS.__slots__}, "pairs": 32}
    )
    field = fit_spectral(ground, settings, 0)
    assert field.cover.count > 220


@pytest.mark.parametrize("whole", [True, False], ids=["whole points", "entries"])
def test_a_fit_for_some_points_says_of_them_what_a_fit_for_all_says(whole):
    truth = rough_grid(24, 3)
    observed = np.random.default_rng(10).random(truth.shape) < 0.5
    if whole:
        observed[:] = observed[:, :1]
    points = on_grid(np.where(observed, truth, np.nan), 24)
    ground = Ground.of(points, Task.COMPLETION, "cpu")
    asked = np.array([3, 4, 28, 300])
    for_all, for_some = (Ensemble((fit_spectral(ground, SETTINGS, 0, a),)) for a in (None, asked))
    expected, found = (ensemble.told_at_fitted(asked) for ensemble in (for_all, for_some))
    assert found.values == pytest.approx(expected.values, abs=1e-5)
    assert found.own == pytest.approx(expected.own, rel=1e-4)
    layers = [ensemble.fields[0].network.head.weight for ensemble in (for_all, for_some)]
    solved = [int((layer != 0).any(dim=(1, 2)).sum()) for layer in layers]
    assert solved[1] < 0.8 * solved[0]


def test_one_member_alone_takes_the_cheapest_of_settings_that_are_as_good():
    points = on_grid(rough_grid(12, 2), 12)
    ground = Ground.of(points, Task.COMPLETION, "cpu")
    small = replace(SETTINGS, samples=20)
    form = SpectralForm((SETTINGS, small), [])
    alone, several = form.fit(ground, 1, 0), form.fit(ground, 2, 0)
    large, cheap = (field.cover.count for field in several.fields)
    assert large < cheap
    assert [field.cover.count for field in alone.fields] == [cheap]


def test_samples_at_one_place_are_not_how_far_samples_lie_apart():
    rng = np.random.default_rng(4)
    place = rng.uniform(0.0, 10.0, (200, 2))
    twice = np.concatenate((place, place))[rng.permutation(400)]
    axes = (Axis("x", AxisKind.PROJECTED, "m"), Axis("y", AxisKind.PROJECTED, "m"))

    def ground(places: FloatArray) -> Ground:
        values = np.sin(places[:, :1])
        points = PointSet(places, values, np.ones(values.shape, bool), axes, (Channel("v"),))
        return Ground.of(points, Task.COMPLETION, "cpu")

    alone, doubled = ground(place), ground(twice)
    apart = np.linalg.norm(alone.place[:, None] - alone.place, axis=2)
    np.fill_diagonal(apart, np.inf)
    assert alone.spacing == pytest.approx(np.median(apart.min(axis=1)))
    scale = np.ptp(doubled.place, axis=0) / np.ptp(alone.place, axis=0)
    assert doubled.spacing == pytest.approx(alone.spacing * scale[0], rel=0.05)
