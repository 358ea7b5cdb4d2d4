"""The same gradients in one pass over the points, compiled by numba: an option for CPUs.

A tile of points runs forward and backward through all layers while it is in the cache, and sine
and cosine come from one argument reduction. Import it only where numba is installed.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import torch
from numba import njit
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from sinr_geo.sine.local_gradients import Gradients, entries
from sinr_geo.sine.network import SuperpixelNetwork
from sinr_geo.sine.samples import Slots

__all__ = ["fused_gradients", "sine_and_cosine"]

_TILE = 256
_SHARES = 8
"""Shares that blocks are dealt out in, whatever the number of threads: sums stay the same."""

_Array = NDArray[Any]

_in_order = njit(
    cache=True, nogil=True, error_model="numpy", fastmath={"contract", "nnan", "ninf", "nsz"}
)
_in_any_order = njit(cache=True, nogil=True, error_model="numpy", fastmath=True)

_PER_PI = np.float32(1.0 / np.pi)
_ROUNDING = np.float32(1.5 * 2.0**23)
_PI_HIGH = np.float32(3.140625)
_PI_MIDDLE = np.float32(np.pi - 3.140625)
_PI_LOW = np.float32(np.pi - 3.140625 - float(_PI_MIDDLE))
_HALF, _ONE, _EIGHT = np.float32(0.5), np.float32(1.0), np.float32(8.0)


def _series(first: int, terms: int) -> tuple[np.float32, ...]:
    """Fit sin(r) / r (first = 1) or cos(r) (first = 0) on |r| <= pi / 2 by powers of r^2."""
    r = 0.5 * np.pi * np.cos(np.linspace(0.0, 0.5 * np.pi, 2_001)[:-1])
    target = np.sin(r) / r if first else np.cos(r)
    powers = np.vander(r * r, terms, increasing=True)
    return tuple(np.float32(c) for c in np.linalg.lstsq(powers, target, rcond=None)[0])


_S0, _S1, _S2, _S3, _S4, _S5 = _series(1, 6)
_C0, _C1, _C2, _C3, _C4, _C5, _C6 = _series(0, 7)


@_in_order
def sine_and_cosine(x: _Array, sine: _Array, cosine: _Array) -> None:
    """Evaluate both of float32 numbers (m,), to about 2e-7 for |x| up to some thousands."""
    for i in range(x.size):
        turns = (x[i] * _PER_PI + _ROUNDING) - _ROUNDING
        r = ((x[i] - turns * _PI_HIGH) - turns * _PI_MIDDLE) - turns * _PI_LOW
        half = turns * _HALF
        odd = half - ((half + _ROUNDING) - _ROUNDING)
        sign = _ONE - _EIGHT * (odd * odd)
        u = r * r
        s = _S0 + u * (_S1 + u * (_S2 + u * (_S3 + u * (_S4 + u * _S5))))
        c = _C0 + u * (_C1 + u * (_C2 + u * (_C3 + u * (_C4 + u * (_C5 + u * _C6)))))
        sine[i] = sign * r * s
        cosine[i] = sign * c


@_in_any_order
def _affine(x: _Array, weight: _Array, bias: _Array, out: _Array) -> None:
    """Multiply x W + b where one side of W is short: a library call costs more than the product."""
    for i in range(x.shape[0]):
        for j in range(bias.size):
            out[i, j] = bias[j]
        for k in range(x.shape[1]):
            for j in range(bias.size):
                out[i, j] += x[i, k] * weight[k, j]


@_in_any_order
def _add_bias(out: _Array, bias: _Array) -> None:
    for i in range(out.shape[0]):
        for j in range(bias.size):
            out[i, j] += bias[j]


@_in_any_order
def _add_outer(x: _Array, upstream: _Array, weight: _Array, bias: _Array) -> None:
    """Add x' upstream and the sum of upstream over the points."""
    for i in range(x.shape[0]):
        for j in range(bias.size):
            bias[j] += upstream[i, j]
        for k in range(x.shape[1]):
            for j in range(bias.size):
                weight[k, j] += x[i, k] * upstream[i, j]


