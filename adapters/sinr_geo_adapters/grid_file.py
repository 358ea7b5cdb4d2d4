"""A gridded file on disk: which format it has, and how its variables are read.

xarray reads all of them, undecoded: masks and packing are ours to take on packed values, as CF
wants it, and the numbers on disk have to be known to patch them.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sinr_geo.errors import InputError
from sinr_geo_adapters.netcdf_classic import check_complete
from sinr_geo_adapters.signature import first_bytes, not_one_of
from sinr_geo_adapters.zarr_chunks import check_chunks

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["GridFile", "GridFormat"]


class GridFormat(StrEnum):
    """A file format of gridded data."""

    CLASSIC = "NetCDF-3 classic"
    OFFSET_64 = "NetCDF-3 64-bit offset"
    DATA_64 = "NetCDF-3 64-bit data"
    NETCDF4 = "NetCDF-4"
    ZARR_2 = "Zarr v2"
    ZARR_3 = "Zarr v3"

    @classmethod
    def of(cls, path: Path) -> GridFormat | None:
        """Tell the format by the first bytes of a file or the metadata files of a folder."""
        if (path / "zarr.json").is_file():
            return cls.ZARR_3
        if any((path / name).is_file() for name in (".zgroup", ".zmetadata", ".zarray")):
            return cls.ZARR_2
        return _MAGIC.get(first_bytes(path, 4))

    @property
    def is_zarr(self) -> bool:
        """Whether the data lie in a folder."""
        return self in (GridFormat.ZARR_2, GridFormat.ZARR_3)


_MAGIC = {
    b"CDF\x01": GridFormat.CLASSIC,
    b"CDF\x02": GridFormat.OFFSET_64,
    b"CDF\x05": GridFormat.DATA_64,
    b"\x89HDF": GridFormat.NETCDF4,
}


@dataclass(frozen=True, slots=True)
class GridFile:
    """A gridded file and its format. It holds no handle, so it can be sent to another process."""

    path: Path
    format: GridFormat

    @classmethod
    def of(cls, path: Path) -> GridFile:
        """Recognise a file and check that it is whole.

        Raises
        ------
        InputError
            If it is no NetCDF, HDF5 or Zarr, or cut off.
        """
        found = GridFormat.of(path)
        if found is None and path.is_dir():
            raise InputError(
                f"{path}: not a Zarr folder: it holds no zarr.json, .zgroup or .zmetadata"
            )
        if found is None:
            raise not_one_of(path, "NetCDF", "HDF5")
        if found.is_zarr:
            check_chunks(path)
        elif found is not GridFormat.NETCDF4:
            check_complete(path)
        return cls(path, found)

    @property
    def is_consolidated(self) -> bool:
        """Whether a Zarr store holds a copy of all metadata at its root."""
        if self.format is GridFormat.ZARR_2:
            return (self.path / ".zmetadata").is_file()
        if self.format is GridFormat.ZARR_3:
            text = (self.path / "zarr.json").read_text("utf-8")
            return bool(json.loads(text).get("consolidated_metadata"))
        return False

    def groups(self) -> tuple[str, ...]:
        """Names of the groups below the root, which alone is read."""
        if self.format.is_zarr:
            inner = (p for p in sorted(self.path.iterdir()) if p.is_dir() and GridFormat.of(p))
            return tuple(p.name for p in inner if not _is_zarr_array(p))
        import netCDF4

        with netCDF4.Dataset(self.path) as dataset:
            return tuple(dataset.groups)

    @contextmanager
    def opened(self) -> Iterator[xr.Dataset]:
        """Open the root group, undecoded and lazily.

        Raises
        ------
        InputError
            If the library cannot make sense of the file.
        """
        dataset = self._open()
        try:
            yield dataset
        finally:
            dataset.close()

    def read(
        self, dataset: xr.Dataset, name: str, window: Mapping[str, slice] | None = None
    ) -> NDArray[Any]:
        """Read a window of a variable as it is stored.

        Parameters
        ----------
        dataset : xarray.Dataset
            As `opened` gives it.
        name : str
        window : mapping, optional
            A slice by dimension; dimensions that are not there are read whole.

        Raises
        ------
        InputError
            If the data are damaged.
        """
        variable = dataset.variables[name]
        key = tuple((window or {}).get(str(dim), slice(None)) for dim in variable.dims)
        try:
            raw = np.asarray(variable[key].values)
        except Exception as error:  # libraries raise nearly anything on damaged chunks
            raise InputError(
                f"{self.path}: the values of {name!r} cannot be read "
                f"({_first_line(error)}); the file is damaged"
            ) from error
        if raw.dtype.kind not in "iufb":
            raise InputError(f"{self.path}: {name!r} holds {raw.dtype} and not plain numbers")
        return raw

    def _open(self) -> xr.Dataset:
        import xarray as xr

        try:
            with warnings.catch_warnings():
                # Twice the same dimension, unstable Zarr types: such variables are left alone.
                warnings.simplefilter("ignore")
                if self.format.is_zarr:
                    return _sorted(
                        xr.open_dataset(
                            self.path,
                            engine="zarr",
                            decode_cf=False,
                            chunks=None,
                            consolidated=self.is_consolidated,
                        )
                    )
                return xr.open_dataset(self.path, engine="netcdf4", decode_cf=False, cache=False)
        except Exception as error:  # libraries raise nearly anything on damaged files
            raise InputError(
                f"{self.path}: cannot be read as {self.format} ({_first_line(error)}); "
                "the file is damaged, cut off or of another kind"
            ) from error


def _sorted(dataset: xr.Dataset) -> xr.Dataset:
    """Put the variables of a folder in an order that does not depend on the disk."""
    ordered = dataset[sorted(map(str, dataset.variables))]
    ordered.set_close(dataset.close)
    return ordered


def _is_zarr_array(path: Path) -> bool:
    if (path / ".zarray").is_file():
        return True
    metadata = path / "zarr.json"
    return metadata.is_file() and json.loads(metadata.read_text("utf-8"))["node_type"] == "array"


def _first_line(error: Exception) -> str:
    """Say an error of a library in a few words, without its punctuation at the end."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0][:160].rstrip(".:;")
