"""A step by compiled code against the same formulas left to autograd."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from sine_problem import SIZES, assert_same, gradients, numbers, packed, problem
from torch import Tensor

from sinr_geo.sine import step as step_module
from sinr_geo.sine.loss import MEAN_SQUARES, NORM
from sinr_geo.sine.network import SuperpixelNetwork
from sinr_geo.sine.packing import pack_pairs
from sinr_geo.sine.samples import Slots
from sinr_geo.sine.step import steps_on

needs_numba = pytest.mark.skipif(
    importlib.util.find_spec("numba") is None, reason="numba is not installed"
)


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
