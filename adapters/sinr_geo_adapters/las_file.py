"""LAS and LAZ: points with colours and other numbers, read by laspy."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sinr_geo.adapters import Document, Query
from sinr_geo.errors import InputError, MissingReaderError
from sinr_geo.points import IntArray
from sinr_geo_adapters.las_copy import copy_las
from sinr_geo_adapters.las_crs import las_axes, las_crs, metres_per_unit
from sinr_geo_adapters.las_layout import LasLayout, read_layout
from sinr_geo_adapters.vertex_channels import vertex_layer
from sinr_geo_adapters.vertex_patch import VertexPatch
from sinr_geo_adapters.vertices import POSITION, Attribute, largest_stored

__all__ = ["MAGIC", "LasFile", "open_las"]

MAGIC = b"LASF"
COLOURS = ("red", "green", "blue")
MEASURED = {*COLOURS, "nir", "intensity"}
"""Standard dimensions that are measured; the others count, classify or flag."""
PLACE = {"X", "Y", "Z"}


class LasFile:
    """The points of a LAS or LAZ file; a `VertexSource`.

    Parameters
    ----------
    layout : LasLayout
    header : laspy.LasHeader
    query : Query

    Raises
    ------
    RequestError
        If the query names an axis other than x, y and z.
    """

    name = "points"
    alpha = None

    def __init__(self, layout: LasLayout, header: Any, query: Query) -> None:
        self.path = layout.path
        self.layout = layout
        self.crs = las_crs(header)
        self.axes = las_axes(query, layout.path, header, self.crs)
        self._format = header.point_format
        self._metres = metres_per_unit(header, self.crs) or 1.0
        self._nodata = _nodata(header)

    @property
    def suffix(self) -> str:
        """End of the names of such files."""
        return ".laz" if self.layout.is_compressed else ".las"

    @property
    def count(self) -> int:
        """Number of points."""
        return self.layout.points

    @cached_property
    def attributes(self) -> Mapping[str, Attribute]:
        """Dimensions of the points, but for their place."""
        single = [d for d in self._format.dimensions if d.num_elements == 1]
        return {d.name: self._attribute(d) for d in single if d.name not in PLACE}

    @property
    def colours(self) -> tuple[str, ...]:
        """Red, green and blue, if the point format has them."""
        return COLOURS if "red" in set(self._format.dimension_names) else ()

    def columns(self, names: Iterable[str], rows: slice) -> Mapping[str, NDArray[Any]]:
        """Read dimensions of a run of points; places in metres, or degrees and metres."""
        with laspy_errors(self.path):
            import laspy

            with laspy.open(self.path, read_evlrs=False) as reader:
                if rows.start:
                    reader.seek(rows.start)
                points = reader.read_points(rows.stop - rows.start)
        return {name: self._column(points, name) for name in names}

    def edges(self) -> IntArray | None:
        """Return None: a cloud does not say which points are neighbours."""
        return None

    def write(self, target: Path, patches: Sequence[VertexPatch]) -> None:
        """Write a copy with patched points."""
        (patch,) = patches
        with laspy_errors(self.path):
            copy_las(self.layout, self._format, patch, target)

    def _column(self, points: Any, name: str) -> NDArray[Any]:
        if name in POSITION:
            return np.asarray(points[name], np.float64) * self._metres_along(name)
        stored = points.array[name] if name in points.array.dtype.names else points[name]
        return np.asarray(stored)

    def _metres_along(self, name: str) -> float:
        degrees = self.axes[POSITION.index(name)].unit == "degrees"
        return 1.0 if degrees else self._metres

    def _attribute(self, dimension: Any) -> Attribute:
        name = dimension.name
        dtype = np.dtype(np.uint8) if dimension.dtype is None else dimension.dtype
        scale = 1.0 if dimension.scales is None else float(dimension.scales[0])
        offset = 0.0 if dimension.offsets is None else float(dimension.offsets[0])
        bounds = (-np.inf, np.inf)
        if dtype.kind in "iu":
            top = self._colour_top if name in COLOURS else float(dimension.max)
            bounds = (float(dimension.min) * scale + offset, top * scale + offset)
        return Attribute(
            name=name,
            dtype=dtype,
            lower=min(bounds),
            upper=max(bounds),
            scale=scale,
            offset=offset,
            nodata=self._nodata.get(name),
            recoverable=name in MEASURED or not dimension.is_standard,
        )

    @cached_property
    def _colour_top(self) -> float:
        """Full colour: many writers leave 8-bit colours in the 16 bits that LAS has."""
        return 65535.0 if largest_stored(self, COLOURS, enough=255.0) > 255.0 else 255.0


def open_las(path: Path, query: Query) -> Document:
    """Open a LAS or LAZ file.

    Raises
    ------
    MissingReaderError
        If laspy, or lazrs for a LAZ file, is not installed.
    InputError
        If the file is damaged.
    RequestError
        If `query` names what the file does not have, or nothing in it can be recovered.
    """
    layout = read_layout(path)
    _check_readers(path, layout)
    with laspy_errors(path):
        import laspy

        with laspy.open(path, read_evlrs=False) as reader:
            header = reader.header
    file = LasFile(layout, header, query)
    copc = "The copy is plain LAZ: the index that makes a COPC file would not fit the new points."
    return Document(
        path=path,
        format=f"{file.suffix[1:].upper()} {layout.version} point format {layout.point_format}",
        layers=(vertex_layer(file, query),),
        template=file,
        notes=(copc,) if layout.is_copc else (),
        facts={
            "points": file.count,
            "crs": None if file.crs is None else file.crs.to_string(),
            "attributes": list(file.attributes),
        },
    )


def _nodata(header: Any) -> dict[str, float]:
    """Read the numbers that mean "no value", which laspy leaves in the record of extra bytes."""
    return {
        one.format_name(): float(one.no_data[0])
        for record in header.vlrs.get("ExtraBytesVlr")
        for one in record.extra_bytes_structs
        if one.data_type and one.no_data is not None
    }


@contextmanager
def laspy_errors(path: Path) -> Iterator[None]:
    """Turn what laspy and lazrs raise for a damaged file into one sentence."""
    try:
        yield
    except _damage() as error:
        raise InputError(f"{path}: the file is damaged: {error}") from error
    except BaseException as error:
        # A panic in lazrs is none of Python's own exceptions, and its class has no public name.
        if type(error).__name__ != "PanicException":
            raise
        raise InputError(f"{path}: the compressed points are damaged: {error}") from error


def _damage() -> tuple[type[Exception], ...]:
    """List what laspy and its decompressor raise for bytes that make no sense."""
    import laspy

    general = (ValueError, IndexError, TypeError, OverflowError, EOFError, struct.error)
    if find_spec("lazrs") is None:
        return (laspy.errors.LaspyException, *general)
    import lazrs

    return (laspy.errors.LaspyException, lazrs.LazrsError, *general)


def _check_readers(path: Path, layout: LasLayout) -> None:
    try:
        import laspy
    except ImportError as error:
        raise MissingReaderError(_to_install(path, "laspy")) from error
    if layout.is_compressed and not laspy.LazBackend.detect_available():
        raise MissingReaderError(_to_install(path, "lazrs"))


def _to_install(path: Path, package: str) -> str:
    return (
        f'{path}: reading it needs {package}, which is not installed: pip install "sinr-geo[las]"'
    )
