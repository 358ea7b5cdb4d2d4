"""Sine layers of all superpixels as kernels for a GPU: what `sweeps` says, with less memory moved.

A layer is one kernel forward and one backward, and one for each of its sums. Features are all that
is kept between them: the phase is multiplied anew, which costs less than reading it. A program
takes 128 slots of a block; what it adds to a sum it writes down, and `summed` adds those up in one
order, so that a step gives the same gradients every time. Kernels are compiled for widths rounded
up to powers of 2 and not for each number: whoever fits waits for every one that is compiled. Import
it only where Triton is installed.
"""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from sinr_geo.sine.packing import Packing
from sinr_geo.sine.triton_sine import cosine, sine

__all__ = [
    "LAUNCH",
    "WIDEST",
    "at_slots",
    "padded",
    "pooled_sine_sweep",
    "precision",
    "sine_sweep",
    "summed",
]

WIDEST = 64
"""Features, the constant one among them, that a program's registers hold beside 32 slots."""

LAUNCH: dict[str, Any] = {"num_warps": 4, "num_stages": 1, "enable_fp_fusion": True}
"""Small programs: two backward ones share a multiprocessor, and small GPUs hold one."""

_TILE, _SPAN = 32, 128
_ROWS, _COLUMNS = 32, 64


def padded(size: int) -> int:
    """Return the power of 2 that holds a number of features; products need 16."""
    return max(16, 1 << (size - 1).bit_length())


def precision() -> str:
    """Return how products are rounded: as float32, or as torch has been told to."""
    told: str = torch.backends.cuda.matmul.fp32_precision
    if told == "none":
        told = torch.backends.fp32_precision  # type: ignore[attr-defined]
    return "tf32" if told == "tf32" else "tf32x3"


def sine_sweep(z: Tensor, weight: Tensor, packing: Packing) -> Tensor:
    """Do what `sweeps.sine_sweep` does; nothing is written over z."""
    z, weight = z.contiguous(), weight.contiguous()
    out: Tensor = _SineSweep.apply(z, weight, packing, None)[0]  # type: ignore[no-untyped-call]
    return out


def pooled_sine_sweep(
    z: Tensor, weight: Tensor, packing: Packing, sizes: Tensor
) -> tuple[Tensor, Tensor]:
    """Do what `sweeps.pooled_sine_sweep` does; nothing is written over z."""
    z, weight = z.contiguous(), weight.contiguous()
    out, mean = _SineSweep.apply(z, weight, packing, sizes)  # type: ignore[no-untyped-call]
    return out, mean


def summed(parts: Tensor, packing: Packing) -> Tensor:
    """Add up what programs have written (B * m, ...), m to a block; -> (K, ...)."""
    shape = packing.count, *parts.shape[1:]
    if len(packing) == 0:
        return parts.new_zeros(shape)
    out = parts.new_empty(shape)
    size = out[0].numel()
    grid = packing.count, triton.cdiv(size, _COLUMNS)
    each = len(parts) // len(packing)
    _sum[grid](parts, packing.first, out, each, size, _ROWS, _COLUMNS, **LAUNCH)
    return out


class _SineSweep(Function):
    @staticmethod
    def forward(
        ctx: Any, z: Tensor, weight: Tensor, packing: Packing, sizes: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        blocks, inputs, slots = z.shape
        outputs, spans = weight.shape[2], triton.cdiv(slots, _SPAN)
        out = z.new_empty((blocks, outputs, slots))
        total = z.new_empty((blocks * spans, outputs - 1))
        _forward[(blocks * spans,)](
            *(z, weight, packing.superpixel, packing.own, out, total),
            *(spans, slots, inputs, outputs, sizes is not None, precision()),
            *(padded(inputs), padded(outputs), _TILE, _SPAN),
            **LAUNCH,
        )
        ctx.save_for_backward(z, weight, sizes)
        ctx.packing = packing
        ctx.set_materialize_grads(False)
        return out, None if sizes is None else summed(total, packing) / sizes

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any, upstream: Tensor | None, of_mean: Tensor | None
    ) -> tuple[Tensor | None, ...]:
        z, weight, sizes = ctx.saved_tensors
        packing, (blocks, inputs, slots) = ctx.packing, z.shape
        outputs, spans = weight.shape[2], triton.cdiv(slots, _SPAN)
        onto_inputs = ctx.needs_input_grad[0]
        of_z = torch.empty_like(z) if onto_inputs else None
        of_weight = z.new_empty((blocks * spans, inputs, outputs))
        pull = None if of_mean is None else (of_mean / sizes).contiguous()
        arriving = None if upstream is None else upstream.contiguous()
        _backward[(blocks * spans,)](
            *(z, weight, packing.superpixel, packing.own, arriving, pull, of_z, of_weight),
            *(spans, slots, inputs, outputs, precision()),
            *(padded(inputs), padded(outputs), _TILE, _SPAN),
            **LAUNCH,
        )
        return of_z, summed(of_weight, packing), None, None


