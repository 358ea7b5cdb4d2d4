"""Fixtures that all tests share."""

import os
from pathlib import Path

import pytest
import torch

if not torch.cuda.is_available():
    os.environ["TRITON_INTERPRET"] = "1"  # before anything imports our kernels


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of the real sample files; a test that asks for it skips where it is absent."""
    beside = Path(__file__).resolve().parents[2] / "shared"
    folder = Path(os.environ.get("SINR_GEO_SHARED", beside)) / "data"
    if not folder.is_dir():
        pytest.skip(f"no real sample files: {folder} is absent (set SINR_GEO_SHARED)")
    return folder


@pytest.fixture(
    params=[
        "cpu",
        pytest.param(
            "cuda",
            marks=pytest.mark.skipif(
                not torch.cuda.is_available(), reason="there is no CUDA device here"
            ),
        ),
    ]
)
def device(request: pytest.FixtureRequest) -> str:
    """Every device that is there."""
    return str(request.param)
