"""What is written for a GeoTIFF, judged with rasterio and rio-cogeo, never with our reader."""

import shutil
from datetime import UTC, datetime

import numpy as np
import pytest
import rasterio
import rasterio.control
import rasterio.shutil
from affine import Affine
from rasterio.enums import ColorInterp, Resampling

from sinr_geo.adapters import MissingRule, Query, Stamp
from sinr_geo.errors import RequestError
from sinr_geo.recovery import Flag, Recovery
from sinr_geo_adapters.raster import RasterAdapter

UTM = Affine(30.0, 0.0, 500_000.0, 0.0, -30.0, 6_000_000.0)
STAMP = Stamp("sinr-geo fill a.tif", "0.1.0", datetime(2024, 5, 1, tzinfo=UTC))
ADAPTER = RasterAdapter()


def scene(count=3, height=64, width=80, dtype="uint8", hole=0):
    """A smooth scene without zeros, with a rectangular hole."""
    row, column = np.mgrid[:height, :width]
    waves = [120 + 60 * np.sin(column / 9 + k) + 40 * np.cos(row / 7) for k in range(count)]
    bands = np.clip(np.stack(waves), 10, 250).astype(dtype)
    bands[:, 20:30, 15:40] = hole
    return bands


def make(path, bands, **profile):
    count, height, width = bands.shape
    profile = {"driver": "GTiff", "crs": "EPSG:32633", "transform": UTM} | profile
    with rasterio.open(
        path, "w", dtype=bands.dtype, count=count, height=height, width=width, **profile
    ) as dataset:
        dataset.write(bands)
    return path


def recover(points, how="fill", value=None):
    """A recovery that is wrong in a known way: means, a given value, or nine tenths."""
    values, flag = points.values.copy(), np.zeros(points.values.shape, np.uint8)
    error = np.zeros(values.shape)
    if how == "fill":
        gaps = ~points.observed
        filler = np.nanmean(values, axis=0) if value is None else value
        values = np.where(gaps, filler, values)
        flag[gaps], error[gaps] = Flag.FILLED, 2.5
    elif how == "denoise":
        values, flag[:], error[:] = values * 0.9, Flag.DENOISED, 0.5
    return Recovery(values, error, flag)


def write(path, target, how="fill", value=None, variables=None, missing=(), **changes):
    document = ADAPTER.open(path, Query(variables=variables, missing=missing))
    points = document.layers[0].read()
    recovery = recover(points, how, value)
    target.parent.mkdir(exist_ok=True)
    return points, ADAPTER.write(document, [recovery], target, STAMP)


def read(path):
    with rasterio.open(path) as dataset:
        return dataset.read()


def test_only_the_gaps_change_and_everything_around_them_is_kept(tmp_path):
    bands = scene(dtype="int16")
    path = make(tmp_path / "a.tif", bands, nodata=0, compress="deflate", predictor=2, tiled=True,
                blockxsize=32, blockysize=32)  # fmt: skip
    with rasterio.open(path, "r+") as dataset:
        dataset.descriptions = ("blue", "green", "red")
        dataset.scales, dataset.offsets = (0.1, 0.2, 0.3), (1.0, 2.0, 3.0)
        dataset.units = ("W", "W", "W")
        dataset.update_tags(sensor="ETM+")
        dataset.update_tags(2, wavelength="560", wavelength_units="nm")
        dataset.update_tags(ns="MINE", a="b")
        dataset.update_tags(1, ns="MINE", c="d")
        dataset.colorinterp = [ColorInterp.blue, ColorInterp.green, ColorInterp.red]
    before = path.read_bytes()
    target = tmp_path / "out" / "a.filled.tif"
    points, files = write(path, target)
    assert path.read_bytes() == before
    assert [f.name for f in files] == [
        "a.filled.tif", "a.filled.flag.tif", "a.filled.standard_error.tif"
    ]  # fmt: skip
    assert sorted(target.parent.iterdir()) == sorted(files)
    with rasterio.open(path) as old, rasterio.open(target) as new:
        assert new.profile == old.profile
        for attribute in ("descriptions", "scales", "offsets", "units", "colorinterp", "dtypes"):
            assert getattr(new, attribute) == getattr(old, attribute)
        for index in (1, 2, 3):
            assert new.tags(index) == old.tags(index)
        assert new.tags(ns="MINE") == {"a": "b"}
        assert new.tags(1, ns="MINE") == {"c": "d"}
        assert new.tags() == old.tags() | {"SINR_GEO_HISTORY": STAMP.line}
        filled = new.read()
    gap = bands == 0
    np.testing.assert_array_equal(filled[~gap], bands[~gap])
    expected = (np.nanmean(points.values, axis=0) - [1, 2, 3]) / [0.1, 0.2, 0.3]
    for k in range(3):
        np.testing.assert_array_equal(filled[k][gap[k]], np.rint(expected[k]).astype("int16"))


