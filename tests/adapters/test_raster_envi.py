"""ENVI in, ENVI out: judged with numpy on the raw bytes and with rasterio."""

import gzip
from datetime import UTC, datetime

import numpy as np
import pytest
import rasterio

from sinr_geo.adapters import Query, Stamp
from sinr_geo.errors import InputError, RequestError
from sinr_geo.recovery import Flag, Recovery
from sinr_geo_adapters.raster import RasterAdapter

STAMP = Stamp("sinr-geo fill", "0.1.0", datetime(2024, 5, 1, tzinfo=UTC))
ADAPTER = RasterAdapter()
ORDERS = {"bsq": (2, 0, 1), "bil": (0, 2, 1), "bip": (0, 1, 2)}
HEADER = """ENVI
; made by hand
description = {A scene, with = signs
  on two lines}
samples = 6
lines   = 5
bands   = 4
header offset = {offset}
file type = ENVI Standard
data type = 2
interleave = {interleave}
byte order = {order}
data ignore value = -99
Unknown Key = kept
map info = {UTM, 1.000, 1.000, 500000.000, 6000000.000, 30.0, 30.0, 33, North, WGS-84, units=Meters}
wavelength units = Nanometers
wavelength = {
 450.0, 550.0,
 650.0, 850.0}
bbl = {1, 0, 1, 1}
"""


def make(path, header_path, interleave="bil", order=0, offset=0):
    """Write an ENVI raster with numpy alone; return the cube (lines, samples, bands)."""
    cube = np.arange(1, 121, dtype=">i2" if order else "<i2").reshape(5, 6, 4)
    cube[2, 3, :] = -99
    path.write_bytes(b"x" * offset + cube.transpose(ORDERS[interleave]).tobytes())
    text = HEADER.replace("{offset}", str(offset)).replace("{order}", str(order))
    header_path.write_bytes(text.replace("{interleave}", interleave).encode())
    return cube


def fill(path, target, value=7.0):
    document = ADAPTER.open(path, Query())
    points = document.layers[0].read()
    gaps = ~points.observed
    recovery = Recovery(
        np.where(gaps, value, points.values),
        gaps * 0.5,
        np.where(gaps, Flag.FILLED, Flag.OBSERVED).astype(np.uint8),
    )
    target.parent.mkdir()
    return document, points, ADAPTER.write(document, [recovery], target, STAMP)


@pytest.mark.parametrize("interleave", list(ORDERS))
@pytest.mark.parametrize(("order", "offset"), [(0, 0), (1, 17)])
def test_only_the_gaps_of_good_bands_change_in_the_raw_bytes(tmp_path, interleave, order, offset):
    path = tmp_path / "a.raw"
    cube = make(path, tmp_path / "a.hdr", interleave, order, offset)
    target = tmp_path / "out" / "a.filled.raw"
    document, points, files = fill(path, target)
    assert document.format == "ENVI"
    np.testing.assert_array_equal(
        points.values[points.observed], cube[..., [0, 2, 3]].reshape(-1, 3)[points.observed]
    )
    assert any("bbl = 0" in note for note in document.notes)
    assert target.with_name("a.filled.hdr").read_bytes() == (tmp_path / "a.hdr").read_bytes()
    expected = cube.copy()
    expected[2, 3, [0, 2, 3]] = 7
    raw = target.read_bytes()
    assert raw[:offset] == b"x" * offset
    assert raw[offset:] == expected.transpose(ORDERS[interleave]).tobytes()
    assert sorted(target.parent.iterdir()) == sorted(files)


@pytest.mark.parametrize(("data", "header", "copied"), [
    ("a.img", "a.hdr", "a.filled.hdr"),
    ("a.img", "a.img.hdr", "a.filled.img.hdr"),
    ("a", "a.hdr", "a.filled.hdr"),
    ("a.raw", "a.HDR", "a.filled.HDR"),
])  # fmt: skip
def test_the_header_keeps_its_style_of_name(tmp_path, data, header, copied):
    path = tmp_path / data
    make(path, tmp_path / header)
    target = tmp_path / "out" / ("a.filled" + path.suffix)
    _, _, files = fill(path, target)
    assert files[0] == target
    assert files[1].name == copied
    with rasterio.open(target) as dataset:
        assert dataset.read(1)[2, 3] == 7


