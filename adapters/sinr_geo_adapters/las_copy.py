"""Patch the points of a LAS or LAZ file and keep every other byte that can be kept.

laspy would write the header anew: bounds, counts by return and records as it understands them.
"""

from __future__ import annotations

import shutil
import struct
from collections.abc import Callable, Iterator, Mapping
from os import SEEK_END
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from sinr_geo_adapters.las_layout import LASZIP, LasLayout, Record
from sinr_geo_adapters.vertex_patch import ColumnPatch, VertexPatch
from sinr_geo_adapters.vertices import ROWS_AT_ONCE

__all__ = ["copy_las"]

LONGEST_NAME = 32
EXTRA_BYTES = ("LASF_Spec", 4)
DESCRIPTOR = struct.Struct("<2xBB32s4x24x24x24x24x24x32s")
UNDOCUMENTED = 0
WAVEFORMS, EXTENDED = 227, 235
CODES = {"u1": 1, "i4": 6, "f4": 9}
"""How LAS numbers the types of extra bytes."""


def copy_las(layout: LasLayout, point_format: Any, patch: VertexPatch, target: Path) -> None:
    """Write a copy.

    Parameters
    ----------
    layout : LasLayout
        The parts of the input.
    point_format : laspy.PointFormat
        The dimensions of its points.
    patch : VertexPatch
    target : Path
    """
    added = patch.added(set(point_format.dimension_names), LONGEST_NAME - 2)
    growth = sum(column.dtype.itemsize for column in added.values())
    records = _described(layout, point_format, added)
    with target.open("wb+") as stream:
        if layout.is_compressed:
            extra = layout.record_length - point_format.num_standard_bytes + growth
            compressor, records = _compressor(records, point_format.id, extra)
        stream.write(_front(layout, records, growth))
        if layout.is_compressed:
            points = compressor(stream)
            for block in _blocks(layout, patch.changed, added):
                points.compress_many(block)
            points.done()
        else:
            for block in _blocks(layout, patch.changed, added):
                stream.write(block.data)
        _finish(layout, stream, _front(layout, records, growth))


def _described(
    layout: LasLayout, point_format: Any, added: Mapping[str, NDArray[Any]]
) -> list[Record]:
    """Return the records with the new dimensions described among the extra bytes."""
    # The index of a COPC file would not fit points that were compressed anew.
    records = [record for record in layout.records if record.user != "copc"]
    if not added:
        return records
    new = b"".join(_descriptor(name, c.dtype) for name, c in added.items())
    for place, record in enumerate(records):
        if (record.user, record.number) == EXTRA_BYTES:
            gap = _undocumented(layout, point_format, len(record.data) // DESCRIPTOR.size)
            records[place] = record.with_data(record.data + gap + new)
            return records
    return [*records, Record.new(*EXTRA_BYTES, _undocumented(layout, point_format, 0) + new)]


def _descriptor(name: str, dtype: np.dtype[Any]) -> bytes:
    return DESCRIPTOR.pack(CODES[dtype.str[1:]], 0, name.encode(), b"")


def _undocumented(layout: LasLayout, point_format: Any, described: int) -> bytes:
    """Describe extra bytes that no record described: what follows would be taken for them."""
    documented = sum(d.num_bytes for d in list(point_format.extra_dimensions)[:described])
    left = layout.record_length - point_format.num_standard_bytes - documented
    sizes = [min(255, left - start) for start in range(0, left, 255)]
    return b"".join(DESCRIPTOR.pack(UNDOCUMENTED, size, b"undocumented", b"") for size in sizes)


def _compressor(
    records: list[Record], point_format: int, extra_bytes: int
) -> tuple[Callable[[BinaryIO], Any], list[Record]]:
    """Return what makes a compressor for a file, and the records with its own among them."""
    import lazrs

    own = lazrs.LazVlr.new_for_compression(point_format, extra_bytes)
    replaced = [
        record.with_data(own.record_data()) if (record.user, record.number) == LASZIP else record
        for record in records
    ]
    return lambda stream: lazrs.ParLasZipCompressor(stream, own), replaced


def _front(layout: LasLayout, records: list[Record], growth: int) -> bytes:
    header = bytearray(layout.header)
    behind = b"".join(record.raw for record in records) + layout.gap
    struct.pack_into("<II", header, 96, len(header) + len(behind), len(records))
    struct.pack_into("<H", header, 105, layout.record_length + growth)
    return bytes(header) + behind


def _blocks(
    layout: LasLayout, changed: Mapping[str, ColumnPatch], added: Mapping[str, NDArray[Any]]
) -> Iterator[NDArray[np.uint8]]:
    """Read the points run by run and give their bytes, changed and widened."""
    import laspy

    start = 0
    with laspy.open(layout.path, read_evlrs=False) as reader:
        for points in reader.chunk_iterator(ROWS_AT_ONCE):
            table = points.array
            stop = start + len(table)
            for name, patch in changed.items():
                inside = (patch.rows >= start) & (patch.rows < stop)
                table[name][patch.rows[inside] - start] = patch.values[inside]
            columns = [table, *(np.ascontiguousarray(c[start:stop]) for c in added.values())]
            raw = [column.view(np.uint8).reshape(stop - start, -1) for column in columns]
            yield np.ascontiguousarray(np.concatenate(raw, axis=1)).reshape(-1)
            start = stop


def _finish(layout: LasLayout, stream: BinaryIO, front: bytes) -> None:
    """Copy what stands behind the points and say in the header where it stands now."""
    tail = stream.seek(0, SEEK_END)
    with layout.path.open("rb") as source:
        source.seek(layout.tail)
        shutil.copyfileobj(source, stream)
    moved = bytearray(front[: len(layout.header)])
    for place in _pointers(layout):
        (start,) = struct.unpack_from("<Q", moved, place)
        if start >= layout.tail:
            struct.pack_into("<Q", moved, place, start - layout.tail + tail)
    stream.seek(0)
    stream.write(moved)


def _pointers(layout: LasLayout) -> tuple[int, ...]:
    """Return where the header says where waveforms and extended records start."""
    minor = layout.header[25]
    return (WAVEFORMS, EXTENDED)[: 2 if minor >= 4 else max(minor - 2, 0)]
