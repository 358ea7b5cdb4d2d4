"""kodim24 by the paper's own configuration of S-INR, and by `sinr_geo.reconstruct` at that size.

    python -m benchmarks.paper_kodim [--crop 256] [--steps 10001] [--rate 1e-3] [--ours 700]
                                     [--device cuda]

K one per 8,000 pixels, width 35, four sine layers, r = 120, attention: 49 superpixels and 0.50
million parameters on the whole image. The released code has a rate of 5e-4; section 3.1 searches
up to 1e-3. Superpixels are segmented with coordinates of 5 per 255 pixels beside values of 0 ... 1,
about as there. On a crop, omega_0 = 300 is multiplied by its share of the longest side, so that the
wavelength in pixels stays; K and the parameters shrink with the area. Nothing is withheld: every
pixel is given, so that the best reading and the last one are both told.
`reconstruct` gets the number of superpixels with which it has no more parameters.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from benchmarks.paper_cases import cropped
from benchmarks.rungs import FOLDER, Case, cases_of
from benchmarks.scores import scores_of
from sinr_geo.methods.protocol import Task
from sinr_geo.methods.sinr_paper import published_settings
from sinr_geo.reconstruction import reconstruct
from sinr_geo.sine.field import SineField
from sinr_geo.sine.ground import Ground
from sinr_geo.sine.trained import PAPER, fit_trained

__all__ = ["main"]

_LONGEST = 768
_EACH = 2_550
"""Parameters of each superpixel of `reconstruct` on three channels, and a share of D."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, print, return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--crop", type=int, default=_LONGEST, help="pixels, from the centre")
    parser.add_argument("--steps", type=int, default=10_001)
    parser.add_argument("--rate", type=float, default=5e-4, help="of Adam")
    parser.add_argument("--ours", type=int, default=700, help="steps of sinr_geo.reconstruct")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    asked = parser.parse_args(arguments)
    if not FOLDER.is_dir():
        print(f"the rungs are not in {FOLDER}; SINR_GEO_LADDER says where", file=sys.stderr)
        return 2
    case = cropped(next(cases_of("kodim24")), asked.crop)
    start = published_settings(case.points, Task.RECONSTRUCTION)
    omega = start.omega * max(case.shape[:2]) / _LONGEST
    settings = replace(
        start, omega=omega, steps=asked.steps, rate=asked.rate, alpha=_released_alpha(case)
    )
    print(f"{case.shape[0]} x {case.shape[1]} pixels, {settings}")
    started = time.perf_counter()

    readings: list[float] = []

    def watch(field: SineField) -> float:
        """Print how near a field is; the score goes on falling, so that no training stops early."""
        scores = scores_of(case, field.values(case.points), None)
        seconds = time.perf_counter() - started
        print(f"{seconds:8.1f} s  {scores['psnr']:.2f} dB  SSIM {scores['ssim']:.4f}", flush=True)
        readings.append(scores["psnr"])
        return -float(len(readings))

    ground = Ground.of(case.points, Task.RECONSTRUCTION, asked.device)
    field, _ = fit_trained(ground, PAPER, settings, points=PAPER.batch, seed=0, score=watch)
    watch(field)
    size = field.network.size
    print(
        f"paper: {readings[-1]:.2f} dB after {settings.steps} steps, {max(readings):.2f} dB at the "
        f"best reading, {size} parameters",
        flush=True,
    )
    print(_reconstructed(case, size, asked.ours, asked.device))
    return 0


def _released_alpha(case: Case) -> float:
    """Weigh coordinates of 5 per 255 pixels beside values of 0 ... 1, in our unit variances."""
    rows, columns = (np.arange(side) * 5.0 / 255.0 for side in case.shape[:2])
    return float((rows.var() + columns.var()) / case.points.values.var(axis=0).sum())


def _reconstructed(case: Case, most: int, steps: int, device: str) -> str:
    """Tell what `reconstruct` reaches with at most so many parameters."""
    ground = Ground.of(case.points, Task.RECONSTRUCTION, device)
    most //= _EACH
    asked = next(k for k in range(most, 0, -1) if ground.labels(k, 5.0, 0).max() < most)
    started = time.perf_counter()
    found = reconstruct(case.points, superpixels=asked, steps=steps, device=device)
    seconds = time.perf_counter() - started
    scores = scores_of(case, found.predict(case.points), None)
    return (
        f"sinr_geo.reconstruct: {scores['psnr']:.2f} dB, SSIM {scores['ssim']:.4f} after {steps} "
        f"steps of its own, {seconds:.1f} s, {found.parameters} parameters"
    )


if __name__ == "__main__":
    sys.exit(main())
