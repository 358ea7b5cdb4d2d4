"""Open a binary glTF file: which of its vertices make which layers."""

from __future__ import annotations

from pathlib import Path

from sinr_geo.adapters import Document, Query
from sinr_geo.errors import NothingToDoError
from sinr_geo_adapters.glb_copy import GlbCopier
from sinr_geo_adapters.glb_file import MAGIC, GlbFile, gltf_errors, read_glb
from sinr_geo_adapters.glb_vertices import Geometry, GlbVertices, geometries
from sinr_geo_adapters.vertex_channels import vertex_layer
from sinr_geo_adapters.vertices import vertex_axes

__all__ = ["MAGIC", "open_glb"]


def open_glb(path: Path, query: Query) -> Document:
    """Open a binary glTF file.

    Geometries whose colours are stored alike are one layer. Where some have colours, the others
    pass through.

    Raises
    ------
    InputError
        If the file is damaged, compressed or only the index of other files.
    RequestError
        If `query` names what the file does not have, or nothing in it can be recovered.
    """
    axes = vertex_axes(query, path)
    file = read_glb(path)
    with gltf_errors(path):
        everything = geometries(file.json)
        chosen = _chosen(everything, query)
        if not chosen:
            raise NothingToDoError(f"{path}: the GLB file has no meshes to recover")
        groups: dict[tuple[object, ...], list[Geometry]] = {}
        for geometry in chosen:
            groups.setdefault(_kind(file, geometry), []).append(geometry)
        sources = [
            GlbVertices(file, _layer_name(i, len(groups)), group, axes)
            for i, group in enumerate(groups.values())
        ]
        layers = tuple(vertex_layer(source, query) for source in sources)
    left = len(everything) - len(chosen)
    note = f"{left} of {len(everything)} geometries lack what is recovered and pass through."
    return Document(
        path=path,
        format="binary glTF",
        layers=layers,
        template=GlbCopier(sources),
        notes=(note,) if left else (),
        facts={"geometries": len(everything), "attributes": list(sources[0].attributes)},
    )


def _chosen(everything: list[Geometry], query: Query) -> list[Geometry]:
    """Return the geometries that have what is asked for, or all where none has it."""
    own = {name for name in query.variables or () if name.startswith("_")}
    needed = own or {"COLOR_0"}
    return [g for g in everything if needed <= g.attributes.keys()] or everything


def _kind(file: GlbFile, geometry: Geometry) -> tuple[object, ...]:
    """Tell how colours are stored; geometries that agree can share a layer."""
    if "COLOR_0" not in geometry.attributes:
        return ()
    accessor = file.json["accessors"][geometry.attributes["COLOR_0"]]
    return accessor["componentType"], accessor["type"]


def _layer_name(number: int, layers: int) -> str:
    return "vertices" if layers == 1 else f"vertices {number + 1}"
