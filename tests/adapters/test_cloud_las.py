"""LAS and LAZ, judged by laspy and by the bytes of the specification."""

import builtins
import struct
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import laspy
import numpy as np
import pytest

from sinr_geo.adapters import MissingRule, Query, Stamp
from sinr_geo.axes import AxisKind
from sinr_geo.errors import InputError, MissingReaderError, NothingToDoError, RequestError
from sinr_geo.recovery import Flag, Recovery
from sinr_geo.testing import AdapterContract
from sinr_geo_adapters.cloud import CloudAdapter

STAMP = Stamp("sinr-geo fill cloud.las", "0", datetime(2024, 1, 1, tzinfo=UTC))
COUNT = 120
GAPS = np.arange(COUNT) % 3 == 1
BLACK = Query(missing=(MissingRule("rgb", 0.0),))
UTM = (
    'PROJCS["WGS 84 / UTM zone 33N",GEOGCS["WGS 84",DATUM["WGS_1984",SPHEROID["WGS 84",6378137,'
    '298.257223563]],PRIMEM["Greenwich",0],UNIT["degree",0.0174532925199433]],'
    'PROJECTION["Transverse_Mercator"],PARAMETER["latitude_of_origin",0],'
    'PARAMETER["central_meridian",15],PARAMETER["scale_factor",0.9996],'
    'PARAMETER["false_easting",500000],PARAMETER["false_northing",0],UNIT["{unit}",{metres}]]'
)


def make(point_format: int = 7, top: int = 65535, version: str | None = None) -> laspy.LasData:
    """A strip of points, every third black, with an extra dimension that has gaps."""
    header = laspy.LasHeader(point_format=point_format, version=version)
    header.scales, header.offsets = np.array([0.01, 0.01, 0.001]), np.array([500000, 4e6, 0])
    header.creation_date = date(2011, 5, 6)
    header.uuid = UUID("12345678-1234-5678-1234-567812345678")
    header.generating_software = "by hand"
    header.add_extra_dim(laspy.ExtraBytesParams("height", "f4", "above ground"))
    header.add_extra_dim(
        laspy.ExtraBytesParams(
            "moisture", "u2", scales=[0.01], offsets=[5.0], no_data=[65535], description="scaled"
        )
    )
    header.vlrs.append(laspy.VLR("someone", 77, "keep me", b"\x00\x01\x02"))
    cloud = laspy.LasData(header)
    turn = np.arange(COUNT) / 9
    cloud.x, cloud.y, cloud.z = 500100 + turn, 4000200 + np.cos(turn), np.sin(turn)
    cloud.intensity = np.arange(COUNT) * 7
    cloud.classification = np.arange(COUNT) % 5
    cloud.return_number = np.arange(COUNT) % 3 + 1
    if "red" in cloud.point_format.dimension_names:
        for name, shift in (("red", 0), ("green", 1), ("blue", 2)):
            colour = (0.5 + 0.4 * np.sin(turn + shift)) * top
            cloud[name] = np.where(GAPS, 0, colour).astype(np.uint16)
    cloud["height"] = np.where(np.arange(COUNT) % 4 == 0, np.nan, turn).astype(np.float32)
    cloud.points.array["moisture"] = np.where(np.arange(COUNT) % 5 == 0, 65535, 1000)
    return cloud


def write_las(path: Path, cloud: laspy.LasData | None = None) -> Path:
    cloud = make() if cloud is None else cloud
    cloud.write(path)
    return path


def fill(
    path: Path, target: Path, query: Query = BLACK, value: float = 40.5, error: bool = True
) -> Path:
    adapter = CloudAdapter()
    document = adapter.open(path, query)
    points = document.layers[0].read()
    flag = np.where(points.observed, Flag.OBSERVED, Flag.FILLED).astype(np.uint8)
    values = np.where(points.observed, points.values, value)
    errors = np.where(points.observed, 0.0, 2.5) if error else None
    (output,) = adapter.write(document, [Recovery(values, errors, flag)], target, STAMP)
    return output


class TestLasContract(AdapterContract):
    adapter = CloudAdapter()
    query = BLACK

    def make_sample(self, folder: Path) -> Path:
        return write_las(folder / "sample.las")


