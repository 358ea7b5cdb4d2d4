"""Everything runs on a device that is not the CPU: tensors are made there and fetched from it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import elsewhere as elsewhere_module
import numpy as np
import pytest
import torch

from sinr_geo import recover
from sinr_geo.axes import Axis, AxisKind, Channel
from sinr_geo.methods.protocol import Task
from sinr_geo.options import Options
from sinr_geo.points import Lattice, PointSet
from sinr_geo.reconstruction import reconstruct
from sinr_geo.sine import step as step_module

SIDE = 20
AXES = (Axis("x", AxisKind.PROJECTED, "m"), Axis("y", AxisKind.PROJECTED, "m"))


def in_turn(tasks: list[Callable[[], Any]], ahead: int = 1) -> list[Any]:
    return [task() for task in tasks]


@pytest.fixture
def elsewhere(monkeypatch) -> ModuleType:
    """The device; tasks run in this thread, and compiled code, which knows the CPU alone, rests."""
    for name, ours in list(sys.modules.items()):
        for batch in ("side_by_side", "in_order"):
            if name.startswith("sinr_geo.") and hasattr(ours, batch):
                monkeypatch.setattr(ours, batch, in_turn)
    monkeypatch.setattr(
        recover, "_device", lambda asked: elsewhere_module.NAME if asked == "cuda" else asked
    )
    monkeypatch.setattr(step_module, "fused_class", lambda: None)
    adam = torch.optim.Adam
    monkeypatch.setattr(
        torch.optim, "Adam", lambda *given, fused=None, **told: adam(*given, **told)
    )
    return elsewhere_module


def scattered() -> PointSet:
    rng = np.random.default_rng(0)
    place = rng.random((200, 2))
    values = np.sin(5.0 * place[:, :1]) + place[:, 1:]
    seen = rng.random((200, 1)) < 0.7
    values = np.where(seen, values, np.nan)
    return PointSet(1_000.0 * place, values, seen, AXES, (Channel("a", "a"),))


def grid(noise: float) -> PointSet:
    rng = np.random.default_rng(1)
    row, column = np.divmod(np.arange(SIDE**2), SIDE)
    waves = np.sin(row / 4.0), np.cos(column / 5.0), np.sin((row + column) / 6.0)
    values = np.stack(waves, axis=1) + noise * rng.standard_normal((SIDE**2, 3))
    hole = (abs(row - 10) < 3) & (abs(column - 9) < 3)
    seen = np.repeat((~hole | (noise > 0.0))[:, None], 3, axis=1)
    return PointSet(
        np.stack((4e5 + 30.0 * column, 5e6 - 30.0 * row), axis=1),
        np.where(seen, values, np.nan),
        seen,
        AXES,
        tuple(Channel(name, name) for name in "abc"),
        Lattice(("y", "x"), (SIDE, SIDE), np.arange(SIDE**2), (0, 1)),
    )


def recovered(points: PointSet, task: Task, method: str, device: str) -> np.ndarray:
    wanted = ~points.observed if task is Task.COMPLETION else points.observed
    options = Options(method=method, effort="fast", device=device)
    return recover.recover_points(points, wanted, task, options, lambda what, share: None).values


@pytest.mark.parametrize(
    ("points", "task", "method"),
    [
        (scattered(), Task.COMPLETION, "kriging"),
        (scattered(), Task.COMPLETION, "sinr-bayes"),
        (scattered(), Task.COMPLETION, "siren"),
        (grid(0.0), Task.COMPLETION, "sinr-bayes"),
        (grid(0.2), Task.DENOISING, "sinr-bayes"),
    ],
    ids=["scattered, kriging", "scattered, bayes", "scattered, siren", "filled", "denoised"],
)
def test_a_method_gives_there_what_it_gives_here(points, task, method, elsewhere):
    here = recovered(points, task, method, "cpu")
    with elsewhere.ElsewhereMode():
        there = recovered(points, task, method, "cuda")
    np.testing.assert_allclose(there, here, rtol=0.0, atol=2e-3)


def test_a_representation_is_trained_there(elsewhere):
    points = grid(0.2)
    here = reconstruct(points, superpixels=3, steps=8).predict(points)
    with elsewhere.ElsewhereMode():
        there = reconstruct(points, superpixels=3, steps=8, device=elsewhere.NAME).predict(points)
    np.testing.assert_allclose(there, here, rtol=0.0, atol=2e-3)


def test_the_device_mixes_with_no_other(elsewhere):
    with elsewhere.ElsewhereMode():
        there = torch.ones(3, device=elsewhere.NAME)
        with pytest.raises(RuntimeError, match="two devices"):
            there + torch.ones(3)
        with pytest.raises((RuntimeError, TypeError)):
            there.numpy()
        assert torch.equal((there + 1.0).cpu(), torch.full((3,), 2.0))
