"""Binary glTF, judged by trimesh and by the format's own rules."""

import json
import struct
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh

from sinr_geo.adapters import Document, MissingRule, Query, Stamp
from sinr_geo.errors import InputError, NothingToDoError, RequestError
from sinr_geo.recovery import Flag, Recovery
from sinr_geo.testing import AdapterContract
from sinr_geo_adapters.mesh import MeshAdapter

STAMP = Stamp("sinr-geo fill mesh.glb", "0", datetime(2024, 1, 1, tzinfo=UTC))
TURN = [0.0, 0.0, np.sqrt(0.5), np.sqrt(0.5)]
"""A quarter turn about z, as a quaternion."""

Build = Callable[[dict[str, Any]], None]


class Glb:
    """Builds a GLB file array by array."""

    def __init__(self) -> None:
        self.binary = b""
        self.json: dict[str, Any] = {
            "asset": {"version": "2.0", "generator": "hand"},
            "extras": {"zeta": 1, "alpha": [1.5, "é"]},
            "scene": 0,
            "scenes": [{"nodes": []}],
            "nodes": [],
            "meshes": [],
            "accessors": [],
            "bufferViews": [],
            "buffers": [{"byteLength": 0}],
        }

    def array(self, column: np.ndarray, **more: Any) -> int:
        codes = {"i1": 5120, "u1": 5121, "i2": 5122, "u2": 5123, "u4": 5125, "f4": 5126}
        width = 1 if column.ndim == 1 else column.shape[1]
        view = {"buffer": 0, "byteOffset": len(self.binary), "byteLength": column.nbytes}
        self.binary += column.tobytes() + bytes(-column.nbytes % 4)
        self.json["bufferViews"].append(view)
        kind = "SCALAR" if width == 1 else f"VEC{width}"
        accessor = {
            "bufferView": len(self.json["bufferViews"]) - 1,
            "componentType": codes[column.dtype.str[1:]],
            "count": len(column),
            "type": kind,
        }
        self.json["accessors"].append({**accessor, **more})
        return len(self.json["accessors"]) - 1

    def mesh(self, attributes: dict[str, int], **primitive: Any) -> int:
        self.json["meshes"].append({"primitives": [{"attributes": attributes, **primitive}]})
        return len(self.json["meshes"]) - 1

    def node(self, root: bool = True, **node: Any) -> int:
        self.json["nodes"].append(node)
        number = len(self.json["nodes"]) - 1
        if root:
            self.json["scenes"][0]["nodes"].append(number)
        return number

    def write(self, path: Path, rest: bytes = b"") -> Path:
        self.json["buffers"][0]["byteLength"] = len(self.binary)
        return assemble(path, self.json, self.binary, rest)


def assemble(path: Path, document: dict[str, Any], binary: bytes, rest: bytes = b"") -> Path:
    text = json.dumps(document, ensure_ascii=False).encode()
    text += b" " * (-len(text) % 4)
    chunks = struct.pack("<II", len(text), 0x4E4F534A) + text
    chunks += struct.pack("<II", len(binary), 0x004E4942) + binary + rest
    path.write_bytes(struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks)
    return path


def take_apart(path: Path) -> tuple[dict[str, Any], bytes]:
    content = path.read_bytes()
    magic, version, length = struct.unpack_from("<4sII", content)
    assert (magic, version, length) == (b"glTF", 2, len(content))
    size, kind = struct.unpack_from("<II", content, 12)
    assert kind == 0x4E4F534A
    assert size % 4 == 0
    binary_size, kind = struct.unpack_from("<II", content, 20 + size)
    assert kind == 0x004E4942
    assert binary_size % 4 == 0
    start = 28 + size
    return json.loads(content[20 : 20 + size]), content[start : start + binary_size]


def place(count: int, shift: float = 0.0) -> np.ndarray:
    rows, columns = np.divmod(np.arange(count), 5)
    return np.stack([columns + shift, rows, columns * rows / 9], axis=1).astype(np.float32)


def colours(count: int, dtype: str = "u1", width: int = 4) -> np.ndarray:
    top = 1.0 if dtype == "f4" else np.iinfo(dtype).max
    table = np.arange(1, count * width + 1).reshape(count, width) / (count * width + 1) * top
    table = table.astype(dtype)
    if width == 4:
        table[:, 3] = np.where(np.arange(count) % 3 == 1, 0, top)
    return table


