"""The text header of an ENVI raster."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from sinr_geo.errors import InputError

__all__ = ["EnviHeader", "find_envi_header", "is_envi_header", "read_envi_header"]

_DTYPES = {
    1: "u1", 2: "i2", 3: "i4", 4: "f4", 5: "f8", 6: "c8", 9: "c16",
    12: "u2", 13: "u4", 14: "i8", 15: "u8",
}  # fmt: skip
_FIELD = re.compile(r"^[ \t]*([^={};\n]+?)[ \t]*=[ \t]*(\{[^}]*\}|[^\n]*)", flags=re.MULTILINE)


@dataclass(frozen=True, slots=True)
class EnviHeader:
    """Where the samples of an ENVI raster lie in its data file.

    Parameters
    ----------
    path : Path
        The header file.
    fields : mapping of str to str
        All entries; names in lower case, values as written (lists with their braces).
    """

    path: Path
    fields: Mapping[str, str]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Lines, samples and bands."""
        return self._number("lines"), self._number("samples"), self._number("bands", 1)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of a stored sample, with its byte order."""
        code = self._number("data type")
        if code not in _DTYPES:
            raise InputError(f"{self.path}: the ENVI data type {code} is unknown")
        order: Literal[">", "<"] = ">" if self._number("byte order", 0) == 1 else "<"
        return np.dtype(_DTYPES[code]).newbyteorder(order)

    @property
    def offset(self) -> int:
        """Bytes before the first sample."""
        return self._number("header offset", 0)

    @property
    def file_shape(self) -> tuple[int, ...]:
        """Lines, samples and bands in the order of the file."""
        return tuple(self.shape[axis] for axis in self.order)

    @property
    def size(self) -> int:
        """Bytes that the data file must have at least."""
        return self.offset + math.prod(self.file_shape) * self.dtype.itemsize

    @property
    def order(self) -> tuple[int, int, int]:
        """Places of (lines, samples, bands) in the file's order, slowest first."""
        interleave = self.fields.get("interleave", "bsq").lower()
        orders = {"bsq": (2, 0, 1), "bil": (0, 2, 1), "bip": (0, 1, 2)}
        if interleave not in orders:
            raise InputError(
                f"{self.path}: the interleave is {interleave!r}, expected bsq, bil or bip"
            )
        return orders[interleave]

    @property
    def is_compressed(self) -> bool:
        """Whether the data file is gzipped."""
        return self._number("file compression", 0) == 1

    def name_for(self, data: Path, of: Path) -> str:
        """Name of the header of the data file `data`, in the style of that of `of`.

        ``scene.img`` has ``scene.hdr`` or ``scene.img.hdr``.
        """
        appended = self.path.name.lower() == of.name.lower() + ".hdr" and of.suffix != ""
        stem = data.name if appended or of.suffix == "" else data.stem
        return stem + self.path.suffix

    def _number(self, name: str, default: int | None = None) -> int:
        text = self.fields.get(name, "" if default is None else str(default))
        try:
            return int(text)
        except ValueError:
            raise InputError(
                f"{self.path}: the ENVI header should give a whole number as {name!r}, "
                f"found {text!r}"
            ) from None


def is_envi_header(path: Path) -> bool:
    """Whether a file begins as ENVI headers do."""
    try:
        with path.open("rb") as file:
            return file.read(4) == b"ENVI"
    except OSError:
        return False


def find_envi_header(data: Path) -> Path | None:
    """Find the header beside a data file: ``scene.img.hdr``, then ``scene.hdr``."""
    names = [data.name + suffix for suffix in (".hdr", ".HDR")]
    names += [data.stem + suffix for suffix in (".hdr", ".HDR")]
    candidates = (data.with_name(name) for name in names)
    return next((p for p in candidates if p != data and is_envi_header(p)), None)


def read_envi_header(path: Path) -> EnviHeader:
    """Read the entries of a header."""
    text = path.read_text(encoding="utf-8", errors="surrogateescape")
    return EnviHeader(path, {name.lower(): value.strip() for name, value in _FIELD.findall(text)})
