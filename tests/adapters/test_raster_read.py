"""What a raster is read as: files are made with rasterio, and judged against its own reading."""

import subprocess
import sys

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.enums import ColorInterp

from sinr_geo.adapters import MissingRule, Query
from sinr_geo.axes import AxisKind
from sinr_geo.errors import InputError, NothingToDoError, RequestError
from sinr_geo_adapters.raster import RasterAdapter

UTM = Affine(30.0, 0.0, 500_000.0, 0.0, -30.0, 6_000_000.0)
ADAPTER = RasterAdapter()


def make(path, bands, *, crs="EPSG:32633", transform=UTM, driver="GTiff", **profile):
    bands = np.asarray(bands)
    count, height, width = bands.shape
    profile |= {"driver": driver, "count": count, "height": height, "width": width}
    with rasterio.open(
        path, "w", dtype=bands.dtype, crs=crs, transform=transform, **profile
    ) as dataset:
        dataset.write(bands)
    return path


def ramp(count=1, height=4, width=5, dtype="uint8"):
    return np.arange(1, count * height * width + 1, dtype=dtype).reshape(count, height, width)


def layer_of(path, **query):
    (layer,) = ADAPTER.open(path, Query(**query)).layers
    return layer


def test_pixels_are_points_in_c_order_and_bands_are_channels(tmp_path):
    bands = ramp(count=2)
    layer = layer_of(make(tmp_path / "a.tif", bands))
    points = layer.read()
    assert layer.dims == ("y", "x")
    assert layer.shape == (4, 5)
    assert points.lattice.shape == (4, 5)
    assert points.lattice.space == (0, 1)
    np.testing.assert_array_equal(points.values, bands.reshape(2, -1).T)
    assert points.observed.all()
    np.testing.assert_array_equal(points.coordinates[0], [6_000_000 - 15, 500_000 + 15])
    np.testing.assert_array_equal(points.coordinates[6], [6_000_000 - 45, 500_000 + 45])


@pytest.mark.parametrize("tiled", [False, True])
def test_a_window_is_the_same_part_of_the_whole(tmp_path, tiled):
    layout = {"tiled": True, "blockxsize": 16, "blockysize": 16} if tiled else {}
    layer = layer_of(make(tmp_path / "a.tif", ramp(2, 40, 50, "int16"), **layout))
    whole, part = layer.read(), layer.read((slice(13, 31), slice(7, 44)))
    np.testing.assert_array_equal(
        part.values, whole.values.reshape(40, 50, 2)[13:31, 7:44].reshape(-1, 2)
    )
    np.testing.assert_array_equal(
        part.coordinates, whole.coordinates.reshape(40, 50, 2)[13:31, 7:44].reshape(-1, 2)
    )
    assert part.lattice.shape == (18, 37)


def test_projected_coordinates_are_metres_whatever_the_unit_of_the_crs(tmp_path):
    feet = "+proj=lcc +lat_1=33 +lat_2=45 +lat_0=39 +lon_0=-96 +units=us-ft +datum=NAD83"
    points = layer_of(make(tmp_path / "feet.tif", ramp(), crs=feet)).read()
    assert [a.kind for a in points.axes] == [AxisKind.PROJECTED] * 2
    assert [a.unit for a in points.axes] == ["m", "m"]
    assert points.coordinates[0, 1] == pytest.approx(500_015 * 1200 / 3937)


def test_longitude_is_periodic_and_wraps_only_over_the_full_circle(tmp_path):
    world = Affine(10.0, 0.0, -180.0, 0.0, -10.0, 90.0)
    layer = layer_of(make(tmp_path / "w.tif", ramp(1, 18, 36, "int16"), crs="EPSG:4326",
                          transform=world))  # fmt: skip
    assert [a.kind for a in layer.axes] == [AxisKind.LATITUDE, AxisKind.LONGITUDE]
    assert layer.axes[1].period == 360.0
    assert layer.read().lattice.wraps == (False, True)
    assert layer.read((slice(0, 18), slice(0, 30))).lattice.wraps == (False, False)
    np.testing.assert_array_equal(layer.read().coordinates[0], [85.0, -175.0])


