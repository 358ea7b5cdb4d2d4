"""Losses, recorded steps and trainings."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from sine_problem import SIZES, assert_same, gradients, numbers, packed, problem
from torch import Tensor

from sinr_geo.sine import step as step_module
from sinr_geo.sine.arena import Arena
from sinr_geo.sine.loss import MEAN_SQUARES, NORM
from sinr_geo.sine.network import SuperpixelNetwork
from sinr_geo.sine.packing import beside, pack_pairs
from sinr_geo.sine.replay import replayed
from sinr_geo.sine.samples import Samples, Slots
from sinr_geo.sine.scaling import Frame
from sinr_geo.sine.step import steps_on
from sinr_geo.sine.training import Schedule, train


@torch.no_grad()
@pytest.mark.parametrize("loss", [NORM, MEAN_SQUARES], ids=["norm", "mean squares"])
def test_a_loss_is_its_formula(loss, device):
    network, slots = problem(device)
    residual = (network(slots.x, slots.packing).mT - slots.y) * slots.mask
    expected = 0.0
    for k in range(len(SIZES)):
        own = slots.packing.superpixel == k
        squares = float((residual[own] ** 2).sum())
        expected += squares**0.5 if loss is NORM else squares / float(slots.mask[own].sum())
    assert float(loss(network, slots)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("atoms", [3, 7], ids=["fewer atoms than channels", "more"])
def test_gates_pooled_beforehand_train_like_gates_pooled_on_the_way(atoms, device):
    network, slots = problem(device, atoms=atoms)
    NORM(network, slots).backward()
    expected = gradients(network)
    network.zero_grad()
    gates = network.pooled_gates(slots.x, slots.packing)
    squares = network.squares(slots.x, slots.packing, slots.y, slots.mask, gates)
    squares.sqrt().sum().backward()
    assert_same(gradients(network), expected, 1e-4)


def test_points_laid_beside_others_feed_the_gates_and_nothing_else(device):
    network, slots = problem(device)
    n = sum(SIZES)
    frame = Frame(
        torch.zeros(len(SIZES), 2, device=device), torch.ones(len(SIZES), 1, device=device)
    )
    values, observed = numbers(3, n, 5).to(device), numbers(4, n, 5).to(device) > 0.0
    samples = Samples(slots.packing, frame, numbers(2, n, 2).to(device), values, observed)
    owner = np.repeat(np.arange(len(SIZES)), SIZES)
    some = np.flatnonzero(np.arange(n) % 3 == 0)
    ones = np.ones(some.size)
    pool = pack_pairs(some, owner[some], ones, ones > 0, count=len(SIZES), device=device)

    gates = network.pooled_gates(frame(samples.rows, pool), pool)
    whole = samples.slots(slots.packing)
    expected = network.squares(whole.x, whole.packing, whole.y, whole.mask, gates)
    both = samples.slots(beside(slots.packing, pool))
    squares = network.squares(both.x, both.packing, both.y, both.mask)
    assert torch.allclose(squares, expected, rtol=1e-4)


@pytest.mark.parametrize("gated", [False, True])
def test_replayed_gradients_follow_the_weights_and_do_not_add_up(gated, device):
    network, slots = problem(device, gated=gated)

    def loss() -> Tensor:
        return NORM(network, slots)

    step = replayed(loss, network.parameters(), Arena())
    for _ in range(3):
        value = step().clone()
        found = gradients(network)
        network.zero_grad(set_to_none=True)
        expected = loss()
        expected.backward()
        assert torch.allclose(value, expected, rtol=1e-5)
        assert_same(found, gradients(network), 1e-4)
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.mul_(0.9)


def test_a_step_keeps_what_it_reads(device):
    """On a GPU launches know addresses alone, so slots that nobody else keeps must live on."""
    network, slots = problem(device)
    expected = float(NORM(network, slots).detach())

    def steps() -> list:
        apart = replace(
            slots, x=slots.x.clone(), y=slots.y.clone(), packing=packed(device), mask=slots.mask * 1
        )
        return steps_on(network, NORM, [partial(replace, apart)])

    (step,) = steps()
    kept = [torch.full_like(slots.x, 1e3) for _ in range(8)]
    kept += [torch.full_like(slots.packing.row, 10**6) for _ in range(8)]
    assert float(step()) == pytest.approx(expected, rel=1e-5)
    del kept


def test_losses_that_share_their_memory_keep_their_gradients_apart():
    small, large = problem("cpu", gated=True), problem("cpu", gated=False, atoms=3)
    losses = [partial(NORM, *one) for one in (small, large)]
    arena = Arena()
    steps = [
        replayed(loss, net.parameters(), arena)
        for loss, (net, _) in zip(losses, (small, large), strict=True)
    ]
    for step, loss, (network, _) in (*zip(steps, losses, (small, large), strict=True),) * 2:
        step()
        found = gradients(network)
        network.zero_grad(set_to_none=True)
        loss().backward()
        assert_same(found, gradients(network), 1e-5)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device here")
@pytest.mark.parametrize("gated", [False, True])
def test_a_gpu_gives_the_gradients_of_the_cpu(gated):
    found = []
    for device in ("cpu", "cuda"):
        network, slots = problem(device, gated=gated)
        NORM(network, slots).backward()
        found.append(gradients(network))
    assert_same(found[1], found[0], 1e-4)


def test_gates_see_own_points_alone(device):
    network, slots = problem(device)
    own = np.arange(sum(SIZES)) % 3 > 0
    packing = packed(device, own)
    first = network.first
    squeeze, excite = network.gates[0].squeeze, network.gates[0].excite
    x = numbers(2, sum(SIZES), 2).to(device)
    start = 0
    for k, size in enumerate(SIZES):
        seen = x[start : start + size][torch.as_tensor(own[start : start + size], device=device)]
        mean = torch.sin(4.0 * (seen @ first.weight[k] + first.bias[k])).mean(dim=0)
        expected = torch.sigmoid(torch.relu(mean @ squeeze[k]) @ excite[k])
        found = network.pooled_gates(slots.x, packing)[0][k]
        assert torch.allclose(found, expected, atol=1e-5)
        start += size


@torch.no_grad()
def misfit(network: SuperpixelNetwork, samples: Samples) -> float:
    slots = samples.slots(samples.packing)
    return float(NORM(network, slots))


def sines(slots: Slots, device: str) -> Samples:
    n = sum(SIZES)
    values = torch.sin(numbers(2, n, 2)).repeat(1, 3)[:, :5].to(device)
    frame = Frame(
        torch.zeros(len(SIZES), 2, device=device), torch.ones(len(SIZES), 1, device=device)
    )
    observed = torch.ones(n, 5, dtype=torch.bool, device=device)
    return Samples(slots.packing, frame, numbers(2, n, 2).to(device), values, observed)


@pytest.mark.parametrize("points", [10**6, 300], ids=["all at once", "in parts"])
def test_training_lowers_the_loss_on_every_device(points, device):
    network, slots = problem(device)
    samples = sines(slots, device)
    start = misfit(network, samples)
    schedule = Schedule(steps=150, rate=1e-2, decay=0.0, points=points)
    train(network, samples, slots.packing, NORM, schedule)
    assert misfit(network, samples) < 0.5 * start


@pytest.mark.parametrize("by_hand", [False, True], ids=["autograd", "as installed"])
def test_the_first_step_of_adam_moves_every_weight_by_its_rate(by_hand, device, monkeypatch):
    if not by_hand:
        monkeypatch.setattr(step_module, "fused_class", lambda: None)
    network, slots = problem(device)
    samples = sines(slots, device)
    before = {name: weight.detach().clone() for name, weight in network.named_parameters()}
    NORM(network, samples.slots(samples.packing)).backward()
    expected = gradients(network)
    network.zero_grad()
    train(network, samples, slots.packing, NORM, Schedule(1, 1e-2, 0.0, 10**6))
    for name, weight in network.named_parameters():
        told = expected[name].abs() > 1e-3 * expected[name].abs().max()
        moved = (weight.detach() - before[name]).cpu()[told]
        assert told.any(), name
        torch.testing.assert_close(
            moved, -1e-2 * expected[name][told].sign(), rtol=1e-2, atol=0.0, msg=name
        )
