"""Rasters that go with a recovered one: flags, standard errors, superpixel labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sinr_geo.recovery import Flag, Recovery
from sinr_geo_adapters.raster_source import RasterSource

__all__ = ["Sibling", "flag_sibling", "label_sibling", "sibling_path", "standard_error_sibling"]


@dataclass(frozen=True, slots=True)
class Sibling:
    """A raster on the grid of another one.

    Parameters
    ----------
    description : str
        One line for people.
    names, units : tuple of str
        Name and unit of every band.
    dtype : numpy.dtype
    band : callable
        Gives the samples of a band, counted from 0, in C order of the pixels, shape (n,).
    nodata : float or None
    tags : mapping of str to str
        Tags of every band.
    """

    description: str
    names: tuple[str, ...]
    units: tuple[str, ...]
    dtype: np.dtype[Any]
    band: Callable[[int], NDArray[Any]]
    nodata: float | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


def sibling_path(target: Path, kind: str) -> Path:
    """Return the path of a sibling: ``scene.filled.tif`` gives ``scene.filled.flag.tif``."""
    return target.with_name(f"{target.stem}.{kind}{target.suffix}")


def flag_sibling(source: RasterSource, recovery: Recovery) -> Sibling:
    """Lay out the flags of the touched channels, uint8 without nodata."""
    touched = _touched(source, recovery)
    return Sibling(
        description="sinr-geo flags: " + ", ".join(f"{f.value} {f.name.lower()}" for f in Flag),
        names=tuple(source.channels[j].name for j in touched),
        units=("",) * len(touched),
        dtype=np.dtype(np.uint8),
        band=lambda k: recovery.flag[:, touched[k]],
        tags={
            "flag_values": " ".join(str(f.value) for f in Flag),
            "flag_meanings": " ".join(f.name.lower() for f in Flag),
        },
    )


def standard_error_sibling(
    source: RasterSource, recovery: Recovery, standard_error: NDArray[Any]
) -> Sibling:
    """Lay out the standard errors of the touched channels: unpacked units, float32, NaN nodata."""
    touched = _touched(source, recovery)
    return Sibling(
        description="sinr-geo standard error",
        names=tuple(source.channels[j].name for j in touched),
        units=tuple(source.channels[j].unit for j in touched),
        dtype=np.dtype(np.float32),
        band=lambda k: standard_error[:, touched[k]].astype(np.float32),
        nodata=float("nan"),
    )


def label_sibling(labels: NDArray[np.int32]) -> Sibling:
    """Lay out superpixel labels, int32; -1 where a pixel belongs to none."""
    return Sibling(
        description="sinr-geo superpixel labels",
        names=("superpixel",),
        units=("",),
        dtype=np.dtype(np.int32),
        band=lambda k: labels,
        nodata=-1.0,
    )


def _touched(source: RasterSource, recovery: Recovery) -> list[int]:
    return [j for j in range(len(source.channels)) if recovery.touches(j)]
