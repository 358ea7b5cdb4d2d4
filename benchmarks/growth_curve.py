"""Seconds and peak memory against points: a run of everything that grows with them, and a picture.

    python -m benchmarks.growth_curve [--sides 100,316,1000,3163] [--json]
    python -m benchmarks.growth_curve --draw ROWS.json PICTURE.png

Rasters of three bands with a tenth of their cells missing (`benchmarks.growth_case`): GSSA alone,
the Gaussian head with fixed settings, and `auto` with everything that it chooses. Every case runs
in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

SIDES = (100, 316, 1_000, 3_163)
BANDS, MISSING = 3, 0.1
NAMES = {
    "segment": "GSSA, K = 200",
    "head": "Gaussian head, fixed settings",
    "auto": "fill, auto",
}


@dataclass(frozen=True)
class Row:
    """One case: side of the raster in cells, seconds of wall and of the processor, peak memory."""

    what: str
    side: int
    seconds: float
    cpu_seconds: float
    peak_mib: float


def measured(what: str, side: int) -> Row:
    """Run one case in a process of its own."""
    sizes = [str(side), str(BANDS), str(MISSING), "cpu"]
    command = [sys.executable, "-m", "benchmarks.growth_case", what, *sizes]
    ran = subprocess.run(command, check=False, capture_output=True, text=True)
    if ran.returncode:
        last = ran.stderr.strip().rsplit("\n", 1)[-1]
        raise SystemExit(f"{what} {side} ended with {ran.returncode}: {last}")
    found = json.loads(ran.stdout)
    seconds = [round(found[name], 3) for name in ("seconds", "cpu_seconds", "peak_mib")]
    return Row(what, side, *seconds)


def drawn(rows: Sequence[Row], path: Path) -> None:
    """Draw seconds against points, both logarithmic, beside what grows in proportion to them."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.5, 5.0), layout="constrained")
    axes = figure.subplots()
    for what, marker in zip(NAMES, "dso", strict=True):
        own = sorted((row for row in rows if row.what == what), key=lambda row: row.side)
        points = [row.side**2 for row in own]
        axes.plot(points, [row.seconds for row in own], marker=marker, label=NAMES[what])
    ends = [1e4, 1e7]
    axes.plot(ends, [n * 1e-6 for n in ends], ":", color="grey", label="proportional to points")
    axes.set(xscale="log", yscale="log", xlabel="points", ylabel="seconds")
    axes.set_title("Rasters of 3 bands, a tenth of the cells missing, two cores")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=120)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure or draw what was asked for; returns the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--sides", default=",".join(map(str, SIDES)), help="of rasters, in cells")
    parser.add_argument("--json", action="store_true", help="one array of objects")
    parser.add_argument("--draw", nargs=2, type=Path, metavar=("ROWS", "PICTURE"))
    asked = parser.parse_args(arguments)
    if asked.draw:
        rows, picture = asked.draw
        drawn([Row(**row) for row in json.loads(rows.read_text())], picture)
        return 0
    found = []
    for side in map(int, asked.sides.split(",")):
        for what in NAMES:
            found.append(row := measured(what, side))
            print(row, file=sys.stderr if asked.json else sys.stdout, flush=True)
    if asked.json:
        print(json.dumps([asdict(row) for row in found], indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
