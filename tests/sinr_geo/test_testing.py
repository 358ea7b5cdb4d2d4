"""The contract itself: it passes for a good adapter and fails for every kind of bad one."""

import inspect
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sinr_geo.adapters import Document, Query
from sinr_geo.axes import Axis, AxisKind, Channel
from sinr_geo.errors import InputError, RequestError
from sinr_geo.points import PointSet
from sinr_geo.testing import AdapterContract

MAGIC = b"LINE"
GAP = 255


class Line:
    """The layer of a file that is `MAGIC`, a length and bytes; 255 is a gap."""

    name = "line"
    dims = ("step",)
    axes = (Axis("step", AxisKind.INDEX),)
    channels = (Channel("level", lower=0, upper=GAP - 1, step=1),)

    def __init__(self, path: Path) -> None:
        content = path.read_bytes()
        if content[:4] != MAGIC or len(content) < 5 or len(content) < 5 + content[4]:
            raise InputError(f"{path}: not a whole line")
        self.path = path
        self.bytes = np.frombuffer(content[5 : 5 + content[4]], np.uint8)
        self.shape = (self.bytes.size,)

    def read(self, window: Any = None) -> PointSet:
        rows = slice(None) if window is None else window[0]
        values = self.bytes[rows, None].astype(float)
        place = np.arange(self.bytes.size, dtype=float)[rows, None]
        return PointSet(place, values, values != GAP, self.axes, self.channels)

    def mask(self, name: str) -> Any:
        raise RequestError(f"{self.path}: there is no {name!r}")


class LineAdapter:
    """As good as an adapter can be."""

    name = "line"
    priority = 1
    reads = writes = ("lines",)

    def can_open(self, path: Path) -> bool:
        return path.is_file() and path.read_bytes()[:4] == MAGIC

    def open(self, path: Path, query: Query) -> Document:
        asked = (*query.channels, *query.coordinates, *(rule.name for rule in query.missing))
        for name in (*asked, *(query.variables or ())):
            if name not in ("level", "value"):
                raise RequestError(f"{path}: there is no {name!r}")
        return Document(path, "line", (Line(path),))

    def write(self, document: Any, recoveries: Any, target: Path, stamp: Any) -> tuple[Path, ...]:
        self._check(target)
        content = bytearray(document.path.read_bytes())
        changed = recoveries[0].changed[:, 0]
        levels = np.clip(np.rint(recoveries[0].values[:, 0]), 0, GAP - 1)
        for row in np.flatnonzero(changed):
            content[5 + row] = int(levels[row])
        target.write_bytes(content)
        return (target,)

    def write_labels(self, document: Any, labels: Any, target: Path, stamp: Any) -> Any:
        self._check(target)
        target.write_bytes(MAGIC + bytes([labels[0].size]) + labels[0].astype("u1").tobytes())
        return (target,)

    def check_target(self, document: Any, target: Path) -> None:
        self._check(target)

    def _check(self, target: Path) -> None:
        if target.suffix != ".line":
            raise RequestError(f"{target.name}: must end in .line")


class TestAGoodAdapter(AdapterContract):
    adapter = LineAdapter()

    def make_sample(self, folder: Path) -> Path:
        path = folder / "sample.line"
        levels = [GAP if i % 3 == 0 else 40 + i for i in range(40)]
        path.write_bytes(MAGIC + bytes([40, *levels]))
        return path


class ClaimsEverything(LineAdapter):
    def can_open(self, path: Path) -> bool:
        return True


class RaisesForFolders(LineAdapter):
    def can_open(self, path: Path) -> bool:
        return path.read_bytes()[:4] == MAGIC


class TouchesTheInput(LineAdapter):
    def open(self, path: Path, query: Query) -> Document:
        path.write_bytes(path.read_bytes())
        return super().open(path, query)


class LeavesAFile(LineAdapter):
    def write(self, document: Any, recoveries: Any, target: Path, stamp: Any) -> Any:
        target.with_name("log").touch()
        return super().write(document, recoveries, target, stamp)


class IsRandom(LineAdapter):
    def write(self, document: Any, recoveries: Any, target: Path, stamp: Any) -> Any:
        (path,) = super().write(document, recoveries, target, stamp)
        path.write_bytes(path.read_bytes() + np.random.default_rng().bytes(8))
        return (path,)


class WritesEverythingAnew(LineAdapter):
    def write(self, document: Any, recoveries: Any, target: Path, stamp: Any) -> Any:
        self._check(target)
        levels = np.nan_to_num(recoveries[0].values[:, 0], nan=GAP) // 2 * 2
        content = np.clip(levels, 0, GAP - 1).astype("u1").tobytes()
        target.write_bytes(MAGIC + bytes([len(content)]) + content)
        return (target,)


