"""First bytes of a file: they tell its format better than its name."""

from __future__ import annotations

from pathlib import Path

from sinr_geo.errors import InputError, RequestError

__all__ = ["check_suffix", "first_bytes", "not_one_of"]


def first_bytes(path: Path, count: int) -> bytes:
    """Read the first bytes; none of a folder or of what cannot be read."""
    try:
        with path.open("rb") as stream:
            return stream.read(count)
    except OSError:
        return b""


def not_one_of(path: Path, *formats: str) -> InputError:
    """Return the error of a file that is none of some formats."""
    if not path.is_file():
        return InputError(f"{path}: there is no such file")
    if path.stat().st_size == 0:
        return InputError(f"{path}: the file is empty (0 bytes)")
    start = first_bytes(path, 8)
    return InputError(f"{path}: not a {' or '.join(formats)} file: it starts with {start!r}")


def check_suffix(source: Path, target: Path, suffix: str) -> None:
    """Refuse a target whose name asks for another format than the source has.

    Raises
    ------
    RequestError
        If the target ends neither like the source nor in `suffix`.
    """
    if target.suffix.lower() not in (suffix, source.suffix.lower()):
        raise RequestError(
            f"{target.name}: the output has the format of {source.name} and cannot end in "
            f"{target.suffix!r}; call it something{suffix}"
        )
