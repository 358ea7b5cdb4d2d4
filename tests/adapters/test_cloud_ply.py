"""PLY clouds, judged by plyfile."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import plyfile
import pytest

from sinr_geo.adapters import MissingRule, Query, Stamp
from sinr_geo.errors import InputError
from sinr_geo.recovery import Flag, Recovery
from sinr_geo.testing import AdapterContract
from sinr_geo_adapters.cloud import CloudAdapter
from sinr_geo_adapters.mesh import MeshAdapter

STAMP = Stamp("sinr-geo fill cloud.ply", "0", datetime(2024, 1, 1, tzinfo=UTC))
COUNT = 60


def write_cloud(path: Path, *, text: bool = False) -> Path:
    """Points on a spiral with a temperature that has gaps, and an empty list of faces."""
    table = np.zeros(COUNT, [*((n, "f8") for n in "xyz"), ("valid", "u1"), ("temperature", "f8")])
    turn = np.arange(COUNT) / 7
    table["x"], table["y"], table["z"] = np.cos(turn) / 3, np.sin(turn) / 3, turn / 3
    table["valid"] = np.arange(COUNT) % 4 != 0
    table["temperature"] = np.where(np.arange(COUNT) % 6 == 1, np.nan, 10 + turn / 3)
    faces = np.empty(0, [("vertex_indices", "O")])
    elements = [plyfile.PlyElement.describe(table, "vertex")]
    elements.append(plyfile.PlyElement.describe(faces, "face"))
    plyfile.PlyData(elements, text=text, byte_order="=" if text else "<").write(path)
    return path


class TestCloudContract(AdapterContract):
    adapter = CloudAdapter()

    def make_sample(self, folder: Path) -> Path:
        return write_cloud(folder / "sample.ply")


class TestTextCloudContract(AdapterContract):
    adapter = CloudAdapter()
    query = Query(missing=(MissingRule("valid", 0.0),))

    def make_sample(self, folder: Path) -> Path:
        return write_cloud(folder / "sample.ply", text=True)


def test_a_cloud_has_no_edges_and_is_not_a_mesh(tmp_path: Path) -> None:
    path = write_cloud(tmp_path / "cloud.ply")
    assert not MeshAdapter().can_open(path)
    document = CloudAdapter().open(path, Query())
    assert document.format == "PLY cloud"
    assert document.layers[0].read().edges is None


def test_the_mesh_adapter_says_what_is_wrong_with_a_bad_header(tmp_path: Path) -> None:
    path = tmp_path / "cut.ply"
    path.write_bytes(b"ply\nformat ascii 1.0\nelement ver")
    assert CloudAdapter().can_open(path)
    with pytest.raises(InputError, match=r"cut\.ply.*cut off"):
        CloudAdapter().open(path, Query())


@pytest.mark.parametrize("text", [False, True])
def test_float64_is_exact(tmp_path: Path, text: bool) -> None:
    path = write_cloud(tmp_path / "cloud.ply", text=text)
    adapter = CloudAdapter()
    document = adapter.open(path, Query())
    points = document.layers[0].read()
    flag = np.where(points.observed, Flag.OBSERVED, Flag.FILLED).astype(np.uint8)
    values = np.where(points.observed, points.values, 0.1 + 0.2)
    recovery = Recovery(values, None, flag)
    (output,) = adapter.write(document, [recovery], tmp_path / "out.ply", STAMP)
    before, after = (plyfile.PlyData.read(p)["vertex"] for p in (path, output))
    for name in "xyz":
        assert after[name].tobytes() == before[name].tobytes()
    gaps = np.arange(COUNT) % 6 == 1
    assert (after["temperature"][gaps] == 0.1 + 0.2).all()
    assert after["temperature"][~gaps].tobytes() == before["temperature"][~gaps].tobytes()
    names = [p.name for p in after.properties]
    assert names == [*(p.name for p in before.properties), "sinr_flag"], "no error was asked for"
