"""A Zarr folder opened for patching, version 2 or 3.

Chunks go through zarr-python; metadata are patched as JSON, because the library writes them anew
and drops what it does not know.
"""

from __future__ import annotations

import base64
import json
import re
import struct
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sinr_geo_adapters.grid_store import Block, blocks_of

if TYPE_CHECKING:
    import zarr

__all__ = ["ZarrStore"]

# Compressors of bytes: they take any type of number.
_BYTE_COMPRESSORS = frozenset({"blosc", "zlib", "gzip", "bz2", "lzma", "zstd", "lz4", "crc32c"})


@dataclass(frozen=True, slots=True)
class ZarrStore:
    """See `sinr_geo_adapters.grid_store.GridStore`.

    Parameters
    ----------
    path : Path
        Folder of the group.
    version : int
        Zarr format, 2 or 3.
    touched : set of str
        Arrays whose metadata changed; their copies at the root follow when the store is closed.
    """

    path: Path
    version: int
    touched: set[str] = field(default_factory=set)

    @classmethod
    @contextmanager
    def opened(cls, path: Path, version: int) -> Iterator[ZarrStore]:
        """Open a folder for patching and bring consolidated metadata up to date at the end."""
        store = cls(path, version)
        yield store
        store._consolidate()

    @property
    def names(self) -> Collection[str]:
        """Names of arrays and groups in use."""
        return {child.name for child in self.path.iterdir()}

    def blocks(self, name: str) -> Iterator[Block]:
        """Shards or else chunks: each is one file."""
        array = self._array(name)
        return blocks_of(array.shape, array.shards or array.chunks)

    def read(self, name: str, block: Block) -> NDArray[Any]:
        """Read a block of an array as a new array."""
        return np.array(self._array(name)[block])

    def write(self, name: str, block: Block, values: NDArray[Any]) -> None:
        """Write a block of an array."""
        self._array(name)[block] = values

    def attributes(self, name: str) -> Mapping[str, Any]:
        """Attributes of an array, those of the group for the name ``""``."""
        found: Mapping[str, Any]
        if self.version == 3:
            found = _load(self.path / name / "zarr.json").get("attributes") or {}
        else:
            found = _load(self.path / name / ".zattrs")
        return found

    def set_attribute(self, name: str, key: str, value: Any) -> None:
        """Set an attribute of an array, of the group for the name ``""``."""
        file = self.path / name / ("zarr.json" if self.version == 3 else ".zattrs")
        document = _load(file)
        attributes = document.setdefault("attributes", {}) if self.version == 3 else document
        attributes[key] = np.asarray(value).tolist()
        _save(file, document)
        self.touched.add(name)

    def add(
        self, name: str, like: str, values: NDArray[Any], attributes: Mapping[str, Any]
    ) -> None:
        """Add an array with the dimensions, chunks and compression of another one."""
        plain = {key: np.asarray(value).tolist() for key, value in attributes.items()}
        (self.path / name).mkdir()
        if self.version == 3:
            document = _load(self.path / like / "zarr.json")
            _save(self.path / name / "zarr.json", _array_v3(document, values.dtype, plain))
        else:
            dims = self.attributes(like).get("_ARRAY_DIMENSIONS", [])
            document = _load(self.path / like / ".zarray")
            _save(self.path / name / ".zarray", _array_v2(document, values.dtype))
            _save(self.path / name / ".zattrs", plain | {"_ARRAY_DIMENSIONS": dims})
        self._array(name)[...] = values
        self.touched.add(name)

    def _array(self, name: str) -> zarr.Array[Any]:
        import zarr

        return zarr.open_array(
            self.path / name, mode="r+", zarr_format=2 if self.version == 2 else 3
        )

    def _consolidate(self) -> None:
        root = self.path / ("zarr.json" if self.version == 3 else ".zmetadata")
        document = _load(root)
        if self.version == 2 and document:
            for name in self.touched:
                for file in (".zarray", ".zattrs"):
                    if (self.path / name / file).is_file():
                        key = f"{name}/{file}".lstrip("/")
                        document["metadata"][key] = _load(self.path / name / file)
        elif document.get("consolidated_metadata"):
            for name in self.touched - {""}:
                found = _load(self.path / name / "zarr.json")
                document["consolidated_metadata"]["metadata"][name] = found
        else:
            return
        _save(root, document)


def _array_v2(like: Mapping[str, Any], dtype: np.dtype[Any]) -> dict[str, Any]:
    """Metadata of an array of another type: filters and lossy compressors depend on the type."""
    compressor = like.get("compressor")
    if compressor and compressor.get("id") not in _BYTE_COMPRESSORS:
        compressor = None
    fill = "NaN" if dtype.kind == "f" else None
    changed = {"dtype": dtype.str, "fill_value": fill, "filters": None, "compressor": compressor}
    return {**like, **changed}


def _array_v3(
    like: Mapping[str, Any], dtype: np.dtype[Any], attributes: Mapping[str, Any]
) -> dict[str, Any]:
    fill = {}
    if dtype.kind == "f":
        fill = {"_FillValue": base64.standard_b64encode(struct.pack("<d", np.nan)).decode()}
    changed = {
        "data_type": dtype.name,
        "fill_value": "NaN" if dtype.kind == "f" else 0,
        "codecs": _codecs_v3(like["codecs"]),
        "attributes": {**attributes, **fill},
    }
    return {**like, **changed}


def _codecs_v3(codecs: list[Any]) -> list[Any]:
    """Codecs for an array of another type, inside shards too."""
    kept: list[Any] = []
    spelled: list[dict[str, Any]] = [{"name": c} if isinstance(c, str) else c for c in codecs]
    for codec in spelled:
        configuration = codec.get("configuration", {})
        if codec["name"] == "sharding_indexed":
            inner = {"codecs": _codecs_v3(configuration["codecs"])}
            kept.append({**codec, "configuration": {**configuration, **inner}})
        elif codec["name"] in {"bytes", "transpose"} | _BYTE_COMPRESSORS:
            kept.append(codec)
    if not any(codec["name"] in ("bytes", "sharding_indexed") for codec in kept):
        kept.insert(0, {"name": "bytes", "configuration": {"endian": "little"}})
    return kept


def _load(file: Path) -> dict[str, Any]:
    if not file.is_file():
        return {}
    document: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return document


def _save(file: Path, document: Mapping[str, Any]) -> None:
    """Write JSON, indented as the file was; files of this store are indented by two."""
    before = file.read_text("utf-8") if file.is_file() else "{\n  "
    indent = re.match(r"\{\n( +)", before)
    text = json.dumps(document, indent=len(indent.group(1)) if indent else None)
    file.write_text(text, "utf-8")
