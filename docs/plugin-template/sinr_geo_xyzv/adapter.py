"""The adapter: what sinr-geo needs to know of xyzv files."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sinr_geo.adapters import Document, Query, Stamp, Window
from sinr_geo.axes import Axis, AxisKind, Channel
from sinr_geo.errors import RequestError
from sinr_geo.points import BoolArray, PointSet
from sinr_geo.recovery import Recovery
from sinr_geo_xyzv.text import MAGIC, read_table, split_lines, write_lines

__all__ = ["Points", "XyzvAdapter"]


@dataclass(frozen=True)
class Points:
    """The points of a file as a layer."""

    path: Path
    table: NDArray[np.float64]
    columns: tuple[str, ...]
    wanted: tuple[str, ...]
    missing: tuple[float, ...]
    name = "points"
    dims = ("point",)

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of points."""
        return (len(self.table),)

    @property
    def axes(self) -> tuple[Axis, ...]:
        """The first three columns."""
        return tuple(Axis(name, AxisKind.PROJECTED) for name in self.columns[:3])

    @property
    def channels(self) -> tuple[Channel, ...]:
        """The columns that are to be recovered."""
        return tuple(Channel(name) for name in self.wanted)

    def read(self, window: Window | None = None) -> PointSet:
        """Return the points of a window, or all."""
        rows = self.table if window is None else self.table[window[0]]
        values = rows[:, [self.columns.index(name) for name in self.wanted]]
        values = np.where(np.isin(values, self.missing), np.nan, values)
        return PointSet(rows[:, :3], values, np.isfinite(values), self.axes, self.channels)

    def mask(self, name: str) -> BoolArray:
        """Return a column as a mask: true where it is neither 0 nor a gap."""
        if name not in self.columns:
            raise RequestError(f"{self.path}: there is no column {name!r} to take as a mask")
        return np.asarray(np.nan_to_num(self.table[:, self.columns.index(name)]) != 0)


class XyzvAdapter:
    """Opens xyzv files and writes copies of them."""

    name = "xyzv"
    priority = 50
    reads = ("points with values as text (.xyzv)",)
    writes = reads

    def can_open(self, path: Path) -> bool:
        """Whether it starts as an xyzv file does."""
        if not path.is_file():
            return False
        with path.open("rb") as stream:
            return stream.read(len(MAGIC)) == MAGIC

    def open(self, path: Path, query: Query) -> Document:
        """Read a file."""
        columns, table = read_table(path)
        wanted = columns[3:] if query.variables is None else query.variables
        rules = [rule.name for rule in query.missing if rule.name not in ("value", "nan")]
        for name in (*wanted, *query.channels, *query.coordinates, *rules):
            if name not in columns[3:]:
                raise RequestError(f"{path}: there is no column of values called {name!r}")
        if rules or query.channels or query.coordinates:
            raise RequestError(f"{path}: only --missing value=NUMBER works for this format")
        missing = tuple(rule.value for rule in query.missing)
        layer = Points(path, table, columns, wanted, missing)
        return Document(path, "xyzv", (layer,), template=columns)

    def check_target(self, document: Document, target: Path) -> None:
        """Refuse a name that asks for another format."""
        if target.suffix != ".xyzv":
            raise RequestError(f"{target.name}: the output is an xyzv file and must end in .xyzv")

    def write(
        self, document: Document, recoveries: Sequence[Recovery], target: Path, stamp: Stamp
    ) -> tuple[Path, ...]:
        """Copy the file's text and patch what was recovered; flags and errors are new columns."""
        self.check_target(document, target)
        layer, recovery = document.layers[0], recoveries[0]
        touched = [j for j in range(len(layer.channels)) if recovery.touches(j)]
        if not touched:
            return (Path(shutil.copyfile(document.path, target)),)
        new: dict[str, NDArray[Any]] = {}
        for j in touched:
            new[f"{layer.channels[j].name}_flag"] = recovery.flag[:, j]
        if recovery.standard_error is not None:
            for j in touched:
                new[f"{layer.channels[j].name}_error"] = recovery.standard_error[:, j]
        places = [document.template.index(channel.name) for channel in layer.channels]
        changed = recovery.changed
        head, lines = split_lines(document.path)
        for row, words in enumerate(lines):
            for j in np.flatnonzero(changed[row]).tolist():
                words[places[j]] = str(recovery.values[row, j])
            words.extend(str(column[row]) for column in new.values())
        return write_lines(target, head, list(new), lines)

    def write_labels(
        self,
        document: Document,
        labels: Sequence[NDArray[np.int32]],
        target: Path,
        stamp: Stamp,
    ) -> tuple[Path, ...]:
        """Copy the file with the superpixels as a new column."""
        self.check_target(document, target)
        head, lines = split_lines(document.path)
        for words, label in zip(lines, labels[0], strict=True):
            words.append(str(label))
        return write_lines(target, head, ["superpixel"], lines)
