"""Our kernels are compiled for GPUs that are not there."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

SMALLEST = 99 * 1024
"""Shared memory of a program on a desktop's GPU."""

SPILLED = 700
"""Bytes of a thread's registers that lie in memory, of which there are 1,020 at most."""


def test_every_kernel_compiles_and_fits_a_small_gpu():
    pytest.importorskip("triton")
    compiled = {key: value for key, value in os.environ.items() if key != "TRITON_INTERPRET"}
    command = [sys.executable, "-m", "benchmarks.gpu_kernels", "--capability", "80", "--json"]
    ran = subprocess.run(command, capture_output=True, text=True, env=compiled, check=False)
    assert ran.returncode == 0, ran.stderr
    rows = json.loads(ran.stdout)
    assert {row["kernel"].split(".")[0] for row in rows} == {
        "triton_layers",
        "triton_residual",
        "triton_gates",
    }
    for row in rows:
        assert row["shared_bytes"] <= SMALLEST, row
        assert row["spilled_bytes"] <= SPILLED, row
