"""Weights joined with gates, and the gates themselves, as kernels for a GPU: one superpixel each.

The work is next to nothing; what is saved is launches. Import it only where Triton is installed.
"""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from sinr_geo.sine.triton_layers import LAUNCH, padded

__all__ = ["joined_weights", "open_gate"]

_QUARTER = tl.constexpr(1.5707963267948966)


def joined_weights(weight: Tensor, bias: Tensor, gate: Tensor | None, omega: float) -> Tensor:
    """Do what `sweeps.joined_weights` does."""
    gate = None if gate is None else gate.contiguous()
    given = weight.contiguous(), bias.contiguous(), gate, omega
    out: Tensor = _Join.apply(*given)  # type: ignore[no-untyped-call]
    return out


def open_gate(mean: Tensor, squeeze: Tensor, excite: Tensor) -> Tensor:
    """Do what `sweeps.open_gate` does."""
    given = mean.contiguous(), squeeze.contiguous(), excite.contiguous()
    out: Tensor = _Gate.apply(*given)  # type: ignore[no-untyped-call]
    return out


class _Join(Function):
    @staticmethod
    def forward(
        ctx: Any, weight: Tensor, bias: Tensor, gate: Tensor | None, omega: float
    ) -> Tensor:
        k, inputs, width = weight.shape
        out = weight.new_empty((k, inputs + 1, width + 1))
        sizes = padded(inputs + 1), padded(width + 1)
        _join[(k,)](weight, bias, gate, out, float(omega), inputs, width, *sizes, **LAUNCH)
        ctx.save_for_backward(weight, gate)
        ctx.omega = float(omega)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        weight, gate = ctx.saved_tensors
        k, inputs, width = weight.shape
        of_weight, of_bias = torch.empty_like(weight), weight.new_empty((k, 1, width))
        of_gate = None if gate is None else torch.empty_like(gate)
        sizes = padded(inputs + 1), padded(width + 1)
        _unjoin[(k,)](
            *(upstream.contiguous(), weight, gate, of_weight, of_bias, of_gate),
            *(ctx.omega, inputs, width, *sizes),
            **LAUNCH,
        )
        return of_weight, of_bias, of_gate, None


class _Gate(Function):
    @staticmethod
    def forward(ctx: Any, mean: Tensor, squeeze: Tensor, excite: Tensor) -> Tensor:
        k, size, units = squeeze.shape
        gate = torch.empty_like(mean)
        _open[(k,)](mean, squeeze, excite, gate, size, padded(size), units, **LAUNCH)
        ctx.save_for_backward(mean, squeeze, excite, gate)
        return gate

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor, ...]:
        mean, squeeze, excite, gate = ctx.saved_tensors
        k, size, units = squeeze.shape
        found = tuple(torch.empty_like(tensor) for tensor in (mean, squeeze, excite))
        _unopen[(k,)](
            *(upstream.contiguous(), mean, squeeze, excite, gate, *found),
            *(size, padded(size), units),
            **LAUNCH,
        )
        return found


@triton.jit(do_not_specialize=("inputs", "width"))
def _join(
    weight: tl.tensor,
    bias: tl.tensor,
    gate: tl.tensor,
    out: tl.tensor,
    omega: tl.tensor,
    inputs: tl.tensor,
    width: tl.tensor,
    most_inputs: tl.constexpr,
    most_width: tl.constexpr,
) -> None:
    k = tl.program_id(0).to(tl.int64)
    i, j = tl.arange(0, most_inputs)[:, None], tl.arange(0, most_width)[None, :]
    inner = (i < inputs) & (j < width)
    w = tl.load(weight + k * inputs * width + i * width + j, mask=inner, other=0.0)
    if gate is not None:
        w *= tl.load(gate + k * inputs + i, mask=i < inputs, other=0.0)
    b = tl.load(bias + k * width + j, mask=j < width, other=0.0)
    last = tl.where(j == width, _QUARTER, omega * b)
    joined = tl.where(i == inputs, last, omega * w)
    to_out = out + k * (inputs + 1) * (width + 1) + i * (width + 1) + j
    tl.store(to_out, joined, mask=(i <= inputs) & (j <= width))


