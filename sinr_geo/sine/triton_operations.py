"""Our kernels for a GPU, named as in `operations`. Import it only where Triton is installed."""

from __future__ import annotations

import torch

from sinr_geo.sine.triton_gates import joined_weights, open_gate
from sinr_geo.sine.triton_layers import WIDEST, pooled_sine_sweep, sine_sweep
from sinr_geo.sine.triton_residual import residual_sweep

__all__ = [
    "WIDEST",
    "joined_weights",
    "open_gate",
    "pooled_sine_sweep",
    "residual_sweep",
    "sine_sweep",
    "try_out",
]


def try_out(device: str) -> None:
    """Build and run the smallest kernel.

    Raises
    ------
    RuntimeError
        If it does not give what it should; whatever Triton raises where it cannot build it.
    """
    mean, squeeze = torch.ones((1, 2), device=device), torch.ones((1, 2, 4), device=device)
    excite = torch.zeros((1, 4, 2), device=device)
    if not torch.equal(open_gate(mean, squeeze, excite), torch.full_like(mean, 0.5)):
        raise RuntimeError("a kernel gives wrong numbers")
