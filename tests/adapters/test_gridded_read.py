"""What a gridded file is read as: layers, channels, axes, masks; and what is refused."""

import netCDF4
import numpy as np
import pytest
import xarray as xr

from sinr_geo.adapters import MissingRule, Query
from sinr_geo.axes import AxisKind
from sinr_geo.errors import InputError, NothingToDoError, RequestError
from sinr_geo_adapters.gridded import GriddedAdapter

LAT = ("lat", np.linspace(-80, 80, 9), {"units": "degrees North"})
LON = ("lon", np.arange(0.0, 360, 30), {"units": "degrees East"})
TIME = ("time", np.arange(3.0), {"units": "hours since 2001-01-01"})


def field(*sizes):
    values = np.arange(np.prod(sizes), dtype="float32").reshape(sizes) / 7
    values.flat[::5] = np.nan
    return values


def save(path, variables, coordinates=None, **options):
    data = xr.Dataset(variables, coordinates or {"time": TIME, "lat": LAT, "lon": LON})
    data.to_netcdf(path, engine="netcdf4", **options)
    return path


def read(path, **query):
    return GriddedAdapter().open(path, Query(**query))


def test_variables_on_one_grid_share_a_layer(tmp_path):
    path = save(
        tmp_path / "a.nc",
        {
            "sst": (("time", "lat", "lon"), field(3, 9, 12)),
            "wind": (("time", "lat", "lon"), field(3, 9, 12)),
            "depth": (("lat", "lon"), field(9, 12)),
        },
    )
    document = read(path)
    assert document.format == "NetCDF-4"
    assert [[c.name for c in layer.channels] for layer in document.layers] == [
        ["sst", "wind"],
        ["depth"],
    ]
    first, second = document.layers
    assert (first.name, first.dims, first.shape) == (
        "time_lat_lon",
        ("time", "lat", "lon"),
        (3, 9, 12),
    )
    points = first.read()
    assert (points.lattice.space, points.lattice.steps) == ((1, 2), (0,))
    assert points.lattice.wraps == (False, False, True)
    assert [a.period for a in points.axes] == [None, None, 360.0]
    assert np.allclose(points.coordinates[-1], [2 / 24, 80, 330])
    np.testing.assert_array_equal(points.values[:, 0], field(3, 9, 12).ravel().astype("f8"))
    assert first.read((slice(1, 2), slice(2, 4), slice(0, 5))).lattice.wraps == (False,) * 3
    assert second.read().lattice.steps == ()


def test_dimensions_of_size_one_are_dropped(tmp_path):
    values = field(1, 1, 9, 12)
    path = save(
        tmp_path / "a.nc",
        {"sst": (("time", "z", "lat", "lon"), values), "ice": (("lat", "lon"), field(9, 12))},
        {"lat": LAT, "lon": LON},
    )
    (layer,) = read(path).layers
    assert layer.dims == ("lat", "lon")
    assert [c.name for c in layer.channels] == ["sst", "ice"]


def test_wavelengths_are_channels_unless_asked(tmp_path):
    wavelength = ("wavelength", [450.0, 550.5], {"units": "nm"})
    values = field(9, 2, 12)
    path = save(
        tmp_path / "a.nc",
        {"radiance": (("lat", "wavelength", "lon"), values, {"units": "W"})},
        {"lat": LAT, "lon": LON, "wavelength": wavelength},
    )
    (layer,) = read(path).layers
    assert [c.name for c in layer.channels] == [
        "radiance[wavelength=450.0]",
        "radiance[wavelength=550.5]",
    ]
    assert {c.source for c in layer.channels} == {"radiance"}
    assert {c.along for c in layer.channels} == {AxisKind.SPECTRAL}
    np.testing.assert_array_equal(layer.read().values[:, 1], values[:, 1].ravel())
    (layer,) = read(path, coordinates=("wavelength",)).layers
    assert layer.dims == ("lat", "wavelength", "lon")
    assert layer.axes[1].kind is AxisKind.SPECTRAL


def test_time_becomes_channels_when_asked(tmp_path):
    path = save(tmp_path / "a.nc", {"sst": (("time", "lat", "lon"), field(3, 9, 12))})
    (layer,) = read(path, channels=("TIME",)).layers
    assert layer.dims == ("lat", "lon")
    assert [c.name for c in layer.channels][2] == "sst[time=2.0]"
    assert layer.channels[0].along is AxisKind.TIME
    with pytest.raises(RequestError, match=r"'depth'.*time, lat, lon"):
        read(path, channels=("depth",))
    with pytest.raises(RequestError, match="at once"):
        read(path, channels=("time",), coordinates=("time",))
    with pytest.raises(RequestError, match="all its dimensions are channels"):
        read(path, channels=("time", "lat", "lon"), variables=("sst",))


