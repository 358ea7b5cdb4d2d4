"""The container of binary glTF: a JSON chunk, a BIN chunk and accessors that look into it."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sinr_geo.errors import InputError

__all__ = ["MAGIC", "GlbFile", "accessor_view", "gltf_errors", "read_glb", "write_glb"]

MAGIC = b"glTF"
JSON_CHUNK, BIN_CHUNK = 0x4E4F534A, 0x004E4942
COMPONENTS = {5120: "<i1", 5121: "<u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4}


@dataclass(frozen=True, slots=True)
class GlbFile:
    """A binary glTF file.

    Parameters
    ----------
    path : Path
    json : dict
        The JSON chunk, its keys in the order of the file.
    binary : ndarray of uint8
        The BIN chunk, mapped; empty where there is none.
    rest : bytes
        Chunks behind it, as they are.
    """

    path: Path
    json: dict[str, Any]
    binary: NDArray[np.uint8]
    rest: bytes


def read_glb(path: Path) -> GlbFile:
    """Read the chunks of a file.

    Raises
    ------
    InputError
        If it is damaged.
    """
    whole = np.memmap(path, np.uint8, mode="r")
    if whole.size < 20:
        raise InputError(f"{path}: the GLB file is cut off: it has {whole.size} bytes")
    _, version, length = struct.unpack_from("<4sII", whole.data)
    if version != 2:
        raise InputError(f"{path}: glTF version {version} cannot be read, only version 2")
    if length > whole.size:
        raise InputError(f"{path}: the GLB file is cut off: it has {whole.size} of {length} bytes")
    first, kind = struct.unpack_from("<II", whole.data, 12)
    if kind != JSON_CHUNK or 20 + first > length:
        raise InputError(f"{path}: the GLB file does not start with a whole JSON chunk")
    document = _parse(path, whole[20 : 20 + first].tobytes())
    start, stop = _binary_chunk(path, whole, 20 + first, length)
    return GlbFile(path, document, np.asarray(whole[start:stop]), whole[stop:length].tobytes())


def write_glb(file: GlbFile, target: Path) -> None:
    """Write chunks to a file, padded as the format asks."""
    text = json.dumps(file.json, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    binary = file.binary.tobytes()
    binary += bytes(-len(binary) % 4)
    length = 12 + 8 + len(text) + 8 + len(binary) + len(file.rest)
    with target.open("wb") as stream:
        stream.write(struct.pack("<4sII", MAGIC, 2, length))
        stream.write(struct.pack("<II", len(text), JSON_CHUNK) + text)
        stream.write(struct.pack("<II", len(binary), BIN_CHUNK) + binary)
        stream.write(file.rest)


@contextmanager
def gltf_errors(path: Path) -> Iterator[None]:
    """Turn what a malformed JSON chunk causes into one sentence."""
    try:
        yield
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise InputError(
            f"{path}: the glTF in it is malformed: {type(error).__name__} {error}"
        ) from error


def accessor_view(file: GlbFile, index: int) -> NDArray[Any]:
    """Look at the numbers of an accessor where they stand.

    Returns
    -------
    ndarray, shape (count, width)
        A view of ``file.binary``.

    Raises
    ------
    InputError
        If they are compressed, sparse or not in the file.
    """
    accessor = file.json["accessors"][index]
    view = _plain_view(file, accessor)
    dtype = np.dtype(COMPONENTS[accessor["componentType"]])
    width, count = WIDTHS[accessor["type"]], accessor["count"]
    start = view.get("byteOffset", 0) + accessor.get("byteOffset", 0)
    stride = view.get("byteStride", width * dtype.itemsize)
    stop = start + (count - 1) * stride + width * dtype.itemsize
    if count < 0 or start < 0 or stop > file.binary.size:
        raise InputError(
            f"{file.path}: glTF accessor {index} ends at byte {stop} of the BIN chunk, "
            f"which has {file.binary.size}"
        )
    return np.ndarray((count, width), dtype, file.binary, start, (stride, dtype.itemsize))


def _plain_view(file: GlbFile, accessor: dict[str, Any]) -> dict[str, Any]:
    if "sparse" in accessor:
        raise InputError(f"{file.path}: sparse glTF accessors cannot be patched")
    if "bufferView" not in accessor:
        raise InputError(
            f"{file.path}: the mesh is compressed (Draco) or has no data; decompress it first"
        )
    view: dict[str, Any] = file.json["bufferViews"][accessor["bufferView"]]
    if "EXT_meshopt_compression" in view.get("extensions", {}):
        raise InputError(f"{file.path}: the mesh is compressed (meshopt); decompress it first")
    if view["buffer"] != 0 or "uri" in file.json["buffers"][0]:
        raise InputError(
            f"{file.path}: the mesh stands in an external buffer; pack it into the GLB file first"
        )
    return view


def _parse(path: Path, text: bytes) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except ValueError as error:
        raise InputError(f"{path}: the JSON chunk of the GLB file is broken: {error}") from error
    if not isinstance(document, dict):
        raise InputError(f"{path}: the JSON chunk of the GLB file is not an object")
    return document


def _binary_chunk(path: Path, whole: NDArray[np.uint8], place: int, length: int) -> tuple[int, int]:
    if place + 8 > length:
        return place, place
    size, kind = struct.unpack_from("<II", whole.data, place)
    if kind != BIN_CHUNK:
        return place, place
    if place + 8 + size > length:
        raise InputError(f"{path}: the BIN chunk of the GLB file is cut off")
    return place + 8, place + 8 + size
