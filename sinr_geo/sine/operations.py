"""The operations that touch every point or every superpixel, as this machine does them best.

On a GPU that has Triton they are kernels of ours, elsewhere torch's.
"""

from __future__ import annotations

import warnings
from functools import cache
from threading import Lock
from typing import Any, Protocol

import torch
from torch import Tensor

from sinr_geo.sine import sweeps
from sinr_geo.sine.packing import Packing

__all__ = ["Operations", "operations_for"]

_OLDEST = (8, 0)
"""Compute capability from which there are units for products as kernels need them."""

_trying_out = Lock()


class Operations(Protocol):
    """What `sweeps` has, by any means."""

    def joined_weights(
        self, weight: Tensor, bias: Tensor, gate: Tensor | None, omega: float, /
    ) -> Tensor:
        """Join weights, bias, gate and the constant feature."""

    def open_gate(self, mean: Tensor, squeeze: Tensor, excite: Tensor, /) -> Tensor:
        """Evaluate a gate at the means of superpixels."""

    def sine_sweep(self, z: Tensor, weight: Tensor, packing: Packing, /) -> Tensor:
        """Evaluate a sine layer."""

    def pooled_sine_sweep(
        self, z: Tensor, weight: Tensor, packing: Packing, sizes: Tensor, /
    ) -> tuple[Tensor, Tensor]:
        """Evaluate a sine layer and its means."""

    def residual_sweep(
        self, z: Tensor, weight: Tensor, packing: Packing, y: Tensor, mask: Tensor, /
    ) -> Tensor:
        """Sum squared masked residuals."""


def operations_for(weight: Tensor) -> Operations:
    """Return the operations for a network whose first layer has a weight (K, c, h)."""
    if weight.is_cuda and weight.dtype == torch.float32:
        kernels = _kernels()
        if kernels is not None and max(weight.shape[1:]) < kernels.WIDEST:
            operations: Operations = kernels
            return operations
    return sweeps


def _kernels() -> Any:
    """Return our kernels; None where there is no Triton, or it cannot build them here.

    It needs a C compiler the first time. Threads that come meanwhile wait.
    """
    with _trying_out:
        return _tried_out()


@cache
def _tried_out() -> Any:
    if torch.version.hip is not None or torch.cuda.get_device_capability() < _OLDEST:
        return None
    try:
        from sinr_geo.sine import triton_operations
    except ImportError:
        return None
    try:
        triton_operations.try_out("cuda")
    except Exception as reason:  # whatever a compiler says
        told = str(reason).strip().split("\n", 1)[0]
        warnings.warn(f"Triton does not work here, torch takes its place: {told}", stacklevel=4)
        return None
    return triton_operations