def triangles(count: int) -> np.ndarray:
    start = np.arange(count - 2)
    return np.stack([start, start + 1, start + 2], axis=1).astype(np.uint16).ravel()


def simple(dtype: str = "u1", width: int = 4, **accessor: Any) -> Glb:
    """One mesh of 12 vertices, turned and moved, with a number of its own."""
    glb = Glb()
    attributes = {
        "POSITION": glb.array(place(12)),
        "COLOR_0": glb.array(colours(12, dtype, width), normalized=dtype != "f4", **accessor),
        "_HEAT": glb.array(np.where(np.arange(12) % 4 == 0, -1, 3).astype(np.float32)),
    }
    mesh = glb.mesh(attributes, indices=glb.array(triangles(12)))
    glb.node(name="it", mesh=mesh, rotation=TURN, scale=[1, 2, 3], translation=[10, 20, 30])
    return glb


def fill(path: Path, target: Path, query: Query | None = None, value: float = 0.2) -> Path:
    adapter = MeshAdapter()
    document = adapter.open(path, Query() if query is None else query)
    (output,) = adapter.write(document, filled(document, value), target, STAMP)
    return output


def filled(document: Document, value: float) -> list[Recovery]:
    recoveries = []
    for layer in document.layers:
        points = layer.read()
        flag = np.where(points.observed, Flag.OBSERVED, Flag.EXTRAPOLATED).astype(np.uint8)
        error = np.where(points.observed, 0.0, np.nan)
        recoveries.append(Recovery(np.where(points.observed, points.values, value), error, flag))
    return recoveries


class TestGlbContract(AdapterContract):
    adapter = MeshAdapter()

    def make_sample(self, folder: Path) -> Path:
        return simple().write(folder / "sample.glb")


class TestGlbScalarContract(AdapterContract):
    adapter = MeshAdapter()
    query = Query(variables=("_HEAT",), missing=(MissingRule("_HEAT", -1.0),))

    def make_sample(self, folder: Path) -> Path:
        return simple("u2", 3).write(
            folder / "sample.glb", rest=struct.pack("<II4s", 4, 99, b"more")
        )


@pytest.mark.parametrize("dtype", ["u1", "u2", "f4"])
@pytest.mark.parametrize("width", [3, 4])
def test_colours_are_patched_in_place(tmp_path: Path, dtype: str, width: int) -> None:
    glb = simple(dtype, width)
    query = Query() if width == 4 else Query(missing=(MissingRule("_HEAT", -1.0),))
    path = glb.write(tmp_path / "mesh.glb")
    output = fill(path, tmp_path / "out.glb", query, value=0.25 if dtype == "f4" else 100.5)
    before, after = colours(12, dtype, width), None
    document, binary = take_apart(output)
    view = document["bufferViews"][document["accessors"][1]["bufferView"]]
    start = view["byteOffset"]
    after = np.frombuffer(binary[start : start + before.nbytes], dtype).reshape(before.shape)
    gaps = np.arange(12) % 3 == 1 if width == 4 else np.arange(12) % 4 == 0
    np.testing.assert_array_equal(after[~gaps], before[~gaps])
    assert (after[gaps, :3] == (0.25 if dtype == "f4" else 100)).all()
    if width == 4:
        assert (after[gaps, 3] == (1 if dtype == "f4" else np.iinfo(dtype).max)).all()
    assert binary[:start] == glb.binary[:start]
    behind = start + before.nbytes
    assert binary[behind : len(glb.binary)] == glb.binary[behind:]


def test_the_rest_of_the_document_is_kept(tmp_path: Path) -> None:
    path = simple().write(tmp_path / "mesh.glb", rest=struct.pack("<II4s", 4, 99, b"more"))
    output = fill(path, tmp_path / "out.glb")
    before, _ = take_apart(path)
    after, binary = take_apart(output)
    assert output.read_bytes().endswith(struct.pack("<II4s", 4, 99, b"more"))
    assert list(after) == list(before)
    assert after["extras"] == before["extras"]
    assert after["nodes"] == before["nodes"]
    assert after["accessors"][: len(before["accessors"])] == before["accessors"]
    assert after["bufferViews"][: len(before["bufferViews"])] == before["bufferViews"]
    assert after["buffers"] == [{"byteLength": len(binary)}]


