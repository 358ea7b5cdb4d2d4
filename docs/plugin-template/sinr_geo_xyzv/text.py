"""The format: points with values, as text.

An xyzv file starts with ``# xyzv 1``, the number of points and the names of the columns; then
comes one line per point. The first three columns are its place; ``nan`` is a gap::

    # xyzv 1 3
    # x y z ph
    0.0 0.0 1.5 7.25
    1.0 0.0 1.5 nan
    2.0 0.0 1.5 7.5
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sinr_geo.errors import InputError

__all__ = ["MAGIC", "read_table", "split_lines", "write_lines"]

MAGIC = b"# xyzv 1 "


def read_table(path: Path) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    """Read the names of the columns and the numbers under them, shape (points, columns).

    Raises
    ------
    InputError
        If the file is not a whole xyzv file.
    """
    try:
        head, lines = split_lines(path)
        columns = tuple(head[1].split()[1:])
        table = np.array(lines, dtype=np.float64)
        if len(columns) < 4 or table.shape != (int(head[0].split()[3]), len(columns)):
            raise ValueError(f"the header does not fit {len(lines)} lines of points")
        return columns, table
    except (ValueError, IndexError) as error:
        raise InputError(f"{path}: not a whole xyzv file: {error}") from error


def split_lines(path: Path) -> tuple[list[str], list[list[str]]]:
    """Split a file into its two header lines and the words of its points."""
    text = path.read_text(encoding="utf-8").splitlines()
    return text[:2], [line.split() for line in text[2:]]


def write_lines(
    target: Path, head: list[str], new: list[str], lines: list[list[str]]
) -> tuple[Path, ...]:
    """Write header lines, with the names of new columns, and the words of the points."""
    text = [head[0], " ".join((head[1], *new)), *(" ".join(words) for words in lines)]
    target.write_text("\n".join(text) + "\n", encoding="utf-8")
    return (target,)
