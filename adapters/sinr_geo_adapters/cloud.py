"""Point clouds: PLY files without faces, LAS and LAZ."""

from __future__ import annotations

from pathlib import Path

from sinr_geo.adapters import Document, Query
from sinr_geo_adapters import las_file, ply_file
from sinr_geo_adapters.ply_header import has_faces
from sinr_geo_adapters.signature import first_bytes, not_one_of
from sinr_geo_adapters.vertex_adapter import VertexAdapter

__all__ = ["CloudAdapter"]


class CloudAdapter(VertexAdapter):
    """Reads and patches the points of clouds; the nearest points are neighbours."""

    name = "cloud"
    priority = 50
    reads = ("PLY cloud (.ply)", "LAS (.las)", "LAZ (.laz)")
    writes = reads

    def can_open(self, path: Path) -> bool:
        """Whether it is a LAS or LAZ file, or a PLY file without faces (or with a bad header)."""
        start = first_bytes(path, 4)
        return start == las_file.MAGIC or (start in ply_file.MAGIC and not has_faces(path))

    def open(self, path: Path, query: Query) -> Document:
        """Open a cloud; see `sinr_geo.adapters.Adapter.open`.

        Raises
        ------
        MissingReaderError
            If laspy, or lazrs for a LAZ file, is not installed.
        """
        start = first_bytes(path, 4)
        if start == las_file.MAGIC:
            return las_file.open_las(path, query)
        if start in ply_file.MAGIC:
            return ply_file.open_ply(path, query)
        raise not_one_of(path, "PLY", "LAS")
