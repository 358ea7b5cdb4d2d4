"""A NetCDF file opened for patching, classic or HDF5."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sinr_geo.errors import RequestError
from sinr_geo_adapters.grid_store import Block, blocks_of

__all__ = ["NetCDFStore"]


@dataclass(frozen=True, slots=True)
class NetCDFStore:
    """See `sinr_geo_adapters.grid_store.GridStore`."""

    dataset: Any

    @classmethod
    @contextmanager
    def opened(cls, path: Path) -> Iterator[NetCDFStore]:
        """Open a file for patching.

        Raises
        ------
        RequestError
            If the NetCDF library reads such files but cannot change them.
        """
        import netCDF4

        try:
            dataset = netCDF4.Dataset(path, "r+")
        except OSError as error:
            raise RequestError(
                f"{path.name}: the NetCDF library reads such an HDF5 file but cannot change it "
                f"({error.strerror}); make a copy of the input with 'nccopy' and take that"
            ) from error
        try:
            dataset.set_auto_maskandscale(False)
            dataset.set_always_mask(False)
            yield cls(dataset)
        finally:
            dataset.close()

    @property
    def names(self) -> Collection[str]:
        """Names of variables and dimensions in use."""
        return {*self.dataset.variables, *self.dataset.dimensions, *self.dataset.groups}

    def blocks(self, name: str) -> Iterator[Block]:
        """Chunks; without chunks the steps of the first dimension of three or more."""
        variable = self.dataset.variables[name]
        chunks = variable.chunking()
        if not isinstance(chunks, list):
            chunks = [1 if variable.ndim > 2 else variable.shape[0], *variable.shape[1:]]
        return blocks_of(variable.shape, tuple(chunks))

    def read(self, name: str, block: Block) -> NDArray[Any]:
        """Read a block of a variable as a new array."""
        return np.array(self.dataset.variables[name][block])

    def write(self, name: str, block: Block, values: NDArray[Any]) -> None:
        """Write a block of a variable."""
        self.dataset.variables[name][block] = values

    def attributes(self, name: str) -> Mapping[str, Any]:
        """Attributes of a variable, those of the file for the name ``""``."""
        owner = self._owner(name)
        return {key: owner.getncattr(key) for key in owner.ncattrs()}

    def set_attribute(self, name: str, key: str, value: Any) -> None:
        """Set an attribute of a variable, of the file for the name ``""``."""
        self._owner(name).setncattr(key, value)

    def add(
        self, name: str, like: str, values: NDArray[Any], attributes: Mapping[str, Any]
    ) -> None:
        """Add a variable with the dimensions, chunks and compression of another one."""
        model = self.dataset.variables[like]
        variable = self.dataset.createVariable(
            name,
            values.dtype,
            model.dimensions,
            fill_value=values.dtype.type(np.nan) if values.dtype.kind == "f" else None,
            **_storage(model),
        )
        variable.set_auto_maskandscale(False)
        variable.setncatts(attributes)
        variable[...] = values

    def _owner(self, name: str) -> Any:
        return self.dataset.variables[name] if name else self.dataset


def _storage(model: Any) -> dict[str, Any]:
    """Chunks and compression of a variable; a classic file knows neither."""
    chunks, filters = model.chunking(), model.filters() or {}
    if not isinstance(chunks, list):
        return {}
    compressor = next((key for key in ("zlib", "zstd", "bzip2") if filters.get(key)), None)
    # Blosc and SZIP have settings that depend on the type: deflate stands in for them.
    if compressor is None and (filters.get("blosc") or filters.get("szip")):
        compressor = "zlib"
    return {
        "chunksizes": chunks,
        "compression": compressor,
        "complevel": filters.get("complevel") or 4,
        "shuffle": bool(filters.get("shuffle")),
        "fletcher32": bool(filters.get("fletcher32")),
    }
