"""An adapter for point sets held in memory, so that files need no format here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from sinr_geo import registry
from sinr_geo.adapters import Document
from sinr_geo.points import PointSet


@dataclass(frozen=True)
class MemoryLayer:
    """A point set as a layer."""

    name: str
    points: PointSet

    @property
    def axes(self):
        return self.points.axes

    @property
    def channels(self):
        return self.points.channels

    @property
    def dims(self):
        return ("point",) if self.points.lattice is None else self.points.lattice.dims

    @property
    def shape(self):
        return (len(self.points),) if self.points.lattice is None else self.points.lattice.shape

    def read(self, window=None):
        return self.points

    def mask(self, name):
        raise NotImplementedError


@dataclass
class MemoryAdapter:
    """Opens ``*.memory`` files; what it is told to write is kept in `written`."""

    layers: list[MemoryLayer]
    queries: list[Any] = field(default_factory=list)
    labels: list[Any] = field(default_factory=list)
    name = "memory"
    priority = 50
    reads = writes = ("memory (.memory)",)

    def can_open(self, path):
        return path.suffix == ".memory"

    def open(self, path, query):
        self.queries.append(query)
        return Document(path, "Memory", self.layers, notes=("a note",), facts={"CRS": "none"})

    def check_target(self, document, target):
        pass

    def write(self, document, recoveries, target, stamp):
        target.write_text(stamp.line)
        return (target,)

    def write_labels(self, document, labels, target, stamp):
        self.labels += labels
        target.write_text(stamp.line)
        return (target,)


@pytest.fixture
def memory_file(tmp_path, monkeypatch) -> Callable[..., tuple[Path, MemoryAdapter]]:
    """Make a file of point sets, and the only adapter installed the one that opens it."""

    def make(*sets: PointSet) -> tuple[Path, MemoryAdapter]:
        layers = [MemoryLayer(f"layer {number}", points) for number, points in enumerate(sets)]
        adapter = MemoryAdapter(layers)
        point = SimpleNamespace(
            name="memory",
            value="memory",
            dist=SimpleNamespace(name="memory-plugin"),
            load=lambda: lambda: adapter,
        )
        monkeypatch.setattr(registry, "entry_points", lambda group: [point])
        path = tmp_path / "points.memory"
        path.write_text("points")
        return path, adapter

    return make


@pytest.fixture
def bumpy_grid() -> PointSet:
    """A grid of 30 x 40 cells with two channels and a hole."""
    from sinr_geo.axes import Axis, AxisKind, Channel
    from sinr_geo.points import Lattice

    row, column = np.indices((30, 40))
    values = np.stack((np.sin(row / 5.0) + np.cos(column / 7.0), row * column / 100.0), axis=-1)
    observed = np.ones(values.shape, dtype=bool)
    observed[10:15, 20:28] = False
    return PointSet(
        np.stack((row.ravel() * 10.0, column.ravel() * 10.0), axis=1),
        np.where(observed, values, np.nan).reshape(-1, 2),
        observed.reshape(-1, 2),
        (Axis("y", AxisKind.PROJECTED, "m"), Axis("x", AxisKind.PROJECTED, "m")),
        (Channel("a", "K"), Channel("b", "m", lower=0.0)),
        Lattice(("y", "x"), (30, 40), np.arange(1200), (0, 1)),
    )
