"""Sweeps and gates, by torch and by our kernels, against their formulas left to autograd.

Without a GPU the kernels run in Triton's interpreter (see `tests/conftest.py`).
"""

from __future__ import annotations

import importlib.util
import math
import warnings
from types import ModuleType

import numpy as np
import pytest
import torch
from sine_problem import SIZES, numbers, problem
from torch import Tensor

from sinr_geo.sine import network as network_module
from sinr_geo.sine import operations, sweeps
from sinr_geo.sine.loss import MEAN_SQUARES, NORM
from sinr_geo.sine.packing import Packing, pack_pairs

OWNER = (0, 0, 1, 3, 3)
"""Superpixel of each block; the third superpixel has none."""

COUNT, SLOTS = 4, 144

CUDA = torch.cuda.is_available()
no_cuda = pytest.mark.skipif(not CUDA, reason="there is no CUDA device here")
no_triton = pytest.mark.skipif(
    importlib.util.find_spec("triton") is None, reason="triton is not installed"
)


@pytest.fixture(
    params=[
        pytest.param(("torch", "cpu"), id="torch on the CPU"),
        pytest.param(("torch", "cuda"), id="torch on cuda", marks=no_cuda),
        pytest.param(("triton", "cuda" if CUDA else "cpu"), id="triton", marks=no_triton),
    ]
)
def by(request) -> tuple[ModuleType, str]:
    """Operations, and the device to try them on."""
    name, device = request.param
    if name == "torch":
        return sweeps, device
    from sinr_geo.sine import triton_operations

    return triton_operations, device


@pytest.fixture
def kernels() -> ModuleType:
    return pytest.importorskip("sinr_geo.sine.triton_operations")


def packing_on(device: str, rim: bool) -> Packing:
    one = torch.ones(len(OWNER), SLOTS, 1)
    own = (numbers(9, len(OWNER), SLOTS, 1) > 0.0).float() if rim else one
    owner = torch.tensor(OWNER, device=device)
    return Packing(
        torch.zeros(len(OWNER), SLOTS, dtype=torch.int64, device=device),
        one.to(device),
        own.to(device),
        one.to(device),
        owner,
        torch.searchsorted(owner, torch.arange(COUNT + 1, device=device)),
        COUNT,
        rim=rim,
    )


def assert_same_gradients(found: list[Tensor], expected: list[Tensor]) -> None:
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, atol=2e-4, rtol=1e-4)


@pytest.mark.parametrize("gated", [False, True])
def test_joined_weights_have_the_gradients_of_their_formula(gated, by):
    module, device = by
    parts = numbers(1, 3, 5, 7), numbers(2, 3, 1, 7), numbers(3, 3, 5)
    up = numbers(4, 3, 6, 8).to(device)
    found, expected = [], []
    for results in (found, expected):
        weight, bias, gate = (part.to(device).requires_grad_() for part in parts)
        if results is found:
            out = module.joined_weights(weight, bias, gate if gated else None, 3.0)
        else:
            inner = (gate if gated else torch.ones_like(gate))[:, :, None] * weight
            last = torch.zeros(3, 6, 1, device=device)
            last[:, 5] = 0.5 * math.pi
            out = torch.cat((3.0 * torch.cat((inner, bias), dim=1), last), dim=2)
        results.append(out.detach())
        (out * up).sum().backward()
        results += [weight.grad, bias.grad, *([gate.grad] if gated else [])]
    assert_same_gradients(found, expected)


@pytest.mark.parametrize("size", [5, 40])
def test_a_gate_has_the_gradients_of_its_formula(size, by):
    module, device = by
    parts = numbers(1, 3, size), numbers(2, 3, size, 4), numbers(3, 3, 4, size)
    up = numbers(4, 3, size).to(device)
    found, expected = [], []
    for results in (found, expected):
        mean, squeeze, excite = (part.to(device).requires_grad_() for part in parts)
        if results is found:
            out = module.open_gate(mean, squeeze, excite)
        else:
            hidden = torch.relu(torch.einsum("kc,kcu->ku", mean, squeeze))
            out = torch.sigmoid(torch.einsum("ku,kuc->kc", hidden, excite))
        results.append(out.detach())
        (out * up).sum().backward()
        results += [mean.grad, squeeze.grad, excite.grad]
    assert_same_gradients(found, expected)