@pytest.mark.parametrize("nodata", [0, None])
def test_nothing_changed_is_the_same_file_byte_for_byte(tmp_path, nodata):
    path = make(tmp_path / "a.tif", scene(), nodata=nodata, compress="lzw")
    target = tmp_path / "out" / "a.filled.tif"
    _, files = write(path, target, "nothing")
    assert files == (target,)
    assert target.read_bytes() == path.read_bytes()


@pytest.mark.parametrize(("nodata", "value", "stored"), [
    (0, -40.0, 1), (0, 0.4, 1), (255, 900.0, 254), (100, 100.2, 101), (100, 99.7, 99),
])  # fmt: skip
def test_no_filled_value_wraps_or_equals_nodata(tmp_path, nodata, value, stored):
    path = make(tmp_path / "a.tif", scene(1, hole=nodata), nodata=nodata)
    target = tmp_path / "out" / "a.filled.tif"
    write(path, target, value=value)
    assert np.unique(read(target)[0, 20:30, 15:40]).tolist() == [stored]


@pytest.mark.parametrize("nodata", [-9999.0, 0.0, np.nan, 1e20])
def test_no_filled_float_equals_nodata(tmp_path, nodata):
    path = make(tmp_path / "a.tif", scene(1, dtype="float32", hole=nodata), nodata=nodata)
    target = tmp_path / "out" / "a.filled.tif"
    value = 7.0 if np.isnan(nodata) else nodata
    write(path, target, value=value)
    with rasterio.open(target) as dataset:
        assert (dataset.read_masks(1) == 255).all()
        np.testing.assert_allclose(dataset.read(1)[25, 20], value, rtol=1e-5, atol=1e-30)


def test_a_value_that_the_user_calls_missing_is_not_filled_in(tmp_path):
    path = make(tmp_path / "a.tif", scene(1))
    target = tmp_path / "out" / "a.filled.tif"
    write(path, target, value=0.0, missing=(MissingRule("value", 0.0),))
    assert read(target).min() == 1


def test_flags_and_standard_errors_lie_beside_the_file_for_touched_channels_only(tmp_path):
    bands = scene()
    bands[1] = scene(1, hole=77)[0]
    path = make(tmp_path / "a.tif", bands, nodata=0)
    with rasterio.open(path, "r+") as dataset:
        dataset.descriptions, dataset.units = ("red", "green", "blue"), ("K", "K", "m")
    target = tmp_path / "out" / "a.filled.tif"
    write(path, target)
    with rasterio.open(target.with_name("a.filled.flag.tif")) as flag:
        assert flag.descriptions == ("red", "blue")
        assert set(flag.dtypes) == {"uint8"}
        assert flag.nodata is None
        assert flag.colorinterp[0] == ColorInterp.gray
        assert flag.tags(1)["flag_meanings"].split()[:2] == ["observed", "filled"]
        assert (flag.crs, flag.transform) == ("EPSG:32633", UTM)
        np.testing.assert_array_equal(flag.read(1), bands[0] == 0)
    with rasterio.open(target.with_name("a.filled.standard_error.tif")) as error:
        assert error.descriptions == ("red", "blue")
        assert error.units == ("K", "m")
        assert set(error.dtypes) == {"float32"}
        assert np.isnan(error.nodata)
        np.testing.assert_array_equal(error.read(2), np.where(bands[2] == 0, 2.5, 0.0))


def test_no_standard_error_is_written_where_none_is_wanted(tmp_path):
    path = make(tmp_path / "a.tif", scene(), nodata=0)
    document = ADAPTER.open(path, Query())
    recovery = recover(document.layers[0].read())
    bare = Recovery(recovery.values, None, recovery.flag)
    target = tmp_path / "out" / "a.filled.tif"
    target.parent.mkdir()
    files = ADAPTER.write(document, [bare], target, STAMP)
    assert [f.name for f in files] == ["a.filled.tif", "a.filled.flag.tif"]


def test_the_same_recovery_gives_the_same_bytes(tmp_path):
    path = make(tmp_path / "a.tif", scene(), nodata=0, compress="deflate")
    _, first = write(path, tmp_path / "one" / "a.filled.tif")
    _, second = write(path, tmp_path / "two" / "a.filled.tif")
    assert [f.read_bytes() for f in first] == [f.read_bytes() for f in second]


