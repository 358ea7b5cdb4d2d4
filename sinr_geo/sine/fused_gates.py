"""Weights and gates of one superpixel and their gradients by hand, compiled by numba.

What `network` says of all superpixels at once, in the same words. Gradients are written, not added,
unless a function says so. Import it only where numba is installed.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = [
    "divide",
    "fold",
    "gate_gradient",
    "gate_head",
    "gate_head_gradient",
    "mean_of_head",
    "mean_of_head_gradient",
    "open_gate",
    "unfold",
]

_Array = NDArray[Any]

_jit = njit(cache=True, nogil=True, error_model="numpy", fastmath=True)

_CLOSED = np.float32(80.0)
"""Where a gate is as good as closed; the exponential of more is infinite."""

_NONE, _ONE, _QUARTER = np.float32(0.0), np.float32(1.0), np.float32(0.5 * np.pi)


@_jit
def fold(weight: _Array, bias: _Array, gate: _Array, omega: np.float32, out: _Array) -> None:
    """Join omega W (c, h), the gate of its inputs multiplied in, omega b and the constant feature.

    -> (c + 1, h + 1)
    """
    inputs, h = weight.shape
    for i in range(inputs):
        for j in range(h):
            out[i, j] = omega * gate[i] * weight[i, j]
        out[i, h] = _NONE
    for j in range(h):
        out[inputs, j] = omega * bias[0, j]
    out[inputs, h] = _QUARTER


@_jit
def unfold(
    of_joined: _Array,
    weight: _Array,
    gate: _Array,
    omega: np.float32,
    of_weight: _Array,
    of_bias: _Array,
    of_gate: _Array,
) -> None:
    """Turn the gradient of what `fold` gives into those of what it is given."""
    inputs, h = weight.shape
    for i in range(inputs):
        total = _NONE
        for j in range(h):
            of_weight[i, j] = omega * gate[i] * of_joined[i, j]
            total += weight[i, j] * of_joined[i, j]
        of_gate[i] = omega * total
    for j in range(h):
        of_bias[0, j] = omega * of_joined[inputs, j]


@_jit
def divide(numbers: _Array, by: np.float32) -> None:
    """Divide numbers (m,) in place."""
    for i in range(numbers.size):
        numbers[i] /= by


@_jit
def open_gate(mean: _Array, squeeze: _Array, excite: _Array, unit: _Array, gate: _Array) -> None:
    """Evaluate a gate (c,) at a mean (c,), and its hidden units (4,)."""
    for u in range(unit.size):
        unit[u] = _NONE
    for i in range(mean.size):
        gate[i] = _NONE
        for u in range(unit.size):
            unit[u] += mean[i] * squeeze[i, u]
    for u in range(unit.size):
        unit[u] = max(unit[u], _NONE)
        for i in range(gate.size):
            gate[i] += unit[u] * excite[u, i]
    for i in range(gate.size):
        gate[i] = _ONE / (_ONE + np.exp(min(-gate[i], _CLOSED)))


@_jit
def gate_gradient(
    upstream: _Array,
    at: tuple[_Array, _Array, _Array],
    squeeze: _Array,
    excite: _Array,
    of_squeeze: _Array,
    of_excite: _Array,
    of_mean: _Array,
) -> None:
    """Differentiate `open_gate` at a mean, hidden units and gate; that of the mean is added."""
    mean, unit, gate = at
    for u in range(unit.size):
        of_unit = _NONE
        for i in range(gate.size):
            before = upstream[i] * gate[i] * (_ONE - gate[i])
            of_excite[u, i] = unit[u] * before
            of_unit += excite[u, i] * before
        of_unit = of_unit if unit[u] > _NONE else _NONE
        for i in range(mean.size):
            of_squeeze[i, u] = mean[i] * of_unit
            of_mean[i] += squeeze[i, u] * of_unit


@_jit
def mean_of_head(mean: _Array, gate: _Array, head: _Array, bias: _Array, out: _Array) -> None:
    """Evaluate the linear layer's mean (r,) from that of its inputs (h,): the mean is linear."""
    for a in range(out.size):
        out[a] = bias[0, a]
    for i in range(mean.size):
        for a in range(out.size):
            out[a] += mean[i] * gate[i] * head[i, a]


@_jit
def mean_of_head_gradient(
    upstream: _Array,
    mean: _Array,
    gate: _Array,
    head: _Array,
    of_head: _Array,
    of_bias: _Array,
    of_gate: _Array,
    of_mean: _Array,
) -> None:
    """Add the gradients of `mean_of_head`."""
    for a in range(upstream.size):
        of_bias[0, a] += upstream[a]
    for i in range(mean.size):
        total = _NONE
        for a in range(upstream.size):
            of_head[i, a] += mean[i] * gate[i] * upstream[a]
            total += head[i, a] * upstream[a]
        of_gate[i] += mean[i] * total
        of_mean[i] += gate[i] * total


@_jit
def gate_head(head: _Array, bias: _Array, gate: _Array, last: _Array, out: _Array) -> None:
    """Multiply gates of its inputs (h,) and its own (r,) into the linear layer; -> (h + 1, r)."""
    h = gate.size
    for a in range(last.size):
        for i in range(h):
            out[i, a] = gate[i] * head[i, a] * last[a]
        out[h, a] = bias[0, a] * last[a]


@_jit
def gate_head_gradient(
    upstream: _Array,
    weights: tuple[_Array, _Array],
    gates: tuple[_Array, _Array],
    of_head: _Array,
    of_bias: _Array,
    of_gate: _Array,
    of_last: _Array,
) -> None:
    """Differentiate `gate_head`."""
    head, bias = weights
    gate, last = gates
    h = gate.size
    for a in range(last.size):
        of_bias[0, a] = upstream[h, a] * last[a]
        of_last[a] = upstream[h, a] * bias[0, a]
    for i in range(h):
        total = _NONE
        for a in range(last.size):
            of_head[i, a] = upstream[i, a] * gate[i] * last[a]
            of_last[a] += upstream[i, a] * gate[i] * head[i, a]
            total += upstream[i, a] * head[i, a] * last[a]
        of_gate[i] = total
