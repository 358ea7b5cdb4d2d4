"""The protocol between file formats and the engine.

An adapter opens a file and says which layers of points it holds. It reads them, and it writes a
copy of the file with the recovered samples patched in. It never sees a network, and the engine
never sees a file. Built-in adapters and plugins register alike, in the entry-point group
``sinr_geo.adapters``; `sinr_geo.registry` finds them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from sinr_geo.axes import Axis, Channel
from sinr_geo.points import BoolArray, PointSet
from sinr_geo.recovery import Recovery

__all__ = ["Adapter", "Document", "Layer", "MissingRule", "Query", "Stamp", "Window"]

Window = tuple[slice, ...]
"""A box of a layer's `shape`: one slice with whole-number bounds and step 1 per dimension."""


@dataclass(frozen=True, slots=True)
class MissingRule:
    """What else counts as missing, beside the file's own word: ``--missing NAME=VALUE``.

    Parameters
    ----------
    name : str
        ``"alpha"``, ``"rgb"``, ``"nan"``, an attribute, a variable or ``"value"`` for any channel.
    value : float
        The value that marks a missing sample.
    """

    name: str
    value: float = float("nan")


@dataclass(frozen=True, slots=True)
class Query:
    """What a user wants read.

    Parameters
    ----------
    variables : tuple of str, optional
        Variables or bands to recover, by name; None for every one that can be.
    missing : tuple of MissingRule
        What else counts as missing.
    channels, coordinates : tuple of str
        Axes whose role the user fixed: every step of a channel axis becomes a channel.
    """

    variables: tuple[str, ...] | None = None
    missing: tuple[MissingRule, ...] = ()
    channels: tuple[str, ...] = ()
    coordinates: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Stamp:
    """What an output says of its making.

    Parameters
    ----------
    command : str
        The command as the user typed it.
    version : str
        Version of sinr-geo.
    moment : datetime
        Time of the run, aware, in UTC.
    """

    command: str
    version: str
    moment: datetime

    @property
    def line(self) -> str:
        """One line of CF ``history``."""
        return f"{self.moment:%Y-%m-%dT%H:%M:%SZ} sinr-geo {self.version}: {self.command}"


class Layer(Protocol):
    """Channels of a file that share one set of points. Metadata is known before values are read."""

    @property
    def name(self) -> str:
        """Name for messages, unique in the file."""
        ...

    @property
    def axes(self) -> tuple[Axis, ...]:
        """Coordinate axes of the points."""
        ...

    @property
    def channels(self) -> tuple[Channel, ...]:
        """Channels, in the order of the columns of the point set."""
        ...

    @property
    def dims(self) -> tuple[str, ...]:
        """Names of the layer's dimensions: those of the grid, or one for bare points."""
        ...

    @property
    def shape(self) -> tuple[int, ...]:
        """Size along each of `dims`; a window is a box of it."""
        ...

    def read(self, window: Window | None = None) -> PointSet:
        """Read the points of a window, or all of them, in a fixed order (C order of `shape`)."""
        ...

    def mask(self, name: str) -> BoolArray:
        """Read another variable of the same file as a mask over all points, shape (n,).

        Raises RequestError where the file has no such variable or it does not fit the layer.
        """
        ...


@dataclass(frozen=True, slots=True)
class Document:
    """An opened file.

    Parameters
    ----------
    path : Path
    format : str
        Name of the format for people (``"NetCDF-4"``, ``"GeoTIFF"``, ``"PLY mesh"``).
    layers : sequence of Layer
        What can be recovered. Never empty: an adapter raises NothingToDoError instead.
    template : object
        Whatever the adapter needs to write the copy; nobody else looks at it.
    notes : tuple of str
        One sentence each about what passes through untouched and why.
    facts : mapping
        What `sinr-geo info` shows beside the layers (CRS, dimensions, driver). JSON types only.
    """

    path: Path
    format: str
    layers: Sequence[Layer]
    template: Any = field(repr=False, default=None)
    notes: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)


@runtime_checkable
class Adapter(Protocol):
    """One family of file formats. Instances have no state."""

    @property
    def name(self) -> str:
        """Short name, for ``--adapter`` and ``sinr-geo formats``."""
        ...

    @property
    def priority(self) -> int:
        """Who opens a file that several adapters claim: the highest."""
        ...

    @property
    def reads(self) -> tuple[str, ...]:
        """Formats that it reads, for people (``"NetCDF (.nc)"``)."""
        ...

    @property
    def writes(self) -> tuple[str, ...]:
        """Formats that it writes, for people."""
        ...

    def can_open(self, path: Path) -> bool:
        """Whether the file looks like one of these formats: magic bytes before the extension.

        Cheap, and never raises for a file of another kind.
        """
        ...

    def open(self, path: Path, query: Query) -> Document:
        """Open a file without reading its values.

        Raises
        ------
        InputError
            If the file is damaged or not what it claims to be.
        RequestError
            If `query` names what the file does not have, or nothing in it can be recovered.
        """
        ...

    def check_target(self, document: Document, target: Path) -> None:
        """Refuse a name that the document cannot be written to; asked before any work is done.

        Raises
        ------
        RequestError
            If `target` asks for another format than the input's, or this one cannot be written.
        """
        ...

    def write(
        self, document: Document, recoveries: Sequence[Recovery], target: Path, stamp: Stamp
    ) -> tuple[Path, ...]:
        """Write a copy of the file to `target` with the recovered samples patched in.

        `recoveries` stand in the order of ``document.layers``. `target` lies in an empty staging
        folder: every file of the output (side files too) is written there under its final name
        and returned, the main one first. The caller moves them to their place when all are whole.
        Raises RequestError as `check_target` does.
        """
        ...

    def write_labels(
        self,
        document: Document,
        labels: Sequence[NDArray[np.int32]],
        target: Path,
        stamp: Stamp,
    ) -> tuple[Path, ...]:
        """Write superpixel labels, one array (n,) per layer, in the format of the file."""
        ...
