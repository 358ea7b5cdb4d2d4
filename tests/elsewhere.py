"""A device that is not there: its tensors hold numbers of the CPU, and mix with none of the CPU's.

So tests without a GPU notice what would fail on one: a tensor made on the wrong side, an operation
on both, numbers read without being fetched. It goes by the name of torch's device without memory,
so what asks for CUDA (recorded steps, our kernels) does not notice it, and it is there for one
thread alone.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

__all__ = ["NAME", "Elsewhere", "ElsewhereMode"]

NAME = "meta"

_aten = torch.ops.aten
_COPY = _aten.copy_.default
_MIXING = {_COPY, _aten._to_copy.default}
_INDEXED = {_aten.index.Tensor, _aten.index_put_.default, _aten._index_put_impl_.default}


class Elsewhere(Tensor):
    """A tensor on the device."""

    inner: Tensor

    @staticmethod
    def __new__(cls, inner: Tensor) -> Elsewhere:
        made = Tensor._make_wrapper_subclass(
            cls,
            inner.shape,
            strides=inner.stride(),
            storage_offset=inner.storage_offset(),
            dtype=inner.dtype,
            device=NAME,
        )
        made.inner = inner
        return made

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _done(func, args, kwargs or {})

    def tolist(self) -> Any:
        return self.inner.tolist()

    def __repr__(self) -> str:
        return f"Elsewhere({self.inner!r})"


class ElsewhereMode(TorchDispatchMode):
    """While it is on, tensors can be made on the device; in this thread alone."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _done(func, args, kwargs or {})


def _done(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    given = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
    away = [tensor for tensor in given if isinstance(tensor, Elsewhere)]
    device = kwargs.get("device")
    if away and func not in _MIXING:
        excused = tree_leaves(args[1]) if func in _INDEXED else []
        _refuse_mixture(func, given, excused)
    if device is not None and torch.device(device).type == NAME and kwargs.get("generator"):
        raise RuntimeError(f"{func} was given a generator of another device")
    on_cpu = kwargs if device is None else {**kwargs, "device": "cpu"}
    out = func(*tree_map(_inner, args), **tree_map(_inner, on_cpu))
    if func is _COPY:
        return args[0]
    if torch.device(device).type != NAME if device is not None else not away:
        return out
    known = {id(tensor.inner): tensor for tensor in away}  # what is changed in place stays itself
    return tree_map(lambda leaf: known.get(id(leaf)) if id(leaf) in known else _outer(leaf), out)


def _refuse_mixture(func: Any, given: list[Tensor], excused: list[Any]) -> None:
    """Refuse tensors of the CPU but for single numbers and an index."""
    for tensor in given:
        index = any(tensor is one for one in excused)
        if not isinstance(tensor, Elsewhere) and tensor.dim() > 0 and not index:
            raise RuntimeError(f"{func} was given tensors on two devices")


def _inner(leaf: Any) -> Any:
    return leaf.inner if isinstance(leaf, Elsewhere) else leaf


def _outer(leaf: Any) -> Any:
    return Elsewhere(leaf) if isinstance(leaf, Tensor) else leaf
