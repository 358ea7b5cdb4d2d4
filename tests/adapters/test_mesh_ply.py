"""PLY meshes, judged by plyfile and trimesh."""

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import plyfile
import pytest
import trimesh
from numpy.lib.recfunctions import repack_fields

from sinr_geo.adapters import MissingRule, Query, Stamp
from sinr_geo.errors import InputError, NothingToDoError, RequestError
from sinr_geo.recovery import Flag, Recovery
from sinr_geo.testing import AdapterContract
from sinr_geo_adapters.mesh import MeshAdapter

STAMP = Stamp("sinr-geo fill mesh.ply", "0", datetime(2024, 1, 1, tzinfo=UTC))
SIDE = 9
COUNT = SIDE * SIDE
ANY = Query()
GAPS = np.arange(COUNT) % 5 == 2
FORMATS = {"ascii": "=", "little": "<", "big": ">"}


def vertices(colour: str = "u1", top: float = 255.0) -> np.ndarray:
    """A bumpy sheet whose every fifth vertex is transparent."""
    rows, columns = np.divmod(np.arange(COUNT), SIDE)
    fields = [(n, "f4") for n in "xyz"] + [(n, colour) for n in ("red", "green", "blue", "alpha")]
    table = np.zeros(COUNT, np.dtype([*fields, ("heat", "f4"), ("class", "i2")]))
    table["x"], table["y"], table["z"] = columns / 3, rows / 7, np.sin(rows) / 10
    for name, shift in (("red", 0.0), ("green", 1.0), ("blue", 2.0)):
        table[name] = (0.5 + 0.4 * np.sin(columns / 3 + shift)) * top
    table["alpha"] = np.where(GAPS, 0, top * 0.8)
    table["heat"] = np.where(rows == 3, np.nan, 20 + columns / 9)
    table["class"] = rows
    return table


def without_colours() -> np.ndarray:
    return repack_fields(vertices()[["x", "y", "z", "heat", "class"]])


def faces() -> np.ndarray:
    corner = (np.arange(SIDE - 1)[:, None] * SIDE + np.arange(SIDE - 1)).ravel()
    triangles = np.concatenate(
        [
            np.stack([corner, corner + 1, corner + SIDE], axis=1),
            np.stack([corner + 1, corner + SIDE + 1, corner + SIDE], axis=1),
        ]
    )
    table = np.empty(len(triangles), [("vertex_indices", "O"), ("flags", "u1")])
    table["vertex_indices"] = list(triangles.astype(np.int32))
    table["flags"] = np.arange(len(triangles)) % 3
    return table


def write_ply(path: Path, order: str = "<", table: np.ndarray | None = None) -> Path:
    camera = np.array([(1.5, 2.5)], [("fx", "f8"), ("fy", "f8")])
    elements = [
        plyfile.PlyElement.describe(camera, "camera"),
        plyfile.PlyElement.describe(
            vertices() if table is None else table, "vertex", comments=["the sheet"]
        ),
        plyfile.PlyElement.describe(faces(), "face"),
        plyfile.PlyElement.describe(np.array([(7,)], [("last", "i4")]), "end"),
    ]
    comments = ["made by hand", "CRS EPSG:32633"]
    plyfile.PlyData(
        elements, text=order == "=", byte_order=order, comments=comments, obj_info=["n 1"]
    ).write(path)
    return path


def fill(path: Path, target: Path, query: Query = ANY, value: float = 40.5) -> Path:
    """Fill what is missing with one value."""
    adapter = MeshAdapter()
    document = adapter.open(path, query)
    recoveries = []
    for layer in document.layers:
        points = layer.read()
        flag = np.where(points.observed, Flag.OBSERVED, Flag.FILLED).astype(np.uint8)
        values = np.where(points.observed, points.values, value)
        recoveries.append(Recovery(values, np.where(points.observed, 0.0, 2.5), flag))
    (output,) = adapter.write(document, recoveries, target, STAMP)
    return output


