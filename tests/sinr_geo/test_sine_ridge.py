"""The last layer in closed form against a plain least-squares solve."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sinr_geo.axes import Axis, AxisKind, Channel
from sinr_geo.methods.protocol import Task
from sinr_geo.points import PointSet
from sinr_geo.sine.dilation import dilate
from sinr_geo.sine.ground import Ground
from sinr_geo.sine.network import Form, SuperpixelNetwork
from sinr_geo.sine.ridge import set_head, solve_heads
from sinr_geo.sine.samples import Samples
from sinr_geo.sine.scaling import Standardisation, shared_frame
from sinr_geo.sine.spectrum import Spectrum, sine_pairs


def scattered(n: int, observed: str) -> PointSet:
    rng = np.random.default_rng(0)
    place = rng.random((n, 2)) * 10
    values = np.stack((np.sin(place[:, 0]), np.cos(place[:, 1]), place.sum(axis=1)), axis=1)
    mask = np.ones((n, 3), dtype=bool)
    if observed == "entries":
        mask = rng.random((n, 3)) < 0.6
    axes = (Axis("x", AxisKind.PROJECTED), Axis("y", AxisKind.PROJECTED))
    channels = tuple(Channel(name) for name in "abc")
    return PointSet(place, np.where(mask, values, np.nan), mask, axes, channels)


@pytest.mark.parametrize("observed", ["points", "entries"])
def test_it_is_the_minimum_of_the_penalised_squares(observed):
    points = scattered(300, observed)
    ground = Ground.of(points, Task.COMPLETION, "cpu")
    labels = (points.coordinates[:, 0] > 4).astype(np.int64)
    cover = dilate(labels, ground.graph, 1)
    scale = Standardisation.fit(points.values, points.observed)
    rows = torch.as_tensor(ground.place.astype(np.float32))
    frame = shared_frame(rows, 2)
    samples = Samples.of(ground, cover, cover.tapered(), frame, scale, 0)
    form = Form(2, 2, 3, width=12, layers=1, atoms=2, omega=1.0, gated=False)
    network = SuperpixelNetwork(form, torch.Generator().manual_seed(0))
    dictionary = torch.linalg.qr(torch.randn(3, 2, generator=torch.Generator().manual_seed(1)))[0].T
    weight, bias, spread = sine_pairs(2, 2, 6, Spectrum(3.0, 0.5, 5.0, 0.6), seed=0)
    with torch.no_grad():
        network.first.weight.copy_(weight)
        network.first.bias.copy_(bias)
        network.dictionary.copy_(dictionary)
    penalty = torch.tensor([0.1, 0.5], dtype=torch.float64)
    (head,) = solve_heads(network, samples, None, spread, [penalty])
    set_head(network, head)

    for k in range(2):
        members = np.unique(cover.point[cover.superpixel == k])
        members = members[ground.sampled[members]]
        z = torch.sin(rows[members] @ weight[k] + bias[k]).double()
        z = torch.cat((z, torch.ones(len(z), 1)), dim=1)
        deviation = torch.cat((spread[k], torch.tensor([3.0]))).double()
        y = samples.values[members].double()
        mask = samples.observed[members].double()
        found = torch.cat((network.head.weight[k], network.head.bias[k])).detach().double()
        found.requires_grad_(True)
        squares = ((mask * (y - z @ found @ dictionary.double())) ** 2).sum()
        loss = squares + (penalty * (found / deviation[:, None]) ** 2).sum()
        loss.backward()
        scale_of_gradient = (z.T @ (mask * y) @ dictionary.double().T).abs().max()
        assert found.grad is not None
        assert (found.grad.abs() * deviation[:, None]).max() < 2e-3 * scale_of_gradient


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
