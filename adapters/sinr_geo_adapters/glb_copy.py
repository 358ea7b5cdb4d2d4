"""Patch the vertices of a GLB file: colours in their accessors, new attributes behind the rest."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sinr_geo_adapters.glb_file import GlbFile, accessor_view, write_glb
from sinr_geo_adapters.glb_vertices import COLOUR, Geometry, GlbVertices, geometries
from sinr_geo_adapters.vertex_patch import ColumnPatch, VertexPatch, free_name

__all__ = ["GlbCopier"]

FLAG, STANDARD_ERROR, LABEL = "_SINR_FLAG", "STANDARD_ERROR", "_SUPERPIXEL"
ARRAY_BUFFER = 34962


class GlbCopier:
    """Writes copies of a GLB file.

    Parameters
    ----------
    sources : sequence of GlbVertices
        The vertices of the layers.
    """

    suffix = ".glb"

    def __init__(self, sources: Sequence[GlbVertices]) -> None:
        self.sources = sources

    def write(self, target: Path, patches: Sequence[VertexPatch]) -> None:
        """Write a copy; one patch per layer."""
        original = self.sources[0].file
        # The primitives of a copied document are others than those that the sources know.
        file = replace(
            original, json=copy.deepcopy(original.json), binary=np.array(original.binary)
        )
        twins = {tuple(sorted(g.attributes.items())): g for g in geometries(file.json)}
        added = bytearray()
        for source, patch in zip(self.sources, patches, strict=True):
            for geometry, start, stop in zip(
                source.geometries, source.starts[:-1], source.starts[1:], strict=True
            ):
                rows = slice(int(start), int(stop))
                if start == stop:
                    continue
                _change(file, geometry, patch.changed, rows)
                twin = twins[tuple(sorted(geometry.attributes.items()))]
                _add(file, twin, _new_columns(patch, rows, geometry), added)
        write_glb(_extended(file, bytes(added)), target)


def _change(
    file: GlbFile, geometry: Geometry, changed: Mapping[str, ColumnPatch], rows: slice
) -> None:
    for name, patch in changed.items():
        inside = (patch.rows >= rows.start) & (patch.rows < rows.stop)
        index = geometry.attributes["COLOR_0" if name in COLOUR else name]
        view = accessor_view(file, index)
        column = COLOUR.index(name) if name in COLOUR else 0
        view[patch.rows[inside] - rows.start, column] = patch.values[inside]
        _refresh_bounds(file.json["accessors"][index], view)


def _refresh_bounds(accessor: dict[str, Any], view: NDArray[Any]) -> None:
    """Keep min and max true where the file states them."""
    for key, bound in (("min", view.min(axis=0)), ("max", view.max(axis=0))):
        if key in accessor:
            accessor[key] = bound.tolist()


def _new_columns(patch: VertexPatch, rows: slice, geometry: Geometry) -> dict[str, NDArray[Any]]:
    """Name the new attributes: glTF wants names of one's own to start with an underscore."""
    taken = geometry.attributes
    columns: dict[str, NDArray[Any]] = {}
    if patch.flag is not None:
        columns[free_name(FLAG, taken)] = patch.flag[rows, np.newaxis]
    errors = {name: _finite(column[rows]) for name, column in patch.standard_error.items()}
    if not errors.keys().isdisjoint(COLOUR):
        zero = np.zeros(rows.stop - rows.start, np.float32)
        parts = [errors.pop(name, zero) for name in COLOUR[:3]]
        columns[free_name(f"_{STANDARD_ERROR}", taken)] = np.stack(parts, axis=1)
    for name, column in errors.items():
        columns[free_name(f"{name}_{STANDARD_ERROR}", taken)] = column[:, np.newaxis]
    if patch.label is not None:
        # Whole numbers of 32 bits are for indices only, and float32 holds them up to 2^24.
        columns[free_name(LABEL, taken)] = patch.label[rows, np.newaxis].astype(np.float32)
    return columns


def _finite(column: NDArray[np.float32]) -> NDArray[np.float32]:
    """GlTF forbids NaN: an unfilled vertex, whose flag says so, gets 0."""
    return np.nan_to_num(column, nan=0.0)


def _add(
    file: GlbFile, geometry: Geometry, columns: Mapping[str, NDArray[Any]], added: bytearray
) -> None:
    start = _aligned(file.json["buffers"][0]["byteLength"])
    views = file.json["bufferViews"]
    accessors = file.json["accessors"]
    for name, column in columns.items():
        packed = _four_byte_rows(column)
        view = {"buffer": 0, "byteOffset": start + len(added), "byteLength": packed.nbytes}
        views.append({**view, "byteStride": packed.shape[1], "target": ARRAY_BUFFER})
        added += packed.tobytes()
        accessors.append(_accessor(len(views) - 1, column))
        for primitive in geometry.primitives:
            primitive["attributes"][name] = len(accessors) - 1


def _accessor(view: int, column: NDArray[Any]) -> dict[str, Any]:
    return {
        "bufferView": view,
        "componentType": 5121 if column.dtype == np.uint8 else 5126,
        "count": len(column),
        "type": "SCALAR" if column.shape[1] == 1 else f"VEC{column.shape[1]}",
        "min": column.min(axis=0).tolist(),
        "max": column.max(axis=0).tolist(),
    }


def _four_byte_rows(column: NDArray[Any]) -> NDArray[np.uint8]:
    """Lay out rows, each starting at a multiple of 4 bytes as glTF asks."""
    raw = np.ascontiguousarray(column).view(np.uint8).reshape(len(column), -1)
    packed = np.zeros((len(raw), _aligned(raw.shape[1])), np.uint8)
    packed[:, : raw.shape[1]] = raw
    return packed


def _aligned(size: int) -> int:
    return size + -size % 4


def _extended(file: GlbFile, added: bytes) -> GlbFile:
    """Append bytes to the only buffer of the file."""
    buffer = file.json["buffers"][0]
    end = _aligned(buffer["byteLength"])
    buffer["byteLength"] = end + len(added)
    binary = np.zeros(end + len(added), np.uint8)
    kept = min(end, file.binary.size)
    binary[:kept] = file.binary[:kept]
    binary[end:] = np.frombuffer(added, np.uint8)
    return replace(file, binary=binary)
