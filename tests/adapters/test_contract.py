"""The public contract, asked of the adapters of grids and rasters."""

from pathlib import Path

import netCDF4
import numpy as np
import rasterio
from rasterio import Affine

from sinr_geo.adapters import Adapter
from sinr_geo.testing import AdapterContract


def bumps(shape: tuple[int, int]) -> np.ndarray:
    rows, columns = np.indices(shape)
    return 20 + 5 * np.sin(rows / 3) * np.cos(columns / 4)


class TestNetcdfContract(AdapterContract):
    same_bytes_if_untouched = False

    @property
    def adapter(self) -> Adapter:
        from sinr_geo_adapters.gridded import GriddedAdapter

        return GriddedAdapter()

    def make_sample(self, folder: Path) -> Path:
        path = folder / "sample.nc"
        with netCDF4.Dataset(path, "w") as file:
            for name, size, units in (("lat", 12, "degrees_north"), ("lon", 15, "degrees_east")):
                file.createDimension(name, size)
                file.createVariable(name, "f8", (name,))[:] = np.arange(size) / 4
                file[name].units = units
            sst = file.createVariable("sst", "i2", ("lat", "lon"), fill_value=-999)
            sst.units, sst.scale_factor, sst.add_offset = "degC", 0.01, 10.0
            values = np.ma.masked_array(bumps((12, 15)), np.indices((12, 15)).sum(axis=0) % 4 == 1)
            sst[:] = values
        return path


class TestGeotiffContract(AdapterContract):
    @property
    def adapter(self) -> Adapter:
        from sinr_geo_adapters.raster import RasterAdapter

        return RasterAdapter()

    def make_sample(self, folder: Path) -> Path:
        path = folder / "sample.tif"
        values = bumps((16, 20)).astype(np.int16)
        values[np.indices((16, 20)).sum(axis=0) % 5 == 2] = -32768
        profile = {"width": 20, "height": 16, "count": 1, "dtype": "int16", "nodata": -32768}
        place = {"crs": "EPSG:32633", "transform": Affine(30, 0, 5e5, 0, -30, 4e6)}
        with rasterio.open(path, "w", driver="GTiff", **profile, **place) as file:
            file.write(values, 1)
        return path
