"""Losses, training, frozen gates and the fitted field."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from sinr_geo.axes import Axis, AxisKind, Channel
from sinr_geo.methods.protocol import Task
from sinr_geo.methods.sinr_paper import published_settings
from sinr_geo.points import Lattice, PointSet
from sinr_geo.sine.ground import Ground
from sinr_geo.sine.loss import MEAN_SQUARES, NORM
from sinr_geo.sine.network import Form, SuperpixelNetwork
from sinr_geo.sine.packing import pack_pairs
from sinr_geo.sine.samples import Slots, pool_packing
from sinr_geo.sine.trained import PAPER, REFINED, Recipe, TrainedSettings, fit_trained

SETTINGS = TrainedSettings(
    superpixels=4,
    alpha=5.0,
    rings=1,
    omega=8.0,
    width=12,
    layers=3,
    atoms=4,
    rate=2e-3,
    decay=0.0,
    steps=150,
)


def scattered(order: np.ndarray | None = None) -> PointSet:
    rng = np.random.default_rng(0)
    place = rng.random((400, 2))
    values = np.stack((np.sin(6 * place[:, 0]), place[:, 0] * place[:, 1]), axis=1)
    values[rng.random(400) < 0.2] = np.nan
    if order is not None:
        place, values = place[order], values[order]
    axes = (Axis("x", AxisKind.PROJECTED), Axis("y", AxisKind.PROJECTED))
    return PointSet(place, values, np.isfinite(values), axes, (Channel("a"), Channel("b")))


def ground(order: np.ndarray | None = None) -> Ground:
    return Ground.of(scattered(order), Task.COMPLETION, "cpu")


def misfit(points: PointSet, values: np.ndarray) -> float:
    return float(np.sqrt(np.nanmean((points.values - values) ** 2)))


def three_slots() -> tuple[SuperpixelNetwork, Slots]:
    """Slots of two superpixels, and a network that says 0 everywhere."""
    packing = pack_pairs(
        np.arange(3),
        np.array([0, 0, 1]),
        np.ones(3),
        np.ones(3, dtype=bool),
        count=2,
        device="cpu",
    )
    y = packing.gather(torch.tensor([[1.0, 5.0], [2.0, 6.0], [4.0, 7.0]]))
    mask = packing.gather(torch.tensor([[1.0, 0.0], [1.0, 0.0], [1.0, 1.0]])) * packing.filled
    form = Form(2, 2, 2, 3, 2, 2, 1.0, 1.0, gated=False)
    network = SuperpixelNetwork(form, torch.Generator().manual_seed(0))
    with torch.no_grad():
        network.head.weight.zero_()
        network.head.bias.zero_()
    return network, Slots(packing, y, y.mT.contiguous(), mask.mT.contiguous())


def test_the_loss_counts_observed_entries_only():
    network, slots = three_slots()
    assert NORM(network, slots).item() == pytest.approx(5**0.5 + 65**0.5)
    assert MEAN_SQUARES(network, slots).item() == pytest.approx(5 / 2 + 65 / 2)


def test_a_superpixel_without_observations_has_a_gradient_of_zero():
    network, slots = three_slots()
    slots.mask[1] = 0.0
    NORM(network, slots).backward()
    gradient = network.head.bias.grad
    assert gradient is not None
    assert (gradient[1] == 0).all()
    assert (gradient[0] != 0).any()


@pytest.mark.parametrize("recipe", [PAPER, REFINED], ids=["paper", "refined"])
def test_training_fits_the_observed_entries(recipe: Recipe):
    fitted = ground()
    start, _ = fit_trained(fitted, recipe, replace(SETTINGS, steps=1), points=10**6, seed=0)
    end, _ = fit_trained(fitted, recipe, SETTINGS, points=10**6, seed=0)
    points = fitted.points
    assert misfit(points, end.values(points)) < 0.3 * misfit(points, start.values(points))


def test_steps_on_parts_of_the_points_train_every_superpixel():
    fitted = ground()
    field, _ = fit_trained(fitted, REFINED, SETTINGS, points=100, seed=0)
    assert misfit(fitted.points, field.values(fitted.points)) < 0.1


@pytest.mark.parametrize("recipe", [PAPER, REFINED], ids=["paper", "refined"])
def test_the_order_of_points_does_not_matter_given_the_superpixels(recipe: Recipe):
    order = np.random.default_rng(1).permutation(400)
    first, second = ground(), ground(order)
    labels = first.labels(SETTINGS.superpixels, SETTINGS.alpha, 0)
    second._labels[SETTINGS.superpixels, SETTINGS.alpha, 0] = labels[order]
    short = replace(SETTINGS, steps=20)
    one, _ = fit_trained(first, recipe, short, points=10**6, seed=0)
    two, _ = fit_trained(second, recipe, short, points=10**6, seed=0)
    found, expected = two.values(second.points), one.values(first.points)[order]
    assert np.abs(found - expected).max() < 1e-3


def test_gates_are_frozen_for_evaluation_elsewhere():
    fitted = ground()
    field, _ = fit_trained(fitted, PAPER, replace(SETTINGS, steps=20), points=10**6, seed=0)
    assert field.gates is not None
    whole = field.values(fitted.points)
    for rows in (slice(0, 1), slice(0, 400, 7)):
        few = PointSet(
            fitted.points.coordinates[rows],
            fitted.points.values[rows],
            fitted.points.observed[rows],
            fitted.points.axes,
            fitted.points.channels,
        )
        assert np.allclose(field.values(few), whole[rows], atol=1e-5)


def test_the_same_seed_gives_the_same_arrays_and_leaves_the_global_one_alone():
    torch.manual_seed(5)
    before = torch.get_rng_state()
    fields = [
        fit_trained(ground(), PAPER, replace(SETTINGS, steps=10), points=10**6, seed=seed)[0]
        for seed in (3, 3, 4)
    ]
    values = [field.values(scattered()) for field in fields]
    assert np.array_equal(values[0], values[1])
    assert not np.array_equal(values[0], values[2])
    assert torch.equal(before, torch.get_rng_state())


def test_the_published_form_is_that_of_the_released_code():
    shape = (12, 30)
    rows = np.indices(shape).reshape(2, -1).T.astype(float)
    values = np.sin(rows.sum(axis=1, keepdims=True) / 5.0)
    axes = (Axis("row", AxisKind.INDEX), Axis("column", AxisKind.INDEX))
    lattice = Lattice(("row", "column"), shape, np.arange(len(rows)), (0, 1))
    points = PointSet(rows, values, np.isfinite(values), axes, (Channel("grey"),), lattice)
    settings = published_settings(points, Task.RECONSTRUCTION)
    assert (settings.omega, settings.rings, settings.rate) == (300.0, 0, 5e-4)
    fitted = Ground.of(points, Task.RECONSTRUCTION, "cpu")
    short = replace(settings, superpixels=2, steps=1)
    field, _ = fit_trained(fitted, PAPER, short, points=PAPER.batch, seed=0)
    assert (field.network.first.omega, field.network.sines[1].omega) == (300.0, 30.0)
    place = torch.as_tensor(fitted.place.astype(np.float32))
    packing = pool_packing(field.cover, "cpu", 0)
    seen = field.frame(place, packing)[packing.filled[:, :, 0] > 0]
    assert torch.allclose(seen.amin(dim=0), torch.zeros(2), atol=1e-6)
    assert torch.allclose(seen.amax(dim=0), torch.ones(2), atol=1e-6)


def test_a_withheld_score_that_stalls_stops_the_training():
    scores = iter(range(1_000))
    _, track = fit_trained(
        ground(), REFINED, SETTINGS, points=10**6, seed=0, score=lambda field: float(next(scores))
    )
    assert track.best == (track.steps[0], 0.0)
    assert len(track.steps) < 15
