"""One step of the engine against the published loop and against what the hardware can do.

    python -m benchmarks.engine [--device cuda] [--tf32] [--quick] [--json]

A step is forward and backward of the sum over superpixels of the norm of the masked residual, with
the gradients of all parameters, of the advanced form (Eq. 3 and 4); the optimiser's update is left
out on all sides. The loop is the tests' oracle: one small module per superpixel. The floor is what
remains after folding: the multiplications as one large matrix product, and the sines and cosines.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import ModuleType

import numpy as np
import torch
from torch import Tensor

from sinr_geo.sine.loss import NORM
from sinr_geo.sine.network import Form, SuperpixelNetwork
from sinr_geo.sine.packing import pack_pairs
from sinr_geo.sine.samples import Slots
from sinr_geo.sine.step import steps_on

__all__ = ["Case", "Timing", "cases", "main", "measured"]

INPUTS, WIDTH, LAYERS, ATOMS, OMEGA = 2, 35, 4, 120, 30.0
"""c, h, L, r and omega_0."""

_DEVIATION = 1e-3
_REST = 0.02
"""Seconds before each run: threads of the one before keep a core busy while they wait for more."""


@dataclass(frozen=True)
class Case:
    points: int = 65_536
    channels: int = 31
    superpixels: int = 26
    balance: str = "unequal"

    def sizes(self) -> np.ndarray:
        """Points of each superpixel; unequal ones are log-normal, sigma 1."""
        share = np.ones(self.superpixels)
        if self.balance == "unequal":
            share = np.random.default_rng(0).lognormal(0.0, 1.0, self.superpixels)
        ends = np.round(np.cumsum(share / share.sum()) * self.points).astype(np.int64)
        return np.diff(ends, prepend=0)

    def flops(self) -> float:
        """Of forward and backward, D and gates multiplied into the weights."""
        products = INPUTS * WIDTH + (LAYERS - 1) * WIDTH**2 + WIDTH * self.channels
        return 3.0 * 2.0 * self.points * products

    def sines(self) -> int:
        """Sines; there are as many cosines."""
        return self.points * WIDTH * LAYERS


@dataclass(frozen=True)
class Timing:
    device: str
    points: int
    channels: int
    superpixels: int
    balance: str
    step_s: float
    loop_s: float
    floor_s: float


def cases() -> Iterator[Case]:
    """Each axis alone, from one size."""
    start = Case()
    yield start
    yield from (replace(start, points=n) for n in (10_000, 1_000_000))
    yield from (replace(start, channels=s) for s in (1, 3, 200))
    yield from (replace(start, superpixels=k) for k in (15, 200))
    yield replace(start, balance="equal")


def measured(case: Case, device: str) -> tuple[Timing, float]:
    """Medians of alternating runs, and the bytes that a step takes per point (nan on a CPU)."""
    problem = _Problem(case, device)
    memory = problem.bytes_per_point()
    (step,) = steps_on(problem.network, NORM, [lambda: problem.slots])
    runs = {"step_s": step, "loop_s": problem.loop, "floor_s": _floor(case, device)}
    assert abs(float(step()) / float(problem.loop()) - 1.0) < _DEVIATION
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(3 if case.points > 500_000 else 11):
        for name, run in runs.items():
            seconds[name].append(_seconds(run, device, 1 if name == "loop_s" else 10))
    step_s, loop_s, floor_s = (
        float(np.median(seconds[name])) for name in ("step_s", "loop_s", "floor_s")
    )
    size = case.points, case.channels, case.superpixels, case.balance
    return Timing(device, *size, step_s, loop_s, floor_s), memory


class _Problem:
    """The same weights and samples for the packed network and for the loop."""

    def __init__(self, case: Case, device: str) -> None:
        generator = torch.Generator().manual_seed(0)
        n, s, sizes = case.points, case.channels, case.sizes()
        self.case, self.device = case, device
        x = torch.rand((n, INPUTS), generator=generator).to(device)
        mask = (torch.rand((n, s), generator=generator) < 0.5).float().to(device)
        y = torch.randn((n, s), generator=generator).to(device) * mask
        form = Form(case.superpixels, INPUTS, s, WIDTH, LAYERS, ATOMS, OMEGA, OMEGA, gated=True)
        self.network = SuperpixelNetwork(form, generator).to(device)
        owner = np.repeat(np.arange(case.superpixels), sizes)
        every = np.ones(n)
        packing = pack_pairs(
            np.arange(n), owner, every, every > 0, count=case.superpixels, device=device
        )
        observed = packing.gather(mask) * packing.filled
        self.slots = Slots(
            packing,
            packing.gather(x),
            packing.gather(y).mT.contiguous(),
            observed.mT.contiguous(),
        )
        module = _oracle()
        self.oracle = module.OracleSINR(
            case.superpixels, INPUTS, WIDTH, LAYERS, ATOMS, s, OMEGA, OMEGA, True
        ).to(device)
        module.copy_weights(self.network, self.oracle)
        parts = sizes.tolist()
        self.parts = x.split(parts), y.split(parts), mask.split(parts)
        self.owns = [torch.ones(size, dtype=torch.bool, device=device) for size in parts]

    def loss(self) -> Tensor:
        return NORM(self.network, self.slots)

    def loop(self) -> Tensor:
        self.oracle.zero_grad(set_to_none=True)
        xs, ys, masks = self.parts
        outs = self.oracle(list(xs), self.owns)
        norms = [
            torch.linalg.vector_norm((out - y) * mask)
            for out, y, mask in zip(outs, ys, masks, strict=True)
        ]
        value = torch.stack(norms).sum()
        value.backward()
        return value.detach()

    def bytes_per_point(self) -> float:
        """Peak of a step above what samples and weights take."""
        if self.device != "cuda":
            return float("nan")
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        self.loss().backward()
        taken = torch.cuda.max_memory_allocated() - before
        self.network.zero_grad(set_to_none=True)
        return taken / self.case.points


def _floor(case: Case, device: str) -> Callable[[], object]:
    side = round((case.flops() / 2.0) ** (1.0 / 3.0))
    left, right, product = (torch.randn(side, side, device=device) for _ in range(3))
    phase = torch.randn(case.sines(), device=device)
    out = torch.empty_like(phase)

    def run() -> None:
        torch.mm(left, right, out=product)
        torch.sin(phase, out=out)
        torch.cos(phase, out=out)

    return run


def _seconds(run: Callable[[], object], device: str, repeats: int) -> float:
    """Seconds of one run; short ones on a GPU are queued several at a time."""
    if device != "cuda":
        time.sleep(_REST)
        start = time.perf_counter()
        run()
        return time.perf_counter() - start
    torch.cuda.synchronize()
    start = time.perf_counter()
    for _ in range(repeats):
        run()
    torch.cuda.synchronize()
    return (time.perf_counter() - start) / repeats


def _oracle() -> ModuleType:
    path = Path(__file__).parents[1] / "tests" / "oracle.py"
    spec = importlib.util.spec_from_file_location("oracle", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _row(timing: Timing, memory: float) -> str:
    """A row of a Markdown table; milliseconds."""
    seconds = (timing.step_s, timing.loop_s, timing.floor_s)
    taken = " | ".join(f"{1e3 * second:.2f}" for second in seconds)
    ratios = f"{timing.loop_s / timing.step_s:.1f} | {timing.step_s / timing.floor_s:.2f}"
    size = f"{timing.points:,} | {timing.channels} | {timing.superpixels} | {timing.balance}"
    return f"| {size} | {taken} | {ratios} | {memory:.0f} |"


_HEADING = (
    "| points | s | K | superpixels | step ms | loop ms | floor ms | loop / step | step / floor "
    "| bytes a point |\n" + "| --- " * 10 + "|"
)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--tf32", action="store_true", help="TF32 products, on all three sides")
    parser.add_argument("--quick", action="store_true", help="only 65,536 points, s = 31, K = 26")
    parser.add_argument("--json", action="store_true", help="the array on standard output")
    options = parser.parse_args(arguments)
    if options.tf32:
        torch.set_float32_matmul_precision("high")
    table = sys.stderr if options.json else sys.stdout
    print(_HEADING, file=table)
    timings = []
    for case in [Case()] if options.quick else cases():
        timing, memory = measured(case, options.device)
        timings.append(timing)
        print(_row(timing, memory), file=table, flush=True)
    if options.json:
        print(json.dumps([asdict(timing) for timing in timings], indent=1))


if __name__ == "__main__":
    main()