def test_what_is_no_data_is_left_alone(tmp_path):
    whole = np.arange(108).reshape(9, 12) % 4
    path = save(
        tmp_path / "a.nc",
        {
            "sst": (("time", "lat", "lon"), field(3, 9, 12), {"ancillary_variables": "sst_n"}),
            "sst_n": (("time", "lat", "lon"), field(3, 9, 12)),
            "mask": (("lat", "lon"), np.ones((9, 12), "float32")),
            "kind": (("lat", "lon"), whole.astype("i2")),
            "count": (("lat", "lon"), (whole * 5).astype("i2"), {"units": "m"}),
            "status": (("lat", "lon"), whole.astype("f4"), {"flag_meanings": "a b c d"}),
            "time_bnds": (("time", "n"), np.zeros((3, 2))),
            "date": ("time", np.arange(3.0)),
            "title": ("lat", np.array(list("abcdefghi"))),
            "one": ((), 1.0),
        },
    )
    document = read(path)
    names = [c.name for layer in document.layers for c in layer.channels]
    assert names == ["sst", "count"]
    notes = "\n".join(document.notes)
    for name in ("sst_n", "mask", "kind", "status", "date"):
        assert notes.count(f"'{name}' ") == 1
    assert read(path, variables=("sst_n",)).layers[0].channels[0].name == "sst_n"
    assert read(path, variables=("date",)).layers[0].dims == ("time",)
    for name, why in {
        "mask": "mask",
        "status": "flag_meanings",
        "lat": "where samples lie",
        "title": "not numbers",
        "one": "single number",
    }.items():
        with pytest.raises(RequestError, match=f"'{name}' cannot be recovered: .*{why}"):
            read(path, variables=(name,))
    with pytest.raises(RequestError, match=r"no variable 'x'.*sst, count, date, sst_n"):
        read(path, variables=("x",))


def test_only_classes_are_nothing_to_do(tmp_path):
    path = save(tmp_path / "a.nc", {"mask": (("lat", "lon"), np.ones((9, 12)))})
    with pytest.raises(NothingToDoError, match="'mask': its name"):
        read(path)


def test_data_in_groups_are_named(tmp_path):
    path = tmp_path / "a.nc"
    save(path, {"one": ((), 1.0)}, {})
    save(path, {"sst": (("lat", "lon"), field(9, 12))}, {}, group="product", mode="a")
    with pytest.raises(NothingToDoError, match="groups product are not read"):
        read(path)


def test_a_mask_is_repeated_over_time(tmp_path):
    sea = np.arange(108).reshape(12, 9) % 2.0
    sea[0, 0] = np.nan
    path = save(
        tmp_path / "a.nc",
        {"sst": (("time", "lat", "lon"), field(3, 9, 12)), "mask": (("lon", "lat"), sea)},
    )
    layer = read(path).layers[0]
    expected = np.broadcast_to(np.nan_to_num(sea).T != 0, (3, 9, 12)).ravel()
    np.testing.assert_array_equal(layer.mask("mask"), expected)
    with pytest.raises(RequestError, match=r"no variable 'land'.*mask"):
        layer.mask("land")
    (flat,) = read(path, channels=("time",)).layers
    with pytest.raises(RequestError, match="does not lie on the grid"):
        flat.mask("sst")


def test_rules_tell_what_else_is_missing(tmp_path):
    values = np.arange(108.0, dtype="f4").reshape(9, 12) / 10
    quality = (np.arange(108).reshape(9, 12) % 3).astype("i1")
    path = save(
        tmp_path / "a.nc",
        {
            "a": (("lat", "lon"), values),
            "b": (("lat", "lon"), values),
            "qc": (("lat", "lon"), quality),
        },
    )

    def gone(*rules):
        return (~read(path, missing=rules).layers[0].read().observed).sum(axis=0).tolist()

    assert gone() == [0, 0]
    assert gone(MissingRule("nan")) == [0, 0]
    assert gone(MissingRule("value", 0.1)) == [1, 1]
    assert gone(MissingRule("a", 0.1), MissingRule("b", 99)) == [1, 0]
    assert gone(MissingRule("qc", 2)) == [36, 36]