def test_a_rotated_raster_has_rotated_coordinates(tmp_path):
    turned = Affine(26.0, 15.0, 500_000.0, 15.0, -26.0, 6_000_000.0)
    points = layer_of(make(tmp_path / "r.tif", ramp(), transform=turned)).read()
    x, y = 26 * 3.5 + 15 * 2.5 + 500_000, 15 * 3.5 - 26 * 2.5 + 6_000_000
    np.testing.assert_allclose(points.coordinates[2 * 5 + 3], [y, x])


def test_a_raster_without_a_place_on_earth_lies_on_an_index_grid(tmp_path):
    with pytest.warns(rasterio.errors.NotGeoreferencedWarning):
        make(tmp_path / "i.tif", ramp(), crs=None, transform=Affine.identity())
    layer = layer_of(tmp_path / "i.tif")
    assert [a.kind for a in layer.axes] == [AxisKind.INDEX] * 2


def test_nodata_nan_and_infinity_are_missing(tmp_path):
    bands = ramp(dtype="float32")
    bands[0, 0, :4] = [-9999, np.nan, np.inf, -np.inf]
    points = layer_of(make(tmp_path / "a.tif", bands, nodata=-9999)).read()
    assert np.flatnonzero(~points.observed[:, 0]).tolist() == [0, 1, 2, 3]
    assert np.isnan(points.values[:4, 0]).all()


def test_the_lowest_float_as_nodata_is_missing_even_where_it_was_rounded(tmp_path):
    bands = ramp(dtype="float32")
    bands[0, 0, 0] = np.finfo("f4").min
    points = layer_of(make(tmp_path / "a.tif", bands, nodata=-3.4028234e38)).read()
    assert np.flatnonzero(~points.observed[:, 0]).tolist() == [0]


def test_alpha_hides_pixels_and_is_no_channel(tmp_path):
    bands = ramp(4)
    bands[3] = 255
    bands[3, 0, 0], bands[3, 0, 1] = 0, 1
    path = make(tmp_path / "a.tif", bands, photometric="rgb", alpha="yes")
    document = ADAPTER.open(path, Query())
    points = document.layers[0].read()
    assert len(points.channels) == 3
    assert np.flatnonzero(~points.observed.all(axis=1)).tolist() == [0]
    assert "alpha" in document.notes[0]
    stricter = layer_of(path, missing=(MissingRule("alpha", 1.0),)).read()
    assert np.flatnonzero(~stricter.observed.any(axis=1)).tolist() == [0, 1]


@pytest.mark.parametrize("internal", [True, False])
def test_a_mask_of_the_file_hides_pixels(tmp_path, internal):
    path = make(tmp_path / "a.tif", ramp(2))
    mask = np.full((4, 5), 255, dtype="uint8")
    mask[1, 2] = 0
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=internal), rasterio.open(path, "r+") as dataset:
        dataset.write_mask(mask)
    assert (tmp_path / "a.tif.msk").exists() is not internal
    points = layer_of(path).read()
    assert np.argwhere(~points.observed).tolist() == [[7, 0], [7, 1]]


def test_the_users_marks_are_missing_too(tmp_path):
    bands = ramp(3)
    bands[:, 0, 0] = 0
    bands[1, 0, 1] = 0
    path = make(tmp_path / "a.tif", bands, photometric="rgb")
    missing = {
        rule: np.argwhere(~layer_of(path, missing=(MissingRule(rule, 0.0),)).read().observed)
        for rule in ("rgb", "value", "band 2", "2")
    }
    assert missing["rgb"].tolist() == [[0, 0], [0, 1], [0, 2]]
    assert missing["value"].tolist() == [[0, 0], [0, 1], [0, 2], [1, 1]]
    assert missing["band 2"].tolist() == missing["2"].tolist() == [[0, 1], [1, 1]]


def test_a_mark_in_a_band_of_classes_hides_the_whole_pixel(tmp_path):
    path = make(tmp_path / "a.tif", ramp(2))
    with rasterio.open(path, "r+") as dataset:
        dataset.update_tags(2, flag_meanings="clear cloud")
        dataset.set_band_description(2, "QA")
    layer = layer_of(path, missing=(MissingRule("QA", 23.0),))
    assert [c.name for c in layer.channels] == ["band 1"]
    assert np.flatnonzero(~layer.read().observed[:, 0]).tolist() == [2]


