"""Gradients that are evaluated again and again.

On a GPU, launches cost more than the work itself, so they are recorded once and replayed; on a
CPU, fresh memory does, so a step takes the memory of the one before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from threading import Lock

import torch
from torch import Tensor
from torch.nn import Parameter

from sinr_geo.sine.arena import Arena

__all__ = ["replayed"]

_WARM_UP = 3
_recording = Lock()


def replayed(
    loss: Callable[[], Tensor], parameters: Iterable[Parameter], arena: Arena
) -> Callable[[], Tensor]:
    """Return a function that evaluates a loss and replaces the gradients of its parameters.

    On a CUDA device the work is captured in a graph, so that nothing waits for the host; then the
    loss must read the same tensors every time, and the host must take no decision inside. Elsewhere
    it is evaluated anew each time. What the loss leaves behind is overwritten by the next call.

    Parameters
    ----------
    loss : callable
        Returns a scalar.
    parameters : iterable of Parameter
        All on one device.
    arena : Arena
        Shared by all losses of a training.

    Returns
    -------
    callable
        Returns the loss, without its graph; on a CUDA device the next call overwrites it.
    """
    leaves = [parameter for parameter in parameters if parameter.requires_grad]

    def evaluate() -> Tensor:
        for leaf in leaves:
            leaf.grad = None
        with arena.step():
            value = loss()
            torch.autograd.backward(value)
        return value.detach()

    return _Recorded(evaluate, leaves) if leaves[0].is_cuda else evaluate


class _Recorded:
    """The launches of an evaluation.

    They read memory by its address, so that what the evaluation reads lives as long as they do.
    Methods train side by side: only one records at a time, and what the others do meanwhile, which
    may be to ask for memory or to wait for a result, does not concern a recording.
    """

    def __init__(self, evaluate: Callable[[], Tensor], leaves: list[Parameter]) -> None:
        self._evaluate, self._leaves = evaluate, leaves
        side = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(_WARM_UP):
                evaluate()
        torch.cuda.current_stream().wait_stream(side)
        self._graph = torch.cuda.CUDAGraph()
        with _recording, torch.cuda.graph(self._graph, capture_error_mode="thread_local"):
            self._value = evaluate()
        self._gradients = [leaf.grad for leaf in leaves]

    def __call__(self) -> Tensor:
        self._graph.replay()
        for leaf, gradient in zip(self._leaves, self._gradients, strict=True):
            leaf.grad = gradient
        return self._value
