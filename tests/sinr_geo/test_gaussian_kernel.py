"""The kernel head against a Gaussian process written out in numpy."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sinr_geo.gaussian import blending
from sinr_geo.gaussian.blending import BlendedKernels
from sinr_geo.gaussian.kernel import KernelSettings, LocalKernels
from sinr_geo.gaussian.overlap import Overlap
from sinr_geo.gaussian.samples import Samples


def plain_process(places, spreads, values, query, settings):
    """Condition on samples one by one; -> mean (s,), variance left in local units."""
    reach = np.linalg.norm(places, axis=1).max()
    places, query, spreads = places / reach, query / reach, spreads / reach**2

    def covariance(a, b, spread):
        return 10.0 + a @ b - (np.sum((a - b) ** 2) + spread) ** (settings.power / 2)

    m = len(places)
    own = np.empty((m, m))
    for i in range(m):
        for j in range(m):
            own[i, j] = covariance(places[i], places[j], spreads[i] + spreads[j])
        own[i, i] = 10.0 + places[i] @ places[i] + settings.nugget * reach**-settings.power
    cross = np.array([covariance(query, places[i], spreads[i]) for i in range(m)])
    mean = values.mean(axis=0)
    found = mean + cross @ np.linalg.solve(own, values - mean)
    left = 10.0 + query @ query - cross @ np.linalg.solve(own, cross)
    return found, left * reach**settings.power


@pytest.mark.parametrize("power", [0.6, 1.0, 1.5])
def test_one_superpixel_is_a_gaussian_process(power, device):
    rng = np.random.default_rng(0)
    places, values = rng.normal(size=(12, 2)), rng.normal(size=(12, 3))
    spreads = np.concatenate((np.zeros(9), rng.random(3)))
    query = rng.normal(size=2)
    settings = KernelSettings(power=power, nugget=0.3)
    tensors = (torch.as_tensor(x[None], device=device) for x in (places, spreads, values))
    local = LocalKernels.fit(*tensors, settings)
    owner = torch.zeros(1, dtype=torch.int64, device=device)
    offset = torch.as_tensor(query[None, None], device=device)
    mean, left = plain_process(places, spreads, values, query, settings)
    np.testing.assert_allclose(local.mean_at(owner, offset)[0, 0].cpu(), mean, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(local.variance_at(owner, offset)[0, 0].cpu(), left, rtol=1e-3)


def field_of(device, nugget=0.0, count=40):
    rng = np.random.default_rng(1)
    places = rng.uniform(0, 10, size=(300, 2))
    values = np.stack((np.sin(places[:, 0]), places @ [1.0, -2.0]), axis=1)
    centres = rng.uniform(0, 10, size=(count, 2))
    settings = KernelSettings(power=1.2, nugget=nugget, samples=20)
    return (
        places,
        values,
        BlendedKernels((Samples.single(places, values),), centres, settings, device),
    )


def test_without_nugget_samples_are_kept(device):
    places, values, field = field_of(device)
    mean, variance = field.predict(places[:50])
    near = np.abs(mean - values[:50]).max(axis=1) < 0.2
    assert near.mean() > 0.9
    _, away = field.predict(places[:50] + 0.4)
    assert np.median(variance) < 0.2 * np.median(away)


def test_mean_and_predict_agree(device):
    places, _, field = field_of(device, nugget=0.1)
    np.testing.assert_allclose(field.mean(places + 0.1), field.predict(places + 0.1)[0], rtol=1e-12)


def test_a_place_is_predicted_alike_whatever_else_is_asked(device, monkeypatch):
    places, _, field = field_of(device, nugget=0.1)
    together = field.predict(places + 0.1)
    alone = field.predict(places[40:45] + 0.1)
    monkeypatch.setattr(blending, "_PLACES", 37)
    in_strips = field.predict(places + 0.1)
    for whole, few, cut in zip(together, alone, in_strips, strict=True):
        np.testing.assert_allclose(few, whole[40:45], rtol=1e-9)
        np.testing.assert_allclose(cut, whole, rtol=1e-9)
    np.testing.assert_allclose(field.mean(places + 0.1), together[0], rtol=1e-9)


def test_a_linear_field_is_continued(device):
    _, _, field = field_of(device)
    queries = np.random.default_rng(2).uniform(1, 9, size=(100, 2))
    truth = queries @ [1.0, -2.0]
    assert np.sqrt(np.mean((field.mean(queries)[:, 1] - truth) ** 2)) < 0.1 * truth.std()


def test_the_blend_is_continuous(device):
    _, _, field = field_of(device)
    line = np.stack((np.linspace(2, 8, 4_000), np.full(4_000, 5.0)), axis=1)
    steps = np.abs(np.diff(field.mean(line)[:, 0]))
    assert steps.max() < 0.05


def test_samples_that_coincide_are_no_trouble(device):
    places = np.repeat(np.random.default_rng(3).random((30, 2)), 2, axis=0)
    samples = Samples.single(places, places[:, :1])
    field = BlendedKernels((samples,), places[::7], KernelSettings(nugget=0.0, samples=20), device)
    assert np.isfinite(field.predict(places)[0]).all()


def test_shares_add_up_and_fall_to_zero():
    rng = np.random.default_rng(4)
    overlap = Overlap.of(rng.random((30, 2)), rng.random((200, 2)), 5)
    totals = np.bincount(overlap.row, weights=overlap.share, minlength=200)
    np.testing.assert_allclose(totals, 1.0)
    assert (np.diff(overlap.owner) >= 0).all()


def test_block_means_keep_the_mean_and_their_spread():
    rng = np.random.default_rng(5)
    places, values = rng.uniform(0, 8, size=(500, 2)), rng.normal(size=(500, 1))
    blocks = Samples.single(places, values).averaged(2.0)
    assert len(blocks.places) == 16
    cell = np.floor((places - places.min(axis=0)) / 2.0).astype(int) @ [100, 1]
    for key in np.unique(cell):
        mine = cell == key
        nearest = np.argmin(np.linalg.norm(blocks.places - places[mine].mean(axis=0), axis=1))
        assert blocks.values[nearest, 0] == pytest.approx(values[mine, 0].mean())
        spread = np.sqrt(((places[mine] - places[mine].mean(axis=0)) ** 2).sum(axis=1).mean())
        assert blocks.spreads[nearest] == pytest.approx(spread)
