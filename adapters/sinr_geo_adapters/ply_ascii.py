"""The body of an ASCII PLY file: parsed for reading, but copied as the text that it is."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from sinr_geo.errors import InputError
from sinr_geo_adapters.ply_header import PlyElement, PlyHeader
from sinr_geo_adapters.vertex_patch import ColumnPatch

__all__ = ["AsciiBody"]

WORD = re.compile(rb"\s*\S+")


class AsciiBody:
    """Rows of an ASCII PLY file, one per line.

    Parameters
    ----------
    path : Path
    header : PlyHeader

    Raises
    ------
    InputError
        If the file has fewer lines than its header says.
    """

    def __init__(self, path: Path, header: PlyHeader) -> None:
        self.path = path
        self.header = header
        expected = sum(element.rows for element in header.elements)
        with path.open("rb") as stream:
            stream.seek(len(header.raw))
            lines = sum(1 for _ in stream)
        if lines < expected:
            raise InputError(
                f"{path}: the PLY file is cut off: its header promises {expected} lines of data, "
                f"but there are {lines}"
            )

    def columns(self, names: list[str], rows: slice) -> dict[str, NDArray[Any]]:
        """Read properties of a run of vertices."""
        return {name: self._vertices[name][rows] for name in names}

    def polygons(self, name: str) -> tuple[NDArray[Any], NDArray[Any]]:
        """Read the corners of all faces, one behind the other, and each face's number of them."""
        faces = self.header.element("face")
        assert faces is not None
        rows = [self._list_items(faces, name, line) for line in self._lines(faces)]
        sizes = np.fromiter((len(row) for row in rows), np.int64, len(rows))
        return np.asarray([corner for row in rows for corner in row], np.int64), sizes

    def copy(
        self,
        target: BinaryIO,
        changed: Mapping[str, ColumnPatch],
        added: Mapping[str, NDArray[Any]],
    ) -> None:
        """Write the body with changed and added columns of the vertices."""
        vertices, before = self._place()
        words = {name: _full_column(patch, vertices.rows) for name, patch in changed.items()}
        order = [p.name for p in vertices.properties]
        new = {order.index(name): column for name, column in words.items()}
        with self.path.open("rb") as stream:
            stream.seek(len(self.header.raw))
            target.writelines(islice(stream, before))
            for row, line in enumerate(islice(stream, vertices.rows)):
                here = {place: column[row] for place, column in new.items() if column[row]}
                target.write(_patched(line, here, [_text(c[row]) for c in added.values()]))
            target.writelines(stream)

    @cached_property
    def _vertices(self) -> NDArray[np.void]:
        vertices, _ = self._place()
        try:
            return np.loadtxt(
                self._lines(vertices),
                vertices.dtype("="),
                comments=None,
                encoding="latin-1",
                ndmin=1,
            )
        except (ValueError, OverflowError) as error:
            raise InputError(
                f"{self.path}: a line of the PLY vertices does not hold the numbers that the "
                f"header promises: {' '.join(str(error).split())}"
            ) from error

    def _place(self) -> tuple[PlyElement, int]:
        """Return the vertices' element and the number of lines before it."""
        before = 0
        for element in self.header.elements:
            if element.name == "vertex":
                return element, before
            before += element.rows
        raise AssertionError("the header was checked to have vertices")

    def _lines(self, wanted: PlyElement) -> Iterator[bytes]:
        with self.path.open("rb") as stream:
            stream.seek(len(self.header.raw))
            for element in self.header.elements:
                lines = islice(stream, element.rows)
                if element is wanted:
                    yield from lines
                    return
                for _ in lines:
                    pass

    def _list_items(self, element: PlyElement, name: str, line: bytes) -> list[int]:
        words = line.split()
        place, items = 0, []
        try:
            for p in element.properties:
                size = 1
                if p.count is not None:
                    size, place = int(words[place]), place + 1
                if place + size > len(words):
                    raise IndexError(place)
                if p.name == name:
                    items = [int(word) for word in words[place : place + size]]
                place += size
        except (ValueError, IndexError) as error:
            raise InputError(
                f"{self.path}: a line of the PLY faces does not hold the numbers that the header "
                f"promises: {line.decode('latin-1').strip()!r}"
            ) from error
        return items


def _full_column(patch: ColumnPatch, rows: int) -> list[bytes]:
    """Spread a patch over all vertices as text, empty where nothing changes."""
    column = [b""] * rows
    for row, value in zip(patch.rows.tolist(), patch.values, strict=True):
        column[row] = _text(value)
    return column


def _text(number: np.generic) -> bytes:
    """Write a number with as few digits as give it back exactly."""
    return str(number).encode()


def _patched(line: bytes, changed: Mapping[int, bytes], added: list[bytes]) -> bytes:
    """Change and add words of a line; the rest of its bytes stays."""
    text = line.rstrip()
    end = line[len(text) :]
    if changed:
        words = WORD.findall(text)
        for place, word in changed.items():
            space = words[place][: len(words[place]) - len(words[place].lstrip())]
            words[place] = space + word
        text = b"".join(words)
    return b" ".join((text, *added)) + end
