"""The body of a binary PLY file: mapped, never read as a whole, copied row by row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from sinr_geo.errors import InputError
from sinr_geo_adapters.ply_header import PlyElement, PlyHeader, PlyProperty
from sinr_geo_adapters.vertex_patch import ColumnPatch
from sinr_geo_adapters.vertices import runs

__all__ = ["BinaryBody"]


@dataclass(frozen=True, slots=True)
class Lists:
    """The rows of an element with lists: where they end, and what one of the lists holds."""

    stop: int
    items: Mapping[str, tuple[NDArray[Any], NDArray[Any]]]
    """By list property: all items (k,) and how many each row has (rows,)."""


class BinaryBody:
    """Rows of a binary PLY file.

    Parameters
    ----------
    path : Path
    header : PlyHeader

    Raises
    ------
    InputError
        If the file is shorter than its header says.
    """

    def __init__(self, path: Path, header: PlyHeader) -> None:
        self.path = path
        self.header = header
        self._bytes = np.memmap(path, np.uint8, mode="r")
        self._starts: dict[str, int] = {}
        self._lists: dict[str, Lists] = {}
        place = len(header.raw)
        for element in header.elements:
            self._starts[element.name] = place
            place = self._stop(element, place)

    def columns(self, names: list[str], rows: slice) -> dict[str, NDArray[Any]]:
        """Read properties of a run of vertices, in the machine's byte order."""
        table = self._vertices()[rows]
        return {n: table[n].astype(table[n].dtype.newbyteorder("=")) for n in names}

    def polygons(self, name: str) -> tuple[NDArray[Any], NDArray[Any]]:
        """Read the corners of all faces, one behind the other, and each face's number of them."""
        return self._lists["face"].items[name]

    def copy(
        self,
        target: BinaryIO,
        changed: Mapping[str, ColumnPatch],
        added: Mapping[str, NDArray[Any]],
    ) -> None:
        """Write the body with changed and added columns of the vertices."""
        table = self._vertices()
        start = self._starts["vertex"]
        order = self.header.order
        fresh = [(name, order + column.dtype.str[1:]) for name, column in added.items()]
        wide = np.dtype([*((n, table.dtype[n]) for n in table.dtype.names or ()), *fresh])
        target.write(self._bytes[len(self.header.raw) : start].data)
        for rows in runs(len(table)):
            block = np.empty(rows.stop - rows.start, wide)
            for name in table.dtype.names or ():
                block[name] = table[name][rows]
            for name, patch in changed.items():
                inside = (patch.rows >= rows.start) & (patch.rows < rows.stop)
                block[name][patch.rows[inside] - rows.start] = patch.values[inside]
            for name, column in added.items():
                block[name] = column[rows]
            target.write(block.tobytes())
        target.write(self._bytes[start + table.nbytes :].data)

    def _vertices(self) -> NDArray[np.void]:
        vertices = self.header.element("vertex")
        assert vertices is not None
        start, dtype = self._starts["vertex"], vertices.dtype(self.header.order)
        body = self._bytes[start : start + vertices.rows * dtype.itemsize]
        return np.asarray(body).view(dtype)

    def _stop(self, element: PlyElement, start: int) -> int:
        if element.has_lists:
            self._lists[element.name] = self._found(element, start)
            return self._lists[element.name].stop
        return self._checked(element, start + element.rows * element.dtype("=").itemsize)

    def _checked(self, element: PlyElement, stop: int) -> int:
        if stop > self._bytes.size:
            raise InputError(
                f"{self.path}: the PLY file is cut off: its {element.rows} rows of "
                f"{element.name!r} end at byte {stop}, but the file has {self._bytes.size} bytes"
            )
        return stop

    def _found(self, element: PlyElement, start: int) -> Lists:
        """Find the ends of all lists; at once where every row has as many items as the first."""
        if element.rows == 0:
            empty = np.empty(0, np.int64)
            return Lists(start, {p.name: (empty, empty) for p in element.properties if p.count})
        alike = self._alike(element, start)
        return alike if alike is not None else self._walked(element, start)

    def _alike(self, element: PlyElement, start: int) -> Lists | None:
        first = self._walked(PlyElement(element.name, 1, element.properties), start)
        fields: list[tuple[Any, ...]] = []
        for number, p in enumerate(element.properties):
            size = () if p.count is None else (int(first.items[p.name][1][0]),)
            if p.count is not None:
                fields.append((f"count {number}", self.header.order + p.count))
            fields.append((p.name, self.header.order + p.code, size))
        row = np.dtype(fields)
        stop = start + element.rows * row.itemsize
        if stop > self._bytes.size:
            return None
        table = np.asarray(self._bytes[start:stop]).view(row)
        items = {}
        for number, p in enumerate(element.properties):
            if p.count is None:
                continue
            sizes = table[f"count {number}"]
            if (sizes != sizes[0]).any():
                return None
            items[p.name] = (table[p.name].reshape(-1), sizes)
        return Lists(stop, items)

    def _walked(self, element: PlyElement, start: int) -> Lists:
        found: dict[str, list[NDArray[Any]]] = {p.name: [] for p in element.properties if p.count}
        place = start
        for _ in range(element.rows):
            for p in element.properties:
                place, items = self._item(element, p, place)
                if p.count is not None:
                    found[p.name].append(items)
        return Lists(place, {name: _joined(items) for name, items in found.items()})

    def _item(self, element: PlyElement, p: PlyProperty, place: int) -> tuple[int, NDArray[Any]]:
        size = 1
        if p.count is not None:
            place, length = self._numbers(element, p.count, 1, place)
            size = int(length[0])
        return self._numbers(element, p.code, size, place)

    def _numbers(
        self, element: PlyElement, code: str, size: int, place: int
    ) -> tuple[int, NDArray[Any]]:
        dtype = np.dtype(self.header.order + code)
        stop = self._checked(element, place + max(size, 0) * dtype.itemsize)
        return stop, np.frombuffer(self._bytes, dtype, max(size, 0), place)


def _joined(items: list[NDArray[Any]]) -> tuple[NDArray[Any], NDArray[Any]]:
    sizes = np.fromiter((item.size for item in items), np.int64, len(items))
    return np.concatenate(items), sizes