@pytest.mark.parametrize("name", ["rgb", "alpha", "cloud"])
def test_a_mark_that_the_file_cannot_have_is_refused(tmp_path, name):
    path = make(tmp_path / "a.tif", ramp(2))
    with pytest.raises(RequestError, match=name):
        ADAPTER.open(path, Query(missing=(MissingRule(name, 0.0),)))


def test_values_are_unpacked_and_bounds_follow_the_type(tmp_path):
    path = make(tmp_path / "a.tif", ramp(dtype="uint8"), nodata=255)
    with rasterio.open(path, "r+") as dataset:
        dataset.scales, dataset.offsets, dataset.units = (0.5,), (-10.0,), ("K",)
        dataset.set_band_description(1, "temperature")
    layer = layer_of(path)
    (channel,) = layer.channels
    assert (channel.name, channel.unit, channel.step) == ("temperature", "K", 0.5)
    assert (channel.lower, channel.upper) == (-10.0, 254 * 0.5 - 10.0)
    np.testing.assert_array_equal(layer.read().values[:, 0], np.arange(1, 21) * 0.5 - 10.0)


def test_bands_are_named_by_unique_descriptions_and_chosen_by_name_or_number(tmp_path):
    path = make(tmp_path / "a.tif", ramp(4, dtype="int16"))
    with rasterio.open(path, "r+") as dataset:
        dataset.descriptions = ("red", "twice", "twice", "nir")
    assert [c.name for c in layer_of(path).channels] == ["red", "band 2", "band 3", "nir"]
    chosen = layer_of(path, variables=("nir", "Band 2", "1")).channels
    assert [c.name for c in chosen] == ["red", "band 2", "nir"]
    with pytest.raises(RequestError, match=r"'blue'.*red, band 2"):
        ADAPTER.open(path, Query(variables=("blue",)))


def test_empty_and_bad_bands_pass_through(tmp_path):
    bands = ramp(4, dtype="int16")
    bands[1] = -1
    path = make(tmp_path / "a.tif", bands, nodata=-1)
    with rasterio.open(path, "r+") as dataset:
        dataset.update_tags(3, bbl="0")
        dataset.update_tags(4, bbl="1")
    document = ADAPTER.open(path, Query())
    assert [c.name for c in document.layers[0].channels] == ["band 1", "band 4"]
    assert any("bbl = 0" in note and "band 3" in note for note in document.notes)
    assert any("no observed sample" in note and "band 2" in note for note in document.notes)
    with pytest.raises(NothingToDoError, match="band 2"):
        ADAPTER.open(path, Query(variables=("2",)))


def test_classes_pass_through_unless_they_are_all_there_is(tmp_path):
    path = make(tmp_path / "a.tif", ramp())
    with rasterio.open(path, "r+") as dataset:
        dataset.write_colormap(1, {0: (0, 0, 0, 255), 1: (255, 0, 0, 255)})
    with pytest.raises(NothingToDoError, match="categorical"):
        ADAPTER.open(path, Query())
    with pytest.raises(RequestError, match="classes"):
        ADAPTER.open(path, Query(variables=("1",)))


def test_class_names_in_the_side_file_make_a_band_categorical(tmp_path):
    path = make(tmp_path / "a.tif", ramp(2))
    (tmp_path / "a.tif.aux.xml").write_text(
        '<PAMDataset><PAMRasterBand band="2"><CategoryNames><Category>water</Category>'
        "</CategoryNames></PAMRasterBand></PAMDataset>"
    )
    assert [c.name for c in layer_of(path).channels] == ["band 1"]


def test_complex_bands_are_not_recovered(tmp_path):
    path = make(tmp_path / "a.tif", ramp(dtype="complex64"))
    with pytest.raises(NothingToDoError, match="complex"):
        ADAPTER.open(path, Query())


def test_a_raster_without_any_observed_sample_is_nothing_to_do(tmp_path):
    path = make(tmp_path / "a.tif", np.zeros((2, 4, 5), dtype="uint8"), nodata=0)
    with pytest.raises(NothingToDoError, match="not a single sample"):
        ADAPTER.open(path, Query())


