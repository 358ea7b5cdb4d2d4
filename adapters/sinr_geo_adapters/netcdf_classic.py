"""The size that the header of a classic NetCDF file implies.

The NetCDF library reads zeros beyond the end of a cut classic file and says nothing, so the
header is read here and compared with the size on disk. The grammar is that of the NetCDF
Classic Format Specification: magic, number of records, dimensions, attributes, variables.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from sinr_geo.errors import InputError

__all__ = ["check_complete", "implied_size"]

_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 4, 6: 8, 7: 1, 8: 2, 9: 4, 10: 8, 11: 8}
_STREAMING = {4: 0xFFFFFFFF, 8: 0xFFFFFFFFFFFFFFFF}


def check_complete(path: Path) -> None:
    """Raise InputError if a classic NetCDF file is shorter than its header says."""
    actual = path.stat().st_size
    try:
        with path.open("rb") as stream:
            expected = implied_size(stream)
    except (EOFError, KeyError, ValueError) as error:
        raise InputError(
            f"{path}: the NetCDF header is damaged or cut off ({error}); fetch the file again"
        ) from error
    if actual < expected:
        raise InputError(
            f"{path}: the file is cut off: its NetCDF header promises {expected} bytes, "
            f"there are {actual}; fetch the file again"
        )


def implied_size(stream: BinaryIO) -> int:
    """Return the number of bytes that a classic NetCDF file must have at least.

    Parameters
    ----------
    stream : binary file
        At its beginning.

    Raises
    ------
    EOFError
        If the header itself is cut off.
    KeyError, ValueError
        If the header holds a type, tag or dimension that does not exist.
    """
    header = _Header.of(stream)
    records = header.count()
    dims = [header.dimension() for _ in range(header.list_length(10))]
    header.skip_attributes()
    variables = [header.variable(dims) for _ in range(header.list_length(11))]
    if records == _STREAMING[header.count_width]:
        records = 0
    return max([stream.tell(), *_ends(variables, records)])


@dataclass(frozen=True, slots=True)
class _Variable:
    begin: int
    bytes: int
    is_record: bool

    @property
    def padded(self) -> int:
        return -(-self.bytes // 4) * 4


def _ends(variables: list[_Variable], records: int) -> list[int]:
    """Where the last byte of every variable lies; records of all variables are interleaved."""
    recorded = [v for v in variables if v.is_record]
    # A single record variable is stored without padding between its records.
    stride = recorded[0].bytes if len(recorded) == 1 else sum(v.padded for v in recorded)
    ends = [v.begin + v.bytes for v in variables if not v.is_record]
    if records:
        ends += [v.begin + (records - 1) * stride + v.bytes for v in recorded]
    return ends


@dataclass(frozen=True, slots=True)
class _Header:
    """A cursor over the header; widths are those of counts and of file offsets."""

    stream: BinaryIO
    count_width: int
    offset_width: int

    @classmethod
    def of(cls, stream: BinaryIO) -> _Header:
        magic = stream.read(4)
        widths = {b"CDF\x01": (4, 4), b"CDF\x02": (4, 8), b"CDF\x05": (8, 8)}
        if magic not in widths:
            raise ValueError(f"it begins with {magic!r}")
        return cls(stream, *widths[magic])

    def take(self, size: int) -> bytes:
        data = self.stream.read(size)
        if len(data) != size:
            raise EOFError("the file ends inside it")
        return data

    def number(self, width: int) -> int:
        value: int = struct.unpack(">I" if width == 4 else ">Q", self.take(width))[0]
        return value

    def count(self) -> int:
        return self.number(self.count_width)

    def list_length(self, tag: int) -> int:
        found, length = self.number(4), self.count()
        if found not in (0, tag) or (found == 0 and length):
            raise ValueError(f"tag {found} where {tag} was expected")
        return length

    def skip_padded(self, size: int) -> None:
        self.take(-(-size // 4) * 4)

    def dimension(self) -> int:
        self.skip_padded(self.count())
        return self.count()

    def skip_attributes(self) -> None:
        for _ in range(self.list_length(12)):
            self.skip_padded(self.count())
            size = _SIZES[self.number(4)]
            self.skip_padded(self.count() * size)

    def variable(self, dims: list[int]) -> _Variable:
        self.skip_padded(self.count())
        ids = [self.count() for _ in range(self.count())]
        self.skip_attributes()
        size = _SIZES[self.number(4)]
        # The stored size is redundant, and wrong for variables above 4 GiB.
        self.count()
        begin = self.number(self.offset_width)
        if any(i >= len(dims) for i in ids):
            raise ValueError("a variable has a dimension that is not there")
        shape = [dims[i] for i in ids]
        is_record = bool(shape) and shape[0] == 0
        for length in shape[is_record:]:
            size *= length
        return _Variable(begin, size, is_record)
