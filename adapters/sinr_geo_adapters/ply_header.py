"""The header of a PLY file: its elements, their properties and where new ones go."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from sinr_geo.errors import InputError

__all__ = ["PlyElement", "PlyHeader", "PlyProperty", "has_faces", "read_ply_header"]

LONGEST_HEADER = 1 << 20
BYTE_ORDERS = {"ascii": "=", "binary_little_endian": "<", "binary_big_endian": ">"}
TYPES = {
    "char": "i1",
    "uchar": "u1",
    "short": "i2",
    "ushort": "u2",
    "int": "i4",
    "uint": "u4",
    "int8": "i1",
    "uint8": "u1",
    "int16": "i2",
    "uint16": "u2",
    "int32": "i4",
    "uint32": "u4",
    "float": "f4",
    "float32": "f4",
    "double": "f8",
    "float64": "f8",
}
NAMES = {"u1": "uchar", "i4": "int", "f4": "float"}
"""How a new property calls its type."""


@dataclass(frozen=True, slots=True)
class PlyProperty:
    """One property of an element.

    Parameters
    ----------
    name : str
    code : str
        Numpy's code of the type, without byte order.
    count : str, optional
        Code of the type of the length in front of a list; None for a single number.
    """

    name: str
    code: str
    count: str | None = None


@dataclass(slots=True)
class PlyElement:
    """A kind of row, and how many of them stand in the body."""

    name: str
    rows: int
    properties: list[PlyProperty] = field(default_factory=list)
    end: int = 0
    """Place in the header behind the element's last line."""

    @property
    def has_lists(self) -> bool:
        """Whether rows differ in length."""
        return any(p.count is not None for p in self.properties)

    def dtype(self, order: str) -> np.dtype[np.void]:
        """Type of one row of an element without lists."""
        return np.dtype([(p.name, order + p.code) for p in self.properties])


@dataclass(frozen=True, slots=True)
class PlyHeader:
    """A parsed header, with its bytes.

    Parameters
    ----------
    raw : bytes
        From ``ply`` to the line end behind ``end_header``.
    format : str
        ``"ascii"``, ``"binary_little_endian"`` or ``"binary_big_endian"``.
    elements : tuple of PlyElement
    """

    raw: bytes
    format: str
    elements: tuple[PlyElement, ...]

    @property
    def is_ascii(self) -> bool:
        """Whether the body is text."""
        return self.format == "ascii"

    @property
    def order(self) -> str:
        """Byte order of the body, in numpy's letter."""
        return BYTE_ORDERS[self.format]

    def element(self, name: str) -> PlyElement | None:
        """Return the element of that name."""
        return next((e for e in self.elements if e.name == name), None)

    @property
    def has_faces(self) -> bool:
        """Whether the file is a mesh."""
        faces = self.element("face")
        return faces is not None and faces.rows > 0

    def with_properties(self, new: Iterable[tuple[str, str]]) -> bytes:
        """Return the header with more properties (name, code) at the end of the vertices'."""
        vertices = self.element("vertex")
        assert vertices is not None
        end = b"\r\n" if b"\r\n" in self.raw else b"\n"
        lines = b"".join(b"property %s %s%s" % (*_bytes(n, c), end) for n, c in new)
        return self.raw[: vertices.end] + lines + self.raw[vertices.end :]


def read_ply_header(path: Path) -> PlyHeader:
    """Read and check the header.

    Raises
    ------
    InputError
        If it is not that of a PLY file.
    """
    with path.open("rb") as stream:
        start = stream.read(LONGEST_HEADER)
    if start.partition(b"\n")[0].rstrip() != b"ply":
        raise InputError(f"{path}: not a PLY file: its first line is not 'ply'")
    return _parse(path, start)


def has_faces(path: Path) -> bool:
    """Whether a PLY file is a mesh; not so if its header cannot be read."""
    try:
        return read_ply_header(path).has_faces
    except InputError:
        return False


def _parse(path: Path, start: bytes) -> PlyHeader:
    elements: list[PlyElement] = []
    kind, place = "", 0
    while (stop := start.find(b"\n", place) + 1) > 0:
        words = start[place:stop].decode("latin-1").split()
        place = stop
        try:
            match words:
                case ["format", name, "1.0"] if name in BYTE_ORDERS:
                    kind = name
                case ["element", name, rows]:
                    elements.append(PlyElement(name, int(rows), end=stop))
                case ["property", *what]:
                    elements[-1].properties.append(_property(what))
                    elements[-1].end = stop
                case ["end_header"] if kind:
                    return _checked(path, PlyHeader(start[:stop], kind, tuple(elements)))
                case [] | ["ply"] | ["comment" | "obj_info", *_]:
                    pass
                case _:
                    raise ValueError(words)
        except (ValueError, KeyError, IndexError) as error:
            line = " ".join(words)
            raise InputError(
                f"{path}: the PLY header has a line that means nothing: {line!r}"
            ) from error
    raise InputError(f"{path}: the PLY header is cut off: there is no line 'end_header'")


def _property(words: list[str]) -> PlyProperty:
    match words:
        case ["list", count, code, name]:
            return PlyProperty(name, TYPES[code], TYPES[count])
        case [code, name]:
            return PlyProperty(name, TYPES[code])
    raise ValueError(words)


def _checked(path: Path, header: PlyHeader) -> PlyHeader:
    for element in header.elements:
        names = [p.name for p in element.properties]
        if element.rows < 0 or len(set(names)) < len(names):
            raise InputError(
                f"{path}: the PLY element {element.name!r} has a negative number of rows "
                "or two properties of one name"
            )
    vertices = header.element("vertex")
    if vertices is None or not {"x", "y", "z"} <= {p.name for p in vertices.properties}:
        raise InputError(f"{path}: the PLY file has no vertices with x, y and z")
    if vertices.has_lists:
        raise InputError(
            f"{path}: the PLY vertices have a list property; only single numbers can be read"
        )
    return header


def _bytes(name: str, code: str) -> tuple[bytes, bytes]:
    return NAMES[code].encode(), name.encode("latin-1")