@pytest.fixture(params=FORMATS)
def mesh(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return write_ply(tmp_path / "mesh.ply", FORMATS[request.param])


class TestBinaryContract(AdapterContract):
    adapter = MeshAdapter()

    def make_sample(self, folder: Path) -> Path:
        return write_ply(folder / "sample.ply", "<")


class TestBigEndianScalarContract(AdapterContract):
    adapter = MeshAdapter()
    query = Query(variables=("heat",))

    def make_sample(self, folder: Path) -> Path:
        return write_ply(folder / "sample.ply", ">")


class TestAsciiContract(AdapterContract):
    adapter = MeshAdapter()
    query = Query(missing=(MissingRule("class", 4.0),))

    def make_sample(self, folder: Path) -> Path:
        return write_ply(folder / "sample.ply", "=")


def test_everything_else_is_kept(mesh: Path, tmp_path: Path) -> None:
    before = plyfile.PlyData.read(mesh)
    after = plyfile.PlyData.read(fill(mesh, tmp_path / "out.ply"))
    assert after.comments == before.comments
    assert after.obj_info == before.obj_info
    assert after["vertex"].comments == before["vertex"].comments
    assert (after.text, after.byte_order) == (before.text, before.byte_order)
    assert [e.name for e in after] == [e.name for e in before]
    for name in ("camera", "end"):
        assert (after[name].data == before[name].data).all()
    np.testing.assert_array_equal(
        np.stack(after["face"]["vertex_indices"]), np.stack(before["face"]["vertex_indices"])
    )
    np.testing.assert_array_equal(after["face"]["flags"], before["face"]["flags"])
    names = [p.name for p in before["vertex"].properties]
    assert [p.name for p in after["vertex"].properties][: len(names)] == names
    for name in ("x", "y", "z", "heat", "class"):
        assert after["vertex"][name].tobytes() == before["vertex"][name].tobytes()


def test_colours_flags_and_errors(mesh: Path, tmp_path: Path) -> None:
    before = plyfile.PlyData.read(mesh)["vertex"]
    after = plyfile.PlyData.read(fill(mesh, tmp_path / "out.ply"))["vertex"]
    for name in ("red", "green", "blue"):
        assert after[name].dtype == np.uint8
        np.testing.assert_array_equal(after[name][~GAPS], before[name][~GAPS])
        assert (after[name][GAPS] == 40).all(), "40.5 is rounded half to even"
        np.testing.assert_array_equal(after[f"{name}_standard_error"], np.where(GAPS, 2.5, 0))
        assert after[f"{name}_standard_error"].dtype.str[1:] == "f4"
    assert (after["alpha"][GAPS] == 255).all()
    np.testing.assert_array_equal(after["alpha"][~GAPS], before["alpha"][~GAPS])
    np.testing.assert_array_equal(after["sinr_flag"], np.where(GAPS, Flag.FILLED, Flag.OBSERVED))
    assert after["sinr_flag"].dtype == np.uint8


def test_trimesh_reads_the_copy(mesh: Path, tmp_path: Path) -> None:
    before = trimesh.load_mesh(mesh, process=False)
    after = trimesh.load_mesh(fill(mesh, tmp_path / "out.ply"), process=False)
    np.testing.assert_array_equal(after.vertices, before.vertices)
    np.testing.assert_array_equal(after.faces, before.faces)
    assert (after.visual.vertex_colors[GAPS] == [40, 40, 40, 255]).all()


def test_edges_are_those_of_trimesh(mesh: Path) -> None:
    points = MeshAdapter().open(mesh, Query()).layers[0].read()
    expected = trimesh.load_mesh(mesh, process=False).edges_unique
    assert points.edges is not None
    assert {tuple(e) for e in points.edges} == {tuple(sorted(e)) for e in expected}
    assert len(points.edges) == len(expected)


def test_edges_of_mixed_polygons(tmp_path: Path) -> None:
    for order in FORMATS.values():
        polygons = np.empty(3, [("vertex_indices", "O")])
        polygons["vertex_indices"] = [np.array(p) for p in ([0, 1, 2, 3], [4, 5, 6], [0, 6])]
        elements = [
            plyfile.PlyElement.describe(polygons, "face"),
            plyfile.PlyElement.describe(vertices(), "vertex"),
        ]
        path = tmp_path / "mixed.ply"
        plyfile.PlyData(elements, text=order == "=", byte_order=order).write(path)
        edges = MeshAdapter().open(path, Query()).layers[0].read().edges
        assert edges is not None
        expected = [(0, 1), (0, 3), (0, 6), (1, 2), (2, 3), (4, 5), (4, 6), (5, 6)]
        assert [tuple(e) for e in edges.tolist()] == expected


def test_a_window_has_its_own_edges(mesh: Path) -> None:
    layer = MeshAdapter().open(mesh, Query()).layers[0]
    whole, part = layer.read(), layer.read((slice(SIDE, 4 * SIDE),))
    assert whole.edges is not None
    assert part.edges is not None
    inside = ((whole.edges >= SIDE) & (whole.edges < 4 * SIDE)).all(axis=1)
    np.testing.assert_array_equal(part.edges, whole.edges[inside] - SIDE)


@pytest.mark.parametrize(
    ("colour", "top", "upper", "step"),
    [("u1", 255, 255, 1), ("u2", 65535, 65535, 1), ("f4", 1, 1, 0), ("f4", 255, 255, 0)],
)
def test_colour_types(tmp_path: Path, colour: str, top: float, upper: float, step: float) -> None:
    path = write_ply(tmp_path / "mesh.ply", table=vertices(colour, top))
    channels = MeshAdapter().open(path, Query()).layers[0].channels
    assert [c.name for c in channels] == ["red", "green", "blue"]
    assert {(c.lower, c.upper, c.step) for c in channels} == {(0, upper, step)}
    after = plyfile.PlyData.read(fill(path, tmp_path / "out.ply", value=1e9))["vertex"]
    assert after["red"].dtype == np.dtype(colour)
    assert (after["red"][GAPS] == upper).all()
    assert (after["alpha"][GAPS] == upper).all()


def test_diffuse_colours(tmp_path: Path) -> None:
    table = vertices()
    names = [f"diffuse_{n}" if n in ("red", "green", "blue") else n for n in table.dtype.names]
    table.dtype.names = tuple(names)
    path = write_ply(tmp_path / "mesh.ply", table=table)
    layer = MeshAdapter().open(path, Query()).layers[0]
    assert [c.name for c in layer.channels] == ["diffuse_red", "diffuse_green", "diffuse_blue"]


def test_scalars_with_gaps_stand_in_for_colours(tmp_path: Path) -> None:
    path = write_ply(tmp_path / "mesh.ply", table=without_colours())
    layer = MeshAdapter().open(path, Query()).layers[0]
    assert [c.name for c in layer.channels] == ["heat"]
    after = plyfile.PlyData.read(fill(path, tmp_path / "out.ply", value=0.1))["vertex"]
    assert set(after["heat"][after["sinr_flag"] == 1]) == {np.float32(0.1)}


def test_nothing_to_do(tmp_path: Path) -> None:
    table = repack_fields(vertices()[["x", "y", "z"]])
    path = write_ply(tmp_path / "bare.ply", table=table)
    with pytest.raises(NothingToDoError, match=r"bare\.ply.*--variables"):
        MeshAdapter().open(path, Query())
    path = write_ply(tmp_path / "none.ply", table=vertices()[:0])
    with pytest.raises(NothingToDoError, match="no vertices"):
        MeshAdapter().open(path, Query())


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (MissingRule("nan"), GAPS),
        (MissingRule("alpha", 0.0), GAPS),
        (MissingRule("rgb", 0.0), GAPS | (np.arange(COUNT) == 0)),
        (MissingRule("class", 4.0), GAPS | (np.arange(COUNT) // SIDE == 4)),
        (MissingRule("heat"), GAPS | (np.arange(COUNT) // SIDE == 3)),
    ],
)
def test_missing_rules(tmp_path: Path, rule: MissingRule, expected: np.ndarray) -> None:
    table = vertices()
    for name in ("red", "green", "blue"):
        table[name][0] = 0
    path = write_ply(tmp_path / "mesh.ply", table=table)
    points = MeshAdapter().open(path, Query(missing=(rule,))).layers[0].read()
    np.testing.assert_array_equal(points.observed, np.repeat(~expected[:, None], 3, axis=1))


def test_a_rule_on_one_channel_marks_that_channel(mesh: Path) -> None:
    red = int(vertices()["red"][0])
    points = MeshAdapter().open(mesh, Query(missing=(MissingRule("red", red),))).layers[0].read()
    assert not points.observed[vertices()["red"] == red, 0].any()
    assert points.observed[0, 1:].all()


def test_a_filled_vertex_is_not_marked_missing(tmp_path: Path) -> None:
    table = vertices()
    table["alpha"] = 255
    for name in ("red", "green", "blue"):
        table[name][GAPS] = 0
    path = write_ply(tmp_path / "mesh.ply", table=table)
    query = Query(missing=(MissingRule("rgb", 0.0),))
    after = plyfile.PlyData.read(fill(path, tmp_path / "out.ply", query, value=0.0))["vertex"]
    colours = np.stack([after[n][GAPS] for n in ("red", "green", "blue")], axis=1)
    assert (colours.sum(axis=1) == 1).all()


@pytest.mark.parametrize("marker", [-9999.0, 1e39, 0.5])
def test_rules_beyond_the_stored_type_mark_nothing(
    mesh: Path, tmp_path: Path, marker: float
) -> None:
    rules = tuple(MissingRule(name, marker) for name in ("value", "red", "rgb", "heat"))
    after = plyfile.PlyData.read(fill(mesh, tmp_path / "out.ply", Query(missing=rules)))["vertex"]
    np.testing.assert_array_equal(after["sinr_flag"], np.where(GAPS, 1, 0))


@pytest.mark.parametrize(("value", "stored"), [(77.0, 78), (255.0, 254)])
def test_a_filled_channel_is_not_marked_missing(tmp_path: Path, value: float, stored: int) -> None:
    path = write_ply(tmp_path / "mesh.ply")
    query = Query(missing=(MissingRule("value", value),))
    after = plyfile.PlyData.read(fill(path, tmp_path / "out.ply", query, value=value))["vertex"]
    assert (after["green"][GAPS] == stored).all()


def test_rules_need_what_they_name(tmp_path: Path) -> None:
    path = write_ply(tmp_path / "mesh.ply", table=without_colours())
    for name in ("alpha", "rgb", "red"):
        with pytest.raises(RequestError, match=r"mesh\.ply"):
            MeshAdapter().open(path, Query(missing=(MissingRule(name, 0.0),)))


def test_masks(mesh: Path) -> None:
    layer = MeshAdapter().open(mesh, Query()).layers[0]
    np.testing.assert_array_equal(layer.mask("class"), np.arange(COUNT) >= SIDE)
    assert layer.mask("heat").sum() == COUNT - SIDE, "NaN is not wanted"


def test_names_that_exist_are_numbered(mesh: Path, tmp_path: Path) -> None:
    once = fill(mesh, tmp_path / "once.ply")
    again = fill(once, tmp_path / "twice.ply", Query(missing=(MissingRule("class", 2.0),)))
    names = [p.name for p in plyfile.PlyData.read(again)["vertex"].properties]
    assert "sinr_flag_2" in names
    assert "blue_standard_error_2" in names
    assert len(set(names)) == len(names)


def test_labels(mesh: Path, tmp_path: Path) -> None:
    adapter = MeshAdapter()
    document = adapter.open(mesh, Query())
    labels = np.arange(COUNT, dtype=np.int32) * 1000
    (output,) = adapter.write_labels(document, [labels], tmp_path / "out.ply", STAMP)
    written = plyfile.PlyData.read(output)["vertex"]
    np.testing.assert_array_equal(written["superpixel"], labels)
    np.testing.assert_array_equal(written["red"], vertices()["red"])


def test_text_keeps_its_digits(tmp_path: Path) -> None:
    path = tmp_path / "mesh.ply"
    path.write_bytes(
        b"ply\r\nformat ascii 1.0\r\ncomment caf\xc3\xa9\r\nelement vertex 3\r\n"
        b"property float32 x\r\nproperty float32 y\r\nproperty float32 z\r\n"
        b"property uint8 red\r\nproperty uint8 green\r\nproperty uint8 blue\r\n"
        b"property uint8 alpha\r\nelement face 1\r\nproperty list uchar int vertex_indices\r\n"
        b"end_header\r\n0.10 1e-3\t2.50000 1 2 3 0 \r\n1 1.0 1.00 4 5 6 255\r\n"
        b"  -0 0.5 0 7 8 9 255\r\n3 0 1 2\r\n"
    )
    header, _, body = fill(path, tmp_path / "out.ply").read_bytes().partition(b"end_header\r\n")
    assert b"comment caf\xc3\xa9\r\n" in header
    assert b"property uint8 alpha\r\nproperty uchar sinr_flag\r\nproperty float red_sta" in header
    assert body == (
        b"0.10 1e-3\t2.50000 40 40 40 255 1 2.5 2.5 2.5 \r\n"
        b"1 1.0 1.00 4 5 6 255 0 0.0 0.0 0.0\r\n"
        b"  -0 0.5 0 7 8 9 255 0 0.0 0.0 0.0\r\n3 0 1 2\r\n"
    )


def test_spaces_at_the_end_of_header_lines_mean_nothing(mesh: Path, tmp_path: Path) -> None:
    spaced = tmp_path / "spaced.ply"
    spaced.write_bytes(mesh.read_bytes().replace(b"ply\nformat", b"ply \nformat", 1))
    assert MeshAdapter().can_open(spaced)
    out = fill(spaced, tmp_path / "out.ply").read_bytes()
    plain = fill(mesh, tmp_path / "plain.ply").read_bytes()
    assert out == plain.replace(b"ply\n", b"ply \n", 1)


def test_can_open(mesh: Path, tmp_path: Path) -> None:
    assert MeshAdapter().can_open(mesh.rename(tmp_path / "mesh.dat"))
    table = vertices()
    cloud = tmp_path / "cloud.ply"
    plyfile.PlyData([plyfile.PlyElement.describe(table, "vertex")]).write(cloud)
    assert not MeshAdapter().can_open(cloud)


@pytest.mark.parametrize("share", [0.02, 0.2, 0.5, 0.9, 0.97])
def test_a_cut_file_is_refused(mesh: Path, share: float) -> None:
    content = mesh.read_bytes()
    mesh.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(InputError, match=r"mesh\.ply.*cut off"):
        MeshAdapter().open(mesh, Query()).layers[0].read()


BROKEN = {
    "a type": (b"property float x", b"property real x"),
    "a count": (b"element vertex 81", b"element vertex many"),
    "a negative count": (b"element vertex 81", b"element vertex -1"),
    "no z": (b"property float z", b"property float w"),
    "a name twice": (b"property float z", b"property float x"),
    "no vertices": (b"element vertex", b"element points"),
    "another version": (b" 1.0\n", b" 2.0\n"),
    "a list": (b"property float heat", b"property list uchar float heat"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_header_is_refused(mesh: Path, what: str) -> None:
    mesh.write_bytes(mesh.read_bytes().replace(*BROKEN[what], 1))
    with pytest.raises(InputError, match=r"mesh\.ply") as caught:
        MeshAdapter().open(mesh, Query())
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"\n3 0 1 9 ", b"\n3 0 1 900 "),
        (b"\n3 0 1 9 ", b"\n3 0 x 9 "),
        (b"\n3 0 1 9 ", b"\n7 0 1 9 "),
        (b"\n0 0 0 ", b"\n0 up 0 "),
        (b"\n0 0 0 ", b"\n0 0 "),
        (b"\n0 0 0 ", b"\n0 0 0 999 "),
    ],
)
def test_broken_numbers_are_refused(tmp_path: Path, old: bytes, new: bytes) -> None:
    path = write_ply(tmp_path / "mesh.ply", "=")
    assert old in path.read_bytes()
    path.write_bytes(path.read_bytes().replace(old, new, 1))
    with pytest.raises(InputError, match=r"mesh\.ply") as caught:
        MeshAdapter().open(path, Query()).layers[0].read()
    assert "\n" not in str(caught.value)


def test_a_place_that_is_not_finite_is_refused(tmp_path: Path) -> None:
    table = vertices()
    table["y"][3] = np.nan
    path = write_ply(tmp_path / "mesh.ply", table=table)
    with pytest.raises(InputError, match="1 of 81 vertices"):
        MeshAdapter().open(path, Query()).layers[0].read()


def test_text_by_another_name_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.ply"
    path.write_text("these are notes\n")
    assert not MeshAdapter().can_open(path)
    with pytest.raises(InputError, match=r"notes\.ply.*starts with"):
        MeshAdapter().open(path, Query())


def test_what_cannot_be_recovered(mesh: Path) -> None:
    with pytest.raises(RequestError, match="'alpha' cannot be interpolated"):
        MeshAdapter().open(mesh, Query(variables=("alpha",)))
    with pytest.raises(RequestError, match="cannot be a channel"):
        MeshAdapter().open(mesh, Query(channels=("x",)))
    assert MeshAdapter().open(mesh, Query(coordinates=("x",))).layers


@pytest.mark.shared
def test_ankylosaurus(shared_data: Path, tmp_path: Path) -> None:
    real = shared_data / "pointclouds" / "ankylosaurus_mesh_rgb.ply"
    document = MeshAdapter().open(real, Query())
    (layer,) = document.layers
    points = layer.read()
    assert points.observed.all()
    assert points.edges is not None
    truth = trimesh.load_mesh(real, process=False)
    assert len(points.edges) == len(truth.edges_unique)
    hidden = np.random.default_rng(0).random(len(points)) < 0.9
    head, _, body = real.read_bytes().partition(b"end_header\n")
    lines = body.split(b"\n")
    for row in range(len(points)):
        lines[row] = lines[row].rstrip() + (b" 0" if hidden[row] else b" 255")
    head = head.replace(b"property float nz\n", b"property float nz\nproperty uchar alpha\n")
    path = tmp_path / "hidden.ply"
    path.write_bytes(head + b"end_header\n" + b"\n".join(lines))
    output = fill(path, tmp_path / "out.ply", Query(missing=(MissingRule("alpha", 0.0),)), 33.0)
    after = trimesh.load_mesh(output, process=False)
    colours = np.asarray(after.visual.vertex_colors)
    np.testing.assert_array_equal(colours[~hidden], truth.visual.vertex_colors[~hidden])
    assert (colours[hidden] == [33, 33, 33, 255]).all()
    np.testing.assert_array_equal(after.vertices, truth.vertices)
    np.testing.assert_array_equal(after.faces, truth.faces)
    faces = [p.read_bytes().splitlines()[-len(truth.faces) :] for p in (real, output)]
    assert faces[0] == faces[1]


def test_listing_adapters_imports_no_reader() -> None:
    heavy = "trimesh plyfile laspy lazrs rasterio xarray netCDF4 torch"
    code = (
        "import sys, sinr_geo_adapters.mesh, sinr_geo_adapters.cloud;"
        f"found = [n for n in '{heavy}'.split() if n in sys.modules];"
        "assert not found, found"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