def test_a_second_run_appends_its_line_of_history(tmp_path):
    path = make(tmp_path / "a.tif", scene(), nodata=0)
    write(path, tmp_path / "one" / "b.tif")
    write(tmp_path / "one" / "b.tif", tmp_path / "two" / "c.tif", "denoise")
    with rasterio.open(tmp_path / "two" / "c.tif") as dataset:
        assert dataset.tags()["SINR_GEO_HISTORY"].splitlines() == [STAMP.line, STAMP.line]


def test_a_read_only_input_gives_a_writable_output(tmp_path):
    path = make(tmp_path / "a.tif", scene(), nodata=0)
    path.chmod(0o444)
    target = tmp_path / "out" / "a.filled.tif"
    write(path, target)
    assert target.stat().st_mode & 0o200


def test_statistics_of_changed_bands_only_are_dropped(tmp_path):
    bands = scene(2)
    bands[1] = 9
    path = make(tmp_path / "a.tif", bands, nodata=0)
    stale = {"STATISTICS_MEAN": "1.5", "STATISTICS_MINIMUM": "1"}
    with rasterio.open(path, "r+") as dataset:
        dataset.update_tags(1, sensor="x", **stale)
        dataset.update_tags(2, **stale)
    target = tmp_path / "out" / "a.filled.tif"
    write(path, target)
    with rasterio.open(target) as dataset:
        assert dataset.tags(1) == {"sensor": "x"}
        assert dataset.tags(2) == stale


def test_side_files_go_along_under_the_new_name(tmp_path):
    path = make(tmp_path / "a.tif", scene(), nodata=0)
    side = (
        '<PAMDataset><PAMRasterBand band="1"><Histograms><HistItem/></Histograms><Metadata>'
        '<MDI key="STATISTICS_MEAN">3</MDI><MDI key="mine">5</MDI></Metadata></PAMRasterBand>'
        '<PAMRasterBand band="9"><Metadata><MDI key="STATISTICS_MEAN">3</MDI></Metadata>'
        "</PAMRasterBand></PAMDataset>"
    )
    (tmp_path / "a.tif.aux.xml").write_text(side)
    (tmp_path / "a.tfw").write_text("30\n0\n0\n-30\n500015\n5999985\n")
    target = tmp_path / "out" / "b.tif"
    _, files = write(path, target)
    assert {f.name for f in files} >= {"b.tif", "b.tif.aux.xml", "b.tfw"}
    assert sorted(target.parent.iterdir()) == sorted(files)
    text = target.with_name("b.tif.aux.xml").read_text()
    assert 'key="mine"' in text
    assert "Histograms" not in text
    assert text.count("STATISTICS_MEAN") == 1


def test_alpha_becomes_opaque_where_a_colour_was_filled(tmp_path):
    bands = np.concatenate([scene(3), np.full((1, 64, 80), 200, dtype="uint8")])
    bands[3, 20:30, 15:40] = 0
    path = make(tmp_path / "a.tif", bands, photometric="rgb", alpha="yes")
    target = tmp_path / "out" / "a.filled.tif"
    write(path, target)
    with rasterio.open(target) as dataset:
        assert dataset.colorinterp[3] == ColorInterp.alpha
        alpha, red = dataset.read(4), dataset.read(1)
    assert np.unique(alpha[20:30, 15:40]).tolist() == [255]
    assert (alpha == 255).sum() == 250
    assert (red != bands[0]).sum() == 250


@pytest.mark.parametrize("internal", [True, False])
def test_the_mask_becomes_valid_where_a_sample_was_filled(tmp_path, internal):
    bands = scene()
    path = make(tmp_path / "a.tif", bands, compress="deflate")
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=internal), rasterio.open(path, "r+") as dataset:
        dataset.write_mask(bands[0] != 0)
    target = tmp_path / "out" / "a.filled.tif"
    write(path, target)
    assert target.with_name("a.filled.tif.msk").exists() is not internal
    with rasterio.open(target) as dataset:
        assert (dataset.read_masks() == 255).all()
    with rasterio.open(path) as dataset:
        assert (dataset.read_masks(1) == 0).sum() == 250