def test_siblings_are_envi_on_the_same_place(tmp_path):
    path = tmp_path / "a.raw"
    make(path, tmp_path / "a.hdr")
    target = tmp_path / "out" / "a.filled.raw"
    fill(path, target)
    with rasterio.open(path) as source, rasterio.open(target) as filled:
        assert filled.tags(ns="ENVI")["Unknown_Key"] == "kept"
        crs, transform, names = source.crs, source.transform, source.descriptions
    with rasterio.open(target.with_name("a.filled.flag.raw")) as flag:
        assert (flag.driver, flag.count, flag.dtypes[0], flag.nodata) == ("ENVI", 3, "uint8", None)
        assert (flag.crs, flag.transform) == (crs, transform)
        assert [d.split()[0] for d in flag.descriptions] == [
            names[k].split()[0] for k in (0, 2, 3)
        ]  # fmt: skip
        assert np.argwhere(flag.read()).tolist() == [[0, 2, 3], [1, 2, 3], [2, 2, 3]]
    with rasterio.open(target.with_name("a.filled.standard_error.raw")) as error:
        assert error.dtypes[0] == "float32"
        assert np.isnan(error.nodata)
        assert error.read(3)[2, 3] == 0.5


def test_labels_are_envi(tmp_path):
    path = tmp_path / "a.raw"
    make(path, tmp_path / "a.hdr")
    labels = np.arange(30, dtype=np.int32) - 1
    document = ADAPTER.open(path, Query())
    target, _ = ADAPTER.write_labels(document, [labels], tmp_path / "a.labels.raw", STAMP)
    with rasterio.open(target) as dataset:
        assert (dataset.dtypes, dataset.nodata) == (("int32",), -1)
        np.testing.assert_array_equal(dataset.read(1).ravel(), labels)


def test_a_data_file_that_is_cut_short_is_an_input_error(tmp_path):
    path = tmp_path / "a.raw"
    make(path, tmp_path / "a.hdr")
    path.write_bytes(path.read_bytes()[:-10])
    assert ADAPTER.can_open(path)
    with pytest.raises(InputError, match=r"230 bytes.*240"):
        ADAPTER.open(path, Query())


def test_naming_the_header_says_which_file_to_name(tmp_path):
    make(tmp_path / "a.raw", tmp_path / "a.hdr")
    assert ADAPTER.can_open(tmp_path / "a.hdr")
    with pytest.raises(InputError, match="data file"):
        ADAPTER.open(tmp_path / "a.hdr", Query())


@pytest.mark.parametrize(("old", "new", "why"), [
    ("samples = 6", "samples = six", "'samples'"),
    ("data type = 2", "data type = 99", "data type 99"),
    ("interleave = bil", "interleave = zigzag", "zigzag"),
])  # fmt: skip
def test_a_header_that_makes_no_sense_is_an_input_error(tmp_path, old, new, why):
    path = tmp_path / "a.raw"
    make(path, tmp_path / "a.hdr")
    header = tmp_path / "a.hdr"
    header.write_text(header.read_text().replace(old, new))
    with pytest.raises(InputError, match=why):
        ADAPTER.open(path, Query())


def test_another_format_is_refused(tmp_path):
    path = tmp_path / "a.raw"
    make(path, tmp_path / "a.hdr")
    with pytest.raises(RequestError, match="ENVI"):
        fill(path, tmp_path / "out" / "a.tif")


def test_the_real_corn_kernel_keeps_header_and_bytes(shared_data, tmp_path):
    path = shared_data / "hyperspectral/corn-kernel-hyperspectral.raw"
    target = tmp_path / "out" / "corn.raw"
    document, _, files = fill(path, target)
    assert len(document.layers[0].channels) == 580
    assert [f.name for f in files] == ["corn.raw", "corn.hdr"]
    assert target.read_bytes() == path.read_bytes()
    assert files[1].read_bytes() == path.with_suffix(".hdr").read_bytes()


def test_a_compressed_data_file_is_read_and_not_patched(tmp_path):
    path = tmp_path / "a.raw"
    make(path, tmp_path / "a.hdr")
    path.write_bytes(gzip.compress(path.read_bytes()))
    header = tmp_path / "a.hdr"
    header.write_text(header.read_text() + "file compression = 1\n")
    with pytest.raises(RequestError, match="compressed"):
        fill(path, tmp_path / "out" / "a.filled.raw")
