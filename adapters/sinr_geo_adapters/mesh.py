"""Meshes: PLY files with faces and binary glTF (GLB)."""

from __future__ import annotations

from pathlib import Path

from sinr_geo.adapters import Document, Query
from sinr_geo_adapters import glb_document, ply_file
from sinr_geo_adapters.ply_header import has_faces
from sinr_geo_adapters.signature import first_bytes, not_one_of
from sinr_geo_adapters.vertex_adapter import VertexAdapter

__all__ = ["MeshAdapter"]


class MeshAdapter(VertexAdapter):
    """Reads and patches the vertices of meshes; the faces say which are neighbours."""

    name = "mesh"
    priority = 50
    reads = ("PLY mesh (.ply)", "binary glTF (.glb)")
    writes = reads

    def can_open(self, path: Path) -> bool:
        """Whether it is a GLB file or a PLY file with faces."""
        start = first_bytes(path, 4)
        return start == glb_document.MAGIC or (start in ply_file.MAGIC and has_faces(path))

    def open(self, path: Path, query: Query) -> Document:
        """Open a mesh; see `sinr_geo.adapters.Adapter.open`."""
        start = first_bytes(path, 4)
        if start == glb_document.MAGIC:
            return glb_document.open_glb(path, query)
        if start in ply_file.MAGIC:
            return ply_file.open_ply(path, query)
        raise not_one_of(path, "PLY", "GLB")