@_in_any_order
def _add_outer_transposed(z: _Array, residual: _Array, weight: _Array) -> None:
    """Add residual' z, the long side last; -> (s, h)."""
    for i in range(z.shape[0]):
        for j in range(residual.shape[1]):
            for k in range(z.shape[1]):
                weight[j, k] += residual[i, j] * z[i, k]


@_in_any_order
def _times(upstream: _Array, cosine: _Array) -> None:
    for i in range(upstream.size):
        upstream[i] *= cosine[i]


@_in_any_order
def _add_sum(total: _Array, rows: _Array) -> None:
    for i in range(rows.shape[0]):
        for j in range(total.size):
            total[j] += rows[i, j]


@_in_any_order
def _residual(out: _Array, y: _Array, mask: _Array, scale: float) -> None:
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            out[i, j] = (out[i, j] - y[i, j]) * mask[i, j] * scale


class _Blocks(NamedTuple):
    """Some blocks: (B, P, c), (B, P, s), (B, P, s), and of shape (B,) slots filled and owner."""

    x: _Array
    y: _Array
    mask: _Array
    size: _Array
    superpixel: _Array


class _Weights(NamedTuple):
    """Weights or gradients of K superpixels, D multiplied into the head.

    Shapes are (K, c, h), (K, h), (K, L - 1, h, h), (K, L - 1, h), (K, h, s) and (K, s).
    """

    first_w: _Array
    first_b: _Array
    hidden_w: _Array
    hidden_b: _Array
    head_w: _Array
    head_b: _Array


@_in_any_order
def _accumulate(
    blocks: _Blocks, scale: _Array, low: int, weights: _Weights, grads: _Weights
) -> None:
    """Add the gradients of some blocks to those of superpixels `low` and up."""
    x, y, mask, size, superpixel = blocks
    first_w, first_b, hidden_w, hidden_b, head_w, head_b = weights
    first_w_grad, first_b_grad, hidden_w_grad, hidden_b_grad, head_w_grad, head_b_grad = grads
    _, others, h = hidden_b.shape
    sine = np.empty((others + 1, _TILE, h), np.float32)
    cosine = np.empty((others + 1, _TILE, h), np.float32)
    one, two = np.empty((_TILE, h), np.float32), np.empty((_TILE, h), np.float32)
    residuals = np.empty((_TILE, y.shape[2]), np.float32)
    product = np.empty((h, h), np.float32)
    for block in range(size.size):
        k, at = superpixel[block], superpixel[block] - low
        transposed = np.ascontiguousarray(head_w[k].T)
        head_grad = np.zeros((y.shape[2], h), np.float32)
        for start in range(0, size[block], _TILE):
            end = min(start + _TILE, size[block])
            n = end - start
            z, up = one[:n], two[:n]
            _affine(x[block, start:end], first_w[k], first_b[k], z)
            sine_and_cosine(z.reshape(-1), sine[0, :n].reshape(-1), cosine[0, :n].reshape(-1))
            for layer in range(others):
                np.dot(sine[layer, :n], hidden_w[k, layer], out=z)
                _add_bias(z, hidden_b[k, layer])
                sine_and_cosine(
                    z.reshape(-1),
                    sine[layer + 1, :n].reshape(-1),
                    cosine[layer + 1, :n].reshape(-1),
                )
            last, residual = sine[others, :n], residuals[:n]
            np.dot(last, head_w[k], out=residual)
            _add_bias(residual, head_b[k])
            _residual(residual, y[block, start:end], mask[block, start:end], scale[k])
            _add_outer_transposed(last, residual, head_grad)
            _add_sum(head_b_grad[at], residual)
            np.dot(residual, transposed, out=up)
            for layer in range(others - 1, -1, -1):
                _times(up.reshape(-1), cosine[layer + 1, :n].reshape(-1))
                _add_sum(hidden_b_grad[at, layer], up)
                np.dot(sine[layer, :n].T, up, out=product)
                hidden_w_grad[at, layer] += product
                np.dot(up, hidden_w[k, layer].T, out=z)
                up, z = z, up
            _times(up.reshape(-1), cosine[0, :n].reshape(-1))
            _add_outer(x[block, start:end], up, first_w_grad[at], first_b_grad[at])
        head_w_grad[at] += head_grad.T


