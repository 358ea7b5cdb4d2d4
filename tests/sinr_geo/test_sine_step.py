"""A step by hand against the same formulas left to autograd."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch
from torch import Tensor

from sinr_geo.sine.arena import Arena
from sinr_geo.sine.loss import norm_loss
from sinr_geo.sine.network import Form, SuperpixelNetwork
from sinr_geo.sine.packing import Packing, pack_pairs
from sinr_geo.sine.replay import replayed
from sinr_geo.sine.samples import Samples, Slots
from sinr_geo.sine.scaling import Frame
from sinr_geo.sine.sweeps import linear_sweep, pooled_sine_sweep, sine_sweep
from sinr_geo.sine.training import Schedule, train

SIZES = (3, 90, 700)


def numbers(seed: int, *shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def packed(device: str, own: np.ndarray | None = None) -> Packing:
    owner = np.repeat(np.arange(len(SIZES)), SIZES)
    own = np.ones(owner.size, dtype=bool) if own is None else own
    ones = np.ones(owner.size)
    return pack_pairs(np.arange(owner.size), owner, ones, own, count=len(SIZES), device=device)


def problem(device: str, gated: bool = True, **sizes: int) -> tuple[SuperpixelNetwork, Slots]:
    form = Form(len(SIZES), 2, 5, 8, 3, sizes.get("atoms", 7), 4.0, gated)
    network = SuperpixelNetwork(form, torch.Generator().manual_seed(1)).to(device)
    packing, n = packed(device), sum(SIZES)
    mask = (numbers(4, n, 5) > 0.0).float().to(device)
    return network, Slots(
        packing,
        packing.gather(numbers(2, n, 2).to(device)),
        packing.gather(numbers(3, n, 5).to(device)),
        packing.gather(mask) * packing.filled,
    )


def gradients(network: SuperpixelNetwork) -> dict[str, Tensor]:
    return {name: parameter.grad.cpu() for name, parameter in network.named_parameters()}


def assert_same(found: dict[str, Tensor], expected: dict[str, Tensor], share: float) -> None:
    for name, gradient in expected.items():
        scale = float(gradient.abs().max())
        assert scale > 0.0, name
        assert float((found[name] - gradient).abs().max()) < share * scale, name


@pytest.mark.parametrize("rim", [False, True], ids=["all own", "with a rim"])
def test_a_sine_sweep_has_the_gradients_of_its_formula(rim, device):
    z, weight = numbers(1, 5, 4, 30).to(device), numbers(2, 5, 4, 6).to(device)
    own = (numbers(3, 5, 1, 30) > 0.0).float().to(device) if rim else None
    up, up_total = numbers(4, 5, 6, 30).to(device), numbers(5, 5, 6).to(device)
    found, expected = [], []
    for results in (found, expected):
        z_leaf, weight_leaf = z.clone().requires_grad_(), weight.clone().requires_grad_()
        z_in = z_leaf * 1.0
        if results is found:
            out, total = pooled_sine_sweep(z_in, weight_leaf, own)
        else:
            out = torch.sin(torch.einsum("bcp,bch->bhp", z_in, weight_leaf))
            total = (out if own is None else out * own).sum(dim=2)
        results += [out.detach().clone(), total.detach()]
        ((out * up).sum() + (total * up_total).sum()).backward()
        results += [z_leaf.grad, weight_leaf.grad]
    for one, other in zip(found, expected, strict=True):
        assert torch.allclose(one, other, atol=1e-4, rtol=1e-4)


def test_a_linear_sweep_has_the_gradients_of_its_formula(device):
    z, weight = numbers(1, 5, 4, 30).to(device), numbers(2, 5, 4, 3).to(device)
    up = numbers(4, 5, 30, 3).to(device)
    z_leaf, weight_leaf = z.clone().requires_grad_(), weight.clone().requires_grad_()
    out = linear_sweep(z_leaf * 1.0, weight_leaf)
    (out * up).sum().backward()
    assert torch.allclose(out, torch.einsum("bcp,bcs->bps", z, weight), atol=1e-5)
    assert torch.allclose(z_leaf.grad, torch.einsum("bps,bcs->bcp", up, weight), atol=1e-4)
    assert torch.allclose(weight_leaf.grad, torch.einsum("bps,bcp->bcs", up, z), atol=1e-4)


def test_a_second_backward_is_refused_since_features_are_overwritten():
    z = numbers(1, 2, 4, 9)
    out = sine_sweep(z, numbers(2, 2, 4, 6).requires_grad_())
    out.sum().backward(retain_graph=False)
    with pytest.raises(RuntimeError, match="second time"):
        out.sum().backward()


def test_the_loss_has_the_gradient_of_its_formula(device):
    _, slots = problem(device)
    out = numbers(7, *slots.y.shape).to(device).requires_grad_()
    norm_loss(out, slots).backward()
    found, out.grad = out.grad, None
    residual = (out - slots.y) * slots.mask
    blocks = [slots.packing.superpixel == k for k in range(len(SIZES))]
    expected = sum(residual[block].norm() for block in blocks)
    expected.backward()
    assert torch.allclose(norm_loss(out, slots), expected, rtol=1e-5)
    assert torch.allclose(found, out.grad, atol=1e-6)


@pytest.mark.parametrize("atoms", [3, 7], ids=["fewer atoms than channels", "more"])
def test_gates_pooled_beforehand_train_like_gates_pooled_on_the_way(atoms, device):
    network, slots = problem(device, atoms=atoms)
    norm_loss(network(slots.x, slots.packing), slots).backward()
    expected = gradients(network)
    network.zero_grad()
    gates = network.pooled_gates(slots.x, slots.packing)
    norm_loss(network(slots.x, slots.packing, gates), slots).backward()
    assert_same(gradients(network), expected, 1e-4)


@pytest.mark.parametrize("gated", [False, True])
def test_replayed_gradients_follow_the_weights_and_do_not_add_up(gated, device):
    network, slots = problem(device, gated)

    def loss() -> Tensor:
        return norm_loss(network(slots.x, slots.packing), slots)

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


def test_losses_that_share_their_memory_keep_their_gradients_apart():
    small, large = problem("cpu", gated=True), problem("cpu", gated=False, atoms=3)
    losses = [
        partial(lambda net, slots: norm_loss(net(slots.x, slots.packing), slots), *one)
        for one in (small, large)
    ]
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
        network, slots = problem(device, gated)
        norm_loss(network(slots.x, slots.packing), slots).backward()
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
    return float(norm_loss(network(slots.x, slots.packing), slots))


@pytest.mark.parametrize("points", [10**6, 300], ids=["all at once", "in parts"])
def test_training_lowers_the_loss_on_every_device(points, device):
    network, slots = problem(device)
    n = sum(SIZES)
    values = torch.sin(numbers(2, n, 2)).repeat(1, 3)[:, :5].to(device)
    frame = Frame(
        torch.zeros(len(SIZES), 2, device=device), torch.ones(len(SIZES), 1, device=device)
    )
    observed = torch.ones(n, 5, dtype=torch.bool, device=device)
    samples = Samples(slots.packing, frame, numbers(2, n, 2).to(device), values, observed)
    start = misfit(network, samples)
    schedule = Schedule(steps=150, rate=1e-2, decay=0.0, points=points)
    train(network, samples, slots.packing, norm_loss, schedule)
    assert misfit(network, samples) < 0.5 * start
