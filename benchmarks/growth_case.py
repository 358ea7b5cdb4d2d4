"""One case of `benchmarks.growth`, in a process of its own: points made, cost of the engine told.

    python -m benchmarks.growth_case segment|head|METHOD SIDE BANDS SHARE DEVICE

`segment` is Algorithm 1 alone; `head` fits the Gaussian head with fixed settings, on a kernel and
then on windows over it; a method is chosen, fitted and predicted with as `sinr-geo fill` does.
Prints one JSON object. Peak memory is that of the whole process, the points included.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from sinr_geo.axes import Axis, AxisKind, Channel
from sinr_geo.gaps import wanted_gaps
from sinr_geo.memory_plan import memory_plan
from sinr_geo.points import BoolArray, FloatArray, Lattice, PointSet

SUPERPIXELS = 200
FIELDS = 3
SCATTERED = 0.05
CELL = 30.0
CORNER = (4e5, 5e6)


def surface(side: int, power: float, seed: int) -> NDArray[np.float32]:
    """Draw a random field (side, side) with the spectrum f^-power, mean 0 and spread 1."""
    rng = np.random.default_rng(seed)
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(side), np.fft.rfftfreq(side), indexing="ij"))
    frequency[0, 0] = np.inf
    noise = np.fft.rfft2(rng.standard_normal((side, side)))
    field = np.fft.irfft2(noise * frequency ** (-power / 2.0), s=(side, side))
    return np.asarray((field - field.mean()) / field.std(), dtype=np.float32)


def surfaces(side: int, bands: int) -> NDArray[np.float32]:
    """Mix at most three fields into bands; -> (bands, side, side)."""
    fields = [surface(side, 3.0, number) for number in range(min(bands, FIELDS))]
    if bands == 1:
        return np.stack(fields)
    mixing = np.random.default_rng(bands).standard_normal((bands, len(fields))).astype(np.float32)
    return np.stack([sum(m * f for m, f in zip(row, fields, strict=True)) for row in mixing])


def gaps(side: int, share: float) -> NDArray[np.bool_]:
    """Cover a share of the cells: 95 % of it in blobs of some ten cells, the rest scattered."""
    rng = np.random.default_rng(side)
    field = gaussian_filter(rng.standard_normal((side, side)).astype(np.float32), 6.0, mode="wrap")
    covered = field > np.quantile(field, 1.0 - (1.0 - SCATTERED) * share)
    return np.asarray(covered | (rng.random((side, side)) < SCATTERED * share))


def grid_points(truth: NDArray[np.float32], missing: BoolArray) -> PointSet:
    """Lay bands (s, rows, columns) on a projected grid of 30 m."""
    bands, rows, columns = truth.shape
    row, column = np.divmod(np.arange(rows * columns), columns)
    values = truth.reshape(bands, -1).T.astype(np.float64)
    values[missing.ravel()] = np.nan
    return PointSet(
        np.stack((CORNER[0] + CELL * column, CORNER[1] - CELL * row), axis=1),
        values,
        np.repeat(~missing.reshape(-1, 1), bands, axis=1),
        (Axis("x", AxisKind.PROJECTED, "m"), Axis("y", AxisKind.PROJECTED, "m")),
        tuple(Channel(f"band {number + 1}", f"band {number + 1}") for number in range(bands)),
        Lattice(("y", "x"), (rows, columns), np.arange(rows * columns), (0, 1)),
    )


def segmented(side: int, bands: int, device: str) -> dict[str, Any]:
    """Run Algorithm 1 alone."""
    from sinr_geo.gssa import segment

    values = surfaces(side, bands).reshape(bands, -1).T.astype(np.float64)
    place = np.stack(np.divmod(np.arange(side * side), side), axis=1).astype(np.float64)
    started = time.perf_counter()
    labels = segment(values, place, SUPERPIXELS, 1.0, seed=0, device=device)
    return {"seconds": time.perf_counter() - started, "superpixels": int(labels.max()) + 1}


def fitted(side: int, bands: int, share: float, device: str) -> dict[str, Any]:
    """Fit the Gaussian head with fixed settings to everything observed, and predict the gaps."""
    from sinr_geo.gaussian.completion import CompletionSettings
    from sinr_geo.gaussian.completion_head import complete_lattice
    from sinr_geo.gaussian.kernel import KernelSettings
    from sinr_geo.gaussian.kernel_head import KernelChoice
    from sinr_geo.kriging.space import Space
    from sinr_geo.methods.protocol import Effort, Problem, Task

    missing = gaps(side, share)
    points = grid_points(surfaces(side, bands), missing)
    lattice = points.lattice
    assert lattice is not None
    started = time.perf_counter()
    wanted = ~points.observed
    problem = Problem(Task.COMPLETION, wanted, (), Effort.NORMAL, 0, device, _told)
    kernel = KernelChoice(Space.fit(points), KernelSettings(coarse=8), float("nan"), {})
    mean, variance = kernel.predict(points, wanted, problem)
    kernel_seconds, kernel_peak = time.perf_counter() - started, _peak()
    settings = CompletionSettings(min(FIELDS, bands), 4, 1.0, 1e-2, (150, 60))
    complete_lattice(points, lattice, mean, variance, settings, problem)
    return {
        "seconds": time.perf_counter() - started,
        "kernel_seconds": kernel_seconds,
        "kernel_peak_mib": kernel_peak,
    }


def filled(method: str, side: int, bands: int, share: float, device: str) -> dict[str, Any]:
    """Fill all gaps; the error is the RMSE over the spread of the surface."""
    from sinr_geo.methods.protocol import Task
    from sinr_geo.options import Options
    from sinr_geo.recover import recover_points

    missing = gaps(side, share)
    points = grid_points(surfaces(side, bands), missing)
    started = time.perf_counter()
    wanted = wanted_gaps(points, everything=False).wanted
    options = Options(method=method, device=device)
    found = recover_points(points, wanted, Task.COMPLETION, options, _told)
    seconds = time.perf_counter() - started
    entries = found.changed
    planned = memory_plan(len(points), len(points.axes), bands)
    truth = surfaces(side, bands).reshape(bands, -1).T.astype(np.float64)
    return {
        "seconds": seconds,
        "error": _relative(found.values, truth, entries),
        "planned_mib": planned / 2**20,
        "choice": {k: found.choice.get(k) for k in ("scores", "weights", "withheld_rmse")},
    }


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0


def _relative(values: FloatArray, truth: FloatArray, entries: BoolArray) -> float:
    square = np.where(entries, (values - truth) ** 2, 0.0).sum(axis=0) / entries.sum(axis=0)
    return float(np.sqrt(np.mean(square / truth.var(axis=0))))


def _told(what: str, share: float) -> None:
    sys.stderr.write(f"{time.process_time():.0f} s of CPU, {share:.0%}: {what}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a case and print what it cost; returns the exit status."""
    what, side, bands, share, device = sys.argv[1:] if arguments is None else arguments
    if what == "segment":
        found = segmented(int(side), int(bands), device)
    elif what == "head":
        found = fitted(int(side), int(bands), float(share), device)
    else:
        found = filled(what, int(side), int(bands), float(share), device)
    used = resource.getrusage(resource.RUSAGE_SELF)
    found["cpu_seconds"] = used.ru_utime + used.ru_stime
    found["peak_mib"] = _peak()
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