@pytest.mark.parametrize("rim", [False, True], ids=["all own", "with a rim"])
@pytest.mark.parametrize("used", ["features", "means", "both"])
def test_a_sine_sweep_has_the_gradients_of_its_formula(rim, used, by):
    module, device = by
    packing = packing_on(device, rim)
    z, weight = numbers(1, 5, 4, SLOTS).to(device), numbers(2, COUNT, 4, 18).to(device)
    own, owner = packing.own[:, :, 0], packing.superpixel
    sizes = packing.own_sizes().clamp(min=1.0)
    up, up_mean = numbers(4, 5, 18, SLOTS).to(device), 100.0 * numbers(5, COUNT, 17).to(device)
    found, expected = [], []
    for results in (found, expected):
        z_leaf, weight_leaf = z.clone().requires_grad_(), weight.clone().requires_grad_()
        z_in = z_leaf * 1.0
        if results is found and used == "features":
            out, mean = module.sine_sweep(z_in, weight_leaf, packing), None
        elif results is found:
            out, mean = module.pooled_sine_sweep(z_in, weight_leaf, packing, sizes)
        else:
            out = torch.sin(torch.einsum("bcp,bch->bhp", z_in, weight_leaf[owner]))
            sums = (out * own[:, None]).sum(dim=2)[:, :-1]
            mean = torch.zeros_like(up_mean).index_add(0, owner, sums) / sizes
        results.append(out.detach().clone())
        value = (out * up).sum() if used != "means" else torch.zeros((), device=device)
        if used != "features":
            results.append(mean.detach())
            value = value + (mean * up_mean).sum()
        value.backward()
        results += [z_leaf.grad, weight_leaf.grad]
    assert_same_gradients(found, expected)


def test_coordinates_need_no_gradient(by):
    module, device = by
    packing = packing_on(device, rim=False)
    z = numbers(1, 5, 3, SLOTS).to(device)
    weight = numbers(2, COUNT, 3, 6).to(device).requires_grad_()
    module.sine_sweep(z, weight, packing).sum().backward()
    found = weight.grad.clone()
    weight.grad = None
    torch.sin(torch.einsum("bcp,bch->bhp", z, weight[packing.superpixel])).sum().backward()
    assert_same_gradients([found], [weight.grad])


@pytest.mark.parametrize("radians", [3.0, 300.0, 3_000.0])
def test_the_sine_of_a_large_phase_is_as_near_as_float32_allows(radians, by):
    module, device = by
    packing = packing_on(device, rim=False)
    z = torch.ones(5, 2, SLOTS, device=device)
    z[:, 0] = torch.linspace(-1.0, 1.0, 5 * SLOTS).reshape(5, SLOTS).to(device)
    weight = torch.zeros(COUNT, 2, 3, device=device)
    weight[:, 0, 0] = radians
    phase = (radians * z[:, 0]).double().cpu()
    found = module.sine_sweep(z, weight, packing)[:, 0].double().cpu()
    assert float((found - torch.sin(phase)).abs().max()) < 3e-6 + 2e-7 * radians


@pytest.mark.parametrize("channels", [1, 6, 70])
def test_a_residual_sweep_has_the_gradients_of_its_formula(channels, by):
    module, device = by
    packing = packing_on(device, rim=False)
    z, weight = numbers(1, 5, 4, SLOTS).to(device), numbers(2, COUNT, 4, channels).to(device)
    y = numbers(3, 5, channels, SLOTS).to(device)
    mask = (numbers(4, 5, channels, SLOTS) > 0.0).float().to(device)
    up, owner = numbers(5, COUNT).to(device), packing.superpixel
    found, expected = [], []
    for results in (found, expected):
        z_leaf, weight_leaf = z.clone().requires_grad_(), weight.clone().requires_grad_()
        if results is found:
            squares = module.residual_sweep(z_leaf * 1.0, weight_leaf, packing, y, mask)
        else:
            out = torch.einsum("bcp,bcs->bsp", z_leaf, weight_leaf[owner])
            each = (((out - y) * mask) ** 2).sum(dim=(1, 2))
            squares = torch.zeros(COUNT, device=device).index_add(0, owner, each)
        results.append(squares.detach())
        (squares * up).sum().backward()
        results += [z_leaf.grad, weight_leaf.grad]
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, atol=2e-3, rtol=1e-4)


def test_a_linear_sweep_is_its_formula(device):
    packing = packing_on(device, rim=False)
    z, weight = numbers(1, 5, 4, SLOTS).to(device), numbers(2, COUNT, 4, 3).to(device)
    out = sweeps.linear_sweep(z, weight, packing)
    expected = torch.einsum("bcp,bcs->bps", z, weight[packing.superpixel])
    assert torch.allclose(out, expected, atol=1e-5)


def test_a_second_backward_is_refused_since_features_are_overwritten():
    packing = packing_on("cpu", rim=False)
    weight = numbers(2, COUNT, 4, 6).requires_grad_()
    out = sweeps.sine_sweep(numbers(1, 5, 4, SLOTS), weight, packing)
    out.sum().backward(retain_graph=False)
    with pytest.raises(RuntimeError, match="second time"):
        out.sum().backward()


