"""The rungs of the ladder: what a method is given, and apart from it what only the judge sees."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sinr_geo.axes import Axis, AxisKind, Channel
from sinr_geo.methods.protocol import Task
from sinr_geo.points import BoolArray, FloatArray, IntArray, Lattice, PointSet

__all__ = [
    "FOLDER",
    "RUNGS",
    "Case",
    "cases_of",
    "channels",
    "cube_case",
    "grid_points",
    "points_case",
]

FOLDER = Path(os.environ.get("SINR_GEO_LADDER", Path(__file__).parents[2] / "shared" / "ladder"))

_Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Case:
    """One case of a rung.

    Parameters
    ----------
    rung, name : str
    task : Task
    points : PointSet
        All that a method is given: places, training values, and which entries are missing.
    wanted : ndarray of bool, shape (n, s)
    truth : ndarray, shape (n, s)
        For the judge only; NaN where there is none.
    scored : ndarray of bool, shape (n, s)
        Entries that count.
    kind : str
        ``"range"`` (NRMSE and R2), ``"unit"`` (RMSE), ``"share"`` (RMSE in standard deviations of
        each channel's truth) or ``"cube"`` (PSNR and SSIM).
    shape : tuple of int, optional
        Rows, columns and bands of a cube.
    """

    rung: str
    name: str
    task: Task
    points: PointSet
    wanted: BoolArray
    truth: FloatArray
    scored: BoolArray
    kind: str
    shape: tuple[int, ...] = ()


def cases_of(rung: str, folder: Path = FOLDER) -> Iterator[Case]:
    """Yield the cases of a rung from the files in a folder."""
    yield from RUNGS[rung](rung, folder)


def _scattered(rung: str, folder: Path) -> Iterator[Case]:
    for path in sorted(folder.glob(f"{rung}_*.npz"), key=lambda p: float(p.stem.split("_")[1])):
        with np.load(path) as arrays:
            yield points_case(rung, path.stem.split("_")[1], arrays)


def points_case(rung: str, name: str, arrays: _Arrays) -> Case:
    """Join training and test places; the values of the latter go to the judge alone."""
    places = np.concatenate((arrays["train_coordinates"], arrays["test_coordinates"]))
    known, hidden = arrays["train_values"].astype(float), arrays["test_values"].astype(float)
    values = np.concatenate((known, np.full(hidden.shape, np.nan)))
    seen = np.zeros(values.shape, dtype=np.bool_)
    seen[: len(known)] = True
    truth = np.concatenate((np.full(known.shape, np.nan), hidden))
    axes = tuple(Axis(n, AxisKind.PROJECTED) for n in "xyz"[: places.shape[1]])
    points = PointSet(places.astype(float), values, seen, axes, channels(values.shape[1]))
    return Case(rung, name, Task.COMPLETION, points, ~seen, truth, ~seen, "range")


def _modis(rung: str, folder: Path) -> Iterator[Case]:
    with np.load(folder / f"{rung}.npz") as arrays:
        axes = (Axis("latitude", AxisKind.LATITUDE), Axis("longitude", AxisKind.LONGITUDE))
        cells = np.ones(arrays["observed"].shape, dtype=np.bool_)
        yield _gridded(rung, arrays, axes, ("latitude", "longitude"), cells, ())


def _alboran(rung: str, folder: Path) -> Iterator[Case]:
    with np.load(folder / f"{rung}.npz") as arrays:
        axes = (
            Axis("time", AxisKind.TIME),
            Axis("latitude", AxisKind.LATITUDE),
            Axis("longitude", AxisKind.LONGITUDE),
        )
        sea = np.broadcast_to(arrays["sea"], arrays["observed"].shape)
        yield _gridded(rung, arrays, axes, ("time", "latitude", "longitude"), sea, (0,))


def _gridded(
    rung: str,
    arrays: _Arrays,
    axes: tuple[Axis, ...],
    dims: tuple[str, ...],
    cells: BoolArray,
    steps: tuple[int, ...],
) -> Case:
    """Take a grid, every missing one of whose cells is to be filled."""
    place = np.flatnonzero(cells)
    values = arrays["observed"].astype(float).ravel()[place, None]
    truth = arrays["truth"].astype(float).ravel()[place, None]
    seen = np.isfinite(values)
    along = [arrays[name].astype(float) for name in dims]
    points = grid_points(axes, along, place, values, seen, steps)
    scored = ~seen & np.isfinite(truth)
    return Case(rung, "mean", Task.COMPLETION, points, ~seen, truth, scored, "unit")


def grid_points(
    axes: tuple[Axis, ...],
    along: Sequence[FloatArray],
    place: IntArray,
    values: FloatArray,
    seen: BoolArray,
    steps: tuple[int, ...] = (),
) -> PointSet:
    """Lay cells of a grid out as points.

    Parameters
    ----------
    axes : tuple of Axis, length d
    along : sequence of ndarray
        Coordinates along each axis.
    place : ndarray of int64, shape (n,)
        Which cells, in C order.
    values, seen : ndarray, each of shape (n, s)
    steps : tuple of int
        Axes that are steps of time; the others are space.
    """
    mesh = np.meshgrid(*along, indexing="ij")
    coordinates = np.stack([axis.ravel()[place] for axis in mesh], axis=1)
    space = tuple(d for d in range(len(axes)) if d not in steps)
    names = tuple(axis.name for axis in axes)
    lattice = Lattice(names, mesh[0].shape, place, space, steps)
    return PointSet(coordinates, values, seen, axes, channels(values.shape[1]), lattice)


def _noise(rung: str, folder: Path) -> Iterator[Case]:
    with np.load(folder / "cave_cloth.npz") as arrays:
        truth, unit = arrays["truth"].astype(float), arrays["unit_noise"].astype(float)
    for name in ("0.15", "0.2"):
        noisy = truth + float(name) * unit
        seen = np.ones(truth.shape, dtype=np.bool_)
        yield cube_case(rung, name, Task.DENOISING, noisy, seen, truth)


def _missing(rung: str, folder: Path) -> Iterator[Case]:
    with np.load(folder / "cave_cloth.npz") as arrays:
        truth = arrays["truth"].astype(float)
        for name, mask in (("0.025", "mask_025"), ("0.05", "mask_05")):
            seen = np.unpackbits(arrays[mask])[: truth.size].reshape(truth.shape).astype(np.bool_)
            yield cube_case(rung, name, Task.COMPLETION, np.where(seen, truth, np.nan), seen, truth)


def cube_case(
    rung: str, name: str, task: Task, values: FloatArray, seen: BoolArray, truth: FloatArray
) -> Case:
    rows, columns, bands = truth.shape
    flat = (rows * columns, bands)
    points = grid_points(
        (Axis("row", AxisKind.INDEX), Axis("column", AxisKind.INDEX)),
        [np.arange(float(rows)), np.arange(float(columns))],
        np.arange(rows * columns),
        values.reshape(flat),
        seen.reshape(flat),
    )
    everything = np.ones(flat, dtype=np.bool_)
    return Case(
        rung,
        name,
        task,
        points,
        ~points.observed,
        truth.reshape(flat),
        everything,
        "cube",
        truth.shape,
    )


def _picture(rung: str, folder: Path) -> Iterator[Case]:
    with np.load(folder / "kodim24.npz") as arrays:
        truth = arrays["truth"].astype(float) / 255.0
    seen = np.ones(truth.shape, dtype=np.bool_)
    yield cube_case(rung, "mean", Task.RECONSTRUCTION, truth, seen, truth)


def channels(count: int) -> tuple[Channel, ...]:
    """Name so many channels."""
    return tuple(Channel(f"channel {number + 1}") for number in range(count))


RUNGS: Mapping[str, Callable[[str, Path], Iterator[Case]]] = {
    "weather": _scattered,
    "scene1": _scattered,
    "ankylosaurus": _scattered,
    "modis_lst": _modis,
    "alboran_sst": _alboran,
    "cave_noise": _noise,
    "cave_missing": _missing,
    "kodim24": _picture,
}
