"""Where a report may be written: asked before the long work, so that no hour is lost to a name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Destination"]

_OPTION = "--report"
_SUFFIXES = (".html", ".htm")


@dataclass(frozen=True, slots=True)
class Destination:
    """A place that a report can be written to.

    Parameters
    ----------
    path : Path
    source : Path
        The input of the run.
    overwrite : bool
        Whether a report that exists already is replaced.
    """

    path: Path
    source: Path
    overwrite: bool

    @classmethod
    def checked(
        cls, path: Path, source: Path, outputs: Iterable[Path] = (), *, overwrite: bool
    ) -> Destination:
        """Return the place, if a report can be written there.

        Parameters
        ----------
        path, source : Path
        outputs : iterable of Path
            What the run writes beside the report.
        overwrite : bool

        Raises
        ------
        OutputExistsError
            If a report is there already and `overwrite` is false.
        RequestError
            If the name is none of an HTML file, belongs to the input or an output, or its folder
            cannot be written to.
        """
        from sinr_geo.staging import check_folder, check_output

        _check_name(path)
        _check_apart(path, source, "input")
        for output in outputs:
            _check_apart(path, output, "output")
        check_output(source, path, overwrite=overwrite, option=_OPTION)
        check_folder(path.parent, _OPTION)
        return cls(path, source, overwrite)

    def write(self, page: str) -> None:
        """Write a page, whole or not at all."""
        from sinr_geo.staging import write_whole

        def write(staged: Path) -> tuple[Path, ...]:
            staged.write_text(page, encoding="utf-8", newline="\n")
            return (staged,)

        write_whole(self.source, self.path, write, overwrite=self.overwrite, option=_OPTION)


def _check_name(path: Path) -> None:
    from sinr_geo.errors import RequestError

    if path.suffix.lower() not in _SUFFIXES:
        raise RequestError(f"{_OPTION} {path}: the report is an HTML file; name it NAME.html")
    if path.is_dir():
        raise RequestError(f"{_OPTION} {path}: this is a folder; name a file")


def _check_apart(path: Path, other: Path, what: str) -> None:
    """Refuse a report that is another file of the run, or lies in one that is a folder (Zarr)."""
    from sinr_geo.errors import RequestError

    if path.resolve().is_relative_to(other.resolve()):
        raise RequestError(
            f"{_OPTION} {path}: the report would change the {what} {other}; name another place"
        )
