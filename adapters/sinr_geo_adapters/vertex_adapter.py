"""What the adapters of meshes and clouds share: writing."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, cast

import numpy as np
from numpy.typing import NDArray

from sinr_geo.adapters import Document, Stamp
from sinr_geo.recovery import Recovery
from sinr_geo_adapters.signature import check_suffix
from sinr_geo_adapters.vertex_layer import VertexLayer
from sinr_geo_adapters.vertex_patch import VertexPatch, label_patch, recovery_patch

__all__ = ["VertexAdapter", "VertexFile"]


class VertexFile(Protocol):
    """The template of a document: a file that can be copied with patched vertices."""

    @property
    def suffix(self) -> str:
        """End of the names of such files."""
        ...

    def write(self, target: Path, patches: Sequence[VertexPatch]) -> None:
        """Write the copy; one patch per layer."""
        ...


class VertexAdapter:
    """Writes copies of files with vertices. The formats have no history: no stamp is written."""

    def check_target(self, document: Document, target: Path) -> None:
        """Refuse a name that asks for another format."""
        file: VertexFile = document.template
        check_suffix(document.path, target, file.suffix)

    def write(
        self, document: Document, recoveries: Sequence[Recovery], target: Path, stamp: Stamp
    ) -> tuple[Path, ...]:
        """Write a copy with recovered vertices, their flags and standard errors.

        A recovery that touches nothing gives the same bytes.
        """
        self.check_target(document, target)
        layers = cast(Sequence[VertexLayer], document.layers)
        patches = [recovery_patch(a, b) for a, b in zip(layers, recoveries, strict=True)]
        return _write_copy(document, patches, target)

    def write_labels(
        self,
        document: Document,
        labels: Sequence[NDArray[np.int32]],
        target: Path,
        stamp: Stamp,
    ) -> tuple[Path, ...]:
        """Write a copy with the superpixel of every vertex as an attribute."""
        self.check_target(document, target)
        return _write_copy(document, [label_patch(one) for one in labels], target)


def _write_copy(
    document: Document, patches: Sequence[VertexPatch], target: Path
) -> tuple[Path, ...]:
    file: VertexFile = document.template
    if all(patch.is_empty for patch in patches):
        shutil.copyfile(document.path, target)
    else:
        file.write(target, patches)
    return (target,)
