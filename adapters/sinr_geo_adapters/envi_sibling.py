"""Write a sibling raster as ENVI data file and header."""

from __future__ import annotations

import re
from pathlib import Path

from sinr_geo_adapters.envi_header import EnviHeader
from sinr_geo_adapters.raster_siblings import Sibling
from sinr_geo_adapters.raster_source import RasterSource

__all__ = ["write_envi_sibling"]

_CODES = {"uint8": 1, "int32": 3, "float32": 4}
_PLACE = ("map info", "projection info", "coordinate system string", "geo points", "rpc info",
          "x start", "y start")  # fmt: skip


def write_envi_sibling(
    source: RasterSource, header: EnviHeader, sibling: Sibling, target: Path
) -> tuple[Path, ...]:
    """Write a sibling band after band, with the entries of the source's header that place it."""
    with target.open("wb") as file:
        for k in range(len(sibling.names)):
            file.write(sibling.band(k).astype(sibling.dtype.newbyteorder("<")).tobytes())
    path = target.with_name(header.name_for(target, of=source.path))
    text = "".join(f"{name} = {value}\n" for name, value in _entries(source, header, sibling))
    path.write_text("ENVI\n" + text, encoding="utf-8", errors="surrogateescape", newline="\n")
    return target, path


def _entries(
    source: RasterSource, header: EnviHeader, sibling: Sibling
) -> list[tuple[str, str | int | float]]:
    height, width = source.grid.shape
    entries: list[tuple[str, str | int | float]] = [
        ("description", f"{{{sibling.description}}}"),
        ("samples", width),
        ("lines", height),
        ("bands", len(sibling.names)),
        ("header offset", 0),
        ("file type", "ENVI Standard"),
        ("data type", _CODES[sibling.dtype.name]),
        ("interleave", "bsq"),
        ("byte order", 0),
    ]
    entries += [(name, header.fields[name]) for name in _PLACE if name in header.fields]
    if sibling.nodata is not None:
        entries.append(("data ignore value", sibling.nodata))
    names = ", ".join(re.sub(r"[,{}\n]", " ", name) for name in sibling.names)
    return [*entries, ("band names", f"{{{names}}}")]
