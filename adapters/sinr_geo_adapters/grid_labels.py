"""Write superpixel labels as a small gridded file of their own."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from sinr_geo.adapters import Stamp
from sinr_geo_adapters.grid_file import GridFile, GridFormat
from sinr_geo_adapters.grid_layer import GridLayer

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["write_grid_labels"]

_NO_POINT = -1
_NETCDF: dict[GridFormat, Literal["NETCDF3_CLASSIC", "NETCDF3_64BIT", "NETCDF4"]] = {
    GridFormat.CLASSIC: "NETCDF3_CLASSIC",
    GridFormat.OFFSET_64: "NETCDF3_64BIT",
    GridFormat.DATA_64: "NETCDF3_64BIT",
    GridFormat.NETCDF4: "NETCDF4",
}


def write_grid_labels(
    file: GridFile,
    layers: Sequence[GridLayer],
    labels: Sequence[NDArray[np.int32]],
    target: Path,
    stamp: Stamp,
) -> None:
    """Write labels on the grids of their layers, with the coordinates and grid mappings.

    Parameters
    ----------
    file : GridFile
        Where the coordinates come from; its format is that of the output.
    layers : sequence of GridLayer
    labels : sequence of ndarray of int32, each of shape (n,)
        -1 is written where a cell is no point.
    target : Path
    stamp : Stamp
    """
    import xarray as xr

    with file.opened() as dataset:
        variables: dict[str, xr.Variable] = {}
        for layer, label in zip(layers, labels, strict=True):
            name = "superpixel" if len(layers) == 1 else f"superpixel_{layer.name}"
            variables |= dict(_helpers(dataset, layer))
            variables[name] = _label_variable(dataset, layer, label)
        made = xr.Dataset(variables, attrs={"Conventions": "CF-1.8", "history": stamp.line})
        _save(file, made, target)


def _helpers(dataset: xr.Dataset, layer: GridLayer) -> Iterator[tuple[str, xr.Variable]]:
    """Coordinates and grid mapping of a layer, undecoded as they are."""
    names = [c.variable for c in layer.geometry.coordinates if c.variable is not None]
    names += _grid_mapping(dataset, layer)
    for name in names:
        variable = dataset.variables[name].copy(deep=False)
        # The cells' bounds stay behind, and a promise of them would be empty.
        kept = {k: v for k, v in variable.attrs.items() if k not in ("bounds", "climatology")}
        made = type(variable)(variable.dims, variable.values, kept)
        if "_FillValue" not in kept:
            made.encoding["_FillValue"] = None
        yield name, made


def _grid_mapping(dataset: xr.Dataset, layer: GridLayer) -> list[str]:
    said = str(dataset.variables[layer.variables[0].name].attrs.get("grid_mapping", ""))
    return [word for word in said.replace(":", " ").split() if word in dataset.variables]


def _label_variable(dataset: xr.Dataset, layer: GridLayer, label: NDArray[np.int32]) -> xr.Variable:
    import xarray as xr

    grid = np.full(layer.geometry.size, _NO_POINT, np.int32)
    grid[layer.place()] = label
    attributes: dict[str, object] = {"long_name": f"superpixel of {_sources(layer)}"}
    source: Mapping[str, object] = dataset.variables[layer.variables[0].name].attrs
    if "grid_mapping" in source:
        attributes["grid_mapping"] = source["grid_mapping"]
    beside = [
        c.variable for c in layer.geometry.coordinates if c.variable not in (None, *layer.dims)
    ]
    if beside:
        attributes["coordinates"] = " ".join(map(str, beside))
    made = xr.Variable(layer.dims, grid.reshape(layer.shape), attributes)
    # Without an empty cell nothing is missing, and labels decode as the whole numbers they are.
    made.encoding["_FillValue"] = np.int32(_NO_POINT) if (grid == _NO_POINT).any() else None
    return made


def _sources(layer: GridLayer) -> str:
    return ", ".join(variable.name for variable in layer.variables)


def _save(file: GridFile, made: xr.Dataset, target: Path) -> None:
    with warnings.catch_warnings():
        # zarr-python says that consolidated metadata are young in version 3; so has the input.
        warnings.simplefilter("ignore")
        if file.format.is_zarr:
            made.to_zarr(
                target,
                zarr_format=3 if file.format is GridFormat.ZARR_3 else 2,
                consolidated=file.is_consolidated,
            )
        else:
            made.to_netcdf(target, format=_NETCDF[file.format], engine="netcdf4")
