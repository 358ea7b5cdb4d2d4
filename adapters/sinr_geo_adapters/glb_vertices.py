"""The vertices of glTF meshes, one geometry behind the other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sinr_geo.axes import Axis
from sinr_geo.errors import InputError
from sinr_geo.points import FloatArray, IntArray
from sinr_geo_adapters.glb_file import COMPONENTS, WIDTHS, GlbFile, accessor_view, gltf_errors
from sinr_geo_adapters.glb_scene import mesh_places
from sinr_geo_adapters.mesh_edges import outline_pairs, unique_edges
from sinr_geo_adapters.vertices import POSITION, Attribute

__all__ = ["Geometry", "GlbVertices", "geometries"]

DRACO = "KHR_draco_mesh_compression"
COLOUR = ("red", "green", "blue", "alpha")


@dataclass(frozen=True, slots=True)
class Geometry:
    """Vertices that some primitives of a mesh share.

    Parameters
    ----------
    attributes : dict of str to int
        Accessors of the vertices by glTF's name (``POSITION``, ``COLOR_0``, ``_HEAT``).
    primitives : list of dict
        The primitives that draw them, as they stand in the JSON document.
    place : ndarray, shape (4, 4)
        From the mesh's own to world coordinates.
    """

    attributes: dict[str, int]
    primitives: list[dict[str, Any]]
    place: FloatArray


def geometries(json: dict[str, Any]) -> list[Geometry]:
    """List the vertices of a glTF document in the order of its meshes, shared ones once."""
    places = mesh_places(json)
    found: dict[tuple[tuple[str, int], ...], Geometry] = {}
    for number, mesh in enumerate(json.get("meshes", [])):
        for primitive in mesh["primitives"]:
            attributes = primitive["attributes"]
            if "POSITION" not in attributes:
                continue
            key = tuple(sorted(attributes.items()))
            place = places.get(number, np.eye(4))
            found.setdefault(key, Geometry(dict(attributes), [], place)).primitives.append(
                primitive
            )
    return list(found.values())


class GlbVertices:
    """Geometries of a GLB file whose vertices have the same attributes; a `VertexSource`.

    Parameters
    ----------
    file : GlbFile
    name : str
        Name of the layer.
    geometries : list of Geometry
    axes : tuple of Axis
    """

    def __init__(
        self, file: GlbFile, name: str, geometries: list[Geometry], axes: tuple[Axis, ...]
    ) -> None:
        self.file = file
        self.name = name
        self.geometries = geometries
        self.axes = axes
        self.starts = np.cumsum([0, *(self._size(g) for g in geometries)])

    @property
    def path(self) -> Path:
        """The file."""
        return self.file.path

    @property
    def count(self) -> int:
        """Number of vertices of all geometries."""
        return int(self.starts[-1])

    @cached_property
    def attributes(self) -> Mapping[str, Attribute]:
        """Colours, and numbers under names of the file's own, that all geometries have."""
        names = set.intersection(*(set(g.attributes) for g in self.geometries))
        accessors = {n: self._accessor(i) for n, i in self.geometries[0].attributes.items()}
        found = {}
        for name in self.geometries[0].attributes:
            code = COMPONENTS.get(accessors[name]["componentType"], "<f4")
            if name not in names:
                continue
            if name == "COLOR_0":
                width = WIDTHS[accessors[name]["type"]]
                found.update({c: _attribute(c, code, colour=True) for c in COLOUR[:width]})
            elif name.startswith("_") and accessors[name]["type"] == "SCALAR":
                found[name] = _attribute(name, code, colour=False)
        return found

    @property
    def colours(self) -> tuple[str, ...]:
        """Names of the colours."""
        return COLOUR[:3] if "red" in self.attributes else ()

    @property
    def alpha(self) -> str | None:
        """Name of the opacity."""
        return "alpha" if "alpha" in self.attributes else None

    def columns(self, names: Iterable[str], rows: slice) -> Mapping[str, NDArray[Any]]:
        """Read attributes of a run of vertices; their place in the world."""
        wanted = list(names)
        with gltf_errors(self.path):
            parts = [
                self._part(geometry, wanted, slice(max(rows.start - start, 0), rows.stop - start))
                for geometry, start, stop in zip(
                    self.geometries, self.starts[:-1], self.starts[1:], strict=True
                )
                if start < rows.stop and stop > rows.start
            ]
        return {name: np.concatenate([part[name] for part in parts]) for name in wanted}

    def edges(self) -> IntArray | None:
        """Return the edges of what the primitives draw; None for points only."""
        return self._edges

    @cached_property
    def _edges(self) -> IntArray | None:
        with gltf_errors(self.path):
            pairs = [
                self._pairs(geometry, primitive) + start
                for geometry, start in zip(self.geometries, self.starts[:-1], strict=True)
                for primitive in geometry.primitives
            ]
        joined = np.concatenate(pairs)
        return unique_edges(joined, self.count) if joined.size else None

    def _accessor(self, index: int) -> dict[str, Any]:
        accessor: dict[str, Any] = self.file.json["accessors"][index]
        return accessor

    def _size(self, geometry: Geometry) -> int:
        """Return the number of vertices, having checked that every attribute has as many."""
        sizes = {int(self._accessor(i)["count"]) for i in geometry.attributes.values()}
        if len(sizes) > 1:
            raise InputError(f"{self.path}: the attributes of a glTF mesh differ in length")
        if any(DRACO in p.get("extensions", {}) for p in geometry.primitives):
            raise InputError(f"{self.path}: the mesh is compressed (Draco); decompress it first")
        for name in {"POSITION", "COLOR_0"} & geometry.attributes.keys():
            accessor_view(self.file, geometry.attributes[name])
        return sizes.pop()

    def _part(self, geometry: Geometry, names: list[str], rows: slice) -> dict[str, NDArray[Any]]:
        part: dict[str, NDArray[Any]] = {}
        if not set(POSITION).isdisjoint(names):
            place = _placed(self.file, geometry, rows)
            part.update({axis: place[:, i] for i, axis in enumerate(POSITION)})
        for name in names:
            if name in COLOUR:
                colour = accessor_view(self.file, geometry.attributes["COLOR_0"])
                part[name] = colour[rows, COLOUR.index(name)]
            elif name not in POSITION:
                part[name] = accessor_view(self.file, geometry.attributes[name])[rows, 0]
        return part

    def _pairs(self, geometry: Geometry, primitive: dict[str, Any]) -> IntArray:
        size = self._size(geometry)
        if "indices" in primitive:
            corners = accessor_view(self.file, primitive["indices"])[:, 0].astype(np.int64)
        else:
            corners = np.arange(size)
        if corners.size and corners.max() >= size:
            raise InputError(
                f"{self.path}: a glTF primitive draws vertex {corners.max()} of {size}"
            )
        return _drawn(corners, primitive.get("mode", 4))


