"""What our kernels ask of a GPU, which need not be there: they are compiled, not run.

    python -m benchmarks.gpu_kernels [--capability 90] [--json]

Registers of a thread, bytes of them that are spilled to memory, and shared memory of a program, at
the largest sizes that a kernel takes. A multiprocessor has 65,536 registers; its shared memory is
227 KiB on an H100, 163 on an A100 and 99 on the GPUs of desktops.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from sinr_geo.sine import triton_gates as gates
from sinr_geo.sine import triton_layers as layers
from sinr_geo.sine import triton_residual as residual
from sinr_geo.sine.network import BOTTLENECK
from sinr_geo.sine.triton_layers import LAUNCH, WIDEST

_WHOLE = ("spans", "slots", "inputs", "outputs", "each", "size", "tiles", "features", "channels")
_TYPES = dict.fromkeys((*_WHOLE, "width"), "i32") | {"omega": "fp32"}
_TYPES |= dict.fromkeys(("superpixel", "first"), "*i64")
_ATOMS = 128


@dataclass(frozen=True)
class Use:
    """What a program of 128 threads takes."""

    kernel: str
    capability: int
    rounding: str
    registers: int
    spilled_bytes: int
    shared_bytes: int


def kernels() -> Iterator[tuple[Any, dict[str, Any]]]:
    """Yield every kernel with what is known when it is compiled."""
    wide = {"most_inputs": WIDEST, "most_outputs": WIDEST, "tile": layers._TILE}
    for rounding in ("tf32x3", "tf32"):
        span = {"rounding": rounding, "span": layers._SPAN}
        yield layers._forward, {**wide, **span, "pooled": True}
        yield layers._backward, {**wide, **span}
        yield layers._backward, {**wide, **span, "most_inputs": 16, "of_z": None}
        some = {"some_channels": residual._TILE, "tile": residual._TILE}
        yield residual._residual, {"rounding": rounding, "most_features": WIDEST, **some}
    yield layers._sum, {"rows": layers._ROWS, "columns": layers._COLUMNS}
    for join in (gates._join, gates._unjoin):
        yield join, {"most_inputs": WIDEST, "most_width": WIDEST}
    for gate in (gates._open, gates._unopen):
        yield gate, {"most": _ATOMS, "units": BOTTLENECK}


def used(kernel: Any, known: dict[str, Any], capability: int) -> Use:
    """Compile a kernel and read what the compiler says."""
    names = kernel.arg_names
    types = {name: _TYPES.get(name, "*fp32") for name in names} | dict.fromkeys(known, "constexpr")
    constants = {(names.index(name),): value for name, value in known.items()}
    aligned = {
        (place,): [["tt.divisibility", 16]]  # as allocators and packings have it
        for place, name in enumerate(names)
        if types[name].startswith("*") or name == "slots"
    }
    source = ASTSource(fn=kernel, signature=types, constexprs=constants, attrs=aligned)
    built = triton.compile(source, target=GPUTarget("cuda", capability, 32), options=LAUNCH)
    registers, stack = _read(built.asm["cubin"])
    name = f"{kernel.fn.__module__.rsplit('.')[-1]}.{kernel.fn.__name__}"
    rounding = str(known.get("rounding", ""))
    return Use(name, capability, rounding, registers, stack, built.metadata.shared)


def _read(binary: bytes) -> tuple[int, int]:
    tool = Path(triton.__file__).parent / "backends" / "nvidia" / "bin" / "cuobjdump"
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(binary)
        file.flush()
        command = [str(tool), "-res-usage", file.name]
        told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    registers, stack = (re.findall(rf"{name}:(\d+)", told) for name in ("REG", "STACK"))
    return int(registers[0]), int(stack[0])


def main(arguments: Sequence[str] | None = None) -> int:
    """Compile all of them and print what they use; returns the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--capability", type=int, default=90, help="80: A100, 90: H100")
    parser.add_argument("--json", action="store_true", help="one array of objects")
    asked = parser.parse_args(arguments)
    rows = [used(kernel, known, asked.capability) for kernel, known in kernels()]
    if asked.json:
        print(json.dumps([asdict(row) for row in rows], indent=1))
        return 0
    for row in rows:
        print(
            f"{row.kernel:28}{row.rounding:8}{row.registers:5} registers"
            f"{row.spilled_bytes:6} B spilled{row.shared_bytes / 1024:8.1f} KiB shared"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
