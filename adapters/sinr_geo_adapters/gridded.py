"""Gridded data: NetCDF classic and NetCDF-4, Zarr folders of version 2 and 3.

Data are read undecoded through xarray. Written is a copy of the file with the recovered samples
patched in: everything else stays as it was.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from sinr_geo.adapters import Document, Query, Stamp
from sinr_geo.axes import AxisKind
from sinr_geo.errors import RequestError
from sinr_geo.recovery import Recovery
from sinr_geo_adapters.cf_time import time_span
from sinr_geo_adapters.grid_file import GridFile, GridFormat
from sinr_geo_adapters.grid_geometry import read_coordinate
from sinr_geo_adapters.grid_labels import write_grid_labels
from sinr_geo_adapters.grid_layer import GridLayer
from sinr_geo_adapters.grid_patch import patch
from sinr_geo_adapters.grid_survey import survey
from sinr_geo_adapters.hdf5_times import settle_times
from sinr_geo_adapters.netcdf_store import NetCDFStore
from sinr_geo_adapters.zarr_store import ZarrStore

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["GriddedAdapter"]

_NETCDF_SUFFIXES = frozenset({".nc", ".nc3", ".nc4", ".netcdf", ".cdf", ".grd", ".h5", ".hdf5"})


class GriddedAdapter:
    """NetCDF files and Zarr folders; see `sinr_geo.adapters.Adapter`."""

    name = "gridded"
    priority = 50
    reads = ("NetCDF (.nc)", "Zarr v2 and v3 (folder)")
    writes = ("NetCDF (.nc)", "Zarr v2 and v3 (folder)")

    def can_open(self, path: Path) -> bool:
        """Whether the file begins like NetCDF or HDF5, or the folder is a Zarr store."""
        return GridFormat.of(path) is not None

    def open(self, path: Path, query: Query) -> Document:
        """Open a file and find its layers.

        Values are not read, but for a sample of whole numbers without a unit, which may be
        classes.

        Raises
        ------
        InputError
            If the file is damaged, cut off or of another kind.
        RequestError
            If `query` names what the file does not have, or nothing in it can be recovered.
        """
        file = GridFile.of(path)
        with file.opened() as dataset:
            found = survey(file, dataset, query)
            facts = _facts(file, dataset, found.layers)
        return Document(path, file.format.value, found.layers, file, found.notes, facts)

    def check_target(self, document: Document, target: Path) -> None:
        """Refuse a name that asks for another format."""
        _check_target(document.template, target)

    def write(
        self, document: Document, recoveries: Sequence[Recovery], target: Path, stamp: Stamp
    ) -> tuple[Path, ...]:
        """Write a copy of the file with the recovered samples patched in.

        Raises
        ------
        RequestError
            If the NetCDF library cannot write to an HDF5 file of this kind.
        """
        self.check_target(document, target)
        file, layers = document.template, cast(Sequence[GridLayer], document.layers)
        if file.format.is_zarr:
            _copy_folder(file.path, target)
            with ZarrStore.opened(target, 3 if file.format is GridFormat.ZARR_3 else 2) as zarr:
                patch(zarr, layers, recoveries, stamp)
            return (target,)
        shutil.copyfile(file.path, target)
        with NetCDFStore.opened(target) as netcdf:
            patch(netcdf, layers, recoveries, stamp)
        if file.format is GridFormat.NETCDF4:
            settle_times(file.path, target, stamp.moment)
        return (target,)

    def write_labels(
        self,
        document: Document,
        labels: Sequence[NDArray[np.int32]],
        target: Path,
        stamp: Stamp,
    ) -> tuple[Path, ...]:
        """Write labels as whole numbers on the layers' grids, in the format of the file."""
        self.check_target(document, target)
        layers = cast(Sequence[GridLayer], document.layers)
        write_grid_labels(document.template, layers, labels, target, stamp)
        return (target,)


def _check_target(file: GridFile, target: Path) -> None:
    suffixes = {".zarr"} if file.format.is_zarr else _NETCDF_SUFFIXES
    if target.suffix.lower() not in suffixes | {file.path.suffix.lower()}:
        wanted = ".zarr" if file.format.is_zarr else ".nc"
        raise RequestError(
            f"{target.name}: {file.path.name} is {file.format} and its output cannot be a "
            f"{target.suffix or 'file without suffix'!r}; call it something{wanted}"
        )


def _copy_folder(source: Path, target: Path) -> None:
    """Copy a folder without its permissions: the source may be read-only."""
    target.mkdir()
    for entry in sorted(source.iterdir()):
        if entry.is_dir():
            _copy_folder(entry, target / entry.name)
        else:
            shutil.copyfile(entry, target / entry.name)


def _facts(file: GridFile, dataset: xr.Dataset, layers: Sequence[GridLayer]) -> dict[str, Any]:
    """Collect what `sinr-geo info` shows beside the layers."""
    facts: dict[str, Any] = {
        "format": file.format.value,
        "dimensions": {str(dim): int(size) for dim, size in dataset.sizes.items()},
    }
    mappings = [v.attrs.get("grid_mapping_name") for v in dataset.variables.values()]
    if named := [str(name) for name in mappings if name]:
        facts["grid_mapping"] = ", ".join(named)
    times = {
        c.variable
        for layer in layers
        for c in layer.geometry.coordinates
        if c.axis.kind is AxisKind.TIME
    }
    for name in sorted(str(time) for time in times):
        attributes = dataset.variables[name].attrs
        values = read_coordinate(file, dataset, name)
        span = time_span(
            values, str(attributes.get("units")), str(attributes.get("calendar", "standard"))
        )
        if span is not None:
            facts[name] = span
    return facts
