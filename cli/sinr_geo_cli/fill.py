"""`sinr-geo fill`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from sinr_geo_cli.recovering import recovery_command

if TYPE_CHECKING:
    from sinr_geo.files import Asked
    from sinr_geo.outcome import Outcome

__all__ = ["fill"]


@recovery_command
def fill(path: Path, output: Path | None, **asked: Unpack[Asked]) -> Outcome:
    """Fill every gap of a file; the result lies beside it, in the same format."""
    import sinr_geo

    return sinr_geo.fill(path, output, **asked)
