"""Run the command line on real files: seconds, memory and what was planned, error where known.

    python -m benchmarks.real_files [CASE ...] [--method METHOD] [--effort EFFORT] [--json]

The files are looked for in ``$SINR_GEO_SHARED``, by default ``../shared``; a case whose file is not
there is left out. Where a case has a truth (colours taken away from a scan, noise added to a
scene), the error is printed beside that of a simple peer: the mean of the three nearest observed
samples, or the noisy data as they are.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sinr_geo.points import BoolArray, FloatArray

SHARED = Path(os.environ.get("SINR_GEO_SHARED", Path(__file__).parents[2] / "shared")) / "data"
HIDDEN = 0.9
NOISE = 8.0


@dataclass(frozen=True)
class Row:
    """One case as it ran."""

    case: str
    command: str
    method: str
    seconds: float
    peak_mib: float
    planned_mib: float
    withheld_rmse: float | None
    error: float | None
    peer: float | None
    status: int


@dataclass(frozen=True)
class Case:
    """A command on a real file.

    `prepare` copies or makes the input in a folder and returns it with the truth's judge, which
    gives (our error, the peer's) from the output's path, or None where there is no truth.
    """

    name: str
    command: tuple[str, ...]
    source: str
    prepare: Callable[[Path, Path], tuple[Path, Judge | None]]


Judge = Callable[[Path], tuple[float, float]]


def as_it_is(source: Path, folder: Path) -> tuple[Path, None]:
    return source, None


def as_zarr(source: Path, folder: Path) -> tuple[Path, None]:
    import xarray as xr

    store = folder / f"{source.stem}.zarr"
    with xr.open_dataset(source, decode_times=False) as dataset:
        dataset.to_zarr(store, zarr_format=3, consolidated=False)
    return store, None


def ply_without_colours(source: Path, folder: Path) -> tuple[Path, Judge]:
    from plyfile import PlyData, PlyElement

    ply = PlyData.read(source)
    old = ply["vertex"].data
    hidden = np.random.default_rng(0).random(len(old)) < HIDDEN
    new = np.empty(len(old), dtype=[*old.dtype.descr, ("alpha", "u1")])
    for name in old.dtype.names:
        new[name] = old[name]
    new["alpha"] = np.where(hidden, 0, 255)
    truth = np.stack([old[c] for c in ("red", "green", "blue")], axis=1).astype(float)
    for colour in ("red", "green", "blue"):
        new[colour][hidden] = 0
    path = folder / source.name
    PlyData([PlyElement.describe(new, "vertex"), ply["face"]], text=True).write(path)
    places = np.stack([old[axis] for axis in "xyz"], axis=1).astype(float)

    def judge(output: Path) -> tuple[float, float]:
        found = PlyData.read(output)["vertex"].data
        colours = np.stack([found[c] for c in ("red", "green", "blue")], axis=1).astype(float)
        return beside_three_nearest(places, truth, colours, hidden)

    return path, judge


def glb_without_colours(source: Path, folder: Path) -> tuple[Path, Judge]:
    import trimesh
    from plyfile import PlyData

    ply = PlyData.read(source)
    old = ply["vertex"].data
    hidden = np.random.default_rng(0).random(len(old)) < HIDDEN
    truth = np.stack([old[c] for c in ("red", "green", "blue")], axis=1).astype(float)
    shown = np.concatenate((truth, np.full((len(old), 1), 255.0)), axis=1)
    shown[hidden] = 0
    places = np.stack([old[axis] for axis in "xyz"], axis=1).astype(float)
    faces = np.vstack(ply["face"].data["vertex_indices"])
    mesh = trimesh.Trimesh(places, faces, process=False, vertex_colors=shown.astype(np.uint8))
    path = folder / f"{source.stem}.glb"
    mesh.export(path)

    def judge(output: Path) -> tuple[float, float]:
        visual: Any = trimesh.load_mesh(output, process=False).visual
        found = visual.vertex_colors[:, :3]
        return beside_three_nearest(places, truth, found.astype(float), hidden)

    return path, judge


def laz_without_colours(source: Path, folder: Path) -> tuple[Path, Judge]:
    import laspy

    las = laspy.read(source)
    truth = np.stack([las.red, las.green, las.blue], axis=1).astype(float)
    hidden = np.random.default_rng(0).random(len(truth)) < HIDDEN
    for colour in ("red", "green", "blue"):
        las[colour] = np.where(hidden, 0, np.asarray(las[colour]))
    path = folder / source.name
    las.write(path)
    places = np.asarray(las.xyz)

    def judge(output: Path) -> tuple[float, float]:
        found = laspy.read(output)
        colours = np.stack([found.red, found.green, found.blue], axis=1).astype(float)
        return beside_three_nearest(places, truth, colours, hidden)

    return path, judge


def tif_with_noise(source: Path, folder: Path) -> tuple[Path, Judge]:
    import rasterio

    with rasterio.open(source) as scene:
        truth, profile = scene.read().astype(float), scene.profile
    draw = np.random.default_rng(0).normal(scale=NOISE, size=truth.shape)
    noisy = np.clip(np.rint(truth + draw), 0, 255).astype(np.uint8)
    path = folder / source.name
    with rasterio.open(path, "w", **profile) as scene:
        scene.write(noisy)

    def judge(output: Path) -> tuple[float, float]:
        with rasterio.open(output) as scene:
            found = scene.read().astype(float)
        return rmse(found - truth), rmse(noisy - truth)

    return path, judge


def beside_three_nearest(
    places: FloatArray, truth: FloatArray, found: FloatArray, hidden: BoolArray
) -> tuple[float, float]:
    from sklearn.neighbors import KNeighborsRegressor

    peer = KNeighborsRegressor(3).fit(places[~hidden], truth[~hidden]).predict(places[hidden])
    return rmse(found[hidden] - truth[hidden]), rmse(peer - truth[hidden])


def rmse(error: FloatArray) -> float:
    return float(np.sqrt(np.mean(error**2)))


COADS = "climate/coads_climatology.nc"
ALBORAN = "climate/alboranSST_small.nc"
ANKYLOSAURUS = "pointclouds/ankylosaurus_mesh_rgb.ply"
L7 = "rasters/L7_ETMs.tif"
CASES = (
    Case("alboran", ("fill",), ALBORAN, as_it_is),
    Case("alboran-mask", ("fill", "--where", "mask"), ALBORAN, as_it_is),
    Case("coads", ("fill",), COADS, as_it_is),
    Case("coads-zarr", ("fill",), COADS, as_zarr),
    Case("slc-off", ("fill",), "rasters/LE07_L2SP_225078_20110306_B1_slcoff.tif", as_it_is),
    Case("seafloor", ("fill",), "rasters/gmt_seafloor_with_nans.nc", as_it_is),
    Case("orca2", ("fill",), "climate/orca2_votemper.nc", as_it_is),
    Case("ankylosaurus", ("fill", "--missing", "alpha=0"), ANKYLOSAURUS, ply_without_colours),
    Case("ankylosaurus-glb", ("fill", "--missing", "alpha=0"), ANKYLOSAURUS, glb_without_colours),
    Case(
        "autzen", ("fill", "--missing", "rgb=0"), "pointclouds/autzen_trim.laz", laz_without_colours
    ),
    Case("l7", ("denoise",), L7, as_it_is),
    Case("l7-noise", ("denoise",), L7, tif_with_noise),
    Case("enmap", ("denoise",), "hyperspectral/enmap_potsdam_block_224x128x64.tif", as_it_is),
    Case("corn", ("denoise",), "hyperspectral/corn-kernel-hyperspectral.raw", as_it_is),
)


def run(case: Case, method: str, effort: str) -> Row:
    """Run one case in a process of its own."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source, judge = case.prepare(SHARED / case.source, folder)
        output = folder / f"output{source.suffix}"
        verb, *extra = case.command
        options = ["--method", method, "--effort", effort, "--json", "--quiet"]
        command = [
            str(Path(sys.executable).with_name("sinr-geo")), verb, str(source), "-o", str(output),
            *extra, *options,
        ]  # fmt: skip
        report, complaint = folder / "report.json", folder / "complaint.txt"
        planned = _planned(source)
        before = time.perf_counter()
        with report.open("w") as out, complaint.open("w") as err:
            process = subprocess.Popen(command, stdout=out, stderr=err)
            _, waited, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - before
        status = os.waitstatus_to_exitcode(waited)
        if status != 0:
            print(complaint.read_text().strip(), file=sys.stderr)
        choice = _choice(report.read_text()) if status == 0 else {}
        error, peer = judge(output) if judge and status == 0 else (None, None)
    score = choice.get("withheld_rmse")
    return Row(
        case.name,
        " ".join(case.command),
        str(choice.get("method", "-")),
        round(seconds, 1),
        round(usage.ru_maxrss / 1024),
        planned,
        score,
        error,
        peer,
        status,
    )


def _planned(source: Path) -> int:
    """Return the MiB that ``sinr-geo info`` tells a user to plan for."""
    program = str(Path(sys.executable).with_name("sinr-geo"))
    told = subprocess.run([program, "info", str(source), "--json"], stdout=subprocess.PIPE)
    layers = json.loads(told.stdout)["layers"] if told.returncode == 0 else []
    return round(max((layer["memory_bytes"] for layer in layers), default=0) / 2**20)


def _choice(text: str) -> dict[str, Any]:
    layers = json.loads(text)["layers"]
    return dict(next((layer["choice"] for layer in layers if layer["choice"]), {}))


def main() -> None:
    """Run the cases asked for and print a table, or one JSON array."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", nargs="*", help=", ".join(case.name for case in CASES))
    parser.add_argument("--method", default="auto")
    parser.add_argument("--effort", default="normal")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    there = [case for case in CASES if (SHARED / case.source).exists()]
    chosen = [case for case in there if not asked.cases or case.name in asked.cases]
    if not asked.json:
        print(
            f"{'case':17} {'method':11} {'s':>6} {'MiB':>6} {'plan':>6}  withheld    error     peer"
        )
    rows = []
    for case in chosen:
        rows.append(row := run(case, asked.method, asked.effort))
        if not asked.json:
            numbers = [
                f"{x:.4g}" if x is not None else "-"
                for x in (row.withheld_rmse, row.error, row.peer)
            ]
            failed = f"  exit {row.status}" if row.status else ""
            print(
                f"{row.case:17} {row.method:11} {row.seconds:6.1f} {row.peak_mib:6.0f} "
                f"{row.planned_mib:6.0f} "
                f"{numbers[0]:>9} {numbers[1]:>8} {numbers[2]:>8}{failed}",
                flush=True,
            )
    if asked.json:
        print(json.dumps([asdict(row) for row in rows], indent=2))


if __name__ == "__main__":
    main()
