"""The data of the paper's tables: rungs of the ladder, what stands in, or originals by path."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.real_files import SHARED
from benchmarks.rungs import Case, cases_of, cube_case, points_case
from sinr_geo.methods.protocol import Task
from sinr_geo.points import FloatArray, IntArray

__all__ = ["DATA", "ORIGINALS", "cases_for", "cropped"]

DATA: Mapping[int, tuple[str, ...]] = {
    1: ("kodim24", "samson", "enmap"),
    2: ("cave_missing",),
    3: ("cave_noise",),
    4: ("weather", "scene1"),
    5: ("cave_noise",),
}
"""Data of every table, where nobody has the originals."""

ORIGINALS: Mapping[int, tuple[str, ...]] = {
    1: ("kodim", "pavia"),
    2: ("mor",),
    3: ("lehavim",),
    4: ("weather-63-157", "weather-61-141", "weather-62-149", "scene1", "scene2", "scene3"),
    5: ("lehavim",),
}
"""The paper's data, for ``--original NAME=PATH``."""

_SIDE = 64
_RATES = {2: (0.025, 0.05), 3: (0.15, 0.2), 5: (0.2,)}
_SPARSE = {"weather": (0.1, 0.15, 0.2, 0.25), "scene": (0.025, 0.05, 0.075, 0.1)}
_ROLES = {1: Task.RECONSTRUCTION, 2: Task.COMPLETION, 3: Task.DENOISING, 5: Task.DENOISING}


def cases_for(table: int, originals: Mapping[str, Path], *, quick: bool) -> Iterator[Case]:
    """Yield the cases of a table; originals replace what stands in for the data of that table.

    Parameters
    ----------
    table : int
    originals : mapping of str to Path
        An image or cube (.npy, .npz, .mat, or a picture), or points (.npz with `coordinates` and
        `values`); of several arrays in a file, the largest with three axes.
    quick : bool
        Whether images are cut to their central 64 x 64 pixels. Points never are.
    """
    named = [name for name in ORIGINALS[table] if name in originals]
    found = _given(table, named, originals) if named else _ours(table)
    for case in found:
        yield cropped(case, _SIDE) if quick and case.kind == "cube" else case


def cropped(case: Case, side: int) -> Case:
    """Cut the centre out of a cube."""
    rows, columns, _ = case.shape
    top, left = (rows - min(side, rows)) // 2, (columns - min(side, columns)) // 2
    inside = np.zeros((rows, columns), dtype=np.bool_)
    inside[top : top + side, left : left + side] = True
    kept: IntArray = np.flatnonzero(inside)
    whole = case.points

    def part(array: Any) -> Any:
        return array[kept].reshape(min(side, rows), min(side, columns), -1)

    cut = cube_case(
        case.rung, case.name, case.task, part(whole.values), part(whole.observed), part(case.truth)
    )
    return replace(cut, scored=case.scored[kept])


def _ours(table: int) -> Iterator[Case]:
    for data in DATA[table]:
        if data in ("samson", "enmap"):
            yield from _stand_in(data)
        else:
            yield from (c for c in cases_of(data) if table != 5 or c.name == "0.2")


def _stand_in(data: str) -> Iterator[Case]:
    """Yield a hyperspectral scene in 0 ... 1 to be represented, where the file is there."""
    path = SHARED / "hyperspectral"
    if data == "samson" and (path / "samson_1.mat").is_file():
        from scipy.io import loadmat

        bands = loadmat(path / "samson_1.mat")["V"]
        yield _represented(data, bands.T.reshape(95, 95, -1).transpose(1, 0, 2))
    enmap = path / "enmap_potsdam_block_224x128x64.tif"
    if data == "enmap" and enmap.is_file():
        import rasterio

        with rasterio.open(enmap) as file:
            cube = file.read().astype(float).transpose(1, 2, 0)
            alive = (cube != file.nodata).all(axis=(0, 1))
        yield _represented(data, cube[..., alive])


def _represented(data: str, cube: FloatArray) -> Case:
    scaled = _to_unit(cube)
    return cube_case(data, "mean", Task.RECONSTRUCTION, scaled, np.ones(scaled.shape, bool), scaled)


def _given(table: int, names: list[str], originals: Mapping[str, Path]) -> Iterator[Case]:
    for name in names:
        if table == 4:
            yield from _split_points(name, originals[name])
            continue
        truth = _to_unit(_largest_cube(originals[name]))
        if table == 1:
            yield _represented(name, truth)
        for rate in _RATES.get(table, ()):
            yield _degraded(name, rate, _ROLES[table], truth)


def _degraded(name: str, rate: float, task: Task, truth: FloatArray) -> Case:
    """Take entries away at random, or add noise, as section 3.1 says."""
    rng = np.random.default_rng(0)
    seen = np.ones(truth.shape, dtype=np.bool_)
    values = truth
    if task is Task.COMPLETION:
        seen = rng.random(truth.shape) < rate
        values = np.where(seen, truth, np.nan)
    else:
        values = truth + rate * rng.standard_normal(truth.shape)
    return cube_case(name, f"{rate:g}", task, values, seen, truth)


def _split_points(name: str, path: Path) -> Iterator[Case]:
    with np.load(path) as arrays:
        places, values = arrays["coordinates"], arrays["values"]
    rates = next(rates for kind, rates in _SPARSE.items() if name.startswith(kind))
    order = np.random.default_rng(0).permutation(len(places))
    for rate in rates:
        known, hidden = np.split(order, [round(rate * len(order))])
        arrays = {
            "train_coordinates": places[known],
            "train_values": values[known],
            "test_coordinates": places[hidden],
            "test_values": values[hidden],
        }
        yield points_case(name, f"{rate:g}", arrays)


def _largest_cube(path: Path) -> FloatArray:
    if path.suffix == ".npy":
        found = [np.load(path)]
    elif path.suffix == ".npz":
        with np.load(path) as arrays:
            found = list(arrays.values())
    elif path.suffix == ".mat":
        from scipy.io import loadmat

        found = [array for array in loadmat(path).values() if isinstance(array, np.ndarray)]
    else:
        from matplotlib.image import imread

        found = [imread(path)[..., :3]]
    cubes = [array for array in found if array.ndim == 3]
    if not cubes:
        raise ValueError(f"{path}: no array with three axes (rows, columns, bands)")
    return np.asarray(max(cubes, key=np.size), dtype=float)


def _to_unit(cube: FloatArray) -> FloatArray:
    """Scale to 0 ... 1, unless that is where it lies."""
    cube = np.asarray(cube, dtype=float)
    if cube.min() >= 0 and cube.max() <= 1:
        return cube
    low, high = (0.0, 255.0) if cube.min() >= 0 and cube.max() <= 255 else (cube.min(), cube.max())
    return (cube - low) / (high - low)
