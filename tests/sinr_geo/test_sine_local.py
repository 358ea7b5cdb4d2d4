"""The better form of the sine head against plain loops, scikit-learn and the SVD."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge

from sinr_geo.axes import Axis, AxisKind, Channel
from sinr_geo.methods.protocol import Task
from sinr_geo.points import Lattice, PointSet
from sinr_geo.reconstruction import reconstruct
from sinr_geo.sine import step as step_module
from sinr_geo.sine.closed_head import solve_heads
from sinr_geo.sine.dictionary import principal_components
from sinr_geo.sine.dilation import Cover, dilate
from sinr_geo.sine.ground import Ground
from sinr_geo.sine.local_form import local_frames, local_network
from sinr_geo.sine.local_training import train_local
from sinr_geo.sine.loss import MEAN_SQUARES
from sinr_geo.sine.muon import Muon, orthogonalised
from sinr_geo.sine.network import Form, SuperpixelNetwork
from sinr_geo.sine.samples import Samples
from sinr_geo.sine.scaling import Standardisation
from sinr_geo.sine.step import steps_on

ROWS, COLUMNS = 24, 40
EDGES = (3, 9, 33)
"""Superpixels are columns of unequal width: 3, 6, 24 and 7."""

needs_numba = pytest.mark.skipif(
    importlib.util.find_spec("numba") is None, reason="numba is not installed"
)
PATHS = ["autograd", pytest.param("fused", marks=needs_numba)]


@dataclass
class Setting:
    ground: Ground
    cover: Cover
    samples: Samples
    network: SuperpixelNetwork


def points_of(values: np.ndarray) -> PointSet:
    place = np.mgrid[:ROWS, :COLUMNS].reshape(2, -1).T
    axes = (Axis("row", AxisKind.INDEX), Axis("column", AxisKind.INDEX))
    lattice = Lattice(("row", "column"), (ROWS, COLUMNS), np.arange(len(place)), (0, 1))
    channels = tuple(Channel(f"c{j}") for j in range(values.shape[1]))
    return PointSet(place.astype(float), values, np.isfinite(values), axes, channels, lattice)


def surface(channels: int = 3) -> np.ndarray:
    y, x = np.mgrid[:ROWS, :COLUMNS].reshape(2, -1) / 10.0
    waves = [np.sin((1 + j) * x + j) + np.cos((2 + j) * y) * x for j in range(channels)]
    return np.stack(waves, axis=1)


def with_holes() -> np.ndarray:
    values = surface()
    values[np.random.default_rng(4).random(values.shape) < 0.2] = np.nan
    return values


def setting(values: np.ndarray, atoms: int = 3, layers: int = 3) -> Setting:
    ground = Ground.of(points_of(values), Task.RECONSTRUCTION, "cpu")
    labels = np.searchsorted(EDGES, ground.points.coordinates[:, 1], side="right")
    cover = dilate(labels, ground.graph, 1)
    rows = torch.as_tensor(ground.place.astype(np.float32))
    scale = Standardisation.fit(ground.points.values, ground.points.observed)
    frame = local_frames(ground, rows, cover)
    samples = Samples.of(ground, cover, cover.tapered(), frame, scale, seed=0)
    components, _ = principal_components(ground, scale)
    form = Form(cover.count, 2, values.shape[1], 11, layers, atoms, 1.0, 1.0, False)
    network = local_network(form, components[:atoms], torch.Generator().manual_seed(1), "cpu")
    with torch.no_grad():
        torch.manual_seed(2)
        network.head.weight.normal_()
        network.head.bias.normal_()
    return Setting(ground, cover, samples, network)


def plain_features(case: Setting, k: int) -> torch.Tensor:
    """Written out: superpixel k's own coordinates through its sine layers; -> (n_k, h)."""
    member = case.cover.point[case.cover.superpixel == k]
    place = torch.tensor(case.ground.place[member], dtype=torch.float64)
    centre = 0.5 * (place.amin(dim=0) + place.amax(dim=0))
    z = (place - centre) * 0.4
    for layer in case.network.sines:
        z = torch.sin(z @ layer.weight[k].double() + layer.bias[k].double())
    return z


