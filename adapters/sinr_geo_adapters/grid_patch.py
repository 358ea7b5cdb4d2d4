"""Patch a copy of a gridded file: changed samples, flags, standard errors, history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sinr_geo.adapters import Stamp
from sinr_geo.points import BoolArray, FloatArray, IntArray
from sinr_geo.recovery import Flag, Recovery
from sinr_geo_adapters.cf_extras import (
    actual_range,
    appended_history,
    flag_attributes,
    free_name,
    listed,
    standard_error_attributes,
)
from sinr_geo_adapters.grid_layer import GridLayer, GridVariable
from sinr_geo_adapters.grid_store import GridStore

__all__ = ["patch"]


def patch(
    store: GridStore, layers: Sequence[GridLayer], recoveries: Sequence[Recovery], stamp: Stamp
) -> None:
    """Patch what was recovered into a copy of the file that the layers were read from.

    A variable of which no sample was recovered or left unfilled is not touched at all.

    Parameters
    ----------
    store : GridStore
        The copy.
    layers, recoveries : sequences of the same length
    stamp : Stamp
        Its line is appended to ``history``.
    """
    for layer, recovery in zip(layers, recoveries, strict=True):
        _patch_layer(store, layer, recovery)
    history = store.attributes("").get("history")
    store.set_attribute("", "history", appended_history(history, stamp.line))


def _patch_layer(store: GridStore, layer: GridLayer, recovery: Recovery) -> None:
    place, start = layer.place(), 0
    for variable in layer.variables:
        columns = slice(start, start + len(variable.channels))
        start = columns.stop
        if any(recovery.touches(j) for j in range(columns.start, columns.stop)):
            _Patch(store, variable, recovery, columns, place, layer.geometry.size).apply()


@dataclass(frozen=True, slots=True)
class _Patch:
    """The patch of one variable.

    Parameters
    ----------
    store : GridStore
    variable : GridVariable
    recovery : Recovery
        Of the whole layer.
    columns : slice
        The variable's channels among those of the layer.
    place : ndarray of int, shape (n,)
        Where the points lie among the `cells` of the grid.
    cells : int
    """

    store: GridStore
    variable: GridVariable
    recovery: Recovery
    columns: slice
    place: IntArray
    cells: int

    def apply(self) -> None:
        changed = self._spread(self.recovery.changed, False)
        flag = self._flag()
        if changed.any():
            self._write_samples(changed)
            self._update_range()
        self._add_extras(flag)

    def _spread(self, entries: NDArray[Any], empty: object) -> NDArray[Any]:
        """Lay entries of all points out like the variable, `empty` where there is no point."""
        grid = np.full((self.cells, len(self.variable.channels)), empty, entries.dtype)
        grid[self.place] = entries[:, self.columns]
        return self.variable.layout.block(grid)

    def _write_samples(self, changed: BoolArray) -> None:
        """Write changed samples block by block; a block without any is not even read."""
        name, channel = self.variable.name, self.variable.channels[0]
        values = self._spread(self.recovery.values, np.nan)
        for block in self.store.blocks(name):
            chosen = changed[block]
            if chosen.any():
                raw = self.store.read(name, block)
                raw[chosen] = self.variable.packing.pack(
                    values[block][chosen], channel.lower, channel.upper
                )
                self.store.write(name, block, raw)

    def _flag(self) -> NDArray[np.int8]:
        """Lay flags out like the variable; a cell that is no point is observed or unfilled."""
        flag = self._spread(self.recovery.flag, Flag.UNFILLED).astype(np.int8)
        if self.place.size == self.cells:
            return flag
        outside = self._spread(np.zeros(self.recovery.flag.shape, bool), True)
        for block in self.store.blocks(self.variable.name):
            gone = self.variable.packing.is_missing(self.store.read(self.variable.name, block))
            flag[block][outside[block] & ~gone] = Flag.OBSERVED
        return flag

    def _update_range(self) -> None:
        name = self.variable.name
        existing = self.store.attributes(name).get("actual_range")
        if existing is None:
            return
        low, high = np.inf, -np.inf
        for block in self.store.blocks(name):
            values = self.variable.packing.unpack(self.store.read(name, block))
            low = np.fmin(low, np.fmin.reduce(values, axis=None))
            high = np.fmax(high, np.fmax.reduce(values, axis=None))
        new = actual_range(existing, low, high)
        if new is not None:
            self.store.set_attribute(name, "actual_range", new)

    def _add_extras(self, flag: NDArray[np.int8]) -> None:
        name, attributes = self.variable.name, self.store.attributes(self.variable.name)
        flag_name = free_name(f"{name}_flag", self.store.names)
        self.store.add(flag_name, name, flag, flag_attributes(name, attributes))
        added = [flag_name]
        if self.recovery.standard_error is not None:
            error_name = free_name(f"{name}_standard_error", self.store.names)
            errors = self._standard_error(self.recovery.standard_error)
            self.store.add(error_name, name, errors, standard_error_attributes(name, attributes))
            added.append(error_name)
        existing = attributes.get("ancillary_variables")
        self.store.set_attribute(name, "ancillary_variables", listed(existing, *added))

    def _standard_error(self, errors: FloatArray) -> FloatArray:
        is_double = self.variable.packing.stored == np.float64
        return self._spread(errors, np.nan).astype(np.float64 if is_double else np.float32)
