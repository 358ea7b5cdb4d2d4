"""What a fit kept is given back when it ends, on the C library that this is for."""

from __future__ import annotations

import platform
from pathlib import Path

import numpy as np
import pytest

from sinr_geo.kept_memory import kept_memory

BLOCK = 64 << 20


def resident():
    """Bytes of this process in memory."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096


def use_and_free():
    np.ones(BLOCK // 8).sum()


def failing_fit():
    with kept_memory():
        use_and_free()
        raise ValueError("failed")


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="for glibc alone")
def test_freed_memory_stays_until_the_outermost_fit_ends():
    before = resident()
    with kept_memory():
        with kept_memory():
            use_and_free()
        assert resident() - before > BLOCK // 2
    assert resident() - before < BLOCK // 2


def test_a_fit_that_fails_gives_back_too():
    before = resident() if Path("/proc/self/statm").exists() else 0
    with pytest.raises(ValueError, match="failed"):
        failing_fit()
    if before:
        assert resident() - before < BLOCK // 2
