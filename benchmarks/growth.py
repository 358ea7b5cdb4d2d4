"""Cost of `sinr-geo fill` on rasters of growing size, a third of each missing.

    python -m benchmarks.growth [SIDE ...] [--method METHOD] [--json]

The rasters are generated (a fractal surface, float32 GeoTIFF; see `benchmarks.growth_case`, which
also measures parts of the engine); each is filled by the command line in a process of its own.
Error is the RMSE of the filled cells over the spread of the surface, and beside it that of the
three nearest observed cells.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from benchmarks.growth_case import gaps, surfaces

MISSING = 1.0 / 3.0
SIDES = (250, 500, 1_000)


@dataclass(frozen=True)
class Row:
    """One raster."""

    side: int
    seconds: float
    microseconds_per_cell: float
    cpu_seconds: float
    peak_mib: float
    error: float
    nearest: float


def measured(side: int, method: str) -> Row:
    """Fill one raster by the command line."""
    import rasterio
    from rasterio.transform import from_origin

    truth, missing = surfaces(side, 1)[0].astype(np.float64), gaps(side, MISSING)
    with tempfile.TemporaryDirectory() as folder:
        path, output = Path(folder) / "surface.tif", Path(folder) / "filled.tif"
        profile = {"driver": "GTiff", "height": side, "width": side, "count": 1}
        place = {"crs": "EPSG:32633", "transform": from_origin(4e5, 5e6, 30.0, 30.0)}
        with rasterio.open(path, "w", dtype="float32", nodata=np.nan, **profile, **place) as file:
            file.write(np.where(missing, np.nan, truth).astype(np.float32), 1)
        command = [
            str(Path(sys.executable).with_name("sinr-geo")),
            "fill",
            str(path),
            "-o",
            str(output),
        ]
        started = time.perf_counter()
        process = subprocess.Popen([*command, "--method", method, "--quiet"])
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        if status:
            raise SystemExit(f"sinr-geo fill of {path} ended with {status}")
        with rasterio.open(output) as file:
            filled = file.read(1).astype(float)
    return Row(
        side,
        round(seconds, 1),
        round(1e6 * seconds / side**2, 1),
        round(used.ru_utime + used.ru_stime, 1),
        round(used.ru_maxrss / 1024.0),
        float(np.sqrt(np.mean((filled - truth)[missing] ** 2))),
        nearest_error(truth, missing),
    )


def nearest_error(truth: NDArray[np.float64], missing: NDArray[np.bool_]) -> float:
    """Return the RMSE of the mean of the three nearest observed cells."""
    _, index = cKDTree(np.argwhere(~missing)).query(np.argwhere(missing), k=3, workers=-1)
    found = truth[~missing][index].mean(axis=1)
    return float(np.sqrt(np.mean((found - truth[missing]) ** 2)))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what was asked for and print it; returns the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("sides", nargs="*", type=int, metavar="SIDE")
    parser.add_argument("--method", default="auto")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args(arguments)
    rows = []
    for side in sorted(asked.sides or SIDES):
        row = measured(side, asked.method)
        rows.append(row)
        print(row, file=sys.stderr if asked.json else sys.stdout, flush=True)
    if asked.json:
        print(json.dumps([asdict(row) for row in rows], indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
