"""The packed network against the plain loop."""

from __future__ import annotations

import numpy as np
import oracle as oracle_module
import pytest
import torch
from scipy.sparse import coo_array, csr_array

from sinr_geo.sine.dilation import Cover, dilate
from sinr_geo.sine.network import Form, SuperpixelNetwork
from sinr_geo.sine.packing import pack

DEVICES = [
    "cpu",
    pytest.param(
        "cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
    ),
]
SIZES = (1, 7, 130, 1300, 40)


def line_graph(n: int) -> csr_array:
    here = np.arange(n - 1)
    pairs = np.concatenate((np.stack((here, here + 1)), np.stack((here + 1, here))), axis=1)
    return coo_array((np.ones(pairs.shape[1], dtype=bool), (pairs[0], pairs[1])), (n, n)).tocsr()


def unequal_cover(rings: int) -> Cover:
    labels = np.repeat(np.arange(len(SIZES)), SIZES)
    return dilate(labels, line_graph(labels.size), rings)


def build(gated: bool, device: str, omega: float = 5.0) -> SuperpixelNetwork:
    form = Form(
        len(SIZES), 2, 3, width=9, layers=3, atoms=11, omega=omega, hidden_omega=3.0, gated=gated
    )
    return SuperpixelNetwork(form, torch.Generator().manual_seed(1)).to(device)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("rings", [0, 3])
@pytest.mark.parametrize("gated", [False, True])
def test_same_output_and_gradients_as_the_plain_loop(gated, rings, device):
    cover = unequal_cover(rings)
    rows = torch.rand((sum(SIZES), 2), generator=torch.Generator().manual_seed(2)).to(device)
    target = torch.rand((sum(SIZES), 3), generator=torch.Generator().manual_seed(3)).to(device)
    network = build(gated, device)
    form = network.form
    oracle = oracle_module.OracleSINR(
        len(SIZES), 2, form.width, form.layers, form.atoms, 3, form.omega, form.hidden_omega, gated
    ).to(device)
    oracle_module.copy_weights(network, oracle)

    packing = pack(cover, np.ones(cover.point.size), device=device)
    out = network(packing.gather(rows), packing)
    ((out - packing.gather(target)) ** 2 * packing.filled).sum().backward()

    members = [torch.as_tensor(cover.point[cover.superpixel == k]) for k in range(cover.count)]
    owns = [torch.as_tensor(cover.own[cover.superpixel == k]) for k in range(cover.count)]
    expected = oracle([rows[m] for m in members], [own.to(device) for own in owns])
    sum(((e - target[m]) ** 2).sum() for e, m in zip(expected, members, strict=True)).backward()

    for k, member in enumerate(members):
        blocks = packing.superpixel == k
        order = packing.row[blocks][packing.filled[blocks][..., 0] > 0]
        found = out[blocks][packing.filled[blocks][..., 0] > 0][torch.argsort(order)]
        assert_close(found, expected[k][torch.argsort(member)])
    gradients = {name: p.grad for name, p in network.named_parameters()}
    for name, parameter in oracle_module.oracle_parameters(oracle):
        assert_close(oracle_module.packed_parameter(gradients, name), parameter.grad)


def assert_close(found: torch.Tensor, expected: torch.Tensor) -> None:
    scale = expected.abs().max().clamp(min=1e-3)
    assert ((found - expected).abs().max() / scale).item() < 1e-5
