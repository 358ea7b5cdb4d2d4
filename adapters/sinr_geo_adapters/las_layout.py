"""Where the parts of a LAS file stand: header, records, points, and what is behind them."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from os import SEEK_END
from pathlib import Path

from sinr_geo.errors import InputError

__all__ = ["LASZIP", "LasLayout", "Record", "read_layout"]

SHORTEST_HEADER = 227
RECORD_HEADER = struct.Struct("<H16sHH32s")
COMPRESSED_BIT = 0x80
LASZIP = ("laszip encoded", 22204)
LASZIP_FIXED = 34
VARIABLE_CHUNKS = 0xFFFFFFFF
LARGEST_CHUNK = 10_000_000


@dataclass(frozen=True, slots=True)
class Record:
    """A variable length record in front of the points.

    Parameters
    ----------
    user : str
        Who defined it.
    number : int
        Its number among those of `user`.
    raw : bytes
        All of it, with its own header of 54 bytes.
    """

    user: str
    number: int
    raw: bytes = field(repr=False)

    @property
    def data(self) -> bytes:
        """What it holds."""
        return self.raw[RECORD_HEADER.size :]

    def with_data(self, data: bytes) -> Record:
        """Return the record holding something else."""
        head = bytearray(self.raw[: RECORD_HEADER.size])
        struct.pack_into("<H", head, 20, len(data))
        return Record(self.user, self.number, bytes(head) + data)

    @classmethod
    def new(cls, user: str, number: int, data: bytes) -> Record:
        """Make a record."""
        return cls(
            user, number, RECORD_HEADER.pack(0, user.encode(), number, len(data), b"") + data
        )


@dataclass(frozen=True, slots=True)
class LasLayout:
    """The parts of a LAS or LAZ file.

    Parameters
    ----------
    path : Path
    header : bytes
        The public header with whatever a writer put behind it.
    records : tuple of Record
    gap : bytes
        Bytes between the records and the points.
    tail : int
        Where the extended records and waveforms behind the points start; the size of the file
        where there are none.
    """

    path: Path
    header: bytes = field(repr=False)
    records: tuple[Record, ...]
    gap: bytes = field(repr=False)
    tail: int

    @property
    def version(self) -> str:
        """Version of LAS."""
        return f"{self.header[24]}.{self.header[25]}"

    @property
    def point_format(self) -> int:
        """Number of the point format."""
        return self.header[104] & 0x3F

    @property
    def is_compressed(self) -> bool:
        """Whether it is LAZ."""
        return bool(self.header[104] & COMPRESSED_BIT)

    @property
    def is_copc(self) -> bool:
        """Whether an index over the compressed points makes it a COPC file."""
        return any(record.user == "copc" for record in self.records)

    @property
    def record_length(self) -> int:
        """Bytes per point, uncompressed."""
        return int(struct.unpack_from("<H", self.header, 105)[0])

    @property
    def points(self) -> int:
        """Number of points."""
        return _point_count(self.header)


def read_layout(path: Path) -> LasLayout:
    """Read everything in front of the points.

    Raises
    ------
    InputError
        If the file is shorter than its header says.
    """
    size = path.stat().st_size
    with path.open("rb") as stream:
        start = stream.read(SHORTEST_HEADER)
        if len(start) < SHORTEST_HEADER:
            raise InputError(f"{path}: the LAS file is cut off: it has {size} bytes")
        header_size, points_at, records = struct.unpack_from("<HII", start, 94)
        front = start + stream.read(max(points_at - len(start), 0))
    if not SHORTEST_HEADER <= header_size <= points_at <= size:
        raise InputError(
            f"{path}: the LAS file is cut off or damaged: its points start at byte {points_at}, "
            f"but the file has {size} bytes"
        )
    header = front[:header_size]
    listed, end = _records(path, front, header_size, records)
    layout = LasLayout(path, header, listed, front[end:], _tail(header, points_at, size))
    _check_points(layout, points_at, size)
    return layout


def _records(path: Path, front: bytes, place: int, count: int) -> tuple[tuple[Record, ...], int]:
    records = []
    for _ in range(count):
        if place + RECORD_HEADER.size > len(front):
            raise InputError(f"{path}: the LAS file is damaged: its records run into its points")
        _, user, number, length, _ = RECORD_HEADER.unpack_from(front, place)
        stop = place + RECORD_HEADER.size + length
        name = user.split(b"\0")[0].decode("latin-1")
        records.append(Record(name, number, front[place:stop]))
        place = stop
    if place > len(front):
        raise InputError(f"{path}: the LAS file is damaged: its records run into its points")
    return tuple(records), place


def _point_count(header: bytes) -> int:
    if header[25] >= 4 and len(header) >= 255:
        return int(struct.unpack_from("<Q", header, 247)[0])
    return int(struct.unpack_from("<I", header, 107)[0])


def _tail(header: bytes, points_at: int, size: int) -> int:
    if not header[104] & COMPRESSED_BIT:
        return int(points_at + _point_count(header) * struct.unpack_from("<H", header, 105)[0])
    starts: list[int] = []
    if header[25] >= 3 and len(header) >= 235:
        starts += struct.unpack_from("<Q", header, 227)
    if header[25] >= 4 and len(header) >= 247:
        start, count = struct.unpack_from("<QI", header, 235)
        starts += [start] if count else []
    return min((start for start in starts if start >= points_at), default=size)


def _check_points(layout: LasLayout, points_at: int, size: int) -> None:
    """Check that all points can be there."""
    if layout.tail > size:
        raise InputError(
            f"{layout.path}: the LAS file is cut off: its {layout.points} points end at byte "
            f"{layout.tail}, but the file has {size} bytes"
        )
    if layout.is_compressed and layout.points:
        _check_compression(layout)
        _check_chunks(layout, points_at, size)


def _check_compression(layout: LasLayout) -> None:
    """Check how the points are said to be compressed: their reader reserves what it is told."""
    data = next((r.data for r in layout.records if (r.user, r.number) == LASZIP), b"")
    if len(data) < LASZIP_FIXED:
        raise InputError(f"{layout.path}: the LAZ file does not say how it is compressed")
    (chunk,), (items,) = struct.unpack_from("<I", data, 12), struct.unpack_from("<H", data, 32)
    sizes = [
        struct.unpack_from("<H", data, at)[0] for at in range(LASZIP_FIXED + 2, len(data) - 3, 6)
    ]
    plausible = chunk == VARIABLE_CHUNKS or 0 < chunk <= max(LARGEST_CHUNK, layout.points)
    if not plausible or items != len(sizes) or sum(sizes) != layout.record_length:
        raise InputError(
            f"{layout.path}: the LAZ file is damaged: it announces chunks of {chunk} points "
            f"with {items} items of {sum(sizes)} bytes, for points of {layout.record_length} bytes"
        )


def _check_chunks(layout: LasLayout, points_at: int, size: int) -> None:
    """Check the table of compressed chunks: its reader would believe any number in it."""
    with layout.path.open("rb") as stream:
        stream.seek(points_at)
        at = int.from_bytes(stream.read(8), "little", signed=True)
        if at == -1:
            # A writer that could not seek put the place of the table at the very end.
            stream.seek(-8, SEEK_END)
            at = int.from_bytes(stream.read(8), "little", signed=True)
        if points_at < at <= size - 8:
            stream.seek(at)
            version, chunks = struct.unpack("<II", stream.read(8))
        else:
            raise InputError(
                f"{layout.path}: the LAZ file is cut off: the table of its compressed points "
                f"should stand at byte {at}, but the file has {size} bytes"
            )
    if version != 0 or chunks > layout.points:
        raise InputError(
            f"{layout.path}: the LAZ file is damaged: its table of compressed points has version "
            f"{version} and {chunks} entries for {layout.points} points"
        )