def test_new_attributes_obey_the_format(tmp_path: Path) -> None:
    path = simple().write(tmp_path / "mesh.glb")
    document, binary = take_apart(fill(path, tmp_path / "out.glb"))
    (primitive,) = document["meshes"][0]["primitives"]
    added = {n: primitive["attributes"][n] for n in ("_SINR_FLAG", "_STANDARD_ERROR")}
    for name, index in added.items():
        accessor = document["accessors"][index]
        view = document["bufferViews"][accessor["bufferView"]]
        assert view["byteOffset"] % 4 == 0
        assert view["byteStride"] % 4 == 0
        assert view["byteOffset"] + view["byteLength"] <= len(binary)
        assert accessor["count"] == 12
        assert accessor["type"] == ("SCALAR" if name == "_SINR_FLAG" else "VEC3")
    scene = trimesh.load(tmp_path / "out.glb", process=False)
    (geometry,) = scene.geometry.values()
    gaps = np.arange(12) % 3 == 1
    np.testing.assert_array_equal(
        np.ravel(geometry.vertex_attributes["_SINR_FLAG"]), np.where(gaps, Flag.EXTRAPOLATED, 0)
    )
    error = geometry.vertex_attributes["_STANDARD_ERROR"]
    assert error.shape == (12, 3)
    assert np.isfinite(error).all(), "glTF forbids NaN"


def test_stated_bounds_of_colours_stay_true(tmp_path: Path) -> None:
    stored = colours(12)
    glb = simple(min=stored.min(axis=0).tolist(), max=stored.max(axis=0).tolist())
    output = fill(glb.write(tmp_path / "mesh.glb"), tmp_path / "out.glb", value=255.0)
    accessor = take_apart(output)[0]["accessors"][1]
    assert accessor["max"] == [255, 255, 255, 255]
    assert accessor["min"][3] == 255


def test_places_are_those_of_the_scene(tmp_path: Path) -> None:
    glb = Glb()
    shared = glb.mesh({"POSITION": glb.array(place(6)), "COLOR_0": glb.array(colours(6))})
    lone = glb.mesh({"POSITION": glb.array(place(9, 3)), "COLOR_0": glb.array(colours(9))})
    matrix = np.array([[0, 2, 0, 5], [1, 0, 0, 6], [0, 0, 1, 7], [0, 0, 0, 1.0]])
    first = glb.node(root=False, mesh=shared, matrix=matrix.T.ravel().tolist())
    glb.node(children=[first], rotation=TURN, translation=[100, 0, 0])
    glb.node(mesh=shared, translation=[-50, 0, 0])
    glb.node(mesh=lone, scale=[2, 2, 2])
    path = glb.write(tmp_path / "mesh.glb")
    points = MeshAdapter().open(path, Query()).layers[0].read()
    scene = trimesh.load(path, process=False)
    dumped = {np.round(one.vertices, 4).tobytes() for one in scene.dump()}
    assert np.round(points.coordinates[:6], 4).astype(float).tobytes() in dumped
    assert np.round(points.coordinates[6:], 4).astype(float).tobytes() in dumped
    turned = place(6).astype(float) @ matrix[:3, :3].T + [5, 6, 7]
    expected = np.stack([100 - turned[:, 1], turned[:, 0], turned[:, 2]], axis=1)
    np.testing.assert_allclose(points.coordinates[:6], expected, atol=1e-12)


def test_windows_reach_over_geometries(tmp_path: Path) -> None:
    glb = Glb()
    for count in (6, 8, 7):
        mesh = glb.mesh(
            {"POSITION": glb.array(place(count)), "COLOR_0": glb.array(colours(count))},
            indices=glb.array(triangles(count)),
        )
        glb.node(mesh=mesh)
    layer = MeshAdapter().open(glb.write(tmp_path / "mesh.glb"), Query()).layers[0]
    whole, part = layer.read(), layer.read((slice(4, 18),))
    np.testing.assert_array_equal(part.coordinates, whole.coordinates[4:18])
    np.testing.assert_array_equal(part.values, whole.values[4:18])
    assert whole.edges is not None
    assert not ((whole.edges < 6).any(axis=1) & (whole.edges >= 6).any(axis=1)).any()