class Wraps(LineAdapter):
    def write(self, document: Any, recoveries: Any, target: Path, stamp: Any) -> Any:
        (path,) = super().write(document, recoveries, target, stamp)
        content = bytearray(path.read_bytes())
        for row in np.flatnonzero(recoveries[0].changed[:, 0]):
            content[5 + row] = int(recoveries[0].values[row, 0]) % 256
        path.write_bytes(content)
        return (path,)


class FillsNothing(LineAdapter):
    def write(self, document: Any, recoveries: Any, target: Path, stamp: Any) -> Any:
        target.write_bytes(document.path.read_bytes())
        self._check(target)
        return (target,)


class FillsTheUnfilled(LineAdapter):
    def write(self, document: Any, recoveries: Any, target: Path, stamp: Any) -> Any:
        self._check(target)
        target.write_bytes(document.path.read_bytes().replace(bytes([GAP]), b"\x07"))
        return (target,)


class IgnoresNames(LineAdapter):
    def open(self, path: Path, query: Query) -> Document:
        return Document(path, "line", (Line(path),))


class AnySuffix(LineAdapter):
    def _check(self, target: Path) -> None:
        pass


class ShuffledLine(Line):
    def read(self, window: Any = None) -> PointSet:
        points = super().read(window)
        order = np.random.default_rng().permutation(len(points))
        values, observed = points.values[order], points.observed[order]
        return PointSet(points.coordinates[order], values, observed, self.axes, self.channels)


class Shuffles(LineAdapter):
    def open(self, path: Path, query: Query) -> Document:
        super().open(path, query)
        return Document(path, "line", (ShuffledLine(path),))


class DeafLine(Line):
    def read(self, window: Any = None) -> PointSet:
        return super().read()


class IgnoresWindows(LineAdapter):
    def open(self, path: Path, query: Query) -> Document:
        super().open(path, query)
        return Document(path, "line", (DeafLine(path),))


class CrashesOnDamage(LineAdapter):
    def open(self, path: Path, query: Query) -> Document:
        try:
            return super().open(path, query)
        except InputError as error:
            raise ValueError(str(error)) from error


class Rambles(LineAdapter):
    def open(self, path: Path, query: Query) -> Document:
        try:
            return super().open(path, query)
        except InputError as error:
            raise InputError(f"{error}\nTraceback: none") from error


class Incomplete:
    name = "incomplete"


BAD: dict[type, str] = {
    ClaimsEverything: "test_it_leaves_foreign_files",
    RaisesForFolders: "test_it_leaves_foreign_files",
    TouchesTheInput: "test_the_input_is_only_read",
    LeavesAFile: "test_observed_samples_stay",
    IsRandom: "test_same_stamp_same_bytes",
    WritesEverythingAnew: "test_nothing_recovered_is_nothing_changed",
    Wraps: "test_no_bound_is_left",
    FillsNothing: "test_filled_samples_are_there",
    FillsTheUnfilled: "test_unfilled_samples_stay_missing",
    IgnoresNames: "test_unknown_names_are_request_errors",
    AnySuffix: "test_another_format_is_a_request_error",
    Shuffles: "test_points_keep_their_order",
    IgnoresWindows: "test_a_window_is_a_part_of_the_whole",
    CrashesOnDamage: "test_a_truncated_file_is_an_input_error",
    Rambles: "test_an_empty_file_is_an_input_error",
    Incomplete: "test_it_is_an_adapter",
}


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.__name__)
def test_a_bad_adapter_fails(bad: type, tmp_path: Path) -> None:
    contract: Any = TestAGoodAdapter()
    contract.adapter = bad()
    test: Callable[..., None] = getattr(contract, BAD[bad])
    needed = inspect.signature(test).parameters
    with pytest.raises(Exception):  # noqa: B017, PT011
        test(**({"tmp_path": tmp_path} if "tmp_path" in needed else {}))


def test_a_sample_can_be_a_file_or_a_folder(tmp_path: Path) -> None:
    class Contract(AdapterContract):
        sample = tmp_path / "a.line"

    (tmp_path / "a.line").write_bytes(MAGIC)
    (tmp_path / "out").mkdir()
    assert Contract().make_sample(tmp_path / "out").read_bytes() == MAGIC
    Contract.sample = tmp_path / "store"
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "chunk").write_bytes(b"1")
    assert (Contract().make_sample(tmp_path / "out") / "chunk").read_bytes() == b"1"


def test_it_needs_neither_pytest_nor_a_format() -> None:
    heavy = "pytest netCDF4 xarray rasterio trimesh plyfile laspy zarr torch"
    code = (
        "import sys, sinr_geo.testing;"
        f"found = [n for n in '{heavy}'.split() if n in sys.modules];"
        "assert not found, found"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
