"""Settle the time stamps that HDF5 keeps in the headers of changed objects.

Files whose writer did not switch these stamps off carry four seconds-since-1970 per object, and
the library sets them from the clock. Equal runs must give equal bytes, so they get the moment of
the run instead. The layout is that of the HDF5 file format specification, section IV.A.1.b
(version 2 object headers); NetCDF-4 writes no others.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

__all__ = ["settle_times"]

_SIGNATURE = b"OHDR\x02"
_HAS_TIMES, _HAS_LIMITS = 0x20, 0x10
_MASK = 0xFFFFFFFF


def settle_times(original: Path, patched: Path, moment: datetime) -> None:
    """Give the time stamps that changed between a file and its patched copy one moment.

    Parameters
    ----------
    original, patched : Path
        HDF5 files; objects of the original lie at the same place in the copy.
    moment : datetime
        Aware time of the run.
    """
    stamp = struct.pack("<I", int(moment.timestamp()) & _MASK)
    with (
        original.open("rb") as before,
        patched.open("r+b") as after,
        mmap.mmap(before.fileno(), 0, access=mmap.ACCESS_READ) as old,
        mmap.mmap(after.fileno(), 0) as new,
    ):
        for header in _headers(old):
            _settle(header, old, new, stamp)


@dataclass(frozen=True, slots=True)
class _Header:
    """Where an object header lies: its four times, and the checksum behind its messages."""

    start: int
    checksum: int

    @property
    def times(self) -> range:
        return range(self.start + 6, self.start + 22, 4)


def _headers(data: mmap.mmap) -> Iterator[_Header]:
    """Object headers with times; the checksum tells them from data that look alike."""
    start = data.find(_SIGNATURE)
    while start >= 0:
        header = _header_at(data, start)
        if header is not None and _is_sound(data, header):
            yield header
        start = data.find(_SIGNATURE, start + 1)


def _header_at(data: mmap.mmap, start: int) -> _Header | None:
    if start + 24 > len(data):
        return None
    flags = data[start + 5]
    if not flags & _HAS_TIMES:
        return None
    size_at = start + 22 + (4 if flags & _HAS_LIMITS else 0)
    width = 1 << (flags & 3)
    size = int.from_bytes(data[size_at : size_at + width], "little")
    end = size_at + width + size
    return _Header(start, end) if end + 4 <= len(data) else None


def _is_sound(data: mmap.mmap, header: _Header) -> bool:
    stored = data[header.checksum : header.checksum + 4]
    return stored == struct.pack("<I", _lookup3(data[header.start : header.checksum]))


def _settle(header: _Header, old: mmap.mmap, new: mmap.mmap, stamp: bytes) -> None:
    if not _is_sound(new, header):
        return
    changed = [at for at in header.times if old[at : at + 4] != new[at : at + 4]]
    for at in changed:
        new[at : at + 4] = stamp
    if changed:
        sum_ = _lookup3(new[header.start : header.checksum])
        new[header.checksum : header.checksum + 4] = struct.pack("<I", sum_)


def _lookup3(data: bytes) -> int:
    """Bob Jenkins's ``lookup3`` hash, HDF5's checksum of metadata."""
    a = b = c = (0xDEADBEEF + len(data)) & _MASK
    padded = data + bytes(-len(data) % 12)
    words = struct.unpack(f"<{len(padded) // 4}I", padded)
    for i in range(0, len(words), 3):
        a, b, c = (a + words[i]) & _MASK, (b + words[i + 1]) & _MASK, (c + words[i + 2]) & _MASK
        last = i + 3 == len(words)
        a, b, c = _finish(a, b, c) if last else _mix(a, b, c)
    return c


def _rotate(x: int, k: int) -> int:
    return ((x << k) | (x >> (32 - k))) & _MASK


def _mix(a: int, b: int, c: int) -> tuple[int, int, int]:
    for k_a, k_b, k_c in ((4, 6, 8), (16, 19, 4)):
        a = ((a - c) & _MASK) ^ _rotate(c, k_a)
        c = (c + b) & _MASK
        b = ((b - a) & _MASK) ^ _rotate(a, k_b)
        a = (a + c) & _MASK
        c = ((c - b) & _MASK) ^ _rotate(b, k_c)
        b = (b + a) & _MASK
    return a, b, c


def _finish(a: int, b: int, c: int) -> tuple[int, int, int]:
    c = ((c ^ b) - _rotate(b, 14)) & _MASK
    a = ((a ^ c) - _rotate(c, 11)) & _MASK
    b = ((b ^ a) - _rotate(a, 25)) & _MASK
    c = ((c ^ b) - _rotate(b, 16)) & _MASK
    a = ((a ^ c) - _rotate(c, 4)) & _MASK
    b = ((b ^ a) - _rotate(a, 14)) & _MASK
    c = ((c ^ b) - _rotate(b, 24)) & _MASK
    return a, b, c