@pytest.mark.parametrize("loss", [NORM, MEAN_SQUARES], ids=["norm", "mean squares"])
@pytest.mark.parametrize(
    "sizes",
    [
        {},
        {"gated": False},
        {"layers": 1, "width": 3},
        {"width": 37, "atoms": 70},
        {"outputs": 1},
        {"outputs": 70, "atoms": 50},
    ],
    ids=str,
)
@pytest.mark.parametrize("rim", [False, True], ids=["all own", "with a rim"])
def test_a_network_has_the_same_gradients_by_kernels_and_by_torch(
    sizes, loss, rim, kernels, monkeypatch
):
    own = np.arange(sum(SIZES)) % 3 > 0 if rim else None
    network, slots = problem("cuda" if CUDA else "cpu", own, **sizes)
    values, found = [], []
    for chosen in (sweeps, kernels):
        monkeypatch.setattr(network_module, "operations_for", lambda weight, by=chosen: by)
        network.zero_grad(set_to_none=True)
        value = loss(network, slots)
        value.backward()
        values.append(float(value.detach()))
        found.append({name: p.grad.clone() for name, p in network.named_parameters()})
    assert values[1] == pytest.approx(values[0], rel=1e-5)
    for name, gradient in found[0].items():
        scale = float(gradient.abs().max())
        assert scale > 0.0, name
        assert float((found[1][name] - gradient).abs().max()) < 2e-4 * scale, name


def test_a_cpu_has_torchs(monkeypatch):
    monkeypatch.setattr(operations, "_kernels", lambda: pytest.fail("a CPU has no kernels"))
    assert operations.operations_for(torch.zeros(1, 2, 3)) is sweeps


class OnGpu:
    """A weight that says it is on a GPU."""

    is_cuda, dtype = True, torch.float32

    def __init__(self, *shape: int) -> None:
        self.shape = shape


@pytest.mark.parametrize(
    ("inputs", "width", "fitting"), [(2, 35, True), (63, 63, True), (2, 64, False), (64, 8, False)]
)
def test_kernels_take_networks_that_fit(inputs, width, fitting, kernels, monkeypatch):
    monkeypatch.setattr(operations, "_kernels", lambda: kernels)
    found = operations.operations_for(OnGpu(4, inputs, width))
    assert found is (kernels if fitting else sweeps)


@pytest.mark.parametrize(
    ("matmul", "whole", "expected"),
    [
        ("none", "none", "tf32x3"),
        ("ieee", "none", "tf32x3"),
        ("tf32", "none", "tf32"),
        ("none", "tf32", "tf32"),
    ],
)
def test_products_are_rounded_as_torchs_are(matmul, whole, expected, kernels):
    from sinr_geo.sine.triton_layers import precision

    products, backends = torch.backends.cuda.matmul, torch.backends
    before = products.fp32_precision, backends.fp32_precision
    try:
        products.fp32_precision, backends.fp32_precision = matmul, whole
        assert precision() == expected
    finally:
        products.fp32_precision, backends.fp32_precision = before


def test_products_are_rounded_as_torch_was_told_in_its_old_words(kernels):
    from sinr_geo.sine.triton_layers import precision

    before = torch.get_float32_matmul_precision()
    try:
        torch.set_float32_matmul_precision("high")
        assert precision() == "tf32"
    finally:
        torch.set_float32_matmul_precision(before)


def test_tensors_may_lie_in_memory_as_they_like(by):
    module, device = by
    packing = packing_on(device, rim=False)
    z, weight = numbers(1, 5, SLOTS, 4).to(device).mT, numbers(2, COUNT, 6, 4).to(device).mT
    y, mask = numbers(3, 5, SLOTS, 6).to(device).mT, numbers(4, 5, SLOTS, 6).to(device).mT
    found = module.residual_sweep(z.clone(), weight, packing, y, mask)
    out = torch.einsum("bcp,bcs->bsp", z, weight[packing.superpixel])
    each = (((out - y) * mask) ** 2).sum(dim=(1, 2))
    expected = torch.zeros(COUNT, device=device).index_add(0, packing.superpixel, each)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-3)


def test_no_blocks_give_nothing(by):
    module, device = by
    none = np.zeros(0, dtype=np.int64)
    empty = pack_pairs(none, none, np.zeros(0), none > 0, count=2, device=device)
    z, weight = torch.zeros(0, 3, 0, device=device), torch.ones(2, 3, 5, device=device)
    _, mean = module.pooled_sine_sweep(z, weight, empty, torch.ones(2, 1, device=device))
    assert torch.equal(mean, torch.zeros(2, 4, device=device))


def test_kernels_are_tried_out(kernels, monkeypatch):
    kernels.try_out("cuda" if CUDA else "cpu")
    monkeypatch.setattr(kernels, "open_gate", lambda *given: 0.0 * sweeps.open_gate(*given))
    with pytest.raises(RuntimeError, match="wrong numbers"):
        kernels.try_out("cuda" if CUDA else "cpu")


def test_where_kernels_cannot_be_built_torch_works_and_the_user_is_told(kernels, monkeypatch):
    def fail(device: str) -> None:
        raise OSError("no C compiler\nand more")

    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: (9, 0))
    monkeypatch.setattr(kernels, "try_out", fail)
    operations._tried_out.cache_clear()
    try:
        with pytest.warns(UserWarning, match=r"torch takes its place: no C compiler$"):
            assert operations.operations_for(OnGpu(4, 2, 8)) is sweeps
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert operations.operations_for(OnGpu(4, 2, 8)) is sweeps
    finally:
        operations._tried_out.cache_clear()
