"""Time to quality: how soon a sine head represents an image, published form and ours side by side.

    python -m benchmarks.quality [--data kodim24-crop,kodim24,cave-cloth] [--device cuda] [--json]

Images are looked for where the ladder's are (see `benchmarks.rungs`): kodim24, its central
256 x 256, and three bands of CAVE's cloth, which nothing was tuned on (only by ``--data``).

`sinr-paper` is the published setting on our packed engine: one superpixel per 8,000 pixels, width
35, r = 120, gates, omega_0 = 300, every pixel in every step of Adam at 5e-4; one training is read
on its way. `sinr` is `sinr_geo.reconstruct`; every reading is a fit of its own, because its rate
falls to 0 at its end. Seconds are those of the wall: segmentation, fitting and heads count, the
evaluation for a reading does not, nor what numba compiles once per installation. Threads are
torch's; OMP_NUM_THREADS says how many. On a busy machine compare readings of one run only.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np

from benchmarks.rungs import FOLDER, Case, cube_case
from sinr_geo.methods.protocol import Task
from sinr_geo.methods.sinr_paper import published_settings
from sinr_geo.points import FloatArray
from sinr_geo.reconstruction import reconstruct
from sinr_geo.sine.field import SineField
from sinr_geo.sine.ground import Ground
from sinr_geo.sine.trained import PAPER, fit_trained

IMAGES = ("kodim24-crop", "kodim24", "cave-cloth")
CROP = (slice(128, 384), slice(256, 512))
BANDS = [5, 15, 25]
SECONDS = {"kodim24": 300.0}
STEPS = {"kodim24": (200, 700, 5_000)}
_SECONDS = 120.0
_STEPS = (50, 100, 200, 400, 800, 1_600)
_TIMED_STEPS = 12
_EVERY = 4
_ALL = 1 << 40


@dataclass(frozen=True)
class Row:
    """One reading; `steps` is the number of steps until then."""

    data: str
    method: str
    parameters: int
    steps: int
    seconds: float
    psnr: float


def image(data: str) -> FloatArray:
    """Return an image, shape (rows, columns, 3), from 0 to 1."""
    if data == "cave-cloth":
        with np.load(FOLDER / "cave_cloth.npz") as arrays:
            return np.asarray(arrays["truth"][:, :, BANDS], dtype=np.float64)
    with np.load(FOLDER / "kodim24.npz") as arrays:
        whole = np.asarray(arrays["truth"] / 255.0)
    return whole[CROP] if data == "kodim24-crop" else whole


def case_of(data: str, values: FloatArray) -> Case:
    """Lay an image out as points."""
    seen = np.ones(values.shape, dtype=np.bool_)
    return cube_case(data, "mean", Task.RECONSTRUCTION, values, seen, values)


def psnr(case: Case, values: FloatArray) -> float:
    """Return the peak signal-to-noise ratio over all entries in dB, for a peak of 1."""
    return round(-10.0 * math.log10(float(np.mean((values - case.truth) ** 2))), 2)


def published(case: Case, seconds: float, device: str) -> list[Row]:
    """Train the published setting for about so many seconds, with ten readings on the way."""
    steps = max(_TIMED_STEPS, round(seconds / _seconds_per_step(case, device)))
    rows: list[Row] = []
    started, reading = time.perf_counter(), 0.0

    def read(field: SineField) -> float:
        nonlocal reading
        now = time.perf_counter()
        found = psnr(case, field.values(case.points))
        spent = round(now - started - reading, 2)
        at = (len(rows) + 1) * max(1, steps // 40)
        rows.append(Row(case.rung, "sinr-paper", field.network.size, at, spent, found))
        reading += time.perf_counter() - now
        return -float(len(rows))  # ever lower: the training shall not stop early

    ground = Ground.of(case.points, Task.RECONSTRUCTION, device)
    settings = replace(published_settings(case.points, Task.RECONSTRUCTION), steps=steps)
    fit_trained(ground, PAPER, settings, points=_ALL, seed=0, score=read)
    return rows[_EVERY - 1 :: _EVERY]


def _seconds_per_step(case: Case, device: str) -> float:
    """Time the last of a few steps."""
    ends: list[float] = []
    ground = Ground.of(case.points, Task.RECONSTRUCTION, device)
    settings = published_settings(case.points, Task.RECONSTRUCTION)
    fit_trained(
        ground,
        PAPER,
        replace(settings, steps=_TIMED_STEPS),
        points=_ALL,
        seed=0,
        progress=lambda share: ends.append(time.perf_counter()),
    )
    return (ends[-1] - ends[1]) / (len(ends) - 2)


def ours(case: Case, steps: int, device: str) -> Row:
    """Fit once."""
    started = time.perf_counter()
    found = reconstruct(case.points, steps=steps, device=device)
    seconds = round(time.perf_counter() - started, 2)
    reached = psnr(case, found.predict(case.points))
    return Row(case.rung, "sinr", found.parameters, steps, seconds, reached)


def rows_of(data: str, device: str) -> Iterator[Row]:
    """Read both on one image, ours first."""
    case = case_of(data, image(data))
    for steps in STEPS.get(data, _STEPS):
        yield ours(case, steps, device)
    yield from published(case, SECONDS.get(data, _SECONDS), device)


def warmed_up(device: str) -> float:
    """Let numba or Triton compile, or load what they have compiled; -> seconds."""
    started = time.perf_counter()
    ours(case_of("warm-up", np.random.default_rng(0).random((16, 16, 3))), 1, device)
    return time.perf_counter() - started


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what was asked for and print it; returns the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--data", default="kodim24-crop,kodim24", help=", ".join(IMAGES))
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--json", action="store_true", help="one array of objects")
    asked = parser.parse_args(arguments)
    names = asked.data.split(",")
    unknown = [name for name in names if name not in IMAGES]
    if unknown:
        parser.error(f"there is no image {unknown[0]!r}; there are {', '.join(IMAGES)}")
    if not FOLDER.is_dir():
        print(f"the images are not in {FOLDER}; SINR_GEO_LADDER says where", file=sys.stderr)
        return 2
    print(f"loading and compiling: {warmed_up(asked.device):.1f} s", file=sys.stderr)
    rows = []
    for name in names:
        for row in rows_of(name, asked.device):
            rows.append(row)
            print(row, file=sys.stderr if asked.json else sys.stdout, flush=True)
    if asked.json:
        print(json.dumps([asdict(row) for row in rows], indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