@triton.jit
def at_slots(
    block: tl.tensor, j: tl.tensor, p: tl.tensor, rows: tl.tensor, slots: tl.tensor
) -> Any:
    """Return where rows j and slots p of a block lie in (B, rows, P), and which are there."""
    where = (block * rows + j[:, None]) * slots + p[None, :]
    return where, (j[:, None] < rows) & (p[None, :] < slots)


@triton.jit(do_not_specialize=("spans", "inputs", "outputs"))
def _forward(
    z: tl.tensor,
    weight: tl.tensor,
    superpixel: tl.tensor,
    own: tl.tensor,
    out: tl.tensor,
    total: tl.tensor,
    spans: tl.tensor,
    slots: tl.tensor,
    inputs: tl.tensor,
    outputs: tl.tensor,
    pooled: tl.constexpr,
    rounding: tl.constexpr,
    most_inputs: tl.constexpr,
    most_outputs: tl.constexpr,
    tile: tl.constexpr,
    span: tl.constexpr,
) -> None:
    program = tl.program_id(0).to(tl.int64)
    block = program // spans
    i, j = tl.arange(0, most_inputs), tl.arange(0, most_outputs)
    at = (tl.load(superpixel + block) * inputs + i[None, :]) * outputs + j[:, None]
    fitting = (i[None, :] < inputs) & (j[:, None] < outputs)
    onto = tl.load(weight + at, mask=fitting, other=0.0)
    sums = tl.zeros((most_outputs,), tl.float32)
    for start in range(0, span, tile):
        p = (program % spans) * span + start + tl.arange(0, tile)
        here, inside = at_slots(block, i, p, inputs, slots)
        x = tl.load(z + here, mask=inside, other=0.0)
        feature = sine(tl.dot(onto, x, input_precision=rounding))
        there, inside_out = at_slots(block, j, p, outputs, slots)
        tl.store(out + there, feature, mask=inside_out)
        if pooled:
            among = tl.load(own + block * slots + p, mask=p < slots, other=0.0)
            sums += tl.sum(feature * among[None, :], axis=1)
    if pooled:
        tl.store(total + program * (outputs - 1) + j, sums, mask=j < outputs - 1)


@triton.jit(do_not_specialize=("spans", "inputs", "outputs"))
def _backward(
    z: tl.tensor,
    weight: tl.tensor,
    superpixel: tl.tensor,
    own: tl.tensor,
    upstream: tl.tensor,
    pull: tl.tensor,
    of_z: tl.tensor,
    of_weight: tl.tensor,
    spans: tl.tensor,
    slots: tl.tensor,
    inputs: tl.tensor,
    outputs: tl.tensor,
    rounding: tl.constexpr,
    most_inputs: tl.constexpr,
    most_outputs: tl.constexpr,
    tile: tl.constexpr,
    span: tl.constexpr,
) -> None:
    program = tl.program_id(0).to(tl.int64)
    block = program // spans
    k = tl.load(superpixel + block)
    i, j = tl.arange(0, most_inputs), tl.arange(0, most_outputs)
    fitting = (i[:, None] < inputs) & (j[None, :] < outputs)
    within = i[:, None] * outputs + j[None, :]
    back = tl.load(weight + k * inputs * outputs + within, mask=fitting, other=0.0)
    onto = tl.trans(back)
    total = tl.zeros((most_inputs, most_outputs), tl.float32)
    for start in range(0, span, tile):
        p = (program % spans) * span + start + tl.arange(0, tile)
        here, inside = at_slots(block, i, p, inputs, slots)
        x = tl.load(z + here, mask=inside, other=0.0)
        through = tl.zeros((most_outputs, tile), tl.float32)
        if upstream is not None:
            there, arrived = at_slots(block, j, p, outputs, slots)
            through += tl.load(upstream + there, mask=arrived, other=0.0)
        if pull is not None:
            among = tl.load(own + block * slots + p, mask=p < slots, other=0.0)
            each = tl.load(pull + k * (outputs - 1) + j, mask=j < outputs - 1, other=0.0)
            through += each[:, None] * among[None, :]
        through *= cosine(tl.dot(onto, x, input_precision=rounding))
        total += tl.dot(x, tl.trans(through), input_precision=rounding)
        if of_z is not None:
            of_x = tl.dot(back, through, input_precision=rounding)
            tl.store(of_z + here, of_x, mask=inside)
    tl.store(of_weight + program * inputs * outputs + within, total, mask=fitting)


@triton.jit(do_not_specialize=("each", "size"))
def _sum(
    parts: tl.tensor,
    first: tl.tensor,
    out: tl.tensor,
    each: tl.tensor,
    size: tl.tensor,
    rows: tl.constexpr,
    columns: tl.constexpr,
) -> None:
    k = tl.program_id(0).to(tl.int64)
    n = tl.program_id(1) * columns + tl.arange(0, columns)
    last = tl.load(first + k + 1) * each
    total = tl.zeros((rows, columns), tl.float32)
    for row in range(tl.load(first + k) * each, last, rows):
        r = row + tl.arange(0, rows)
        fitting = (r[:, None] < last) & (n[None, :] < size)
        total += tl.load(parts + r[:, None] * size + n[None, :], mask=fitting, other=0.0)
    tl.store(out + k * size + n, tl.sum(total, axis=0), mask=n < size)
