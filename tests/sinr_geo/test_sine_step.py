"""A step by hand against the same formulas left to autograd."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from sinr_geo.sine import step as step_module
from sinr_geo.sine.arena import Arena
from sinr_geo.sine.loss import MEAN_SQUARES, NORM
from sinr_geo.sine.network import Form, SuperpixelNetwork
from sinr_geo.sine.packing import Packing, beside, pack_pairs
from sinr_geo.sine.replay import replayed
from sinr_geo.sine.samples import Samples, Slots
from sinr_geo.sine.scaling import Frame
from sinr_geo.sine.step import steps_on
from sinr_geo.sine.training import Schedule, train

SIZES = (3, 90, 700)

needs_numba = pytest.mark.skipif(
    importlib.util.find_spec("numba") is None, reason="numba is not installed"
)


def numbers(seed: int, *shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def packed(device: str, own: np.ndarray | None = None) -> Packing:
    owner = np.repeat(np.arange(len(SIZES)), SIZES)
    own = np.ones(owner.size, dtype=bool) if own is None else own
    ones = np.ones(owner.size)
    return pack_pairs(np.arange(owner.size), owner, ones, own, count=len(SIZES), device=device)


def problem(device: str, **sizes: int) -> tuple[SuperpixelNetwork, Slots]:
    start = Form(len(SIZES), 2, 5, 8, 3, 7, 4.0, 3.0, gated=True)
    form = replace(start, **sizes)
    network = SuperpixelNetwork(form, torch.Generator().manual_seed(1)).to(device)
    packing, n, s = packed(device), sum(SIZES), form.outputs
    mask = (numbers(4, n, s) > 0.0).float().to(device)
    return network, Slots(
        packing,
        packing.gather(numbers(2, n, 2).to(device)),
        packing.gather(numbers(3, n, s).to(device)).mT.contiguous(),
        (packing.gather(mask) * packing.filled).mT.contiguous(),
    )


def gradients(network: SuperpixelNetwork) -> dict[str, Tensor]:
    return {name: parameter.grad.cpu() for name, parameter in network.named_parameters()}


def assert_same(found: dict[str, Tensor], expected: dict[str, Tensor], share: float) -> None:
    for name, gradient in expected.items():
        scale = float(gradient.abs().max())
        assert scale > 0.0, name
        assert float((found[name] - gradient).abs().max()) < share * scale, name


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


@needs_numba
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("loss", [NORM, MEAN_SQUARES], ids=["norm", "mean squares"])
@pytest.mark.parametrize(
    "sizes",
    [
        {},
        {"gated": False},
        {"atoms": 3},
        {"layers": 1, "width": 3},
        {"layers": 1, "width": 3, "gated": False},
        {"width": 37},
        {"outputs": 1},
        {"outputs": 40, "atoms": 50},
    ],
    ids=str,
)
def test_a_fused_step_is_what_autograd_says(sizes, loss, threads):
    from sinr_geo.sine.fused_step import FusedStep

    network, slots = problem("cpu", **sizes)
    expected_loss = loss(network, slots)
    expected_loss.backward()
    expected = gradients(network)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        network.zero_grad()
        step = FusedStep(network, loss)
        for _ in range(2):
            assert float(step(slots)) == pytest.approx(float(expected_loss.detach()), rel=1e-5)
            assert_same(gradients(network), expected, 1e-4)
    finally:
        torch.set_num_threads(before)


@needs_numba
def test_a_fused_step_pools_gates_over_own_points_alone():
    from sinr_geo.sine.fused_step import FusedStep

    network, slots = problem("cpu")
    own = np.arange(sum(SIZES)) % 3 > 0
    slots = replace(slots, packing=packed("cpu", own))
    NORM(network, slots).backward()
    expected = gradients(network)
    network.zero_grad()
    FusedStep(network, NORM)(slots)
    assert_same(gradients(network), expected, 1e-4)


@needs_numba
def test_a_fused_step_follows_the_slots_and_the_weights():
    from sinr_geo.sine.fused_step import FusedStep

    network, slots = problem("cpu")
    step = FusedStep(network, NORM)
    for factor in (1.0, 0.5):
        slots = replace(slots, y=factor * slots.y)
        with torch.no_grad():
            network.head.weight.mul_(0.9)
        expected = NORM(network, slots)
        assert float(step(slots)) == pytest.approx(float(expected.detach()), rel=1e-5)


@needs_numba
def test_superpixels_without_points_or_observations_are_left_alone():
    from sinr_geo.sine.fused_step import FusedStep

    network, _ = problem("cpu")
    ones = np.ones(6)
    packing = pack_pairs(
        np.arange(6), np.repeat([0, 2], 3), ones, ones > 0, count=len(SIZES), device="cpu"
    )
    y = packing.gather(numbers(3, 6, 5)).mT.contiguous()
    slots = Slots(packing, packing.gather(numbers(2, 6, 2)), y, torch.ones_like(y))
    slots.mask[0] = 0.0
    FusedStep(network, NORM)(slots)
    for name, gradient in gradients(network).items():
        if name != "dictionary":
            assert (gradient[:2] == 0).all(), name
            assert (gradient[2] != 0).any(), name


@needs_numba
@pytest.mark.parametrize("gated", [False, True])
def test_gradients_lie_in_memory_as_their_weights_do(gated):
    """Optimisers that take all weights in one sweep do not look at strides."""
    from sinr_geo.sine.fused_step import FusedStep

    network, slots = problem("cpu", gated=gated)
    FusedStep(network, NORM)(slots)
    for name, weight in network.named_parameters():
        assert weight.is_contiguous(), name
        assert weight.grad.is_contiguous(), name


@needs_numba
def test_a_fit_that_is_exact_pulls_nothing_more():
    from sinr_geo.sine.fused_step import FusedStep

    network, slots = problem("cpu")
    with torch.no_grad():
        network.dictionary.mul_(1e-9)
    FusedStep(network, NORM)(replace(slots, y=torch.zeros_like(slots.y)))
    for name, gradient in gradients(network).items():
        assert (gradient == 0).all(), name


@needs_numba
def test_a_closed_gate_is_closed():
    from sinr_geo.sine.fused_step import FusedStep

    network, slots = problem("cpu", width=20)
    with torch.no_grad():
        for gate in (network.gates[0], network.gates[2]):
            gate.excite.mul_(1e4)
    expected = NORM(network, slots)
    expected.backward()
    gradient = network.first.weight.grad.clone()
    found = FusedStep(network, NORM)(slots)
    assert float(found) == pytest.approx(float(expected.detach()), rel=1e-5)
    torch.testing.assert_close(network.first.weight.grad, gradient, rtol=1e-3, atol=1e-5)


@needs_numba
def test_gradients_do_not_depend_on_the_number_of_threads():
    from sinr_geo.sine.fused_step import FusedStep

    network, slots = problem("cpu")
    before, found = torch.get_num_threads(), []
    try:
        for threads in (1, 3):
            torch.set_num_threads(threads)
            FusedStep(network, NORM)(slots)
            found.append(gradients(network))
            network.zero_grad()
    finally:
        torch.set_num_threads(before)
    for name, gradient in found[0].items():
        assert torch.equal(gradient, found[1][name]), name


@needs_numba
@pytest.mark.parametrize("shares", [1, 3])
def test_large_superpixels_are_dealt_out_evenly(shares):
    from sinr_geo.sine.fused_step import shared_out

    counts = np.array([5, 1, 9, 4, 4, 1])
    dealt = shared_out(counts, shares)
    assert sorted(np.concatenate(dealt)) == list(range(6))
    assert max(counts[share].sum() for share in dealt) <= -(-counts.sum() // shares) + 1


class Recorded:
    """Stands for the fused step."""

    def __init__(self, network: SuperpixelNetwork, loss: object) -> None:
        pass

    def __call__(self, slots: Slots) -> Tensor:
        return torch.tensor(-1.0)


@pytest.mark.parametrize(("threads", "fused"), [(2, True), (64, False)])
def test_a_step_is_fused_where_there_are_superpixels_for_the_threads(threads, fused, monkeypatch):
    network, slots = problem("cpu")
    monkeypatch.setattr(step_module, "fused_class", lambda: Recorded)
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    (step,) = steps_on(network, NORM, [lambda: slots])
    assert (float(step()) == -1.0) == fused


@needs_numba
def test_with_numba_there_is_a_fused_step():
    from sinr_geo.sine.fused_step import FusedStep

    assert step_module.fused_class() is FusedStep


def test_without_numba_torch_differentiates(monkeypatch):
    network, slots = problem("cpu")
    step_module.fused_class.cache_clear()
    monkeypatch.setitem(sys.modules, "sinr_geo.sine.fused_step", None)
    try:
        assert step_module.fused_class() is None
        (step,) = steps_on(network, NORM, [lambda: slots])
        assert float(step()) == pytest.approx(float(NORM(network, slots).detach()), rel=1e-5)
    finally:
        step_module.fused_class.cache_clear()


@needs_numba
def test_code_that_is_compiled_into_other_code_is_compiled_again_when_it_changes():
    from sinr_geo.sine import fused_gates, fused_superpixel, registers, sine_cosine, sine_series

    modules = fused_gates, registers, sine_cosine, sine_series
    parts = [Path(str(module.__file__)) for module in modules]
    text = b"".join(path.read_bytes() for path in parts)
    assert hashlib.sha256(text).hexdigest()[:12] == fused_superpixel.MADE_OF


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
