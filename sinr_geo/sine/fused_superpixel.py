"""One superpixel forward and backward through all of its layers, compiled by numba.

A gate needs the mean of a whole superpixel before the next layer, and the loss its whole residual;
neither needs any other superpixel. So each one goes all the way while it is in the cache. Import it
only where numba is installed.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from sinr_geo.sine.fused_gates import (
    divide,
    fold,
    gate_gradient,
    gate_head,
    gate_head_gradient,
    mean_of_head,
    mean_of_head_gradient,
    open_gate,
    unfold,
)
from sinr_geo.sine.loss import TINY
from sinr_geo.sine.network import BOTTLENECK
from sinr_geo.sine.registers import outer, product
from sinr_geo.sine.sine_cosine import sine_and_cosine

__all__ = ["Blocks", "Room", "Rules", "Weights", "differentiate"]

MADE_OF = "278c399f1e5e"
"""Of the files whose code is compiled into this one's, a hash: numba looks at this file alone.

Whoever changes one of them puts the hash that a test asks for here, and numba compiles anew.
"""

_Array = NDArray[Any]

_jit = njit(cache=True, nogil=True, error_model="numpy")
_in_any_order = njit(cache=True, nogil=True, error_model="numpy", fastmath=True)


class Blocks(NamedTuple):
    """Slots: x (B, c + 1, P), y and mask (B, s, P), own (B, P).

    Blocks `first[k]` ... `first[k + 1] - 1` are superpixel k's; `size` (K,) counts its own points,
    and `scale` (K,) is what its squares are divided by.
    """

    x: _Array
    y: _Array
    mask: _Array
    own: _Array
    first: _Array
    size: _Array
    scale: _Array


class Weights(NamedTuple):
    """Weights of K superpixels, or their gradients.

    first (K, c, h), hidden (L - 1, K, h, h), bias (L, K, 1, h), squeeze (L, K, h, 4) and excite
    (L, K, 4, h) of the sine layers; head (K, h, r), head_bias (K, 1, r), head_squeeze (K, r, 4) and
    head_excite (K, 4, r); D (r, s), its columns padded to whole registers.
    """

    first: _Array
    hidden: _Array
    bias: _Array
    squeeze: _Array
    excite: _Array
    head: _Array
    head_bias: _Array
    head_squeeze: _Array
    head_excite: _Array
    dictionary: _Array


class Rules(NamedTuple):
    """omega_0 of each layer (L,), the power of the loss, and whether there are gates."""

    omega: _Array
    power: float
    gated: bool


class Room(NamedTuple):
    """What is kept of a superpixel on its way.

    Sines and cosines (L, blocks, h + 1, P), phase (h + 1, P), residual (s, P), weights as they are
    multiplied (L, max(c, h) + 1, h + 1); means (L, h), units (L, 4) and values (L, h) of the gates.
    """

    sine: _Array
    cosine: _Array
    phase: _Array
    residual: _Array
    joined: _Array
    mean: _Array
    gate: _Array
    unit: _Array


@_in_any_order
def _add_sum(features: _Array, own: _Array, total: _Array) -> None:
    """Add features (h + 1, P) of own slots (P,) to a total (h,)."""
    for j in range(total.size):
        row = np.float32(0.0)
        for p in range(own.size):
            row += features[j, p] * own[p]
        total[j] += row


@_in_any_order
def _arrive(
    cosine: _Array, upstream: _Array, share: np.float32, of_mean: _Array, own: _Array
) -> None:
    """Multiply cosines (h + 1, P) by what arrives at the features, and through their mean (h,)."""
    last = of_mean.size
    for j in range(last):
        for p in range(own.size):
            cosine[j, p] *= share * upstream[j, p] + of_mean[j] * own[p]
    for p in range(own.size):
        cosine[last, p] *= share * upstream[last, p]


@_in_any_order
def _mask_residual(out: _Array, y: _Array, mask: _Array) -> float:
    """Turn outputs (s, P) into masked residuals; -> the sum of their squares."""
    total = 0.0
    for j in range(out.shape[0]):
        row = np.float32(0.0)
        for p in range(out.shape[1]):
            left = (out[j, p] - y[j, p]) * mask[j, p]
            out[j, p] = left
            row += left * left
        total += float(row)
    return total


@_in_any_order
def _add(total: _Array, part: _Array) -> None:
    for i in range(part.shape[0]):
        for j in range(part.shape[1]):
            total[i, j] += part[i, j]


@_in_any_order
def _times(numbers: _Array, factor: np.float32) -> None:
    for i in range(numbers.shape[0]):
        for j in range(numbers.shape[1]):
            numbers[i, j] *= factor


@_jit
def _forward(k: int, blocks: Blocks, weights: Weights, rules: Rules, room: Room) -> None:
    """Evaluate the sine layers, and the gates between them."""
    first, last = blocks.first[k], blocks.first[k + 1]
    gate = np.ones(blocks.x.shape[1] - 1, np.float32)
    for layer in range(len(room.sine)):
        weight = weights.first[k] if layer == 0 else weights.hidden[layer - 1, k]
        joined = room.joined[layer, : len(weight) + 1]
        fold(weight, weights.bias[layer, k], gate, rules.omega[layer], joined)
        mean = room.mean[layer]
        mean[:] = np.float32(0.0)
        for b in range(last - first):
            z = blocks.x[first + b] if layer == 0 else room.sine[layer - 1, b]
            sine, cosine = room.sine[layer, b], room.cosine[layer, b]
            product(room.phase, joined.T, z)
            sine_and_cosine(room.phase.reshape(-1), sine.reshape(-1), cosine.reshape(-1))
            if rules.gated:
                _add_sum(sine, blocks.own[first + b], mean)
        gate = room.gate[layer]
        gate[:] = np.float32(1.0)
        if rules.gated:
            divide(mean, blocks.size[k])
            squeeze, excite = weights.squeeze[layer, k], weights.excite[layer, k]
            open_gate(mean, squeeze, excite, room.unit[layer], gate)


@_jit
def _residual(
    first: int, last: int, blocks: Blocks, folded: _Array, of_folded: _Array, room: Room
) -> float:
    """Sum squared residuals, and differentiate half of that.

    The gradients are written into `of_folded` (h + 1, s) and over the last features.
    """
    onto = np.ascontiguousarray(folded[:, : len(room.residual)])
    part = np.empty_like(onto)
    squares = 0.0
    for b in range(last - first):
        z = room.sine[-1, b]
        product(room.residual, onto.T, z)
        squares += _mask_residual(room.residual, blocks.y[first + b], blocks.mask[first + b])
        outer(part, z, room.residual)
        _add(of_folded, part)
        product(z, onto, room.residual)
    return squares


@_jit
def _last_layer(
    k: int,
    blocks: Blocks,
    weights: Weights,
    grads: Weights,
    rules: Rules,
    room: Room,
    of_gate: _Array,
    of_mean: _Array,
) -> tuple[float, np.float32]:
    """Evaluate the loss, and differentiate the last layer.

    The gradients of the last features are written over them, those of their gate and of their mean
    into `of_gate` and `of_mean`, (h,); -> the loss, and a factor that the first of these lacks.
    """
    head, bias, dictionary = weights.head[k], weights.head_bias[k], weights.dictionary
    of_head, of_bias = grads.head[k], grads.head_bias[k]
    mean, gate = room.mean[-1], room.gate[-1]
    atoms, columns = dictionary.shape
    last_mean, unit = np.empty(atoms, np.float32), np.empty(BOTTLENECK, np.float32)
    last = np.ones(atoms, np.float32)
    if rules.gated:
        mean_of_head(mean, gate, head, bias, last_mean)
        open_gate(last_mean, weights.head_squeeze[k], weights.head_excite[k], unit, last)
    gated = np.empty((len(head) + 1, atoms), np.float32)
    gate_head(head, bias, gate, last, gated)
    folded = np.empty((len(gated), columns), np.float32)
    of_folded = np.zeros_like(folded)
    product(folded, gated, dictionary)
    squares = _residual(blocks.first[k], blocks.first[k + 1], blocks, folded, of_folded, room)
    inside = max(squares / blocks.scale[k], TINY)
    factor = 2.0 * rules.power * inside ** (rules.power - 1.0) / blocks.scale[k]
    factor = factor if inside > TINY else 0.0

    _times(of_folded, np.float32(factor))
    of_gated, of_dictionary = np.empty_like(gated), np.empty_like(dictionary)
    outer(of_gated, of_folded, dictionary)
    product(of_dictionary, gated.T, of_folded)
    _add(grads.dictionary, of_dictionary)
    of_last = np.empty(atoms, np.float32)
    gate_head_gradient(of_gated, (head, bias), (gate, last), of_head, of_bias, of_gate, of_last)
    of_mean[:] = np.float32(0.0)
    if rules.gated:
        of_last_mean = np.zeros(atoms, np.float32)
        gate_gradient(
            of_last,
            (last_mean, unit, last),
            weights.head_squeeze[k],
            weights.head_excite[k],
            grads.head_squeeze[k],
            grads.head_excite[k],
            of_last_mean,
        )
        mean_of_head_gradient(of_last_mean, mean, gate, head, of_head, of_bias, of_gate, of_mean)
    return inside**rules.power, np.float32(factor)


@_jit
def _backward(
    k: int,
    blocks: Blocks,
    weights: Weights,
    grads: Weights,
    rules: Rules,
    room: Room,
    factor: np.float32,
    of_gate: _Array,
    of_mean: _Array,
) -> None:
    """Differentiate the sine layers, from the gradients that `_last_layer` leaves."""
    first, last = blocks.first[k], blocks.first[k + 1]
    inputs = np.ones(blocks.x.shape[1] - 1, np.float32)
    for layer in range(len(room.sine) - 1, -1, -1):
        if rules.gated:
            gate_gradient(
                of_gate,
                (room.mean[layer], room.unit[layer], room.gate[layer]),
                weights.squeeze[layer, k],
                weights.excite[layer, k],
                grads.squeeze[layer, k],
                grads.excite[layer, k],
                of_mean,
            )
            divide(of_mean, blocks.size[k])
        weight = weights.first[k] if layer == 0 else weights.hidden[layer - 1, k]
        joined = room.joined[layer, : len(weight) + 1]
        of_joined, part = np.zeros_like(joined), np.empty_like(joined)
        for b in range(last - first):
            z = blocks.x[first + b] if layer == 0 else room.sine[layer - 1, b]
            through = room.cosine[layer, b]
            _arrive(through, room.sine[layer, b], factor, of_mean, blocks.own[first + b])
            outer(part, z, through)
            _add(of_joined, part)
            if layer > 0:
                product(z, joined, through)
        of_weight = grads.first[k] if layer == 0 else grads.hidden[layer - 1, k]
        gate = inputs if layer == 0 else room.gate[layer - 1]
        of_input = np.empty_like(gate)
        unfold(
            of_joined, weight, gate, rules.omega[layer], of_weight, grads.bias[layer, k], of_input
        )
        of_gate = of_input
        of_mean[:] = np.float32(0.0)
        factor = np.float32(1.0)


@_jit
def differentiate(
    which: _Array,
    blocks: Blocks,
    weights: Weights,
    grads: Weights,
    rules: Rules,
    room: Room,
    losses: _Array,
) -> None:
    """Write the losses (K,) and gradients of some superpixels; D's are summed over them."""
    grads.dictionary[:] = np.float32(0.0)
    h = room.gate.shape[1]
    for k in which:
        of_gate, of_mean = np.empty(h, np.float32), np.empty(h, np.float32)
        _forward(k, blocks, weights, rules, room)
        losses[k], factor = _last_layer(k, blocks, weights, grads, rules, room, of_gate, of_mean)
        _backward(k, blocks, weights, grads, rules, room, factor, of_gate, of_mean)