def plain_targets(case: Setting, k: int) -> tuple[torch.Tensor, torch.Tensor]:
    member = case.cover.point[case.cover.superpixel == k]
    values, seen = case.ground.points.values[member], case.ground.points.observed[member]
    every, observed = case.ground.points.values, case.ground.points.observed
    mean = np.nanmean(np.where(observed, every, np.nan), axis=0)
    spread = np.nanstd(np.where(observed, every, np.nan), axis=0)
    scaled = np.where(seen, (values - mean) / spread, 0.0)
    return torch.tensor(scaled), torch.tensor(seen.astype(float))


def plain_loss(case: Setting) -> torch.Tensor:
    total = torch.zeros((), dtype=torch.float64)
    head, dictionary = case.network.head, case.network.dictionary.double()
    for k in range(case.cover.count):
        codes = plain_features(case, k) @ head.weight[k].double() + head.bias[k].double()
        target, seen = plain_targets(case, k)
        total = total + ((codes @ dictionary - target) ** 2 * seen).sum() / seen.sum()
    return total


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("values", "atoms"),
    [(surface(), 3), (with_holes(), 3), (surface(5), 2)],
    ids=["whole", "holes", "channels"],
)
def test_gradients_are_those_of_a_plain_loop_over_superpixels(path, values, atoms, monkeypatch):
    case = setting(values, atoms)
    plain_loss(case).backward()
    named = [(name, p) for name, p in case.network.named_parameters() if p.requires_grad]
    expected = {name: p.grad.clone() for name, p in named}
    slots = case.samples.slots(case.samples.packing)
    if path == "autograd":
        monkeypatch.setattr(step_module, "fused_class", lambda: None)
    steps_on(case.network, MEAN_SQUARES, [lambda: slots])[0]()
    assert set(expected) == {name for name, p in named if p.grad is not None}
    for name, parameter in named:
        scale = float(expected[name].abs().max())
        torch.testing.assert_close(parameter.grad, expected[name], rtol=0, atol=2e-5 * scale)


@pytest.mark.parametrize(
    ("values", "atoms"),
    [(surface(), 3), (with_holes(), 3), (surface(5), 5)],
    ids=["whole", "holes", "channels"],
)
def test_the_closed_form_head_is_ridge_regression(values, atoms):
    case = setting(values, atoms)
    solve_heads(case.network, case.samples, case.samples.packing, 1e-3)
    for k in range(case.cover.count):
        features = plain_features(case, k).detach().numpy()
        target, seen = (t.numpy() for t in plain_targets(case, k))
        folded = case.network.head.weight[k] @ case.network.dictionary
        bias = case.network.head.bias[k] @ case.network.dictionary
        for j in range(values.shape[1]):
            own = seen[:, j] > 0
            ridge = Ridge(alpha=1e-3 * own.sum()).fit(features[own], target[own, j])
            found = folded[:, j].detach().numpy()
            np.testing.assert_allclose(found, ridge.coef_, atol=1e-3 * np.abs(ridge.coef_).max())
            assert float(bias[0, j].detach()) == pytest.approx(ridge.intercept_, abs=2e-3)


def test_a_short_dictionary_gets_the_best_head_in_its_span():
    case = setting(surface(5), atoms=2)
    solve_heads(case.network, case.samples, case.samples.packing, 1e-8)
    best = float(plain_loss(case).detach())
    for seed in range(5):
        torch.manual_seed(seed)
        with torch.no_grad():
            step = 0.01 * torch.randn_like(case.network.head.weight)
            case.network.head.weight += step
            worse = float(plain_loss(case).detach())
            case.network.head.weight -= step
        assert worse > best


