"""What patching asks of a copy of a gridded file, NetCDF or Zarr."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Protocol

from numpy.typing import NDArray

__all__ = ["Block", "GridStore", "blocks_of"]

Block = tuple[slice, ...]
"""A box of a variable: one slice with whole bounds per dimension."""


class GridStore(Protocol):
    """A writable gridded file. Numbers go in and out as they are stored."""

    @property
    def names(self) -> Collection[str]:
        """Names of variables and dimensions in use."""
        ...

    def blocks(self, name: str) -> Iterator[Block]:
        """Boxes that cover a variable, each stored as a whole (a chunk, a record)."""
        ...

    def read(self, name: str, block: Block) -> NDArray[Any]:
        """Read a block of a variable as a new array."""
        ...

    def write(self, name: str, block: Block, values: NDArray[Any]) -> None:
        """Write a block of a variable."""
        ...

    def attributes(self, name: str) -> Mapping[str, Any]:
        """Attributes of a variable, those of the file for the name ``""``."""
        ...

    def set_attribute(self, name: str, key: str, value: Any) -> None:
        """Set an attribute of a variable, of the file for the name ``""``."""
        ...

    def add(
        self, name: str, like: str, values: NDArray[Any], attributes: Mapping[str, Any]
    ) -> None:
        """Add a variable with the dimensions, chunks and compression of another one.

        Floating-point variables declare NaN as their fill value.
        """
        ...


def blocks_of(shape: tuple[int, ...], chunks: tuple[int, ...]) -> Iterator[Block]:
    """Cut a shape into chunks, the last ones smaller."""
    if not shape:
        yield ()
        return
    for start in range(0, shape[0], chunks[0]):
        first = slice(start, min(start + chunks[0], shape[0]))
        for rest in blocks_of(shape[1:], chunks[1:]):
            yield (first, *rest)
