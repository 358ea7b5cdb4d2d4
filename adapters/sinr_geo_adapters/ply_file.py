"""PLY: vertices with colours and other numbers, with or without faces.

Reading maps the file; writing copies its bytes and patches the vertices. Decoding and encoding it
again, as trimesh and plyfile do, moves comments, renames types and prints other digits.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sinr_geo.adapters import Document, Query
from sinr_geo.axes import Axis
from sinr_geo.errors import InputError
from sinr_geo.points import IntArray
from sinr_geo_adapters.mesh_edges import outline_pairs, unique_edges
from sinr_geo_adapters.ply_ascii import AsciiBody
from sinr_geo_adapters.ply_binary import BinaryBody
from sinr_geo_adapters.ply_header import PlyHeader, read_ply_header
from sinr_geo_adapters.vertex_channels import vertex_layer
from sinr_geo_adapters.vertex_patch import VertexPatch
from sinr_geo_adapters.vertices import POSITION, Attribute, largest_stored, vertex_axes

__all__ = ["MAGIC", "PlyFile", "open_ply"]

MAGIC = (b"ply\n", b"ply\r", b"ply ")

COLOURS = (("red", "green", "blue", "alpha"), ("diffuse_red", "diffuse_green", "diffuse_blue", ""))
CORNERS = ("vertex_indices", "vertex_index")


class PlyFile:
    """The vertices of a PLY file; a `VertexSource`.

    Parameters
    ----------
    path : Path
    header : PlyHeader
    axes : tuple of Axis

    Raises
    ------
    InputError
        If the file is shorter than its header says.
    """

    name = "vertices"
    suffix = ".ply"

    def __init__(self, path: Path, header: PlyHeader, axes: tuple[Axis, ...]) -> None:
        self.path = path
        self.header = header
        self.axes = axes
        self._body = AsciiBody(path, header) if header.is_ascii else BinaryBody(path, header)

    @property
    def count(self) -> int:
        """Number of vertices."""
        vertices = self.header.element("vertex")
        assert vertices is not None
        return vertices.rows

    @cached_property
    def attributes(self) -> Mapping[str, Attribute]:
        """Properties of the vertices, but for their place."""
        tops = dict.fromkeys((*self.colours, *filter(None, (self.alpha,))), self._float_top)
        return {
            name: _attribute(name, dtype, tops.get(name, np.inf))
            for name, dtype in self._types.items()
            if name not in POSITION
        }

    @property
    def colours(self) -> tuple[str, ...]:
        """Names of the colour properties."""
        return next((c[:3] for c in COLOURS if set(c[:3]) <= self._types.keys()), ())

    @property
    def alpha(self) -> str | None:
        """Name of the opacity."""
        alpha = next((c[3] for c in COLOURS if c[:3] == self.colours), "")
        return alpha if alpha in self._types else None

    def columns(self, names: Iterable[str], rows: slice) -> Mapping[str, NDArray[Any]]:
        """Read properties of a run of vertices."""
        return self._body.columns(list(names), rows)

    def edges(self) -> IntArray | None:
        """Return the edges of the faces; None for a cloud."""
        return self._edges

    @cached_property
    def _edges(self) -> IntArray | None:
        faces = self.header.element("face")
        if faces is None or not faces.rows:
            return None
        lists = [p.name for p in faces.properties if p.count and p.name in CORNERS]
        if not lists:
            return None
        pairs = outline_pairs(*self._body.polygons(lists[0]))
        if pairs.size and not 0 <= pairs.min() <= pairs.max() < self.count:
            raise InputError(
                f"{self.path}: a PLY face has a vertex that the file does not have: there are "
                f"{self.count}, counted from 0"
            )
        return unique_edges(pairs, self.count)

    def write(self, target: Path, patches: Sequence[VertexPatch]) -> None:
        """Write a copy with patched vertices."""
        (patch,) = patches
        added = patch.added(self._types.keys())
        header = self.header.with_properties((n, c.dtype.str[1:]) for n, c in added.items())
        with target.open("wb") as stream:
            stream.write(header)
            self._body.copy(stream, patch.changed, added)

    @cached_property
    def _types(self) -> dict[str, np.dtype[Any]]:
        vertices = self.header.element("vertex")
        assert vertices is not None
        return {p.name: np.dtype(p.code) for p in vertices.properties}

    @cached_property
    def _float_top(self) -> float:
        """Full colour in floating-point colours: 1, or 255 if any number is above 1."""
        floats = tuple(n for n in self.colours if self._types[n].kind == "f")
        return 255.0 if largest_stored(self, floats, enough=1.0) > 1.0 else 1.0


def open_ply(path: Path, query: Query) -> Document:
    """Open a mesh or a cloud.

    Raises
    ------
    InputError
        If the file is damaged.
    RequestError
        If `query` names what the file does not have, or nothing in it can be recovered.
    """
    header = read_ply_header(path)
    file = PlyFile(path, header, vertex_axes(query, path))
    rows = {element.name: element.rows for element in header.elements}
    return Document(
        path=path,
        format="PLY mesh" if header.has_faces else "PLY cloud",
        layers=(vertex_layer(file, query),),
        template=file,
        facts={"encoding": header.format, "rows": rows, "attributes": list(file.attributes)},
    )


def _attribute(name: str, dtype: np.dtype[Any], float_top: float) -> Attribute:
    if dtype.kind == "f":
        return Attribute(name, dtype, 0.0 if np.isfinite(float_top) else -np.inf, float_top)
    info = np.iinfo(dtype)
    return Attribute(name, dtype, float(info.min), float(info.max))
