"""Buffers of one step, used again by the next: fresh pages cost more than what is written to them.

Steps of a training ask for the same buffers in the same order. Outside a step a buffer is a fresh
tensor.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from math import prod

import torch
from torch import Tensor

__all__ = ["Arena", "buffer"]


class Arena:
    """The buffers of a training, in the order in which a step asks for them."""

    def __init__(self) -> None:
        self._kept: list[Tensor] = []
        self._taken = 0

    @contextmanager
    def step(self) -> Iterator[None]:
        """Lend buffers to `buffer`; what an earlier step had of them is overwritten."""
        self._taken = 0
        before = _current.set(self)
        try:
            yield
        finally:
            _current.reset(before)

    def take(self, shape: Sequence[int], like: Tensor) -> Tensor:
        """Return the next buffer, as large as the largest that was asked for in its place."""
        place, size = self._taken, prod(shape)
        self._taken += 1
        if place == len(self._kept):
            self._kept.append(like.new_empty(size))
        if self._kept[place].numel() < size or self._kept[place].dtype != like.dtype:
            self._kept[place] = like.new_empty(size)
        return self._kept[place][:size].view(tuple(shape))


_current: ContextVar[Arena | None] = ContextVar("arena of the current step", default=None)


def buffer(shape: Sequence[int], like: Tensor) -> Tensor:
    """Return memory for a result, its numbers undefined.

    Parameters
    ----------
    shape : sequence of int
    like : Tensor
        Gives type and device. Those of a GPU have their own allocator.
    """
    arena = _current.get()
    if arena is None or like.is_cuda:
        return torch.empty(tuple(shape), dtype=like.dtype, device=like.device)
    return arena.take(shape, like)
