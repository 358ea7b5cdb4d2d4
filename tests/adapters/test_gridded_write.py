"""What a written file has, judged by xarray, netCDF4 and zarr."""

import json
import re
import shutil
import warnings
from datetime import UTC, datetime

import netCDF4
import numpy as np
import pytest
import xarray as xr
import zarr
from numcodecs import Delta

from sinr_geo.adapters import Query, Stamp
from sinr_geo.errors import RequestError
from sinr_geo.recovery import Flag, Recovery
from sinr_geo_adapters.gridded import GriddedAdapter
from sinr_geo_adapters.hdf5_times import _lookup3

STAMP = Stamp("sinr-geo fill a.nc", "1.2", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
LINE = "2026-01-02T03:04:05Z sinr-geo 1.2: sinr-geo fill a.nc"
KINDS = ["NETCDF3_CLASSIC", "NETCDF3_64BIT", "NETCDF4", "NETCDF4_CLASSIC"]
ADAPTER = GriddedAdapter()


def filled(points, value=None):
    """Every gap gets one value, by default the channel's mean."""
    gone = ~points.observed
    values = np.nanmean(points.values, axis=0) if value is None else value
    return Recovery(
        np.where(gone, values, points.values),
        np.where(gone, 0.25, 0.0),
        np.where(gone, Flag.FILLED, Flag.OBSERVED).astype("u1"),
    )


def write(path, recover=filled, query=None, name=None):
    document = ADAPTER.open(path, query or Query())
    recoveries = [recover(layer.read()) for layer in document.layers]
    folder = path.parent / "out"
    folder.mkdir(exist_ok=True)
    (target,) = ADAPTER.write(document, recoveries, folder / (name or path.name), STAMP)
    return target


def make(path, kind="NETCDF4"):
    """Packed and plain variables with everything that could get lost."""
    rng = np.random.default_rng(3)
    with netCDF4.Dataset(path, "w", format=kind) as data:
        data.history = "yesterday: made\n"
        data.setncattr("title", "Wärme")
        for dim, size in {"time": None, "lat": 6, "lon": 8}.items():
            data.createDimension(dim, size)
        for dim, units in {"lat": "degrees_north", "lon": "degrees_east"}.items():
            axis = data.createVariable(dim, "f4", (dim,))
            axis.units, axis.bounds = units, f"{dim}_bnds"
            axis[:] = np.arange(len(data.dimensions[dim]))
        time = data.createVariable("time", "f8", ("time",))
        time.units, time.calendar = "days since 2001-02-01", "360_day"
        data.createVariable("crs", "i4", ()).grid_mapping_name = "latitude_longitude"
        storage = {"zlib": True, "chunksizes": (1, 3, 8)} if kind == "NETCDF4" else {}
        tas = data.createVariable("tas", "i2", ("time", "lat", "lon"), fill_value=-9, **storage)
        tas.set_auto_maskandscale(False)
        tas.setncatts(
            {
                "scale_factor": np.float32(0.1),
                "add_offset": np.float32(20),
                "standard_name": "air_temperature",
                "long_name": "warmth",
                "units": "degC",
                "cell_methods": "time: mean",
                "grid_mapping": "crs",
                "ancillary_variables": "tas_n",
                "actual_range": np.array([0, 99], "f4"),
            }
        )
        packed = rng.integers(0, 100, (4, 6, 8)).astype("i2")
        packed[2:, 1:4, 2:6] = -9
        tas[:] = packed
        whole = data.createVariable("whole", "f4", ("time", "lat", "lon"))
        whole[:] = rng.random((4, 6, 8))
        time[:] = np.arange(4) * 30
    return path


def stored(path):
    """Every number and attribute of a file as it is stored."""
    with xr.open_dataset(path, decode_cf=False, engine="netcdf4") as data:
        return data.load()


@pytest.mark.parametrize("kind", KINDS)
def test_only_gaps_change(tmp_path, kind):
    path = make(tmp_path / "a.nc", kind)
    before, after = stored(path), stored(write(path))
    assert set(after.variables) - set(before.variables) == {"tas_flag", "tas_standard_error"}
    for name in before.variables:
        was, now = before[name], after[name]
        assert (was.dtype, was.dims) == (now.dtype, now.dims)
        if name != "tas":
            np.testing.assert_array_equal(was.values, now.values)
            assert str(was.attrs) == str(now.attrs)
    gone = before["tas"].values == -9
    np.testing.assert_array_equal(before["tas"].values[~gone], after["tas"].values[~gone])
    assert (after["tas"].values != -9).all()
    assert after.attrs == {"title": "Wärme", "history": f"yesterday: made\n{LINE}"}
    with netCDF4.Dataset(tmp_path / "out" / "a.nc") as data:
        assert data.data_model == netCDF4.Dataset(path).data_model
        assert data.dimensions["time"].isunlimited()


@pytest.mark.parametrize("kind", KINDS)
def test_extras_follow_cf(tmp_path, kind):
    path = make(tmp_path / "a.nc", kind)
    output = write(path)
    raw, data = stored(output), xr.open_dataset(output, engine="netcdf4", decode_times=False)
    assert raw["tas"].attrs["ancillary_variables"] == "tas_n tas_flag tas_standard_error"
    flag = raw["tas_flag"]
    assert (flag.dtype, flag.dims) == (np.int8, ("time", "lat", "lon"))
    assert flag.attrs["standard_name"] == "status_flag"
    assert flag.attrs["flag_values"].dtype == np.int8
    assert flag.attrs["flag_values"].tolist() == [0, 1, 2, 3, 4]
    assert flag.attrs["flag_meanings"] == "observed filled denoised extrapolated unfilled"
    assert flag.attrs["grid_mapping"] == "crs"
    np.testing.assert_array_equal(flag.values == 1, stored(path)["tas"].values == -9)
    error = raw["tas_standard_error"]
    assert error.dtype == np.float32
    assert error.attrs["standard_name"] == "air_temperature standard_error"
    assert error.attrs["units"] == "degC"
    assert np.isnan(error.attrs["_FillValue"])
    np.testing.assert_array_equal(error.values, 0.25 * flag.values)
    span = raw["tas"].attrs["actual_range"]
    assert span.dtype == np.float32
    assert span.tolist() == pytest.approx([float(data["tas"].min()), float(data["tas"].max())])
    if kind == "NETCDF4":
        assert raw["tas_flag"].encoding["chunksizes"] == (1, 3, 8)
        assert raw["tas_flag"].encoding["zlib"]
    data.close()


def test_untouched_chunks_keep_their_bytes(tmp_path):
    path = tmp_path / "a.zarr"
    xr.load_dataset(make(tmp_path / "a.nc"), decode_times=False).drop_encoding().to_zarr(
        path, encoding={"tas": {"chunks": (1, 6, 8)}}, zarr_format=2
    )
    output = write(path)
    same = [
        (path / "tas" / f"{i}.0.0").read_bytes() == (output / "tas" / f"{i}.0.0").read_bytes()
        for i in range(4)
    ]
    assert same == [True, True, False, False]


def test_a_second_run_takes_other_names(tmp_path):
    path = make(tmp_path / "a.nc")

    def half(points):
        rest = filled(points)
        flag = rest.flag.copy()
        flag[::2][flag[::2] == Flag.FILLED] = Flag.UNFILLED
        return Recovery(rest.values, None, flag)

    once = write(path, half)
    assert "tas_standard_error" not in stored(once)
    assert set(np.unique(stored(once)["tas_flag"])) == {0, 1, 4}
    again = tmp_path / "again" / "a.nc"
    again.parent.mkdir()
    shutil.copyfile(once, again)
    twice = stored(write(again))
    assert twice["tas"].attrs["ancillary_variables"] == (
        "tas_n tas_flag tas_flag_2 tas_standard_error"
    )
    assert twice.attrs["history"].splitlines() == ["yesterday: made", LINE, LINE]
    assert (twice["tas"] != -9).all()


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_recovered_adds_a_line_of_history(tmp_path, kind):
    path = make(tmp_path / "a.nc", kind)

    def nothing(points):
        return Recovery(points.values, None, np.zeros(points.values.shape, "u1"))

    before, after = stored(path), stored(write(path, nothing))
    assert after.attrs.pop("history") == f"yesterday: made\n{LINE}"
    before.attrs.pop("history")
    xr.testing.assert_identical(before, after)


def test_values_are_held_and_never_missing(tmp_path):
    path = make(tmp_path / "a.nc")
    for value, expected in ((1e9, 32767), (-1e9, -32768), (20 - 0.9, (-10, -8))):
        output = stored(write(path, lambda points, v=value: filled(points, v)))
        new = np.unique(output["tas"].values[stored(path)["tas"].values == -9])
        assert set(new.tolist()) <= set(np.atleast_1d(expected).tolist())


def test_physics_holds_without_packing(tmp_path):
    path = tmp_path / "a.nc"
    rain = np.array([[1.0, np.nan, 3], [4, 5, 6]], "f4")
    xr.Dataset({"pr": (("y", "x"), rain, {"units": "mm"})}).to_netcdf(path, engine="netcdf4")
    output = stored(write(path, lambda points: filled(points, -3.0)))
    assert output["pr"].values[0, 1] == 0


def test_time_as_channels_is_written_back(tmp_path):
    path = make(tmp_path / "a.nc")
    output = stored(write(path, query=Query(channels=("time",), variables=("tas",))))
    before = stored(path)["tas"].values
    raw = np.where(before == -9, np.nan, before)
    mean = np.nanmean(raw, axis=(1, 2))[:, None, None]
    expected = np.where(before == -9, np.rint(mean), before)
    np.testing.assert_array_equal(output["tas"].values, expected)
    np.testing.assert_array_equal(output["tas_flag"].values, before == -9)
    assert "whole_flag" not in output


def test_dimensions_in_any_order_are_written_back(tmp_path):
    path = tmp_path / "a.nc"
    values = np.arange(48.0).reshape(4, 1, 2, 6)
    values[1, 0, 1, 2:5] = np.nan
    data = xr.Dataset(
        {"v": (("y", "time", "wavelength", "x"), values)}, {"wavelength": [450.0, 550.0]}
    )
    data.to_netcdf(path, engine="netcdf4")
    output = stored(write(path, lambda points: filled(points, [-5.0, -7.0])))["v"].values
    np.testing.assert_array_equal(output, np.where(np.isnan(values), -7.0, values))


def test_cells_without_a_place_are_flagged_by_what_they_hold(tmp_path):
    path = tmp_path / "a.nc"
    lat, lon = np.meshgrid(np.linspace(40, 50, 3), np.linspace(0, 9, 4), indexing="ij")
    lat[0, :2] = np.nan
    depth = np.arange(12.0).reshape(3, 4)
    depth[0, 0] = depth[1, 1] = np.nan
    xr.Dataset(
        {"depth": (("j", "i"), depth, {"coordinates": "lat lon"})},
        {
            "lat": (("j", "i"), lat, {"units": "degrees_north"}),
            "lon": (("j", "i"), lon, {"units": "degrees_east"}),
        },
    ).to_netcdf(path, engine="netcdf4")
    output = stored(write(path))
    assert output["depth_flag"].values[:2, :2].tolist() == [[4, 0], [0, 1]]
    assert output["depth_flag"].attrs["coordinates"] == "lat lon"
    assert output["depth_standard_error"].dtype == np.float64
    assert np.isnan(output["depth_standard_error"].values[0, :2]).all()
    assert np.isnan(output["depth"].values[0, 0])


def test_types_groups_and_strings_survive(tmp_path):
    path = make(tmp_path / "a.nc")
    with netCDF4.Dataset(path, "r+") as data:
        data.setncattr_string("words", "one two")
        kind = data.createEnumType("u1", "colours", {"red": 0, "blue": 1})
        data.createVariable("colour", kind, ("lat", "lon"))[:] = 1
        group = data.createGroup("inner")
        group.createVariable("deep", "f4", ("lat",))[:] = 5
    with netCDF4.Dataset(write(path)) as data:
        assert data.words == "one two"
        assert data.enumtypes["colours"].enum_dict == {"red": 0, "blue": 1}
        assert data["inner/deep"][:].tolist() == [5] * 6


def test_big_endian_is_kept(tmp_path):
    path = tmp_path / "a.nc"
    with netCDF4.Dataset(path, "w") as data:
        data.createDimension("y", 3)
        data.createDimension("x", 4)
        variable = data.createVariable("v", ">i2", ("y", "x"), fill_value=-1, endian="big")
        variable.units = "m"
        variable[:] = np.ma.masked_equal(np.arange(12).reshape(3, 4) * 100, 500)
    with netCDF4.Dataset(write(path)) as data:
        assert data["v"].endian() == "big"
        assert data["v"][:].tolist()[1] == [400, 555, 600, 700]


@pytest.mark.parametrize("kind", ["NETCDF3_CLASSIC", "NETCDF4"])
def test_a_read_only_input_is_enough(tmp_path, kind):
    path = make(tmp_path / "a.nc", kind)
    before = path.read_bytes()
    path.chmod(0o444)
    assert write(path).stat().st_mode & 0o200
    assert path.read_bytes() == before


def test_the_name_cannot_ask_for_another_format(tmp_path):
    path = make(tmp_path / "a.nc")
    with pytest.raises(RequestError, match=r"b\.zarr: a\.nc is NetCDF-4"):
        write(path, name="b.zarr")
    assert write(path, name="b.nc4").name == "b.nc4"


def test_lookup3_is_that_of_its_author():
    """Values of the self-test in Bob Jenkins's lookup3.c."""
    assert _lookup3(b"") == 0xDEADBEEF
    assert _lookup3(b"Four score and seven years ago") == 0x17770551


def zarr_store(folder, version, consolidated=True, **encoding):
    path = folder / f"a{version}.zarr"
    with xr.open_dataset(make(folder / "a.nc"), decode_cf=False, engine="netcdf4") as data:
        data = data.load().drop_encoding()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data.to_zarr(path, zarr_format=version, consolidated=consolidated, encoding=encoding)
    return path


def attributes_of(path, name=""):
    version3 = path / name / "zarr.json"
    if version3.exists():
        return json.loads(version3.read_text())["attributes"]
    return json.loads((path / name / ".zattrs").read_text())


@pytest.mark.parametrize("consolidated", [True, False])
@pytest.mark.parametrize("version", [2, 3])
def test_zarr_is_patched(tmp_path, version, consolidated):
    path = zarr_store(tmp_path, version, consolidated)
    output = write(path)
    options = {"engine": "zarr", "decode_cf": False, "consolidated": consolidated}
    before, after = xr.open_dataset(path, **options), xr.open_dataset(output, **options)
    assert set(after.variables) - set(before.variables) == {"tas_flag", "tas_standard_error"}
    gone = before["tas"].values == -9
    assert (before["tas"].values == after["tas"].values)[~gone].all()
    assert (after["tas"].values != -9).all()
    np.testing.assert_array_equal(after["tas_flag"], gone)
    assert after["tas_flag"].dims == before["tas"].dims
    assert after["tas_flag"].dtype == np.int8
    assert after["tas"].attrs["ancillary_variables"] == "tas_n tas_flag tas_standard_error"
    assert after.attrs["history"].endswith(LINE)
    for name in set(before.variables) - {"tas"}:
        files = [p.relative_to(path / name) for p in (path / name).rglob("*") if p.is_file()]
        assert files
        for file in files:
            assert (path / name / file).read_bytes() == (output / name / file).read_bytes()
    with xr.open_dataset(output, engine="zarr", decode_times=False, consolidated=consolidated) as d:
        assert d["tas_flag"].dtype == np.int8
        assert not d["tas"].isnull().any()
    assert zarr.open_group(output, use_consolidated=consolidated)["tas_flag"].shape == (4, 6, 8)


def test_consolidated_metadata_agree_with_the_arrays(tmp_path):
    two = write(zarr_store(tmp_path, 2))
    document = json.loads((two / ".zmetadata").read_text())["metadata"]
    for key, value in document.items():
        assert json.loads((two / key).read_text()) == value, key
    assert len(document) == len([p for p in two.rglob(".z*") if p.name != ".zmetadata"])
    three = write(zarr_store(tmp_path, 3))
    inline = json.loads((three / "zarr.json").read_text())["consolidated_metadata"]["metadata"]
    for name, value in inline.items():
        found = json.loads((three / name / "zarr.json").read_text())
        assert found["attributes"] == value["attributes"], name
    assert {"tas_flag", "tas_standard_error"} <= set(inline)


def test_shards_and_codecs_of_zarr_3(tmp_path):
    codec = zarr.codecs.BloscCodec(cname="zstd", clevel=3)
    encoding = {"chunks": (1, 3, 8), "shards": (2, 6, 8), "compressors": [codec]}
    path = zarr_store(tmp_path, 3, False, tas=encoding)
    output = write(path)
    flag = zarr.open_array(output / "tas_flag")
    assert (flag.chunks, flag.shards) == ((1, 3, 8), (2, 6, 8))
    assert [type(c).__name__ for c in flag.compressors] == ["BloscCodec"]
    assert (path / "tas/c/0/0/0").read_bytes() == (output / "tas/c/0/0/0").read_bytes()
    assert (path / "tas/c/1/0/0").read_bytes() != (output / "tas/c/1/0/0").read_bytes()


def test_filters_that_depend_on_the_type_stay_with_their_array(tmp_path):
    path = zarr_store(tmp_path, 2)
    shutil.rmtree(path / "tas")
    (path / ".zmetadata").unlink()
    array = zarr.create_array(
        path / "tas",
        shape=(4, 6, 8),
        dtype="i2",
        chunks=(2, 6, 8),
        zarr_format=2,
        filters=[Delta(dtype="<i2")],
        fill_value=-9,
        attributes={"_ARRAY_DIMENSIONS": ["time", "lat", "lon"], "units": "m"},
    )
    values = np.arange(192, dtype="i2").reshape(4, 6, 8)
    values[3, 2:4, 1:5] = -9
    array[:] = values
    output = write(path)
    kept = json.loads((output / "tas/.zarray").read_text())
    assert kept["filters"] == [{"id": "delta", "dtype": "<i2", "astype": "<i2"}]
    new = zarr.open_array(output / "tas")[:]
    assert (new[values != -9] == values[values != -9]).all()
    np.testing.assert_array_equal(zarr.open_array(output / "tas_flag")[:], values == -9)


@pytest.mark.parametrize("version", [2, 3])
def test_zarr_name_and_indent(tmp_path, version):
    path = zarr_store(tmp_path, version)
    with pytest.raises(RequestError, match=r"b\.nc: .* Zarr.*\.zarr"):
        write(path, name="b.nc")
    file = path / ("zarr.json" if version == 3 else ".zattrs")
    file.write_text(json.dumps(json.loads(file.read_text()), indent=4))
    output = write(path)
    assert re.match(r"\{\n    \"", (output / file.name).read_text())
    assert attributes_of(output)["history"].endswith(LINE)


@pytest.mark.parametrize("kind", ["NETCDF3_CLASSIC", "NETCDF3_64BIT_DATA", "NETCDF4", 2, 3])
def test_labels(tmp_path, kind):
    path = make(tmp_path / "a.nc", kind) if isinstance(kind, str) else zarr_store(tmp_path, kind)
    document = ADAPTER.open(path, Query())
    labels = [np.arange(len(layer.read()), dtype="i4") // 40 for layer in document.layers]
    target = tmp_path / f"labels{path.suffix}"
    assert ADAPTER.write_labels(document, labels, target, STAMP) == (target,)
    with xr.open_dataset(
        target,
        decode_times=False,
        **({} if isinstance(kind, str) else {"engine": "zarr", "consolidated": True}),
    ) as data:
        assert set(data.variables) == {"superpixel", "time", "lat", "lon", "crs"}
        assert data["superpixel"].dtype == np.int32
        np.testing.assert_array_equal(data["superpixel"].values.ravel(), labels[0])
        assert data["superpixel"].attrs["grid_mapping"] == "crs"
        assert data["lat"].attrs == {"units": "degrees_north"}
        assert data["time"].attrs["calendar"] == "360_day"
        assert data.attrs["history"] == LINE


def test_labels_of_several_layers(tmp_path):
    path = tmp_path / "a.nc"
    lat = np.array([[1.0, np.nan], [3, 4]])
    xr.Dataset(
        {
            "a": (("j", "i"), np.ones((2, 2)), {"coordinates": "lat lon"}),
            "b": (("y", "x"), np.ones((3, 4))),
            "lat": (("j", "i"), lat, {"units": "degrees_north"}),
            "lon": (("j", "i"), lat, {"units": "degrees_east"}),
        }
    ).to_netcdf(path, engine="netcdf4")
    document = ADAPTER.open(path, Query())
    labels = [np.arange(len(layer.read()), dtype="i4") for layer in document.layers]
    target = tmp_path / "labels.nc"
    ADAPTER.write_labels(document, labels, target, STAMP)
    data = stored(target)
    assert data["superpixel_j_i"].values.tolist() == [[0, -1], [1, 2]]
    assert data["superpixel_j_i"].attrs["_FillValue"] == -1
    assert data["superpixel_j_i"].attrs["coordinates"] == "lat lon"
    assert data["superpixel_y_x"].values.max() == 11
