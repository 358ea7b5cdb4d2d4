"""Memory that a fit frees stays with the process until the fit ends.

A fit asks for blocks of the same sizes again and again. glibc gives large ones back to the system
at once, and getting fresh pages for the next ones took a sixth of the time of denoising a cube.
Other C libraries are left alone.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

__all__ = ["kept_memory"]

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""M_TRIM_THRESHOLD and M_MMAP_THRESHOLD of malloc.h."""

_KEPT, _USUAL = 1 << 30, 1 << 17
"""Bytes; the second is glibc's own."""

_lock = Lock()
_fits = 0


@contextmanager
def kept_memory() -> Iterator[None]:
    """Keep what is freed inside; the last fit to end gives it back."""
    global _fits
    libc = _glibc()
    with _lock:
        _fits += 1
        _keep(libc, _KEPT)
    try:
        yield
    finally:
        with _lock:
            _fits -= 1
            if not _fits:
                _keep(libc, _USUAL)
                if libc is not None:
                    libc.malloc_trim(0)


def _keep(libc: ctypes.CDLL | None, size: int) -> None:
    if libc is not None:
        libc.mallopt(_TRIM_THRESHOLD, size)
        libc.mallopt(_MMAP_THRESHOLD, size)


def _glibc() -> ctypes.CDLL | None:
    if not sys.platform.startswith("linux"):
        return None
    libc = ctypes.CDLL(None)
    return libc if hasattr(libc, "gnu_get_libc_version") and hasattr(libc, "malloc_trim") else None