def test_geometries_with_other_colours_are_other_layers(tmp_path: Path) -> None:
    glb = Glb()
    kinds = ("u1", "f4", "u1")
    for dtype in kinds:
        glb.node(
            mesh=glb.mesh(
                {"POSITION": glb.array(place(6)), "COLOR_0": glb.array(colours(6, dtype))}
            )
        )
    glb.node(mesh=glb.mesh({"POSITION": glb.array(place(9))}))
    path = glb.write(tmp_path / "mesh.glb")
    document = MeshAdapter().open(path, Query())
    assert [len(layer.read()) for layer in document.layers] == [12, 6]
    assert [layer.channels[0].upper for layer in document.layers] == [255, 1]
    assert document.notes == ("1 of 4 geometries lack what is recovered and pass through.",)
    after, _ = take_apart(fill(path, tmp_path / "out.glb"))
    flagged = ["_SINR_FLAG" in m["primitives"][0]["attributes"] for m in after["meshes"]]
    assert flagged == [True, True, True, False]


def test_primitives_that_share_vertices(tmp_path: Path) -> None:
    glb = simple()
    primitives = glb.json["meshes"][0]["primitives"]
    more = {"attributes": dict(primitives[0]["attributes"])}
    primitives.append({**more, "indices": glb.array(np.array([0, 11], np.uint8)), "mode": 1})
    path = glb.write(tmp_path / "mesh.glb")
    points = MeshAdapter().open(path, Query()).layers[0].read()
    assert len(points) == 12
    assert points.edges is not None
    assert [0, 11] in points.edges.tolist()
    after, _ = take_apart(fill(path, tmp_path / "out.glb"))
    one, two = after["meshes"][0]["primitives"]
    assert one["attributes"] == two["attributes"]
    assert "_SINR_FLAG" in two["attributes"]


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        (0, None),
        (1, [[0, 1], [2, 3]]),
        (2, [[0, 1], [0, 4], [1, 2], [2, 3], [3, 4]]),
        (3, [[0, 1], [1, 2], [2, 3], [3, 4]]),
        (4, [[0, 1], [0, 2], [1, 2]]),
        (5, [[0, 1], [0, 2], [1, 2], [1, 3], [2, 3], [2, 4], [3, 4]]),
        (6, [[0, 1], [0, 2], [0, 3], [0, 4], [1, 2], [2, 3], [3, 4]]),
    ],
)
def test_edges_by_mode(tmp_path: Path, mode: int, expected: list[list[int]] | None) -> None:
    glb = Glb()
    attributes = {"POSITION": glb.array(place(5)), "COLOR_0": glb.array(colours(5))}
    glb.node(mesh=glb.mesh(attributes, mode=mode))
    points = MeshAdapter().open(glb.write(tmp_path / "mesh.glb"), Query()).layers[0].read()
    assert (None if points.edges is None else points.edges.tolist()) == expected


def test_quantized_places(tmp_path: Path) -> None:
    glb = Glb()
    stored = (place(10) * 1000).astype(np.int16)
    stored = np.ascontiguousarray(np.pad(stored, ((0, 0), (0, 1)))[:, :3])
    attributes = {
        "POSITION": glb.array(stored, normalized=True),
        "COLOR_0": glb.array(colours(10)),
    }
    glb.node(mesh=glb.mesh(attributes), scale=[2, 2, 2])
    points = MeshAdapter().open(glb.write(tmp_path / "mesh.glb"), Query()).layers[0].read()
    np.testing.assert_allclose(points.coordinates, stored / 32767 * 2)


def test_labels(tmp_path: Path) -> None:
    path = simple().write(tmp_path / "mesh.glb")
    adapter = MeshAdapter()
    document = adapter.open(path, Query())
    labels = np.arange(12, dtype=np.int32) * 1000
    adapter.write_labels(document, [labels], tmp_path / "out.glb", STAMP)
    (geometry,) = trimesh.load(tmp_path / "out.glb", process=False).geometry.values()
    np.testing.assert_array_equal(np.ravel(geometry.vertex_attributes["_SUPERPIXEL"]), labels)


def _draco(glb: Glb) -> None:
    glb.json["meshes"][0]["primitives"][0]["extensions"] = {"KHR_draco_mesh_compression": {}}


def _no_data(glb: Glb) -> None:
    del glb.json["accessors"][0]["bufferView"]


def _meshopt(glb: Glb) -> None:
    glb.json["bufferViews"][0]["extensions"] = {"EXT_meshopt_compression": {}}


def _external(glb: Glb) -> None:
    glb.json["buffers"][0]["uri"] = "mesh.bin"


def _sparse(glb: Glb) -> None:
    glb.json["accessors"][1]["sparse"] = {}