def test_orthogonalisation_keeps_singular_vectors_and_evens_out_their_values():
    rng = np.random.default_rng(0)
    batch = rng.standard_normal((6, 24, 24)) * np.geomspace(1e-6, 1e6, 6)[:, None, None]
    found = orthogonalised(torch.tensor(batch)).numpy()
    for matrix, result in zip(batch, found, strict=True):
        u, before, vt = np.linalg.svd(matrix)
        inner = u.T @ result @ vt.T
        after = np.diag(inner)
        np.testing.assert_allclose(inner, np.diag(after), atol=1e-9)
        large = before > 0.2 * before[0]
        assert (after[large] > 0.5).all()
        assert (after < 1.3).all()
        assert (after > 0).all()


def test_muon_moves_every_matrix_by_the_same_amount_whatever_its_gradient():
    torch.manual_seed(0)
    gradient = torch.randn(2, 8, 8)
    gradient[1] = 1e4 * gradient[0]
    weight = torch.nn.Parameter(torch.zeros(2, 8, 8))
    weight.grad = gradient
    Muon([weight], 0.0).step(0.1)
    torch.testing.assert_close(weight[0], weight[1], rtol=1e-4, atol=1e-6)
    assert 0.05 < float(torch.linalg.matrix_norm(weight[0].detach(), 2)) < 0.13
    assert float((weight.detach() * gradient).sum()) < 0


def test_weights_do_not_wander_off_where_gradients_are_but_noise():
    def wandered(decay: float) -> float:
        generator = torch.Generator().manual_seed(3)
        weight = torch.nn.Parameter(torch.zeros(2, 8, 8))
        muon = Muon([weight], decay)
        for _ in range(3_000):
            weight.grad = torch.randn(2, 8, 8, generator=generator)
            muon.step(0.1)
        return float(torch.linalg.matrix_norm(weight.detach(), 2).max())

    assert wandered(0.1) < 0.5 * wandered(0.0)


@needs_numba
def test_sine_and_cosine_are_right_far_from_zero_too():
    from sinr_geo.sine.sine_cosine import sine_and_cosine

    x = np.concatenate(
        (np.linspace(-7, 7, 5_001), np.random.default_rng(0).normal(0, 300, 5_000), [0.0])
    ).astype(np.float32)
    sine, cosine = np.empty_like(x), np.empty_like(x)
    sine_and_cosine(x, sine, cosine)
    np.testing.assert_allclose(sine, np.sin(x.astype(float)), atol=4e-7)
    np.testing.assert_allclose(cosine, np.cos(x.astype(float)), atol=4e-7)


@needs_numba
@pytest.mark.parametrize("threads", [1, 2])
def test_fused_training_is_torch_training(threads, monkeypatch):
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        weights = []
        for _ in range(2):
            case = setting(surface())
            train_local(case.network, case.samples, 4)
            weights.append(case.network.first.weight.detach().clone())
            monkeypatch.setattr(step_module, "fused_class", lambda: None)
    finally:
        torch.set_num_threads(before)
    torch.testing.assert_close(*weights, rtol=1e-3, atol=1e-3)


def test_missing_entries_are_left_out_and_filled_in_between():
    truth, points = surface(), points_of(with_holes())
    found = reconstruct(points, steps=300).predict(points)
    missing = ~points.observed
    error = np.sqrt(np.mean((found - truth)[missing] ** 2)) / truth.std()
    assert error < 0.05


def test_a_channel_without_an_observation_is_nan_and_disturbs_no_other():
    values = surface()
    values[:, 1] = np.nan
    points = points_of(values)
    found = reconstruct(points, steps=20).predict(points)
    assert np.isnan(found[:, 1]).all()
    assert np.isfinite(found[:, [0, 2]]).all()


@pytest.mark.parametrize("count", [1, 3])
def test_very_few_points_can_be_represented(count):
    place = np.arange(2.0 * count).reshape(count, 2)
    axes = (Axis("x", AxisKind.PROJECTED), Axis("y", AxisKind.PROJECTED))
    values = np.arange(1.0, count + 1.0)[:, None]
    points = PointSet(place, values, np.isfinite(values), axes, (Channel("a"),))
    np.testing.assert_allclose(reconstruct(points, steps=50).predict(points), values, atol=0.05)


def test_numba_is_not_imported_with_the_library():
    code = "import sys, sinr_geo, sinr_geo.reconstruction; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