@pytest.mark.parametrize("resampling", [Resampling.nearest, Resampling.average, Resampling.cubic])
@pytest.mark.parametrize("external", [False, True])
def test_overviews_are_made_again_as_they_were(tmp_path, resampling, external):
    path = make(tmp_path / "a.tif", scene(2, 128, 160), nodata=0, compress="deflate")
    with rasterio.Env(TIFF_USE_OVR=external), rasterio.open(path, "r+") as dataset:
        dataset.build_overviews([2, 4], resampling)
    assert (tmp_path / "a.tif.ovr").exists() is external
    target = tmp_path / "out" / "b.tif"
    _, files = write(path, target)
    assert sorted(target.parent.iterdir()) == sorted(files)
    expected = make(tmp_path / "e.tif", read(target), nodata=0)
    with rasterio.open(expected, "r+") as dataset:
        dataset.build_overviews([2, 4], resampling)
    with rasterio.open(target) as dataset:
        assert dataset.overviews(1) == dataset.overviews(2) == [2, 4]
    for level in (0, 1):
        with (
            rasterio.open(target, OVERVIEW_LEVEL=level) as got,
            rasterio.open(expected, OVERVIEW_LEVEL=level) as want,
        ):
            np.testing.assert_array_equal(got.read(), want.read())


@pytest.mark.parametrize("compress", ["DEFLATE", "JPEG"])
def test_a_cog_stays_a_cog(tmp_path, compress):
    cogeo = pytest.importorskip("rio_cogeo")
    plain = make(tmp_path / "plain.tif", scene(3, 600, 700), nodata=0)
    with rasterio.open(plain, "r+") as dataset:
        dataset.descriptions = ("r", "g", "b")
        dataset.update_tags(sensor="ETM+")
    path = tmp_path / "a.tif"
    rasterio.shutil.copy(plain, path, driver="COG", BLOCKSIZE=256, COMPRESS=compress,
                         OVERVIEW_RESAMPLING="average")  # fmt: skip
    target = tmp_path / "out" / "a.filled.tif"
    points, files = write(path, target)
    assert sorted(target.parent.iterdir()) == sorted(files)
    assert cogeo.cog_validate(target, quiet=True) == (True, [], [])
    with rasterio.open(path) as old, rasterio.open(target) as new:
        assert new.descriptions == old.descriptions
        assert new.block_shapes == old.block_shapes
        assert new.overviews(1) == old.overviews(1)
        assert new.tags()["sensor"] == "ETM+"
        assert (new.read_masks() == 255).all()
        seen = points.observed.T.reshape(3, 600, 700)
        np.testing.assert_array_equal(new.read()[seen], old.read()[seen])
        lossless = "DEFLATE"
        assert new.tags(ns="IMAGE_STRUCTURE")["COMPRESSION"] == lossless


def test_a_cog_of_before_gdal_marked_them_is_known_by_its_layout(tmp_path):
    plain = make(tmp_path / "plain.tif", scene(3, 600, 700), nodata=0)
    path = tmp_path / "a.tif"
    rasterio.shutil.copy(plain, path, driver="COG", BLOCKSIZE=256)
    unmarked = path.read_bytes().replace(b"LAYOUT=IFDS_BEFORE_DATA", b"NOTHING=OF_THAT_KIND___")
    path.write_bytes(unmarked)
    with rasterio.open(path) as dataset:
        assert "LAYOUT" not in dataset.tags(ns="IMAGE_STRUCTURE")
    assert ADAPTER.open(path, Query()).format == "Cloud-optimised GeoTIFF"
    with rasterio.open(plain, "r+") as dataset:
        dataset.build_overviews([2, 4], Resampling.nearest)
    assert ADAPTER.open(plain, Query()).format == "GeoTIFF"


def test_control_points_place_the_siblings_too(tmp_path):
    points = [rasterio.control.GroundControlPoint(r, c, 10.0 + c, 50.0 - r)
              for r, c in ((0, 0), (0, 80), (64, 0), (64, 80))]  # fmt: skip
    path = make(tmp_path / "a.tif", scene(), nodata=0, crs="EPSG:4326", transform=None, gcps=points)
    target = tmp_path / "out" / "a.filled.tif"
    write(path, target)
    for name in ("a.filled.tif", "a.filled.flag.tif"):
        with rasterio.open(target.with_name(name)) as dataset:
            assert len(dataset.gcps[0]) == 4
            assert dataset.gcps[1] == "EPSG:4326"


def test_a_lossy_file_keeps_its_observed_samples(tmp_path):
    path = make(tmp_path / "a.tif", scene(), compress="jpeg", photometric="ycbcr")
    rules = (MissingRule("rgb", 0.0),)
    target = tmp_path / "out" / "a.filled.tif"
    points, _ = write(path, target, missing=rules)
    seen = points.observed.T.reshape(3, 64, 80)
    assert not seen.all()
    np.testing.assert_array_equal(read(target)[seen], read(path)[seen])


