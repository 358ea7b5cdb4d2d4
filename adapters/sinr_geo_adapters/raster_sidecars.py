"""Files that lie beside a raster and belong to it: copied under the names of the target."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path
from xml.etree import ElementTree

__all__ = ["copy_with_sidecars", "drop_stale_statistics"]

# Appended to the whole name (scene.tif.ovr), or standing in for its suffix (scene.tfw).
_APPENDED = (".aux.xml", ".ovr", ".msk", ".msk.ovr", ".xml")
_REPLACING = (".tfw", ".tifw", ".wld", ".prj", ".rpb", ".imd", "_RPC.TXT", "_rpc.txt")


def copy_with_sidecars(source: Path, target: Path) -> tuple[Path, ...]:
    """Copy a file and what lies beside it; return the copies, the main one first.

    Contents only: a read-only input gives a writable copy.
    """
    pairs = [(source, target)]
    pairs += [(_appended(source, s), _appended(target, s)) for s in _APPENDED]
    pairs += [(source.with_name(source.stem + s), target.with_name(target.stem + s))
              for s in _variants(_REPLACING)]  # fmt: skip
    copies = []
    for here, there in pairs:
        if here.is_file():
            shutil.copyfile(here, there)
            copies.append(there)
    return tuple(copies)


def drop_stale_statistics(sidecar: Path, bands: Iterable[int]) -> None:
    """Remove statistics and histograms of changed bands from a copied ``.aux.xml``.

    Nothing else of the file changes; a file without them keeps every byte.
    """
    stale = set(bands)
    tree = ElementTree.parse(sidecar)
    removed = [
        _remove_statistics(band)
        for band in tree.getroot().iter("PAMRasterBand")
        if int(band.get("band", "0")) in stale
    ]
    if any(removed):
        tree.write(sidecar, encoding="utf-8")


def _remove_statistics(band: ElementTree.Element) -> bool:
    histograms = band.findall("Histograms")
    for histogram in histograms:
        band.remove(histogram)
    found = bool(histograms)
    for metadata in band.findall("Metadata"):
        for item in metadata.findall("MDI"):
            if item.get("key", "").startswith("STATISTICS_"):
                metadata.remove(item)
                found = True
    return found


def _appended(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _variants(suffixes: Iterable[str]) -> list[str]:
    """Both cases of every suffix; a file system that ignores case has the same file for both."""
    return sorted({s for suffix in suffixes for s in (suffix, suffix.upper())})