@dataclass(frozen=True, slots=True)
class _Share:
    """Blocks first ... last - 1, and superpixels low ... high - 1 that they belong to."""

    first: int
    last: int
    low: int
    high: int


def _shares(superpixel: _Array) -> list[_Share]:
    """Deal consecutive blocks out to a few shares of about equal size."""
    ends = np.linspace(0, superpixel.size, _SHARES + 1).round().astype(int)
    return [
        _Share(a, b, int(superpixel[a]), int(superpixel[b - 1]) + 1)
        for a, b in pairwise(ends)
        if b > a
    ]


@contextmanager
def fused_gradients() -> Iterator[Gradients]:
    """Yield gradients on as many threads as torch uses.

    They are for networks on the CPU with omega_0 = 1 and without gates.
    """
    threads = torch.get_num_threads()
    with threadpool_limits(1, "blas"), ThreadPoolExecutor(threads) as pool:
        yield partial(_differentiate, pool.map if threads > 1 else map)


def _differentiate(side_by_side: Any, network: SuperpixelNetwork, slots: Slots) -> None:
    weights = _weights(network)
    blocks = _Blocks(
        slots.x.numpy(),
        slots.y.numpy(),
        slots.mask.numpy(),
        slots.packing.filled.sum(dim=(1, 2)).to(torch.int64).numpy(),
        slots.packing.superpixel.numpy(),
    )
    scale = (2.0 / entries(slots)).numpy()
    shares = _shares(blocks.superpixel)

    def run(share: _Share) -> _Weights:
        own = slice(share.low, share.high)
        grads = _Weights(*(np.zeros_like(weight[own]) for weight in weights))
        part = _Blocks(*(array[share.first : share.last] for array in blocks))
        _accumulate(part, scale, share.low, weights, grads)
        return grads

    totals = _Weights(*(np.zeros_like(weight) for weight in weights))
    for share, grads in zip(shares, side_by_side(run, shares), strict=True):
        for total, grad in zip(totals, grads, strict=True):
            total[share.low : share.high] += grad
    _put(network, totals)


@torch.no_grad()
def _weights(network: SuperpixelNetwork) -> _Weights:
    first, *others = network.sines
    head_w, head_b = network.folded_head(None, None)
    tensors = (
        first.weight,
        first.bias[:, 0],
        torch.stack([layer.weight for layer in others], dim=1),
        torch.stack([layer.bias[:, 0] for layer in others], dim=1),
        head_w,
        head_b[:, 0],
    )
    return _Weights(*(tensor.detach().contiguous().numpy() for tensor in tensors))


@torch.no_grad()
def _put(network: SuperpixelNetwork, grads: _Weights) -> None:
    """Store gradients where optimisers look for them."""
    first_w, first_b, hidden_w, hidden_b, head_w, head_b = map(torch.from_numpy, grads)
    first, *others = network.sines
    first.weight.grad, first.bias.grad = first_w, first_b[:, None]
    for index, layer in enumerate(others):
        layer.weight.grad = hidden_w[:, index].contiguous()
        layer.bias.grad = hidden_b[:, index, None].contiguous()
    network.head.weight.grad = head_w @ network.dictionary.T
    network.head.bias.grad = (head_b @ network.dictionary.T)[:, None]