def test_curvilinear_cells_without_a_place_are_no_points(tmp_path):
    lat, lon = np.meshgrid(np.linspace(40, 50, 9), np.linspace(0, 9, 12), indexing="ij")
    lat[0, 3] = np.nan
    path = save(
        tmp_path / "a.nc",
        {
            "temp": (("y", "x"), field(9, 12)),
            "nav_lat": (("y", "x"), lat, {"units": "degrees", "standard_name": "latitude"}),
            "nav_lon": (("y", "x"), lon, {"units": "degrees", "standard_name": "longitude"}),
        },
        {"x": ("x", np.arange(12), {"axis": "X"}), "y": ("y", np.arange(9), {"axis": "Y"})},
    )
    (layer,) = read(path).layers
    points = layer.read()
    assert [a.kind for a in points.axes] == [AxisKind.LATITUDE, AxisKind.LONGITUDE]
    assert len(points) == 107
    assert 3 not in points.lattice.place
    assert points.lattice.space == (0, 1)


def test_a_moving_curvilinear_grid(tmp_path):
    """As WRF writes it: no coordinate variables, latitude repeated at every time."""
    lat = np.broadcast_to(np.linspace(40, 50, 9)[:, None], (3, 9, 12))
    lon = np.broadcast_to(np.linspace(0, 9, 12), (3, 9, 12))
    dims = ("Time", "south_north", "west_east")
    path = save(
        tmp_path / "a.nc",
        {
            "T2": (dims, field(3, 9, 12), {"coordinates": "XLONG XLAT XTIME"}),
            "XLAT": (dims, lat, {"units": "degree_north"}),
            "XLONG": (dims, lon, {"units": "degree_east"}),
            "XTIME": ("Time", [0.0, 30, 60], {"units": "minutes since 2001-01-01"}),
        },
        {},
    )
    points = read(path).layers[0].read()
    assert [(a.name, a.kind) for a in points.axes] == [
        ("XTIME", AxisKind.TIME),
        ("XLAT", AxisKind.LATITUDE),
        ("XLONG", AxisKind.LONGITUDE),
    ]
    assert (points.lattice.space, points.lattice.steps) == ((1, 2), (0,))


def test_places_named_unlike_their_dimensions(tmp_path):
    path = save(
        tmp_path / "a.nc",
        {
            "h": (("r", "c"), field(9, 12)),
            "latitude": ("r", LAT[1], LAT[2]),
            "longitude": ("c", LON[1], LON[2]),
        },
        {},
    )
    points = read(path).layers[0].read()
    assert [a.name for a in points.axes] == ["latitude", "longitude"]
    assert points.lattice.wraps == (False, True)


def test_kilometres_become_metres_and_nothing_known_an_index(tmp_path):
    path = save(
        tmp_path / "a.nc",
        {"z": (("member", "y", "x"), field(2, 3, 4))},
        {"x": ("x", np.arange(4.0), {"units": "km"}), "y": ("y", np.arange(3.0), {"units": "km"})},
    )
    points = read(path).layers[0].read()
    assert [(a.kind, a.unit) for a in points.axes] == [
        (AxisKind.INDEX, ""),
        (AxisKind.PROJECTED, "m"),
        (AxisKind.PROJECTED, "m"),
    ]
    assert points.coordinates[-1].tolist() == [1, 2000, 3000]
    assert points.lattice.space == (1, 2)


@pytest.mark.parametrize("values", [[0.0, np.nan, 2.0], ["a", "b", "c"]])
def test_a_broken_coordinate_is_an_index(tmp_path, values):
    coordinates = {"time": ("time", values, {"standard_name": "time"}), "lat": LAT, "lon": LON}
    path = save(tmp_path / "a.nc", {"v": (("time", "lat", "lon"), field(3, 9, 12))}, coordinates)
    points = read(path).layers[0].read()
    assert points.axes[0].kind is AxisKind.INDEX
    assert np.unique(points.coordinates[:, 0]).tolist() == [0, 1, 2]
    assert points.lattice.steps == (0,)


def test_a_mere_series_has_time_for_space(tmp_path):
    path = save(tmp_path / "a.nc", {"co2": ("time", field(3))}, {"time": TIME})
    points = read(path).layers[0].read()
    assert (points.lattice.space, points.lattice.steps) == ((0,), ())


