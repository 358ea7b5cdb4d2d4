"""Whether the Blosc chunks of a Zarr folder are whole.

Blosc trusts the length in a chunk's header and reads past the end of a cut chunk without an
error, so the header is compared with the size on disk. Other codecs notice by themselves.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sinr_geo.errors import InputError
from sinr_geo_adapters.signature import first_bytes

__all__ = ["check_chunks"]

_METADATA = frozenset({".zarray", ".zattrs", "zarr.json"})
_HEADER = 16


def check_chunks(path: Path) -> None:
    """Raise InputError if a Blosc chunk of an array of a group is cut off.

    Metadata that cannot be read are passed over: the library says what is wrong with them.
    """
    for array in (child for child in sorted(path.iterdir()) if child.is_dir()):
        if _is_blosc(array):
            for chunk in _chunks(array):
                _check_chunk(path, chunk)


def _is_blosc(array: Path) -> bool:
    """Whether the last thing done to the chunks of an array is to compress them by Blosc."""
    last = (_load(array / ".zarray").get("compressor") or {}).get("id")
    codecs = _load(array / "zarr.json").get("codecs") or [{}]
    return "blosc" in (last, codecs[-1].get("name") if isinstance(codecs[-1], dict) else codecs[-1])


def _load(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _chunks(array: Path) -> Iterator[Path]:
    return (p for p in sorted(array.rglob("*")) if p.is_file() and p.name not in _METADATA)


def _check_chunk(path: Path, chunk: Path) -> None:
    actual = chunk.stat().st_size
    header = first_bytes(chunk, _HEADER)
    expected = int.from_bytes(header[12:16], "little")
    if len(header) < _HEADER or actual < expected:
        raise InputError(
            f"{path}: the chunk {chunk.relative_to(path)} is cut off: its Blosc header promises "
            f"{max(expected, _HEADER)} bytes, there are {actual}; fetch the store again"
        )