def _outside(glb: Glb) -> None:
    glb.json["bufferViews"][1]["byteOffset"] = 10**6


def _unequal(glb: Glb) -> None:
    glb.json["accessors"][1]["count"] = 3


def _no_accessor(glb: Glb) -> None:
    glb.json["accessors"] = []


def _circle(glb: Glb) -> None:
    glb.json["nodes"][0]["children"] = [0]


def _far_index(glb: Glb) -> None:
    glb.json["accessors"][-1]["bufferView"] = 1


@pytest.mark.parametrize(
    ("spoil", "cause"),
    [
        (_draco, "Draco"),
        (_no_data, "Draco"),
        (_meshopt, "meshopt"),
        (_external, "external"),
        (_sparse, "sparse"),
        (_outside, "ends at byte"),
        (_unequal, "differ in length"),
        (_no_accessor, "malformed"),
        (_circle, "two parents"),
        (_far_index, "draws vertex|ends at byte"),
    ],
)
def test_what_cannot_be_read_is_refused(
    tmp_path: Path, spoil: Callable[[Glb], None], cause: str
) -> None:
    glb = simple()
    spoil(glb)
    path = glb.write(tmp_path / "mesh.glb")
    with pytest.raises(InputError, match=rf"mesh\.glb.*({cause})") as caught:
        MeshAdapter().open(path, Query()).layers[0].read()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5, 0.99])
def test_a_cut_file_is_refused(tmp_path: Path, share: float) -> None:
    path = simple().write(tmp_path / "mesh.glb")
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(InputError, match=r"mesh\.glb"):
        MeshAdapter().open(path, Query())


@pytest.mark.parametrize("spoil", [b'{"a":]', b"[1, 2]", b"\xff\xfe"])
def test_a_broken_document_is_refused(tmp_path: Path, spoil: bytes) -> None:
    path = simple().write(tmp_path / "mesh.glb")
    content = bytearray(path.read_bytes())
    size = struct.unpack_from("<I", content, 12)[0]
    content[20 : 20 + size] = spoil.ljust(size)
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"mesh\.glb.*JSON"):
        MeshAdapter().open(path, Query())


def test_version_1_is_refused(tmp_path: Path) -> None:
    path = simple().write(tmp_path / "mesh.glb")
    content = bytearray(path.read_bytes())
    content[4] = 1
    path.write_bytes(content)
    with pytest.raises(InputError, match="version 1"):
        MeshAdapter().open(path, Query())


def test_nothing_to_do(tmp_path: Path) -> None:
    with pytest.raises(NothingToDoError, match="no meshes"):
        MeshAdapter().open(Glb().write(tmp_path / "empty.glb"), Query())
    glb = Glb()
    glb.node(mesh=glb.mesh({"POSITION": glb.array(place(4))}))
    with pytest.raises(NothingToDoError, match="no vertex colours"):
        MeshAdapter().open(glb.write(tmp_path / "grey.glb"), Query())
    with pytest.raises(RequestError, match="'alpha'"):
        MeshAdapter().open(simple().write(tmp_path / "m.glb"), Query(variables=("alpha",)))


@pytest.mark.shared
def test_ankylosaurus(shared_data: Path, tmp_path: Path) -> None:
    mesh = trimesh.load_mesh(
        shared_data / "pointclouds" / "ankylosaurus_mesh_rgb.ply", process=False
    )
    truth = np.array(mesh.visual.vertex_colors)
    hidden = np.random.default_rng(0).random(len(truth)) < 0.9
    mesh.visual.vertex_colors[hidden, 3] = 0
    path = tmp_path / "mesh.glb"
    path.write_bytes(trimesh.exchange.gltf.export_glb(trimesh.Scene([mesh])))
    points = MeshAdapter().open(path, Query()).layers[0].read()
    np.testing.assert_array_equal(points.observed[:, 0], ~hidden)
    output = fill(path, tmp_path / "out.glb", value=33.0)
    (after,) = trimesh.load(output, process=False).geometry.values()
    written = np.asarray(after.visual.vertex_colors)
    np.testing.assert_array_equal(written[~hidden], truth[~hidden])
    assert (written[hidden] == [33, 33, 33, 255]).all()
    np.testing.assert_array_equal(after.faces, mesh.faces)
    np.testing.assert_array_equal(after.vertices, mesh.vertices.astype(np.float32))