class TestLazContract(AdapterContract):
    adapter = CloudAdapter()
    query = BLACK

    def make_sample(self, folder: Path) -> Path:
        return write_las(folder / "sample.laz", make(3, top=255))


class TestExtraDimensionContract(AdapterContract):
    adapter = CloudAdapter()
    query = Query(variables=("height", "moisture", "intensity"))

    def make_sample(self, folder: Path) -> Path:
        return write_las(folder / "sample.las", make(1))


@pytest.fixture(params=["las", "laz"])
def suffix(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.parametrize("point_format", [2, 3, 7, 8])
def test_colours_flags_and_errors(tmp_path: Path, suffix: str, point_format: int) -> None:
    path = write_las(tmp_path / f"in.{suffix}", make(point_format))
    before = laspy.read(path)
    after = laspy.read(fill(path, tmp_path / f"out.{suffix}"))
    for name in ("red", "green", "blue"):
        assert (after[name][GAPS] == 40).all(), "40.5 is rounded half to even"
        np.testing.assert_array_equal(after[name][~GAPS], before[name][~GAPS])
        np.testing.assert_array_equal(after[f"{name}_standard_error"], np.where(GAPS, 2.5, 0))
        assert after[f"{name}_standard_error"].dtype == np.float32
    np.testing.assert_array_equal(after["sinr_flag"], np.where(GAPS, 1, 0))
    assert after["sinr_flag"].dtype == np.uint8
    for name in before.point_format.dimension_names:
        if name not in ("red", "green", "blue"):
            np.testing.assert_array_equal(np.asarray(after[name]), np.asarray(before[name]))


def test_the_header_is_kept(tmp_path: Path, suffix: str) -> None:
    path = write_las(tmp_path / f"in.{suffix}")
    content = bytearray(path.read_bytes())
    content[26:58] = b"a system of 32 bytes, all of it\xe9"
    struct.pack_into("<2H", content, 90, 0, 0)
    content[179:227] = struct.pack("<6d", 9, 1, 8, 2, 7, 3)
    path.write_bytes(content)
    output = fill(path, tmp_path / f"out.{suffix}").read_bytes()
    assert output[:96] == content[:96], "date, guid, software"
    assert output[104] == content[104], "point format"
    assert output[107:235] == content[107:235], "counts, scales, offsets and bounds"
    assert output[247:375] == content[247:375]


def test_records_are_kept(tmp_path: Path, suffix: str) -> None:
    path = write_las(tmp_path / f"in.{suffix}")
    before = laspy.read(path).header.vlrs
    after = laspy.read(fill(path, tmp_path / f"out.{suffix}")).header
    assert [v.user_id for v in after.vlrs] == [v.user_id for v in before]
    kept, added = (v.get("ExtraBytesVlr")[0].extra_bytes_structs for v in (before, after.vlrs))
    assert [bytes(one) for one in added[:2]] == [bytes(one) for one in kept]
    assert [one.format_name() for one in added[2:]] == [
        "sinr_flag",
        *(f"{name}_standard_error" for name in ("red", "green", "blue")),
    ]
    assert after.vlrs.get_by_id("someone")[0].record_data == b"\x00\x01\x02"


def test_extended_records_move_with_the_points(tmp_path: Path, suffix: str) -> None:
    cloud = make()
    cloud.evlrs = laspy.vlrs.vlrlist.VLRList([laspy.VLR("someone", 5, "far", b"x" * 70000)])
    path = write_las(tmp_path / f"in.{suffix}", cloud)
    after = laspy.read(fill(path, tmp_path / f"out.{suffix}"))
    assert [(v.user_id, v.record_data) for v in after.evlrs] == [("someone", b"x" * 70000)]
    assert (after["red"][GAPS] == 40).all()


def test_a_copc_file_comes_out_as_plain_laz(tmp_path: Path) -> None:
    cloud = make()
    cloud.vlrs.insert(0, laspy.VLR("copc", 1, "copc info", bytes(160)))
    path = write_las(tmp_path / "in.copc.laz", cloud)
    document = CloudAdapter().open(path, BLACK)
    assert document.notes[0].startswith("The copy is plain LAZ")
    after = laspy.read(fill(path, tmp_path / "out.laz"))
    assert "copc" not in [v.user_id for v in after.vlrs]
    assert (after["red"][GAPS] == 40).all()


def test_gaps_between_the_parts_are_kept(tmp_path: Path, suffix: str) -> None:
    cloud = make(3)
    cloud.header.extra_header_bytes = b"behind the header"
    cloud.header.extra_vlr_bytes = b"behind the records"
    path = write_las(tmp_path / f"in.{suffix}", cloud)
    after = laspy.read(fill(path, tmp_path / f"out.{suffix}")).header
    assert after.extra_header_bytes == b"behind the header"
    assert after.extra_vlr_bytes == b"behind the records"


def test_extra_bytes_that_nobody_described(tmp_path: Path, suffix: str) -> None:
    cloud = make(3)
    path = write_las(tmp_path / f"in.{suffix}", cloud)
    content = path.read_bytes()
    place = content.index(b"LASF_Spec")
    path.write_bytes(content[:place] + b"MINE_Spec" + content[place + 9 :])
    before = laspy.read(path)
    assert list(before.point_format.extra_dimension_names) == ["ExtraBytes"]
    after = laspy.read(fill(path, tmp_path / f"out.{suffix}"))
    np.testing.assert_array_equal(after["undocumented"], before["ExtraBytes"])
    np.testing.assert_array_equal(after["sinr_flag"], np.where(GAPS, 1, 0))


def test_eight_bit_colours_stay_in_eight_bits(tmp_path: Path, suffix: str) -> None:
    path = write_las(tmp_path / f"in.{suffix}", make(2, top=255))
    document = CloudAdapter().open(path, BLACK)
    assert {c.upper for c in document.layers[0].channels} == {255.0}
    after = laspy.read(fill(path, tmp_path / f"out.{suffix}", value=9999.0))
    assert (after.red[GAPS] == 255).all()
    path = write_las(tmp_path / f"in16.{suffix}", make(2))
    assert CloudAdapter().open(path, BLACK).layers[0].channels[0].upper == 65535.0


def test_everything_is_observed_without_a_rule(tmp_path: Path) -> None:
    points = CloudAdapter().open(write_las(tmp_path / "in.las"), Query()).layers[0].read()
    assert points.observed.all()
    assert points.edges is None


def test_rules_and_masks_by_class(tmp_path: Path) -> None:
    path = write_las(tmp_path / "in.las")
    query = Query(missing=(MissingRule("classification", 3.0),))
    layer = CloudAdapter().open(path, query).layers[0]
    classes = np.arange(COUNT) % 5
    np.testing.assert_array_equal(layer.read().observed[:, 0], classes != 3)
    np.testing.assert_array_equal(layer.mask("classification"), classes != 0)
    with pytest.raises(RequestError, match="'classification' cannot be interpolated"):
        CloudAdapter().open(path, Query(variables=("classification",)))


def test_scaled_dimensions_and_their_nodata(tmp_path: Path) -> None:
    path = write_las(tmp_path / "in.las")
    query = Query(variables=("moisture",))
    layer = CloudAdapter().open(path, query).layers[0]
    points = layer.read()
    gaps = np.arange(COUNT) % 5 == 0
    np.testing.assert_array_equal(points.observed[:, 0], ~gaps)
    np.testing.assert_allclose(points.values[~gaps, 0], 15.0)
    assert layer.channels[0].step == 0.01
    after = laspy.read(fill(path, tmp_path / "out.las", query, value=12.346))
    assert (after.points.array["moisture"][gaps] == 735).all()
    after = laspy.read(fill(path, tmp_path / "out.las", query, value=1e9))
    assert (after.points.array["moisture"][gaps] == 65534).all(), "65535 means no data"


def test_clouds_without_colours(tmp_path: Path) -> None:
    path = write_las(tmp_path / "in.las", make(1))
    document = CloudAdapter().open(path, Query())
    assert [c.name for c in document.layers[0].channels] == ["height"]
    bare = laspy.LasData(laspy.LasHeader(point_format=0))
    bare.x, bare.y, bare.z = [1, 2], [1, 2], [1, 2]
    path = write_las(tmp_path / "bare.las", bare)
    with pytest.raises(NothingToDoError, match=r"bare\.las.*intensity"):
        CloudAdapter().open(path, Query())
    with pytest.raises(RequestError, match="no vertex colours"):
        CloudAdapter().open(path, Query(variables=("intensity",), missing=BLACK.missing))
    path = write_las(tmp_path / "none.las", laspy.LasData(laspy.LasHeader(point_format=2)))
    with pytest.raises(NothingToDoError, match="no vertices"):
        CloudAdapter().open(path, Query())


def test_long_names_are_cut(tmp_path: Path) -> None:
    cloud = make()
    cloud.add_extra_dim(laspy.ExtraBytesParams("a_name_of_thirty_two_characters_", "f4"))
    cloud.a_name_of_thirty_two_characters_ = np.where(GAPS, np.nan, 1.0)
    path = write_las(tmp_path / "in.las", cloud)
    query = Query(variables=("a_name_of_thirty_two_characters_",))
    after = laspy.read(fill(path, tmp_path / "out.las", query))
    assert "a_name_of_thirt_standard_error" in after.point_format.dimension_names


def test_labels(tmp_path: Path, suffix: str) -> None:
    path = write_las(tmp_path / f"in.{suffix}")
    adapter = CloudAdapter()
    labels = np.arange(COUNT, dtype=np.int32) * 1000
    target = tmp_path / f"out.{suffix}"
    adapter.write_labels(adapter.open(path, Query()), [labels], target, STAMP)
    np.testing.assert_array_equal(laspy.read(target)["superpixel"], labels)


@pytest.mark.parametrize(("unit", "metres"), [("metre", 1), ("US survey foot", 1200 / 3937)])
def test_projected_places_are_in_metres(tmp_path: Path, unit: str, metres: float) -> None:
    cloud = make()
    wkt = UTM.format(unit=unit, metres=metres)
    cloud.vlrs.append(laspy.vlrs.known.WktCoordinateSystemVlr(wkt))
    document = CloudAdapter().open(write_las(tmp_path / "in.las", cloud), Query())
    points = document.layers[0].read()
    assert [(a.kind, a.unit) for a in points.axes] == [(AxisKind.PROJECTED, "m")] * 3
    np.testing.assert_allclose(points.coordinates, cloud.xyz * metres)


def test_places_without_a_crs_are_bare_numbers(tmp_path: Path) -> None:
    points = CloudAdapter().open(write_las(tmp_path / "in.las"), Query()).layers[0].read()
    assert {a.unit for a in points.axes} == {""}
    np.testing.assert_array_equal(points.coordinates, make().xyz)


def test_geographic_places_are_on_the_sphere(tmp_path: Path) -> None:
    cloud = make(3)
    cloud.vlrs.append(geo_keys({1024: 2, 2048: 4326}))
    points = CloudAdapter().open(write_las(tmp_path / "in.las", cloud), Query()).layers[0].read()
    kinds = [AxisKind.LONGITUDE, AxisKind.LATITUDE, AxisKind.VERTICAL]
    assert [a.kind for a in points.axes] == kinds


@pytest.mark.parametrize(("code", "metres"), [(9002, 0.3048), (9001, 1.0)])
def test_units_without_a_named_crs(tmp_path: Path, code: int, metres: float) -> None:
    cloud = make(3)
    cloud.vlrs.append(geo_keys({1024: 1, 3072: 32767, 3076: code}))
    points = CloudAdapter().open(write_las(tmp_path / "in.las", cloud), Query()).layers[0].read()
    assert points.axes[0].unit == "m"
    np.testing.assert_allclose(points.coordinates, cloud.xyz * metres)


def geo_keys(keys: dict[int, int]) -> Any:
    record = laspy.vlrs.known.GeoKeyDirectoryVlr()
    entries = b"".join(struct.pack("<4H", k, 0, 1, v) for k, v in keys.items())
    record.parse_record_data(struct.pack("<4H", 1, 1, 0, len(keys)) + entries)
    return record


@pytest.mark.parametrize("share", [0.01, 0.05, 0.2, 0.5, 0.9, 0.99])
def test_a_cut_file_is_refused(
    tmp_path: Path, suffix: str, share: float, capfd: pytest.CaptureFixture[str]
) -> None:
    path = write_las(tmp_path / f"in.{suffix}")
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(InputError, match=rf"in\.{suffix}.*cut off") as caught:
        CloudAdapter().open(path, Query())
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


def _no_records(content: bytearray) -> None:
    struct.pack_into("<I", content, 100, 1000)


def _long_record(content: bytearray) -> None:
    struct.pack_into("<H", content, 375 + 20, 65535)


def _version_9(content: bytearray) -> None:
    content[25] = 9


def _format_60(content: bytearray) -> None:
    content[104] = 60 | content[104] & 0x80


def _short_points(content: bytearray) -> None:
    struct.pack_into("<H", content, 105, 5)


@pytest.mark.parametrize(
    "spoil", [_no_records, _long_record, _version_9, _format_60, _short_points]
)
def test_a_damaged_file_is_refused(
    tmp_path: Path, suffix: str, spoil: Callable[[bytearray], None]
) -> None:
    path = write_las(tmp_path / f"in.{suffix}")
    content = bytearray(path.read_bytes())
    spoil(content)
    path.write_bytes(content)
    with pytest.raises(InputError, match=rf"in\.{suffix}") as caught:
        CloudAdapter().open(path, Query())
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("where", ["table", "first chunk", "place of the table", "laszip record"])
def test_damaged_compression_is_refused(tmp_path: Path, where: str) -> None:
    path = write_las(tmp_path / "in.laz")
    content = bytearray(path.read_bytes())
    start = struct.unpack_from("<I", content, 96)[0]
    table = struct.unpack_from("<q", content, start)[0]
    record = content.index(b"laszip encoded") + 52
    places = {"table": table, "first chunk": table + 8, "place of the table": start}
    place = places.get(where, record + 12)
    content[place : place + 6] = b"\xff\xf7\xf7\xf7\xf7\xf7"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"in\.laz") as caught:
        CloudAdapter().open(path, Query())
    assert "\n" not in str(caught.value)


