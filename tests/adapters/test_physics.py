"""Bounds by physics: of names, and of what is written to files."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import numpy as np
import pytest
import rasterio
import xarray as xr
from rasterio import Affine

from sinr_geo.adapters import Query, Stamp
from sinr_geo.trial_recoveries import filled_with
from sinr_geo_adapters.cf_physics import narrowed, physical_bounds
from sinr_geo_adapters.gridded import GriddedAdapter
from sinr_geo_adapters.raster import RasterAdapter

FREE, POSITIVE = (-math.inf, math.inf), (0.0, math.inf)
MOMENT = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("standard", "units", "bounds"),
    [
        ("convective_precipitation_rate", "m s-1", POSITIVE),
        ("lwe_thickness_of_snowfall_amount", "m", POSITIVE),
        ("relative_humidity", "1", (0, 1)),
        ("relative_humidity", "%", (0, 100)),
        ("specific_humidity", "kg kg-1", (0, 1)),
        ("specific_humidity", "g kg-1", (0, 1000)),
        ("cloud_area_fraction", "", POSITIVE),
        ("cloud_area_fraction", "okta", (0, 8)),
        ("cloud_area_fraction_in_atmosphere_layer", "%", (0, 100)),
        ("sea_ice_area_fraction", "1", (0, 1)),
        ("sea_ice_area_fraction", "0.01", (0, 100)),
        ("probability_of_precipitation", "percent", (0, 100)),
        ("mole_fraction_of_carbon_dioxide_in_air", "1e-6", (0, 1e6)),
        ("volume_fraction_of_condensed_water_in_soil", "m3 m-3", (0, 1)),
        ("surface_albedo", "1", (0, 1)),
        ("mass_concentration_of_pm10_ambient_aerosol_particles_in_air", "kg m-3", POSITIVE),
        ("atmosphere_optical_thickness_due_to_ambient_aerosol_particles", "1", POSITIVE),
        ("surface_downwelling_shortwave_flux_in_air", "W m-2", POSITIVE),
        ("sea_water_practical_salinity", "1", POSITIVE),
        ("sea_water_pressure", "dbar", POSITIVE),
        ("air_temperature", "K", POSITIVE),
        ("air_temperature", "degC", FREE),
        ("air_temperature standard_error", "degC", POSITIVE),
        ("air_temperature number_of_observations", "1", POSITIVE),
        ("normalized_difference_vegetation_index", "1", (-1, 1)),
        ("air_temperature_lapse_rate", "K", FREE),
        ("change_over_time_in_sea_water_salinity", "1e-3", FREE),
        ("product_of_eastward_wind_and_specific_humidity", "m s-1", FREE),
        ("equivalent_reflectivity_factor", "dBZ", FREE),
        ("mass_concentration_of_chlorophyll_a_in_sea_water", "ln(re 1 mg m-3)", FREE),
        ("eastward_wind", "m s-1", FREE),
        ("surface_upward_sensible_heat_flux", "W m-2", FREE),
        ("surface_bidirectional_reflectance", "1", FREE),
        ("sea_surface_height_above_geoid", "m", FREE),
    ],
)
def test_standard_names(standard, units, bounds):
    assert physical_bounds("x", standard, units) == pytest.approx(bounds)


@pytest.mark.parametrize(
    ("name", "units", "bounds"),
    [
        ("rh", "%", (0, 100)),
        ("siconc", "1", (0, 1)),
        ("tcc", "(0 - 1)", (0, 1)),
        ("aod550", "", POSITIVE),
        ("t850", "K", POSITIVE),
        ("t850", "degC", FREE),
        ("precip_climatology", "mm", FREE),
        ("u10", "m s-1", FREE),
        ("elevation", "m", FREE),
    ],
)
def test_common_names(name, units, bounds):
    assert physical_bounds(name, "", units) == bounds


def test_a_standard_name_decides_alone():
    assert physical_bounds("pr", "eastward_wind", "m s-1") == FREE


def test_what_contradicts_the_file_gives_way():
    assert narrowed((-5.0, 300.0), (0.0, 100.0)) == (0.0, 100.0)
    assert narrowed((150.0, 255.0), (0.0, 100.0)) == (150.0, 255.0)


def gappy(low, high):
    values = np.linspace(low, high, 30).reshape(5, 6)
    values[1:3, 2:4] = np.nan
    return values


@pytest.mark.parametrize(
    ("attributes", "values", "asked", "written"),
    [
        ({"standard_name": "precipitation_flux", "units": "kg m-2 s-1"}, (0, 9), -3.0, 0.0),
        ({"standard_name": "cloud_area_fraction", "units": "1"}, (0, 1), 1.5, 1.0),
        ({"standard_name": "relative_humidity", "units": "%"}, (20, 90), 130.0, 100.0),
        ({"standard_name": "air_temperature", "units": "K"}, (250, 300), -3.0, 0.0),
        ({"valid_range": np.array([0.0, 0.8]), "units": "1"}, (0, 0.7), -0.2, 0.0),
        ({"valid_range": np.array([0.0, 0.8]), "units": "1"}, (0, 0.7), 0.9, 0.8),
        ({"valid_min": 2.0}, (3, 4), 1.0, 2.0),
        ({"valid_max": 5.0}, (3, 4), 6.0, 5.0),
    ],
)
def test_no_written_value_leaves_the_bounds(tmp_path, attributes, values, asked, written):
    path, target = tmp_path / "a.nc", tmp_path / "b.nc"
    field = gappy(*values)
    xr.Dataset({"x": (("lat", "lon"), field, attributes)}).to_netcdf(path)
    adapter = GriddedAdapter()
    document = adapter.open(path, Query())
    recovery = filled_with(document.layers[0].read(), asked)
    adapter.write(document, [recovery], target, Stamp("test", "0", MOMENT))
    with xr.open_dataset(target, decode_cf=False) as dataset:
        found = dataset["x"].values
    assert found[np.isnan(field)] == pytest.approx(written)
    np.testing.assert_array_equal(found[~np.isnan(field)], field[~np.isnan(field)])


def test_bands_of_a_raster_have_bounds_by_name_and_unit(tmp_path):
    path = tmp_path / "a.tif"
    place = {"width": 6, "height": 5, "count": 3, "transform": Affine(30, 0, 5e5, 0, -30, 4e6)}
    with rasterio.open(
        path, "w", driver="GTiff", dtype="float32", nodata=np.nan, **place
    ) as dataset:
        for band in (1, 2, 3):
            dataset.write(gappy(0, 1).astype("f4"), band)
        dataset.descriptions = ("precipitation", "cover", "elevation")
        dataset.units = ("mm", "%", "m")
        dataset.update_tags(2, standard_name="cloud_area_fraction")
    channels = RasterAdapter().open(path, Query()).layers[0].channels
    assert [(c.lower, c.upper) for c in channels] == [POSITIVE, (0, 100), FREE]
