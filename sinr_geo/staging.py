"""Outputs that appear whole or not at all."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from sinr_geo.errors import OutputExistsError, RequestError

__all__ = ["Writer", "check_folder", "check_output", "output_path", "write_whole"]

_STORE_MARKS = ("zarr.json", ".zgroup", ".zmetadata", ".zattrs")
"""What tells a Zarr store, which is a folder and may be replaced, from any other folder."""

Writer = Callable[[Path], tuple[Path, ...]]
"""Writes to the path that it is given and returns every file it wrote, the main one first."""


def output_path(source: Path, output: str | Path | None, word: str) -> Path:
    """Return where the output goes: ``weather.filled.nc`` beside ``weather.nc`` by default."""
    if output is not None:
        return Path(output)
    return source.with_name(f"{source.stem}.{word}{source.suffix}")


def write_whole(
    source: Path, output: Path, write: Writer, *, overwrite: bool, option: str = "--output"
) -> tuple[Path, ...]:
    """Write in a hidden folder beside the output, then rename every file to its place.

    Parameters
    ----------
    source : Path
        The input, which is never written to.
    output : Path
    write : callable
    overwrite : bool
        Whether files that exist already may be replaced.
    option : str
        The option that names another place, for messages.

    Returns
    -------
    tuple of Path
        Final places, the main one first.

    Raises
    ------
    OutputExistsError
        If a file is there already and `overwrite` is false.
    RequestError
        If the folder cannot be written to, or the output is the input.
    """
    check_output(source, output, overwrite=overwrite, option=option)
    staging = _staging(output.parent, option)
    try:
        written = write(staging / output.name)
        places = tuple(output.parent / path.relative_to(staging) for path in written)
        for place in places:
            check_output(source, place, overwrite=overwrite, option=option)
        for path, place in zip(reversed(written), reversed(places), strict=True):
            _replace(path, place)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return places


def check_output(source: Path, output: Path, *, overwrite: bool, option: str = "--output") -> None:
    """Refuse an output that is the input, that exists, or whose folder does not.

    `option` is the one that names another place.
    """
    if output.resolve() == source.resolve():
        raise RequestError(f"{output}: the output would replace the input; name another {option}")
    if not output.parent.is_dir():
        raise RequestError(
            f"{output.parent}: there is no such folder; make it or name another {option}"
        )
    if output.is_dir() and not any((output / mark).exists() for mark in _STORE_MARKS):
        raise RequestError(f"{output}: this is a folder; name a file in it with {option}")
    if output.exists() and not overwrite:
        raise OutputExistsError(f"{output}: the output exists; --overwrite replaces it")


def check_folder(folder: Path, option: str = "--output") -> None:
    """Refuse a folder that cannot be written to, by trying; `option` names another place."""
    _staging(folder, option).rmdir()


def _staging(folder: Path, option: str) -> Path:
    """Make a hidden folder inside a folder."""
    try:
        return Path(tempfile.mkdtemp(prefix=".sinr-geo-", dir=folder))
    except OSError as error:
        raise RequestError(
            f"{folder}: cannot write in this folder ({error.strerror}); "
            f"name another place with {option}"
        ) from error


def _replace(path: Path, place: Path) -> None:
    if place.is_dir():
        shutil.rmtree(place)
    path.replace(place)