def test_bands_that_were_not_named_pass_through(tmp_path):
    bands = scene()
    path = make(tmp_path / "a.tif", bands, nodata=0, interleave="pixel", compress="deflate")
    target = tmp_path / "out" / "a.filled.tif"
    write(path, target, variables=("2",))
    filled = read(target)
    np.testing.assert_array_equal(filled[[0, 2]], bands[[0, 2]])
    assert filled[1].min() > 0


def test_another_suffix_is_refused(tmp_path):
    path = make(tmp_path / "a.tif", scene(), nodata=0)
    with pytest.raises(RequestError, match=r"GeoTIFF.*\.png"):
        write(path, tmp_path / "out" / "a.png")


def test_a_format_that_cannot_be_patched_becomes_a_geotiff_when_asked(tmp_path):
    bands = scene(3)
    path = tmp_path / "a.png"
    with pytest.warns(rasterio.errors.NotGeoreferencedWarning):
        make(path, bands, driver="PNG", crs=None, transform=None)
    rules = (MissingRule("rgb", 0.0),)
    with pytest.raises(RequestError, match=r"-o a\.tif"):
        write(path, tmp_path / "out" / "a.filled.png", missing=rules)
    target = tmp_path / "out" / "a.filled.tif"
    _, files = write(path, target, missing=rules)
    assert sorted(target.parent.iterdir()) == sorted(files)
    with pytest.warns(rasterio.errors.NotGeoreferencedWarning):
        filled = read(target)
    gap = (bands == 0).all(axis=0)
    np.testing.assert_array_equal(filled[:, ~gap], bands[:, ~gap])
    assert filled.min() > 0


def test_labels_are_one_band_on_the_same_grid(tmp_path):
    path = make(tmp_path / "a.tif", scene(), nodata=0)
    document = ADAPTER.open(path, Query())
    labels = np.arange(64 * 80, dtype=np.int32) % 7 - 1
    (target,) = ADAPTER.write_labels(document, [labels], tmp_path / "a.labels.tif", STAMP)
    with rasterio.open(target) as dataset:
        assert (dataset.count, dataset.dtypes, dataset.nodata) == (1, ("int32",), -1)
        assert dataset.descriptions == ("superpixel",)
        assert (dataset.crs, dataset.transform) == ("EPSG:32633", UTM)
        np.testing.assert_array_equal(dataset.read(1).ravel(), labels)


@pytest.mark.parametrize("name", [
    "rasters/L7_ETMs.tif", "rasters/LE07_L2SP_225078_20110306_B1_slcoff.tif",
    "rasters/RGB.byte.tif", "climate/daymet_tmax_monavg_1980.tif",
    "hyperspectral/enmap_potsdam_block_224x128x64.tif",
])  # fmt: skip
def test_real_files_keep_what_they_had(shared_data, tmp_path, name):
    path = shared_data / name
    target = tmp_path / "out" / "scene.tif"
    points, _ = write(path, target)
    with rasterio.open(path) as old, rasterio.open(target) as new:
        assert new.descriptions == old.descriptions
        assert new.crs == old.crs
        assert new.overviews(1) == old.overviews(1)
        before, after = old.read(), new.read()
        documented = ADAPTER.open(path, Query()).template.channels
        indexes = [band.index - 1 for band in documented]
        seen = np.zeros(before.shape, dtype=bool)
        seen[indexes] = points.observed.T.reshape(len(indexes), *old.shape)
        assert before[seen].tobytes() == after[seen].tobytes()
        assert (new.read_masks([i + 1 for i in indexes]) == 255).all()
        untouched = np.setdiff1d(np.arange(old.count), indexes)
        assert before[untouched].tobytes() == after[untouched].tobytes()
        assert new.tags(1).get("wavelength") == old.tags(1).get("wavelength")


def test_a_damaged_target_folder_is_a_request_error(tmp_path):
    path = make(tmp_path / "a.tif", scene(), nodata=0)
    document = ADAPTER.open(path, Query())
    absent = tmp_path / "absent" / "a.labels.tif"
    with pytest.raises(RequestError, match="cannot write"):
        ADAPTER.write_labels(document, [np.zeros(64 * 80, np.int32)], absent, STAMP)


def test_a_file_that_vanished_after_opening_is_an_input_error(tmp_path):
    from sinr_geo.errors import InputError

    path = make(tmp_path / "a.tif", scene(), nodata=0)
    layer = ADAPTER.open(path, Query()).layers[0]
    shutil.move(path, tmp_path / "elsewhere.tif")
    with pytest.raises(InputError, match=r"a\.tif"):
        layer.read()
