"""Real files: read as they are meant, filled without any other change."""

from datetime import UTC, datetime

import numpy as np
import pytest
import xarray as xr

from sinr_geo.adapters import Query, Stamp
from sinr_geo.axes import AxisKind
from sinr_geo.recovery import Flag, Recovery
from sinr_geo_adapters.gridded import GriddedAdapter

pytestmark = pytest.mark.shared

STAMP = Stamp("sinr-geo fill", "1", datetime(2026, 1, 2, tzinfo=UTC))
ADAPTER = GriddedAdapter()
K = AxisKind

FILES = {
    "climate/alboranSST_small.nc": (["SST"], [K.TIME, K.LATITUDE, K.LONGITUDE]),
    "climate/avhrr_oisst_reduced.nc": (["sst", "anom", "err", "ice"], [K.LATITUDE, K.LONGITUDE]),
    "climate/bcsd_obs_1999.nc": (["pr", "tas"], [K.TIME, K.LATITUDE, K.LONGITUDE]),
    "climate/coads_climatology.nc": (
        ["SST", "AIRT", "UWND", "VWND"],
        [K.TIME, K.LATITUDE, K.LONGITUDE],
    ),
    "climate/gridmet_tmmx_20190121.nc": (["air_temperature"], [K.LATITUDE, K.LONGITUDE]),
    "climate/orca2_votemper.nc": (["votemper"], [K.LATITUDE, K.LONGITUDE]),
    "climate/toa_brightness_stereographic.nc": (["data"], [K.PROJECTED, K.PROJECTED]),
    "rasters/gmt_seafloor_with_nans.nc": (["z"], [K.PROJECTED, K.PROJECTED]),
}


def mean_filled(points):
    gone = ~points.observed
    values = np.where(gone, np.nanmean(points.values, axis=0), points.values)
    flag = np.where(gone, Flag.FILLED, Flag.OBSERVED).astype("u1")
    return Recovery(values, np.where(gone, 1.0, 0.0), flag)


def stored(path):
    options = {"engine": "zarr", "consolidated": True} if path.is_dir() else {"engine": "netcdf4"}
    with xr.open_dataset(path, decode_cf=False, **options) as data:
        return data.load()


def check_filled(path, output, names):
    """Compare input and output number by number, attribute by attribute, as they are stored."""
    before, after = stored(path), stored(output)
    assert list(before.sizes.items()) == list(after.sizes.items())
    added = {f"{n}_{what}" for n in names for what in ("flag", "standard_error")}
    assert set(after.variables) == set(before.variables) | added
    for name, was in before.variables.items():
        now = after.variables[name]
        attributes = dict(now.attrs)
        if name in names:
            assert attributes.pop("ancillary_variables") == f"{name}_flag {name}_standard_error"
            same = (was.values == now.values) | (after[f"{name}_flag"].values == Flag.FILLED)
            assert same.all()
        else:
            np.testing.assert_array_equal(was.values, now.values)
        assert str(attributes) == str(dict(was.attrs))
        encoding = [{k: v for k, v in x.encoding.items() if k != "source"} for x in (was, now)]
        assert str(encoding[0]) == str(encoding[1])
    history = after.attrs.pop("history")
    assert history == "\n".join(filter(None, [before.attrs.pop("history", ""), STAMP.line]))
    assert str(before.attrs) == str(after.attrs)


@pytest.mark.parametrize("name", FILES)
def test_a_real_file_is_filled(shared_data, tmp_path, name):
    path, (names, kinds) = shared_data / name, FILES[name]
    document = ADAPTER.open(path, Query())
    (layer,) = document.layers
    assert [c.name for c in layer.channels] == names
    assert [a.kind for a in layer.axes] == kinds
    points = layer.read()
    with xr.open_dataset(path, decode_times=False, engine="netcdf4") as data:
        for j, variable in enumerate(names):
            decoded = data[variable].values.ravel()
            np.testing.assert_allclose(points.values[:, j], decoded, rtol=1e-6, atol=1e-5)
    outputs = []
    for run in "ab":
        (tmp_path / run).mkdir()
        target = tmp_path / run / path.name
        assert ADAPTER.write(document, [mean_filled(points)], target, STAMP) == (target,)
        outputs.append(target)
    check_filled(path, outputs[0], names)
    assert outputs[0].read_bytes() == outputs[1].read_bytes()
    with xr.open_dataset(outputs[0], decode_times=False, engine="netcdf4") as data:
        assert not any(data[variable].isnull().any() for variable in names)


def test_the_sea_of_alboran(shared_data):
    layer = ADAPTER.open(shared_data / "climate/alboranSST_small.nc", Query()).layers[0]
    sea = layer.mask("mask").reshape(layer.shape)
    with xr.open_dataset(shared_data / "climate/alboranSST_small.nc") as data:
        np.testing.assert_array_equal(sea, np.broadcast_to(data["mask"] == 1, layer.shape))


def test_the_climatology_goes_around_the_world_and_the_year(shared_data):
    points = ADAPTER.open(shared_data / "climate/coads_climatology.nc", Query()).layers[0].read()
    assert points.lattice.wraps == (False, False, True)
    assert [a.period for a in points.axes] == [365.2425, None, 360.0]


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.filterwarnings("ignore:Consolidated metadata:zarr.errors.ZarrUserWarning")
def test_the_climatology_as_zarr(shared_data, tmp_path, version):
    path = tmp_path / "coads.zarr"
    with xr.open_dataset(shared_data / "climate/coads_climatology.nc") as data:
        data.drop_encoding().to_zarr(path, zarr_format=version, consolidated=True)
    document = ADAPTER.open(path, Query())
    assert document.format == f"Zarr v{version}"
    (layer,) = document.layers
    names = [c.name for c in layer.channels]
    assert sorted(names) == ["AIRT", "SST", "UWND", "VWND"]
    target = tmp_path / "out" / "coads.zarr"
    target.parent.mkdir()
    ADAPTER.write(document, [mean_filled(layer.read())], target, STAMP)
    with xr.open_dataset(target, engine="zarr", decode_times=False, consolidated=True) as data:
        assert not any(data[name].isnull().any() for name in names)
    was, now = stored(path), stored(target)
    for name in names:
        seen = now[f"{name}_flag"].values == Flag.OBSERVED
        assert np.isfinite(was[name].values[seen]).all()
        assert (was[name].values == now[name].values)[seen].all()
