"""A step of training on a CPU with numba: threads share the superpixels out among them.

Import it only where numba is installed.
"""

from __future__ import annotations

import heapq
import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from functools import cache
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sinr_geo.sine.fused_superpixel import Blocks, Room, Rules, Weights, differentiate
from sinr_geo.sine.loss import Loss
from sinr_geo.sine.network import BOTTLENECK, Gate, SuperpixelNetwork
from sinr_geo.sine.registers import LANES
from sinr_geo.sine.samples import Slots
from sinr_geo.sine.sweeps import with_constant

__all__ = ["FusedStep", "shared_out"]

_Array = NDArray[Any]
_Item = TypeVar("_Item")

_SHARES = 16
"""Shares of superpixels, whatever the number of threads: sums stay the same."""


class FusedStep:
    """Evaluates a loss and replaces the gradients, on as many threads as torch uses, at most 16.

    Slots are laid out when they are first seen: whoever changes them in place is not noticed.

    Parameters
    ----------
    network : SuperpixelNetwork
        On the CPU.
    loss : Loss
    """

    def __init__(self, network: SuperpixelNetwork, loss: Loss) -> None:
        form = network.form
        self._network, self._loss = network, loss
        omega = np.full(form.layers, form.hidden_omega, np.float32)
        omega[0] = form.omega
        self._rules = Rules(omega, loss.power, form.gated)
        self._grads = Weights(*(np.zeros_like(array) for array in _weights(network)))
        self._slots: Slots | None = None

    def __call__(self, slots: Slots) -> Tensor:
        """Take the gradients at some slots; -> the loss, a scalar."""
        self._lay_out(slots)
        weights, losses = _weights(self._network), np.zeros(self._network.form.superpixels)
        dictionaries = np.empty((len(self._shares), *weights.dictionary.shape), np.float32)
        waiting = deque(zip(self._shares, dictionaries, strict=True))

        def work(room: Room) -> None:
            for share, dictionary in _taken(waiting):
                grads = self._grads._replace(dictionary=dictionary)
                differentiate(share, self._blocks, weights, grads, self._rules, room, losses)

        others = [_threads().submit(work, room) for room in self._rooms[1:]]
        try:
            work(self._rooms[0])
        finally:
            wait(others)
        for other in others:
            other.result()
        self._put(dictionaries.sum(axis=0))
        return torch.tensor(losses.sum(), dtype=torch.float32)

    def _lay_out(self, slots: Slots) -> None:
        """Share slots out among threads, unless they are those of the step before."""
        if slots is self._slots:
            return
        self._slots, self._blocks = slots, _blocks(slots, self._loss)
        counts = np.diff(self._blocks.first)
        self._shares = shared_out(counts, _SHARES)
        threads = min(torch.get_num_threads(), len(self._shares))
        most = max(1, int(counts.max()))
        self._rooms = [_room(self._network, self._blocks, most) for _ in range(threads)]

    def _put(self, of_dictionary: _Array) -> None:
        """Leave gradients where optimisers look for them; the next call writes over them.

        They lie in memory as their parameters do: fused optimisers do not look at strides.
        """
        network, grads = self._network, self._grads
        first, *hidden = (layer.weight for layer in network.sines)
        gates = _gates(network)
        of_squeeze, of_excite = (
            (*sines, head)
            for sines, head in (
                (grads.squeeze, grads.head_squeeze),
                (grads.excite, grads.head_excite),
            )
        )
        pairs = [
            (first, grads.first),
            *zip(hidden, grads.hidden, strict=True),
            *zip((layer.bias for layer in network.sines), grads.bias, strict=True),
            (network.head.weight, grads.head),
            (network.head.bias, grads.head_bias),
            (network.dictionary, np.ascontiguousarray(of_dictionary[:, : network.form.outputs])),
            *zip((gate.squeeze for gate in gates), of_squeeze, strict=False),
            *zip((gate.excite for gate in gates), of_excite, strict=False),
        ]
        for parameter, gradient in pairs:
            if parameter.requires_grad:
                parameter.grad = torch.from_numpy(gradient)


def _weights(network: SuperpixelNetwork) -> Weights:
    """Return the weights of now; what is one tensor already keeps its memory."""
    form, sines = network.form, network.sines
    nothing = np.empty((form.layers, 1, 1, 1), np.float32)
    gates = _gates(network)
    last = gates[-1] if gates else None
    return Weights(
        _array(network.first.weight),
        _stacked([layer.weight for layer in sines[1:]], nothing[:0]),
        _stacked([layer.bias for layer in sines], nothing),
        _stacked([gate.squeeze for gate in gates[:-1]], nothing),
        _stacked([gate.excite for gate in gates[:-1]], nothing),
        _array(network.head.weight),
        _array(network.head.bias),
        nothing[0] if last is None else _array(last.squeeze),
        nothing[0] if last is None else _array(last.excite),
        _padded(_array(network.dictionary)),
    )


def _gates(network: SuperpixelNetwork) -> list[Gate]:
    return [gate for gate in network.gates if isinstance(gate, Gate)]


def _array(tensor: Tensor) -> _Array:
    return np.asarray(tensor.detach().contiguous().numpy())


def _stacked(tensors: Sequence[Tensor], empty: _Array) -> _Array:
    return np.stack([_array(tensor) for tensor in tensors]) if tensors else empty


def _padded(dictionary: _Array) -> _Array:
    """Append columns of 0 to D (r, s), up to a multiple of a register's length."""
    missing = -dictionary.shape[1] % LANES
    return np.pad(dictionary, ((0, 0), (0, missing)))


def _blocks(slots: Slots, loss: Loss) -> Blocks:
    packing = slots.packing
    return Blocks(
        _array(with_constant(slots.x, packing.filled)),
        _array(slots.y),
        _array(slots.mask),
        _array(packing.own[:, :, 0]),
        _array(packing.first),
        _array(packing.own_sizes()[:, 0].clamp(min=1.0)),
        _array(loss.scale(slots).double()),
    )


def _room(network: SuperpixelNetwork, blocks: Blocks, count: int) -> Room:
    """Make room for a superpixel of so many blocks."""
    form, slots = network.form, blocks.x.shape[2]
    layers, side = form.layers, form.width + 1
    shapes = (
        (layers, count, side, slots),
        (layers, count, side, slots),
        (side, slots),
        (form.outputs, slots),
        (layers, max(form.inputs, form.width) + 1, side),
        (layers, form.width),
        (layers, form.width),
        (layers, BOTTLENECK),
    )
    return Room(*(np.empty(shape, np.float32) for shape in shapes))


def shared_out(counts: _Array, shares: int) -> list[_Array]:
    """Deal superpixels out, the largest first, each to the share with the least so far."""
    loads = [(0, share) for share in range(min(shares, counts.size))]
    dealt: list[list[int]] = [[] for _ in loads]
    for k in np.argsort(-counts, kind="stable"):
        load, share = heapq.heappop(loads)
        dealt[share].append(int(k))
        heapq.heappush(loads, (load + int(counts[k]) + 1, share))
    return [np.array(share) for share in dealt]


def _taken(waiting: deque[_Item]) -> Iterator[_Item]:
    """Take what no other thread has taken, until nothing is left."""
    while waiting:
        try:
            item = waiting.popleft()
        except IndexError:  # another thread was faster
            return
        yield item


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="superpixels")


if hasattr(os, "register_at_fork"):  # threads do not live on in a child process
    os.register_at_fork(after_in_child=_threads.cache_clear)