def test_strange_types_pass_by(tmp_path):
    path = tmp_path / "a.nc"
    with netCDF4.Dataset(path, "w") as data:
        data.createDimension("x", 3)
        data.createDimension("y", 4)
        enumeration = data.createEnumType("u1", "colours", {"red": 0, "blue": 1})
        data.createVariable("colour", enumeration, ("x", "y"))[:] = 1
        pair = data.createCompoundType(np.dtype([("a", "f4"), ("b", "i4")]), "pair")
        data.createVariable("pairs", pair, ("x", "y"))
        data.createVariable("covariance", "f4", ("x", "x"))[:] = 1
        data.createVariable("big", ">f4", ("x", "y"), endian="big")[:] = field(3, 4)
        ragged = data.createVariable("ragged", data.createVLType("f4", "many"), ("x", "y"))
        for i in np.ndindex(3, 4):
            ragged[i] = np.ones(2, "f4")
    points = read(path, variables=("big",)).layers[0].read()
    np.testing.assert_array_equal(points.values[:, 0], field(3, 4).ravel())
    with pytest.raises(RequestError, match="enumeration"):
        read(path, variables=("colour",))
    with pytest.raises(RequestError, match="one dimension twice"):
        read(path, variables=("covariance",))
    with pytest.raises(InputError, match="'ragged'"):
        read(path, variables=("ragged",)).layers[0].read()


def test_bounds_of_channels(tmp_path):
    path = tmp_path / "a.nc"
    with netCDF4.Dataset(path, "w") as data:
        data.createDimension("y", 3)
        data.createDimension("x", 4)
        rain = data.createVariable("pr", "i2", ("y", "x"))
        rain.setncatts({"scale_factor": 0.5, "valid_max": np.int16(200), "units": "mm"})
        # Physics that contradicts the file gives way.
        data.createVariable("clt", "u1", ("y", "x")).setncatts(
            {"valid_min": np.uint8(150), "units": "%", "standard_name": "cloud_area_fraction"}
        )
    rain, cloud = read(path).layers[0].channels
    assert (rain.lower, rain.upper, rain.step, rain.unit) == (0, 100, 0.5, "mm")
    assert (cloud.lower, cloud.upper, cloud.step) == (150, 255, 1)


@pytest.mark.parametrize("kind", ["NETCDF3_CLASSIC", "NETCDF3_64BIT", "NETCDF3_64BIT_DATA"])
@pytest.mark.parametrize("records", [0, 1, 2])
def test_a_cut_classic_file_is_refused(tmp_path, kind, records):
    """The NetCDF library itself reads zeros where such a file ends."""
    path = tmp_path / "a.nc"
    with netCDF4.Dataset(path, "w", format=kind) as data:
        data.createDimension("t", None)
        data.createDimension("x", 5)
        data.createVariable("fixed", "f8", ("x",))[:] = np.arange(5)
        data.note = "odd length"
        for i in range(records):
            variable = data.createVariable(f"v{i}", "i2", ("t", "x"))
            variable.units = "m"
            variable[:] = np.arange(35).reshape(7, 5)
    assert read(path).layers
    whole = path.read_bytes()
    for cut in (1, 9, len(whole) // 2, len(whole) - 6):
        path.write_bytes(whole[: len(whole) - max(cut, 4)])
        with pytest.raises(InputError, match=r"a\.nc.*(cut off|damaged)") as caught:
            read(path)
        assert "\n" not in str(caught.value)


def test_a_damaged_header_is_refused(tmp_path):
    path = tmp_path / "a.nc"
    path.write_bytes(b"CDF\x01" + bytes(4) + b"\0\0\0\x63" + bytes(40))
    with pytest.raises(InputError, match="header is damaged"):
        read(path)


@pytest.mark.parametrize("content", [b"", b"plain text\n", b"\x89HDF\r\n\x1a\n" + bytes(200)])
def test_other_files_are_refused(tmp_path, content):
    path = tmp_path / "a.nc"
    path.write_bytes(content)
    assert GriddedAdapter().can_open(path) == content.startswith(b"\x89HDF")
    with pytest.raises(InputError, match=r"a\.nc") as caught:
        read(path)
    assert "\n" not in str(caught.value)


def test_a_folder_that_is_no_zarr_is_refused(tmp_path):
    assert GriddedAdapter().can_open(tmp_path) is False
    with pytest.raises(InputError, match="not a Zarr folder"):
        read(tmp_path)


def test_a_damaged_chunk_is_an_input_error(tmp_path):
    values = np.random.default_rng(0).random((9, 12))
    encoding = {"v": {"zlib": True, "complevel": 9, "chunksizes": (9, 12)}}
    path = save(tmp_path / "a.nc", {"v": (("lat", "lon"), values)}, {}, encoding=encoding)
    content = path.read_bytes()
    # A zlib stream at the highest level begins so; what follows is overwritten.
    at = content.rfind(b"\x78\xda")
    path.write_bytes(content[: at + 2] + b"\xff" * 60 + content[at + 62 :])
    with pytest.raises(InputError, match="'v' cannot be read"):
        read(path).layers[0].read()