def test_a_missing_reader_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    laz = write_las(tmp_path / "in.laz")
    monkeypatch.setattr(laspy.LazBackend, "detect_available", classmethod(lambda cls: ()))
    with pytest.raises(MissingReaderError, match=r'lazrs.*pip install "sinr-geo\[las\]"$'):
        CloudAdapter().open(laz, Query())
    real = builtins.__import__

    def without_laspy(name: str, *rest: Any, **more: Any) -> Any:
        if name.split(".")[0] == "laspy":
            raise ModuleNotFoundError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without_laspy)
    assert CloudAdapter().can_open(laz)
    with pytest.raises(MissingReaderError, match=r'laspy.*pip install "sinr-geo\[las\]"$'):
        CloudAdapter().open(laz, Query())


def test_another_format_by_name_is_refused(tmp_path: Path) -> None:
    path = write_las(tmp_path / "in.las")
    with pytest.raises(RequestError, match=r"out\.laz"):
        fill(path, tmp_path / "out.laz")


@pytest.mark.shared
def test_autzen(shared_data: Path, tmp_path: Path) -> None:
    cloud = laspy.read(shared_data / "pointclouds" / "autzen_trim.laz")
    truth = np.stack([cloud.red, cloud.green, cloud.blue], axis=1)
    black = np.random.default_rng(0).random(len(truth)) < 0.9
    for name in ("red", "green", "blue"):
        cloud[name] = np.where(black, 0, cloud[name])
    path = write_las(tmp_path / "autzen.laz", cloud)
    layer = CloudAdapter().open(path, BLACK).layers[0]
    points = layer.read()
    np.testing.assert_array_equal(points.observed[:, 0], ~black)
    np.testing.assert_allclose(points.coordinates, cloud.xyz * 0.3048)
    assert layer.channels[0].upper == 255.0
    after = laspy.read(fill(path, tmp_path / "out.laz", value=77.0))
    written = np.stack([after.red, after.green, after.blue], axis=1)
    np.testing.assert_array_equal(written[~black], truth[~black])
    assert (written[black] == 77).all()
    for name in ("X", "Y", "Z", "gps_time", "intensity", "classification"):
        np.testing.assert_array_equal(np.asarray(after[name]), np.asarray(cloud[name]))
    no_change = CloudAdapter().open(shared_data / "pointclouds" / "autzen_trim.laz", Query())
    observed = np.zeros((len(truth), 3), np.uint8)
    unchanged = Recovery(truth.astype(float), None, observed)
    (copy,) = CloudAdapter().write(no_change, [unchanged], tmp_path / "copy.laz", STAMP)
    assert copy.read_bytes() == no_change.path.read_bytes()