@triton.jit(do_not_specialize=("inputs", "width"))
def _unjoin(
    upstream: tl.tensor,
    weight: tl.tensor,
    gate: tl.tensor,
    of_weight: tl.tensor,
    of_bias: tl.tensor,
    of_gate: tl.tensor,
    omega: tl.tensor,
    inputs: tl.tensor,
    width: tl.tensor,
    most_inputs: tl.constexpr,
    most_width: tl.constexpr,
) -> None:
    k = tl.program_id(0).to(tl.int64)
    rows, columns = tl.arange(0, most_inputs), tl.arange(0, most_width)
    i, j = rows[:, None], columns[None, :]
    inner = (i < inputs) & (j < width)
    at = upstream + k * (inputs + 1) * (width + 1) + i * (width + 1) + j
    up = omega * tl.load(at, mask=(i <= inputs) & (j < width), other=0.0)
    of_b = tl.sum(tl.where(i == inputs, up, 0.0), axis=0)
    tl.store(of_bias + k * width + columns, of_b, mask=columns < width)
    here = k * inputs * width + i * width + j
    if gate is not None:
        w = tl.load(weight + here, mask=inner, other=0.0)
        tl.store(of_gate + k * inputs + rows, tl.sum(up * w, axis=1), mask=rows < inputs)
        up *= tl.load(gate + k * inputs + i, mask=i < inputs, other=0.0)
    tl.store(of_weight + here, up, mask=inner)


@triton.jit(do_not_specialize=("size",))
def _open(
    mean: tl.tensor,
    squeeze: tl.tensor,
    excite: tl.tensor,
    gate: tl.tensor,
    size: tl.tensor,
    most: tl.constexpr,
    units: tl.constexpr,
) -> None:
    k = tl.program_id(0).to(tl.int64)
    i, u = tl.arange(0, most), tl.arange(0, units)
    m = tl.load(mean + k * size + i, mask=i < size, other=0.0)
    inward = squeeze + (k * size + i[:, None]) * units + u[None, :]
    s = tl.load(inward, mask=i[:, None] < size, other=0.0)
    unit = tl.maximum(tl.sum(m[:, None] * s, axis=0), 0.0)
    outward = excite + (k * units + u[:, None]) * size + i[None, :]
    e = tl.load(outward, mask=i[None, :] < size, other=0.0)
    opened = tl.sigmoid(tl.sum(unit[:, None] * e, axis=0))
    tl.store(gate + k * size + i, opened, mask=i < size)


@triton.jit(do_not_specialize=("size",))
def _unopen(
    upstream: tl.tensor,
    mean: tl.tensor,
    squeeze: tl.tensor,
    excite: tl.tensor,
    gate: tl.tensor,
    of_mean: tl.tensor,
    of_squeeze: tl.tensor,
    of_excite: tl.tensor,
    size: tl.tensor,
    most: tl.constexpr,
    units: tl.constexpr,
) -> None:
    k = tl.program_id(0).to(tl.int64)
    i, u = tl.arange(0, most), tl.arange(0, units)
    m = tl.load(mean + k * size + i, mask=i < size, other=0.0)
    inward = (k * size + i[:, None]) * units + u[None, :]
    s = tl.load(squeeze + inward, mask=i[:, None] < size, other=0.0)
    unit = tl.maximum(tl.sum(m[:, None] * s, axis=0), 0.0)
    outward = (k * units + u[:, None]) * size + i[None, :]
    e = tl.load(excite + outward, mask=i[None, :] < size, other=0.0)
    opened = tl.load(gate + k * size + i, mask=i < size, other=0.0)
    before = tl.load(upstream + k * size + i, mask=i < size, other=0.0) * opened * (1.0 - opened)
    tl.store(of_excite + outward, unit[:, None] * before[None, :], mask=i[None, :] < size)
    of_unit = tl.where(unit > 0.0, tl.sum(e * before[None, :], axis=1), 0.0)
    tl.store(of_squeeze + inward, m[:, None] * of_unit[None, :], mask=i[:, None] < size)
    tl.store(of_mean + k * size + i, tl.sum(s * of_unit[None, :], axis=1), mask=i < size)