def _attribute(name: str, code: str, *, colour: bool) -> Attribute:
    dtype = np.dtype(code)
    if dtype.kind == "f":
        return Attribute(name, dtype, *((0.0, 1.0) if colour else ()))
    return Attribute(name, dtype, float(np.iinfo(dtype).min), float(np.iinfo(dtype).max))


def _placed(file: GlbFile, geometry: Geometry, rows: slice) -> FloatArray:
    index = geometry.attributes["POSITION"]
    stored = accessor_view(file, index)[rows]
    own = stored.astype(np.float64)
    if file.json["accessors"][index].get("normalized") and stored.dtype.kind in "iu":
        own = np.maximum(own / np.iinfo(stored.dtype).max, -1.0)
    return np.asarray(own @ geometry.place[:3, :3].T + geometry.place[:3, 3])


def _drawn(corners: IntArray, mode: int) -> IntArray:
    """Return the pairs of corners that a primitive joins, by glTF's number of its mode."""
    one, two = corners[:-1], corners[1:]
    if mode == 4:
        whole = corners[: corners.size // 3 * 3]
        return outline_pairs(whole, np.full(whole.size // 3, 3))
    if mode == 5:
        skipping = np.stack([corners[:-2], corners[2:]], axis=1)
        return np.concatenate([np.stack([one, two], axis=1), skipping])
    if mode == 6:
        spokes = np.stack([np.full(two.size, corners[0]), two], axis=1)
        return np.concatenate([np.stack([one, two], axis=1), spokes])
    if mode in (2, 3):
        loop = np.roll(corners, -1) if mode == 2 else np.append(two, corners[-1])
        return np.stack([corners, loop], axis=1)
    if mode == 1:
        return corners[: corners.size // 2 * 2].reshape(-1, 2)
    return np.empty((0, 2), np.int64)
