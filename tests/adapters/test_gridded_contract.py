"""What every adapter keeps, kept for every format of gridded data."""

import json

import netCDF4
import numpy as np
import pytest
import xarray as xr

from sinr_geo.errors import InputError
from sinr_geo.testing import AdapterContract
from sinr_geo_adapters.gridded import GriddedAdapter

__all__ = ["TestClassic", "TestNetCDF4", "TestStations", "TestZarr2", "TestZarr3"]


def weather() -> xr.Dataset:
    """Two variables with different gaps on one grid, one packed; a third on a curvilinear grid."""
    rng = np.random.default_rng(5)
    wave = np.sin(np.linspace(0, 6, 9))[:, None] + np.cos(np.linspace(0, 4, 8))
    temperature = (280 + 10 * wave + np.arange(4)[:, None, None]).astype("float32")
    temperature[rng.random(temperature.shape) < 0.3] = np.nan
    rain = np.round(20 + 10 * wave + np.arange(4)[:, None, None])
    rain[:, 2:5, 3:6] = np.nan
    lat, lon = np.meshgrid(np.linspace(40, 50, 5), np.linspace(0, 9, 6), indexing="ij")
    lat[0, 0] = np.nan
    depth = np.where(rng.random((5, 6)) < 0.3, np.nan, 100 + lat + lon)
    depth[0, 0] = np.nan
    data = xr.Dataset(
        {
            "tas": (("time", "lat", "lon"), temperature, {"units": "K"}),
            "pr": (("time", "lat", "lon"), rain, {"units": "mm"}),
            "depth": (("j", "i"), depth, {"units": "m", "coordinates": "nav_lat nav_lon"}),
            "nav_lat": (("j", "i"), lat, {"units": "degrees_north"}),
            "nav_lon": (("j", "i"), lon, {"units": "degrees_east"}),
        },
        {
            "time": ("time", np.arange(4.0), {"units": "days since 2001-01-01"}),
            "lat": ("lat", np.linspace(60, 20, 9), {"units": "degrees_north"}),
            "lon": ("lon", np.linspace(0, 70, 8), {"units": "degrees_east"}),
        },
    )
    data["tas"].encoding = {"_FillValue": np.float32(-9e9)}
    data["pr"].encoding = {"dtype": "int16", "scale_factor": 0.5, "_FillValue": np.int16(-1)}
    return data


class TestClassic(AdapterContract):
    adapter = GriddedAdapter()
    same_bytes_if_untouched = False

    def make_sample(self, folder):
        path = folder / "weather.nc"
        weather().to_netcdf(path, format="NETCDF3_CLASSIC", engine="netcdf4")
        return path


class TestNetCDF4(AdapterContract):
    adapter = GriddedAdapter()
    same_bytes_if_untouched = False

    def make_sample(self, folder):
        path = folder / "weather.nc"
        data = weather()
        data["tas"].encoding |= {"chunksizes": (1, 5, 8), "zlib": True, "complevel": 2}
        data.to_netcdf(path, engine="netcdf4", unlimited_dims=["time"])
        return path


class TestStations(AdapterContract):
    """Places along one dimension: the points lie on no lattice."""

    adapter = GriddedAdapter()
    same_bytes_if_untouched = False

    def make_sample(self, folder):
        path = folder / "stations.nc"
        values = np.arange(24.0).reshape(4, 6)
        values[1, 2:4] = np.nan
        xr.Dataset(
            {"t2m": (("time", "station"), values, {"units": "K", "coordinates": "lat lon"})},
            {
                "time": ("time", np.arange(4.0), {"units": "days since 2001-01-01"}),
                "lat": ("station", np.linspace(10, 20, 6), {"units": "degrees_north"}),
                "lon": ("station", np.linspace(9, 2, 6), {"units": "degrees_east"}),
            },
        ).to_netcdf(path, engine="netcdf4")
        return path

    def test_places_are_no_lattice(self, tmp_path):
        points = self.adapter.open(self.make_sample(tmp_path), self.query).layers[0].read()
        assert points.lattice is None
        assert [axis.name for axis in points.axes] == ["time", "lat", "lon"]
        assert points.coordinates[7].tolist() == [1.0, 12.0, 7.6]


class TestZarr2(AdapterContract):
    adapter = GriddedAdapter()
    same_bytes_if_untouched = False

    def make_sample(self, folder):
        path = folder / "weather.zarr"
        data = weather()
        data["tas"].encoding |= {"chunks": (1, 9, 4)}
        data.to_zarr(path, zarr_format=2, consolidated=True)
        return path

    def truncate(self, path):
        for chunk in (path / "tas").glob("*.*.*"):
            chunk.write_bytes(chunk.read_bytes()[: chunk.stat().st_size // 2])

    def test_cut_metadata_are_an_input_error(self, tmp_path):
        path = self.make_sample(tmp_path)
        file = path / ("zarr.json" if (path / "zarr.json").exists() else ".zmetadata")
        file.write_text(file.read_text()[:40])

        with pytest.raises(InputError, match=r"weather\.zarr"):
            self.adapter.open(path, self.query)


class TestZarr3(TestZarr2):
    def make_sample(self, folder):
        path = folder / "weather.zarr"
        data = weather()
        data["tas"].encoding |= {"chunks": (1, 9, 4), "shards": (2, 9, 8)}
        data.to_zarr(path, zarr_format=3, consolidated=False)
        return path

    def truncate(self, path):
        for chunk in (path / "tas" / "c").rglob("0"):
            if chunk.is_file():
                chunk.write_bytes(chunk.read_bytes()[: chunk.stat().st_size // 2])


def test_a_missing_fill_value_is_harmless(tmp_path):
    """The library's own fill value stands for what was never written, as netCDF4 reads it."""
    path = tmp_path / "unwritten.nc"
    with netCDF4.Dataset(path, "w") as data:
        data.createDimension("y", 4)
        data.createDimension("x", 3)
        data.createVariable("z", "f4", ("y", "x"))[:2] = 7.0
    points = GriddedAdapter().open(path, AdapterContract.query).layers[0].read()
    assert points.observed.sum() == 6
    assert json.loads(json.dumps(dict(GriddedAdapter().open(path, AdapterContract.query).facts)))