def test_a_band_serves_as_a_mask(tmp_path):
    bands = ramp(2)
    bands[1] = 0
    bands[1, 2, 3], bands[1, 0, 0] = 1, 9
    layer = layer_of(make(tmp_path / "a.tif", bands, nodata=9))
    assert np.flatnonzero(layer.mask("band 2")).tolist() == [13]
    with pytest.raises(RequestError, match="sea"):
        layer.mask("sea")


@pytest.mark.parametrize("query", [Query(channels=("time",)), Query(coordinates=("band",))])
def test_the_roles_of_axes_are_fixed(tmp_path, query):
    with pytest.raises(RequestError, match="x and y"):
        ADAPTER.open(make(tmp_path / "a.tif", ramp()), query)


def test_a_text_file_called_tif_is_claimed_and_refused_in_one_sentence(tmp_path):
    path = tmp_path / "notes.tif"
    path.write_text("these are notes\n")
    assert ADAPTER.can_open(path)
    with pytest.raises(InputError, match=r"notes\.tif") as caught:
        ADAPTER.open(path, Query())
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("keep", [0.02, 0.5, 0.97])
def test_a_truncated_file_is_an_input_error(tmp_path, keep):
    noise = np.random.default_rng(0).integers(1, 255, (3, 200, 200), dtype="uint8")
    path = make(tmp_path / "a.tif", noise, compress="deflate", nodata=0)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * keep)])
    with pytest.raises(InputError, match=r"a\.tif") as caught:
        layer_of(path).read()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "start", [b"CDF\x01", b"\x89HDF\r\n\x1a\n", b"ply\nformat ascii 1.0", b"LASF", b"plain text"]
)
def test_other_formats_are_not_claimed(tmp_path, start):
    path = tmp_path / "file.bin"
    path.write_bytes(start + bytes(64))
    assert not ADAPTER.can_open(path)


def test_a_zarr_folder_is_not_claimed(tmp_path):
    (tmp_path / "zarr.json").write_text("{}")
    assert not ADAPTER.can_open(tmp_path)


def test_opening_says_nothing_on_standard_error(shared_data):
    code = (
        "import sys; from pathlib import Path; from sinr_geo.adapters import Query\n"
        "from sinr_geo_adapters.raster import RasterAdapter\n"
        "for name in sys.argv[1:]: RasterAdapter().open(Path(name), Query()).layers[0].read()"
    )
    names = ["climate/daymet_tmax_monavg_1980.tif", "hyperspectral/corn-kernel-hyperspectral.raw"]
    run = subprocess.run(
        [sys.executable, "-c", code, *(str(shared_data / name) for name in names)],
        capture_output=True,
        check=True,
    )
    assert run.stderr == b""


def test_real_files_are_read_as_they_are(shared_data):
    slc_off = layer_of(shared_data / "rasters/LE07_L2SP_225078_20110306_B1_slcoff.tif")
    assert slc_off.read().observed.mean() == pytest.approx(0.528, abs=0.001)
    daymet = layer_of(shared_data / "climate/daymet_tmax_monavg_1980.tif").read()
    assert np.ptp(daymet.coordinates[:, 1]) == 27_000.0
    enmap = ADAPTER.open(shared_data / "hyperspectral/enmap_potsdam_block_224x128x64.tif", Query())
    assert len(enmap.layers[0].channels) == 218
    assert enmap.facts["wavelengths"] is True
    grib = ADAPTER.open(shared_data / "climate/era5-2mt-2019-03-uk.grib", Query())
    assert grib.format == "GRIB (GDAL)"
    assert {c.unit for c in grib.layers[0].channels} == {"C"}


def test_colours_are_recognised_whatever_their_order(tmp_path):
    bands = ramp(3)
    bands[:, 0, 0] = 0
    path = make(tmp_path / "a.tif", bands)
    with rasterio.open(path, "r+") as dataset:
        dataset.colorinterp = [ColorInterp.blue, ColorInterp.green, ColorInterp.red]
    points = layer_of(path, missing=(MissingRule("rgb", 0.0),)).read()
    assert np.flatnonzero(~points.observed.any(axis=1)).tolist() == [0]


def test_listing_formats_does_not_import_gdal():
    code = "import sys, sinr_geo_adapters.raster as r; print('rasterio' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert run.stdout.strip() == "False"


def test_a_path_may_be_anything_that_is_no_raster(tmp_path):
    assert not ADAPTER.can_open(tmp_path / "absent.xyz")
